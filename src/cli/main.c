// SPDX-License-Identifier: Apache-2.0
/*
 * openvirt [OPTION...] VERB [ARGUMENT...]: find the verb in the table, run it, print what failed.
 * This is the only place that prints an error.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>

#include "base/string.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/host.h"
#include "container/sealed.h"

static int print_version(void)
{
    fputs("openvirt version " OPENVIRT_VERSION "\n"
          "spec: 1.3.0\n"
          "+CAP +EBPF +JSON_C +SECCOMP +SYSTEMD\n",
          stdout);
    return 0;
}

/* A descriptor below 3 that is closed would be given to the next file that is opened. */
static int open_standard_descriptors(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            return -1;
    return 0;
}

/* To the log, and on stderr too where the log is elsewhere: conmon passes our stderr on. */
static void report(const struct log *log, const struct error *error)
{
    const struct log on_stderr = LOG_TO_STDERR;
    log_error(log, "%s", error->message);
    if (log->target != LOG_TARGET_STDERR)
        log_error(&on_stderr, "%s", error->message);
}

/* Before anything is opened: what enters a container must not lead back to the host's binary. */
static int protect_process(const struct command *command, char **argv, struct error *error)
{
    if (!command->enters_containers)
        return 0;
    prctl(PR_SET_DUMPABLE, 0);
    return sealed_copy_enter(argv, error);
}

static int run_verb(struct host *host, const struct global_options *options,
                    const struct option_result *parsed, char **argv, struct error *error)
{
    if (host_open_log(host, options, error) < 0)
        return EXIT_STATUS_FAILURE;
    const struct command *command = command_find(parsed->operands[0], error);
    if (!command)
        return EXIT_STATUS_USAGE;
    if (protect_process(command, argv, error) < 0)
        return command_failure_status(command, error);
    if (host_open(host, options, error) < 0)
        return command_failure_status(command, error);
    return command_run(command, host, (int)parsed->operand_count - 1,
                       (char *const *)parsed->operands + 1, error);
}

static int run_words(struct host *host, int argc, char **argv, struct error *error)
{
    struct global_options options = { 0 };
    struct option_result parsed;
    int status = EXIT_STATUS_USAGE;
    if (options_parse(global_option_groups, OPERANDS_FIRST_ENDS, argc - 1, argv + 1, &options,
                      &parsed, error) == 0) {
        if (options.version)
            status = print_version();
        else if (parsed.help)
            help_print(stdout), status = 0;
        else if (parsed.operand_count == 0)
            help_print(stderr);
        else
            status = run_verb(host, &options, &parsed, argv, error);
    }
    options_free(global_option_groups, &options, &parsed);
    return status;
}

/* What could not be written is an error, also where only a part of it could not. */
static int flush_output(struct error *error)
{
    bool failed = fflush(stdout) != 0 || ferror(stdout);
    if (failed && !error->message)
        error_set(error, errno, "write to standard output");
    return failed ? -1 : 0;
}

int main(int argc, char **argv)
{
    AUTO_ERROR struct error error = { 0 };
    struct host host = { .log = LOG_TO_STDERR };
    if (argc < 1 || open_standard_descriptors() < 0)
        return EXIT_STATUS_FAILURE;
    int status = run_words(&host, argc, argv, &error);
    if (flush_output(&error) < 0 && status == 0)
        status = EXIT_STATUS_FAILURE;
    if (error.message)
        report(&host.log, &error);
    host_close(&host);
    return status;
}
