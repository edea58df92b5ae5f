// SPDX-License-Identifier: Apache-2.0
#include "base/number.h"
#include "base/string.h"
#include "cli/environment.h"
#include "cli/verbs.h"
#include "instance/running_identity.h"

struct exec_options {
    const char *console_socket, *pidfd_socket, *pid_file, *process, *cwd, *user, *process_label,
        *apparmor; /* NULL: not given */
    struct string_list env, additional_gids, capabilities, sub_cgroups;
    struct option_uint preserve_fds;
    bool tty, detach, no_new_privileges, ignore_paused;
};

#define MEMBER(name) offsetof(struct exec_options, name)

static const struct option_definition process_options[] = {
    { 't', "tty", NULL, OPTION_FLAG, MEMBER(tty), "give it a terminal" },
    { 'i', "interactive", NULL, OPTION_IGNORED_FLAG, 0, "pass on standard input (always done)" },
    { 'd', "detach", NULL, OPTION_FLAG, MEMBER(detach), "do not wait for it" },
    { 'e', "env", "NAME=VALUE", OPTION_LIST, MEMBER(env),
      "set a variable; NAME alone passes on ours" },
    { 'u', "user", "USER[:GROUP]", OPTION_STRING, MEMBER(user),
      "run as this user and group, by name (of the instance) or number" },
    { 'g', "additional-gids", "GID[,GID...]", OPTION_LIST, MEMBER(additional_gids),
      "further groups" },
    { 'w', "cwd", "DIR", OPTION_STRING, MEMBER(cwd), "working directory" },
    { 0, "workdir", "DIR", OPTION_STRING, MEMBER(cwd), "the same as --cwd", .hidden = true },
    { 'c', "cap", "CAPABILITY", OPTION_LIST, MEMBER(capabilities), "add a capability" },
    { 0, "no-new-privs", NULL, OPTION_FLAG, MEMBER(no_new_privileges),
      "nothing it executes gains privileges" },
    { 0, "process-label", "LABEL", OPTION_STRING, MEMBER(process_label), "SELinux label" },
    { 0, "apparmor", "PROFILE", OPTION_STRING, MEMBER(apparmor), "AppArmor profile" },
    { 0, "cgroup", "PATH", OPTION_LIST, MEMBER(sub_cgroups),
      "run in a cgroup below the container's; on cgroup v1 also CONTROLLER[,...]:PATH" },
    { 0, "ignore-paused", NULL, OPTION_FLAG, MEMBER(ignore_paused),
      "also in a paused container: it runs once that is resumed" },
    { 0 },
};

static const struct option_definition caller_options[] = {
    { 'p', "process", "FILE", OPTION_STRING, MEMBER(process),
      "take all of it from a process object in JSON" },
    { 0, "console-socket", "SOCKET", OPTION_STRING, MEMBER(console_socket),
      "Unix socket that gets the terminal's master end" },
    { 0, "pidfd-socket", "SOCKET", OPTION_STRING, MEMBER(pidfd_socket),
      "Unix socket that gets a pidfd of the process" },
    { 0, "pid-file", "FILE", OPTION_STRING, MEMBER(pid_file),
      "write the pid of the process there" },
    { 0, "preserve-fds", "N", OPTION_UINT, MEMBER(preserve_fds), "pass on N descriptors, from 3 on",
      .maximum = 1 << 20 },
    { 0, "no-subreaper", NULL, OPTION_IGNORED_FLAG, 0, "accepted and ignored", .hidden = true },
    { 0 },
};

static const struct option_group groups[] = {
    { NULL, process_options, 0 },
    { "Options for callers of an OCI runtime", caller_options, 0 },
    { .options = NULL },
};

/* Each occurrence may hold several, as runc and crun have it. */
static int parse_gids(const struct string_list *texts, uint32_t **gids, size_t *count,
                      struct error *error)
{
    for (size_t i = 0; i < texts->count; i++) {
        AUTO_STRINGS char **parts = string_split(texts->items[i], ",");
        for (char **part = parts; *part; part++) {
            *gids = reallocate(*gids, *count + 1, sizeof(**gids));
            if (parse_uint32(*part, &(*gids)[(*count)++]) < 0)
                return error_set(error, 0, "--additional-gids: \"%s\" is not a group id", *part);
        }
    }
    return 0;
}

static int check_words(const struct exec_options *given, const struct words *words,
                       struct error *error)
{
    if (given->process && words->count > 1)
        return error_set(error, 0, "a command and --process exclude each other");
    if (!given->process && words->count < 2)
        return error_set(error, 0,
                         "missing the command, usage: openvirt exec [OPTION...] ID "
                         "COMMAND [ARGUMENT...]");
    if (given->console_socket && !given->detach && !given->tty && !given->process)
        return error_set(error, 0, "--console-socket needs --tty");
    return 0;
}

/* Names are the instance's own; a user without a group brings their further groups along. */
static int find_user(const struct host *host, const char *id, const char *user, char **numbers,
                     uint32_t **gids, size_t *gid_count, struct error *error)
{
    AUTO_IDENTITY struct identity identity = { 0 };
    if (identity_resolve_running(host, id, user, &identity, error) < 0)
        return error_wrap(error, "exec in %s", id);
    *numbers = string_format("%u:%u", identity.uid, identity.gid);
    if (*gid_count == 0) {
        *gids = take_pointer(identity.additional_gids);
        *gid_count = identity.additional_gid_count;
    }
    return 0;
}

static int run_exec(const struct host *host, const void *options, const struct words *words,
                    struct error *error)
{
    const struct exec_options *given = options;
    AUTO_FREE uint32_t *gids = NULL;
    AUTO_STRING_LIST struct string_list env = { 0 };
    size_t gid_count = 0;
    if (check_words(given, words, error) < 0 ||
        parse_gids(&given->additional_gids, &gids, &gid_count, error) < 0 ||
        environment_from_options(&given->env, &env, error) < 0)
        return EXIT_STATUS_USAGE;
    AUTO_FREE char *numbers = NULL;
    if (identity_has_name(given->user) &&
        find_user(host, words->operands[0], given->user, &numbers, &gids, &gid_count, error) < 0)
        return -1;
    const struct instance_exec_request request = {
        .id = words->operands[0],
        .process_json = given->process,
        .args = given->process ? NULL : words->operands + 1,
        .env = (const char *const *)env.items,
        .cwd = given->cwd,
        .user = numbers ? numbers : given->user,
        .additional_gids = gids,
        .additional_gid_count = gid_count,
        .capabilities = (const char *const *)given->capabilities.items,
        .sub_cgroups = (const char *const *)given->sub_cgroups.items,
        .process_label = given->process_label,
        .apparmor = given->apparmor,
        .console_socket = given->console_socket,
        .pidfd_socket = given->pidfd_socket,
        .pid_file = given->pid_file,
        .preserve_fds = (uint32_t)given->preserve_fds.value,
        .terminal = given->tty,
        .detach = given->detach,
        .no_new_privileges = given->no_new_privileges,
        .ignore_paused = given->ignore_paused,
    };
    return instance_exec(host, &request, error);
}

const struct command command_exec = {
    .name = "exec",
    .summary = "Run a command in a running instance",
    .operands = "ID [--] COMMAND [ARGUMENT...]",
    .description = "The status is the command's own, or 128 + signal. Options stand before the ID.",
    .section = COMMAND_FOR_PEOPLE,
    .groups = groups,
    .options_size = sizeof(struct exec_options),
    .style = OPERANDS_THEN_COMMAND,
    .minimum_operands = 1,
    .maximum_operands = SIZE_MAX,
    .enters_containers = true,
    .passes_status = true,
    .run = run_exec,
};
