// SPDX-License-Identifier: Apache-2.0
/*
 * `run` has two forms, told apart by its words alone:
 *
 *   of an OCI runtime   openvirt run [OPTION...] ID
 *                       with --bundle or another option that `create` has too; or with one word and
 *                       no option for people, in a directory that holds a config.json
 *   for people          openvirt run [OPTION...] IMAGE [--] [COMMAND [ARGUMENT...]]
 *                       in every other case
 *
 * --detach and --keep belong to both.
 */
#include <fcntl.h>
#include <string.h>

#include "base/io.h"
#include "base/string.h"
#include "cli/options_create.h"
#include "cli/verbs.h"
#include "instance/launch.h"

/* The options for people; all zero where none was given. */
struct people_options {
    int technique; /* OPTION_CHOICE */
    const char *network;
    const char *name, *entrypoint, *hostname, *stop_signal, *user, *workdir, *seccomp;
    const char *cpus, *cpuset_cpus, *cpuset_mems;
    struct string_list env, env_files, volumes, tmpfs, devices, cap_add, cap_drop, ulimits, sysctls,
        annotations;
    struct option_int memory, memory_swap, pids_limit, shm_size, log_size;
    struct option_uint cpu_shares, cpu_weight;
    bool interactive, tty, rm, read_only, no_new_privileges;
};

/* Those for virtual machines; likewise. */
struct machine_options {
    int engine, cpu; /* OPTION_CHOICE */
    const char *kernel, *initrd, *init;
    struct string_list append, disks, publish;
};

struct run_options {
    struct create_options create;
    struct people_options people;
    struct machine_options machine;
    bool detach, keep;
};

static const char *const techniques[] = { "container", "para", "full", NULL };
static const char *const engines[] = { "auto", "hosted", NULL };
static const char *const cpu_models[] = { "x86-64", "x86-64-v2", "x86-64-v3", "max", NULL };

#define MEMBER(name) offsetof(struct run_options, name)
static const struct option_definition common_options[] = {
    { 'd', "detach", NULL, OPTION_FLAG, MEMBER(detach), "go on in the background" },
    { 0, "keep", NULL, OPTION_FLAG, MEMBER(keep),
      "with ID: leave the stopped container; with IMAGE that is the default" },
    { 0 },
};
#undef MEMBER

#define MEMBER(name) offsetof(struct people_options, name)
static const struct option_definition people_options[] = {
    { 'n', "name", "NAME", OPTION_STRING, MEMBER(name), "name it (default: one is made up)" },
    { 'i', "interactive", NULL, OPTION_FLAG, MEMBER(interactive), "pass on standard input" },
    { 't', "tty", NULL, OPTION_FLAG, MEMBER(tty), "give it a terminal" },
    { 0, "rm", NULL, OPTION_FLAG, MEMBER(rm), "remove it, with what it wrote, when it ends" },
    { 'e', "env", "NAME=VALUE", OPTION_LIST, MEMBER(env),
      "set a variable; NAME alone passes on ours" },
    { 0, "env-file", "FILE", OPTION_LIST, MEMBER(env_files), "set the variables of a file" },
    { 'v', "volume", "HOST:DIR[:OPTIONS]", OPTION_LIST, MEMBER(volumes),
      "show it a directory or file of the host" },
    { 0, "tmpfs", "DIR[:OPTIONS]", OPTION_LIST, MEMBER(tmpfs), "mount an empty tmpfs" },
    { 'w', "workdir", "DIR", OPTION_STRING, MEMBER(workdir), "working directory" },
    { 'u', "user", "USER[:GROUP]", OPTION_STRING, MEMBER(user),
      "run as this user, by name (of the image) or number" },
    { 0, "entrypoint", "PROGRAM", OPTION_STRING, MEMBER(entrypoint),
      "in place of the image's entry point" },
    { 0, "hostname", "NAME", OPTION_STRING, MEMBER(hostname), "host name (default: its name)" },
    { 0, "network", "NETWORK", OPTION_STRING, MEMBER(network),
      "container: none (the default) or host; machine: user (the default), "
      "user=host-loopback, none or tap=NAME" },
    { 0, "net", "NETWORK", OPTION_STRING, MEMBER(network), "the same as --network",
      .hidden = true },
    { 0, "read-only", NULL, OPTION_FLAG, MEMBER(read_only), "its root cannot be written to" },
    { 0, "stop-signal", "SIGNAL", OPTION_STRING, MEMBER(stop_signal),
      "what `stop` sends first (default: the image's, or TERM)" },
    { 0, "log-size", "SIZE", OPTION_SIZE, MEMBER(log_size),
      "size at which the log begins anew (default: 16m)" },
    { 0, "as", "TECHNIQUE", OPTION_CHOICE, MEMBER(technique),
      "container (the default), para or full", .choices = techniques },
    { 0 },
};

static const struct option_definition limit_options[] = {
    { 'm', "memory", "SIZE", OPTION_SIZE, MEMBER(memory), "limit of memory, such as 512m" },
    { 0, "memory-swap", "SIZE", OPTION_SIZE, MEMBER(memory_swap),
      "limit of memory and swap together" },
    { 0, "cpus", "N", OPTION_STRING, MEMBER(cpus), "limit of CPU time, in CPUs, such as 1.5" },
    { 0, "cpu-shares", "N", OPTION_UINT, MEMBER(cpu_shares),
      "share of the CPUs when they are short (default: 1024)" },
    { 0, "cpu-weight", "N", OPTION_UINT, MEMBER(cpu_weight),
      "the same on the scale of cgroup v2, 1 to 10000 (default: 100)" },
    { 0, "cpuset-cpus", "LIST", OPTION_STRING, MEMBER(cpuset_cpus),
      "run on these CPUs only, such as 0-2,5" },
    { 0, "cpuset-mems", "LIST", OPTION_STRING, MEMBER(cpuset_mems), "use these memory nodes only" },
    { 0, "pids-limit", "N", OPTION_INT, MEMBER(pids_limit),
      "limit of processes and threads; -1: no limit (default: 2048)" },
    { 0, "shm-size", "SIZE", OPTION_SIZE, MEMBER(shm_size), "size of /dev/shm (default: 64m)" },
    { 0, "ulimit", "NAME=SOFT[:HARD]", OPTION_LIST, MEMBER(ulimits),
      "resource limit, such as nofile=1024" },
    { 0 },
};

static const struct option_definition security_options[] = {
    { 0, "cap-add", "CAPABILITY", OPTION_LIST, MEMBER(cap_add), "add a capability, or all" },
    { 0, "cap-drop", "CAPABILITY", OPTION_LIST, MEMBER(cap_drop), "take one away, or all" },
    { 0, "no-new-privileges", NULL, OPTION_FLAG, MEMBER(no_new_privileges),
      "nothing it executes gains privileges" },
    { 0, "seccomp", "FILE", OPTION_STRING, MEMBER(seccomp),
      "system call filter of a file, or unconfined" },
    { 0, "device", "HOST[:PATH][:rwm]", OPTION_LIST, MEMBER(devices),
      "give it a device of the host" },
    { 0, "sysctl", "NAME=VALUE", OPTION_LIST, MEMBER(sysctls), "kernel parameter of its own" },
    { 0, "annotation", "NAME=VALUE", OPTION_LIST, MEMBER(annotations),
      "note in its configuration" },
    { 0 },
};
#undef MEMBER

#define MEMBER(name) offsetof(struct machine_options, name)
static const struct option_definition machine_options[] = {
    { 0, "kernel", "NAME|FILE", OPTION_STRING, MEMBER(kernel),
      "its kernel: a Debian package, a .deb or a vmlinuz" },
    { 0, "initrd", "FILE", OPTION_STRING, MEMBER(initrd), "in place of the one that is made" },
    { 0, "append", "WORDS", OPTION_LIST, MEMBER(append), "add to the kernel's command line" },
    { 0, "disk", "FILE[:ro]", OPTION_LIST, MEMBER(disks), "one more disk, a raw image" },
    { 0, "engine", "ENGINE", OPTION_CHOICE, MEMBER(engine),
      "who executes the guest's instructions (default: auto)", .choices = engines },
    { 0, "cpu", "MODEL", OPTION_CHOICE, MEMBER(cpu), "the processor that it sees (default: max)",
      .choices = cpu_models },
    { 'p', "publish", "HOST:GUEST[/udp]", OPTION_LIST, MEMBER(publish),
      "pass a port of the host on to it" },
    { 0, "init", "PROGRAM", OPTION_STRING, MEMBER(init),
      "let the image's own init, such as /sbin/init, run it instead of a command" },
    { 0 },
};
#undef MEMBER

static const struct option_group groups[] = {
    { NULL, common_options, 0 },
    { "With IMAGE", people_options, offsetof(struct run_options, people) },
    { "Limits, with IMAGE", limit_options, offsetof(struct run_options, people) },
    { "Privileges, with IMAGE", security_options, offsetof(struct run_options, people) },
    { "With --as para and --as full", machine_options, offsetof(struct run_options, machine) },
    { "With ID", create_option_definitions, offsetof(struct run_options, create) },
    { .options = NULL },
};

/* The options' struct is zeroed before the parse, so what was not given is zero throughout. */
static bool all_zero(const void *memory, size_t size)
{
    const char *bytes = memory;
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

static bool is_oci_form(const struct run_options *given, const struct words *words)
{
    if (!all_zero(&given->create, sizeof(given->create)))
        return true;
    return words->count == 1 && !words->dashes && all_zero(&given->people, sizeof(given->people)) &&
           all_zero(&given->machine, sizeof(given->machine)) &&
           path_exists_at(AT_FDCWD, "config.json");
}

static int run_bundle(const struct host *host, const struct run_options *given,
                      const struct words *words, struct error *error)
{
    if (words->count > 1) {
        error_set(error, 0, "unexpected \"%s\": with a bundle, its config.json says what to run",
                  words->operands[1]);
        return EXIT_STATUS_USAGE;
    }
    if (!all_zero(&given->people, sizeof(given->people)) ||
        !all_zero(&given->machine, sizeof(given->machine))) {
        error_set(error, 0, "options for images and for bundles exclude each other");
        return EXIT_STATUS_USAGE;
    }
    struct instance_create_request request = create_request(&given->create, words->operands[0]);
    request.detach = given->detach;
    request.keep = given->keep;
    request.foreground_terminal = !given->detach && !given->create.console_socket;
    return instance_run(host, &request, error);
}

static int check_people(const struct run_options *given, struct error *error)
{
    const struct people_options *people = &given->people;
    bool is_container = people->technique <= 1;
    if (is_container && !all_zero(&given->machine, sizeof(given->machine)))
        return error_set(error, 0,
                         "the options for virtual machines go with --as para or --as full");
    if (is_container && people->network && !string_equal(people->network, "none") &&
        !string_equal(people->network, "host"))
        return error_set(error, 0, "--network: \"%s\" is none of none, host", people->network);
    if (people->rm && given->keep)
        return error_set(error, 0, "--rm and --keep exclude each other");
    if (people->cpu_shares.set && people->cpu_weight.set)
        return error_set(error, 0, "--cpu-shares and --cpu-weight exclude each other");
    return 0;
}

static struct spec_i64 signed_option(struct option_int option)
{
    return (struct spec_i64){ .set = option.set, .value = option.value };
}

static struct spec_u64 unsigned_option(struct option_uint option)
{
    return (struct spec_u64){ .set = option.set, .value = option.value };
}

static struct launch_vm machine_request(const struct run_options *given)
{
    const struct machine_options *machine = &given->machine;
    return (struct launch_vm){
        .kernel = machine->kernel,
        .initrd = machine->initrd,
        .engine = machine->engine ? engines[machine->engine - 1] : NULL,
        .cpu_model = machine->cpu ? cpu_models[machine->cpu - 1] : NULL,
        .init = machine->init,
        .network = given->people.network,
        .append = &machine->append,
        .disks = &machine->disks,
        .published = &machine->publish,
    };
}

static struct launch_request launch_request(const struct run_options *given,
                                            const struct words *words)
{
    const struct people_options *people = &given->people;
    return (struct launch_request){
        .image = words->operands[0],
        .technique = people->technique ? techniques[people->technique - 1] : NULL,
        .name = people->name,
        .command = words->operands + 1,
        .entrypoint = people->entrypoint,
        .detach = given->detach,
        .terminal = people->tty,
        .interactive = people->interactive,
        .remove_when_stopped = people->rm,
        .user = people->user,
        .workdir = people->workdir,
        .hostname = people->hostname,
        .stop_signal = people->stop_signal,
        .environment = &people->env,
        .environment_files = &people->env_files,
        .volumes = &people->volumes,
        .tmpfs = &people->tmpfs,
        .devices = &people->devices,
        .capabilities_added = &people->cap_add,
        .capabilities_dropped = &people->cap_drop,
        .ulimits = &people->ulimits,
        .sysctls = &people->sysctls,
        .annotations = &people->annotations,
        .network = people->network && string_equal(people->network, "host") ? LAUNCH_NETWORK_HOST
                                                                            : LAUNCH_NETWORK_NONE,
        .read_only = people->read_only,
        .no_new_privileges = people->no_new_privileges,
        .seccomp = people->seccomp,
        .memory = signed_option(people->memory),
        .memory_swap = signed_option(people->memory_swap),
        .pids_limit = signed_option(people->pids_limit),
        .shm_size = signed_option(people->shm_size),
        .cpu_shares = unsigned_option(people->cpu_shares),
        .cpu_weight = unsigned_option(people->cpu_weight),
        .cpus = people->cpus,
        .cpuset_cpus = people->cpuset_cpus,
        .cpuset_mems = people->cpuset_mems,
        .log_size = people->log_size.set && people->log_size.value > 0
                        ? (uint64_t)people->log_size.value
                        : 0,
        .vm = machine_request(given),
    };
}

static int run_run(const struct host *host, const void *options, const struct words *words,
                   struct error *error)
{
    const struct run_options *given = options;
    if (is_oci_form(given, words))
        return run_bundle(host, given, words, error);
    if (check_people(given, error) < 0)
        return EXIT_STATUS_USAGE;
    struct launch_request request = launch_request(given, words);
    return launch_run(host, &request, error);
}

const struct command command_run_verb = {
    .name = "run",
    .summary = "Make an instance from an image and run a command in it",
    .operands = "IMAGE|DIR|oci:DIR:TAG [--] [COMMAND [ARGUMENT...]]",
    .description =
        "Options stand before the IMAGE. Ends with the command's own status, or 128 + signal.\n"
        "With --bundle, or with one word in a directory that holds config.json, it is the verb of\n"
        "an OCI runtime: openvirt run [--bundle DIR] ID.\n"
        "\n"
        "    openvirt run --rm debian -- uname -a\n"
        "    openvirt run --rm -it -v /srv/data:/data:ro debian -- bash\n"
        "    openvirt run -d -n web -m 512m debian -- sleep infinity\n"
        "    openvirt run --rm --as full debian -- uname -r",
    .section = COMMAND_FOR_PEOPLE,
    .groups = groups,
    .options_size = sizeof(struct run_options),
    .style = OPERANDS_THEN_COMMAND,
    .minimum_operands = 1,
    .maximum_operands = SIZE_MAX,
    .enters_containers = true,
    .passes_status = true,
    .run = run_run,
};
