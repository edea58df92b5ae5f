// SPDX-License-Identifier: Apache-2.0
/* `process` of the configuration: words, environment, identity, limits. Capabilities are not here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/io.h"
#include "base/number.h"
#include "base/string.h"
#include "instance/json_build.h"
#include "instance/launch_config.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum { MOST_ENVIRONMENT_FILE_BYTES = 1 << 20 };

static size_t name_length(const char *variable)
{
    return strcspn(variable, "=");
}

/* Set NAME=VALUE, in place of an earlier value. */
static void set_variable(struct string_list *environment, const char *variable)
{
    size_t length = name_length(variable);
    for (size_t i = 0; i < environment->count; i++) {
        if (name_length(environment->items[i]) != length ||
            strncmp(environment->items[i], variable, length) != 0)
            continue;
        free(environment->items[i]);
        environment->items[i] = string_copy(variable);
        return;
    }
    string_list_add(environment, variable);
}

/* "NAME=VALUE", or "NAME" for the value that it has in our own environment. */
static int take_variable(struct string_list *environment, const char *word, const char *where,
                         struct error *error)
{
    if (name_length(word) == 0)
        return error_set(error, 0, "%s: \"%s\" has no name before the \"=\"", where, word);
    if (strchr(word, '=')) {
        set_variable(environment, word);
        return 0;
    }
    const char *value = getenv(word);
    if (value) {
        AUTO_FREE char *variable = string_format("%s=%s", word, value);
        set_variable(environment, variable);
    }
    return 0;
}

/* A variable a line; blank lines and those that start with # are passed over. */
static int take_file(struct string_list *environment, const char *path, struct error *error)
{
    AUTO_FREE char *text = read_file_at(AT_FDCWD, path, MOST_ENVIRONMENT_FILE_BYTES, NULL, error);
    if (!text)
        return error_wrap(error, "--env-file");
    for (char *rest = text; rest;) {
        char *line = strsep(&rest, "\n");
        line += strspn(line, " \t");
        line[strcspn(line, "\r")] = '\0';
        if (*line && *line != '#' && take_variable(environment, line, path, error) < 0)
            return -1;
    }
    return 0;
}

static void set_defaults(const struct launch_context *context, struct string_list *environment)
{
    set_variable(environment, "PATH=" DEFAULT_PATH);
    string_list_take(environment, string_format("HOSTNAME=%s", context->request->hostname
                                                                   ? context->request->hostname
                                                                   : context->name));
    string_list_take(environment, string_format("HOME=%s", context->identity.home));
    /* By which programs know that they are in a container (systemd.io/CONTAINER_INTERFACE). */
    if (!launch_is_vm(context->request))
        set_variable(environment, "container=openvirt");
    const char *terminal = getenv("TERM");
    if (context->request->terminal)
        string_list_take(environment, string_format("TERM=%s", terminal ? terminal : "xterm"));
}

static int make_environment(const struct launch_context *context, struct string_list *environment,
                            struct error *error)
{
    const struct launch_request *request = context->request;
    const struct string_list *of_image = &context->image->config.environment;
    set_defaults(context, environment);
    for (size_t i = 0; i < of_image->count; i++)
        if (name_length(of_image->items[i]) && strchr(of_image->items[i], '='))
            set_variable(environment, of_image->items[i]);
    for (size_t i = 0; request->environment_files && i < request->environment_files->count; i++)
        if (take_file(environment, request->environment_files->items[i], error) < 0)
            return -1;
    for (size_t i = 0; request->environment && i < request->environment->count; i++)
        if (take_variable(environment, request->environment->items[i], "--env", error) < 0)
            return -1;
    return 0;
}

static struct json_object *user_section(const struct identity *identity)
{
    struct json_object *user = json_object_new_object(), *groups = json_object_new_array();
    json_add(user, "uid", json_object_new_int64(identity->uid));
    json_add(user, "gid", json_object_new_int64(identity->gid));
    for (size_t i = 0; i < identity->additional_gid_count; i++)
        json_object_array_add(groups, json_object_new_int64(identity->additional_gids[i]));
    json_add(user, "additionalGids", groups);
    return user;
}

/* "-1" and "unlimited" are RLIM_INFINITY. */
static int parse_limit(const char *text, uint64_t *value)
{
    if (string_equal(text, "-1") || string_equal(text, "unlimited")) {
        *value = UINT64_MAX;
        return 0;
    }
    return parse_uint64(text, value);
}

/* NAME=SOFT[:HARD]; the decoder of the configuration knows which names there are. */
static int take_ulimit(struct json_object *rlimits, const char *word, struct error *error)
{
    AUTO_FREE char *name = string_copy(word);
    uint64_t soft, hard;
    char *value = strchr(name, '=');
    if (value)
        *value++ = '\0';
    char *hard_text = value ? strchr(value, ':') : NULL;
    if (hard_text)
        *hard_text++ = '\0';
    if (!value || !*name || parse_limit(value, &soft) < 0 ||
        parse_limit(hard_text ? hard_text : value, &hard) < 0)
        return error_set(error, 0, "--ulimit: \"%s\" is not NAME=SOFT[:HARD]", word);
    AUTO_FREE char *type = string_format("RLIMIT_%s", name);
    for (char *letter = type; *letter; letter++)
        if (*letter >= 'a' && *letter <= 'z')
            *letter -= 'a' - 'A';
    struct json_object *rlimit = json_object_new_object();
    json_add_string(rlimit, "type", type);
    json_add(rlimit, "soft", json_object_new_uint64(soft));
    json_add(rlimit, "hard", json_object_new_uint64(hard));
    json_object_array_add(rlimits, rlimit);
    return 0;
}

static int add_rlimits(const struct launch_request *request, struct json_object *process,
                       struct error *error)
{
    struct json_object *rlimits = json_object_new_array();
    json_add(process, "rlimits", rlimits);
    for (size_t i = 0; request->ulimits && i < request->ulimits->count; i++)
        if (take_ulimit(rlimits, request->ulimits->items[i], error) < 0)
            return -1;
    return 0;
}

static int add_cwd(const struct launch_context *context, struct json_object *process,
                   struct error *error)
{
    const char *given = context->request->workdir,
               *of_image = context->image->config.working_directory;
    const char *cwd = given ? given : of_image && *of_image ? of_image : "/";
    if (cwd[0] != '/')
        return error_set(error, 0, "--workdir: \"%s\" is not an absolute path", cwd);
    json_add_string(process, "cwd", cwd);
    return 0;
}

int launch_config_process(const struct launch_context *context, struct json_object *config,
                          struct error *error)
{
    AUTO_STRING_LIST struct string_list environment = { 0 };
    struct json_object *process = json_object_new_object();
    json_add(config, "process", process);
    json_add(process, "terminal", json_object_new_boolean(context->request->terminal));
    json_add(process, "args", json_string_array((const char *const *)context->command.items));
    json_add(process, "user", user_section(&context->identity));
    json_add(process, "noNewPrivileges",
             json_object_new_boolean(context->request->no_new_privileges));
    if (make_environment(context, &environment, error) < 0 ||
        add_cwd(context, process, error) < 0 || add_rlimits(context->request, process, error) < 0)
        return -1;
    json_add(process, "env", json_string_array((const char *const *)environment.items));
    return 0;
}
