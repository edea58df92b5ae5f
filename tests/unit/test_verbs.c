// SPDX-License-Identifier: Apache-2.0
/*
 * What the verbs ask of instance/ for the command lines of their callers. The functions of
 * instance.h are defined here and record what they are given.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <json-c/json.h>
#include <signal.h>

#include "base/string.h"
#include "cli/ps_processes.h"
#include "cli/verbs.h"
#include "instance/launch.h"

const struct command *const commands[] = {
    &command_create, &command_start,      &command_state, &command_kill,
    &command_delete, &command_exec,       &command_list,  &command_update,
    &command_pause,  &command_checkpoint, NULL,
};

/* What was asked for, as one line a call. */
static char *calls;
static struct error outcome; /* what the next calls fail with; no message: they succeed */

static int answer(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);

static int answer(struct error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    AUTO_FREE char *call = string_vformat(format, arguments);
    va_end(arguments);
    string_append(&calls, "%s\n", call);
    if (!outcome.message)
        return 0;
    error_set(error, 0, "%s", outcome.message);
    error->code = outcome.code;
    return -1;
}

static const char *or_none(const char *text)
{
    return text ? text : "none";
}

int instance_create(const struct host *host, const struct instance_create_request *r,
                    struct error *error)
{
    (void)host;
    return answer(error, "create %s %s %s %s %s %s %u %d %d", r->id, r->bundle, or_none(r->config),
                  or_none(r->console_socket), or_none(r->pidfd_socket), or_none(r->pid_file),
                  r->preserve_fds, r->no_pivot, r->no_new_keyring);
}

int launch_start(const struct host *host, const char *id, struct error *error)
{
    (void)host;
    return answer(error, "start %s", id);
}

int instance_kill(const struct host *host, const char *id, int signal_number, bool all,
                  struct error *error)
{
    (void)host;
    return answer(error, "kill %s %d %d", id, signal_number, all);
}

int instance_delete(const struct host *host, const char *id, bool force, struct error *error)
{
    (void)host;
    return answer(error, "delete %s %d", id, force);
}

int instance_pause(const struct host *host, const char *id, struct error *error)
{
    (void)host;
    return answer(error, "pause %s", id);
}

static char *joined(const char *const *words)
{
    char *text = string_copy("");
    for (; words && *words; words++)
        string_append(&text, "[%s]", *words);
    return text;
}

int instance_exec(const struct host *host, const struct instance_exec_request *r,
                  struct error *error)
{
    (void)host;
    AUTO_FREE char *args = joined(r->args), *env = joined(r->env), *caps = joined(r->capabilities);
    AUTO_FREE char *gids = string_copy("");
    for (size_t i = 0; i < r->additional_gid_count; i++)
        string_append(&gids, "+%u", r->additional_gids[i]);
    int status =
        answer(error,
               "exec %s process=%s args=%s env=%s cwd=%s user=%s gids=%s caps=%s pidfile=%s "
               "tty=%d detach=%d",
               r->id, or_none(r->process_json), args, env, or_none(r->cwd), or_none(r->user), gids,
               caps, or_none(r->pid_file), r->terminal, r->detach);
    return status < 0 ? -1 : 42;
}

int instance_update(const struct host *host, const char *id, const struct spec_resources *resources,
                    const char *l3_cache_schema, const char *memory_bandwidth_schema,
                    struct error *error)
{
    (void)host;
    return answer(error, "update %s memory=%ld quota=%ld shares=%lu pids=%ld cpus=%s l3=%s mb=%s",
                  id, (long)resources->memory.limit.value, (long)resources->cpu.quota.value,
                  (unsigned long)resources->cpu.shares.value, (long)resources->pids_limit.value,
                  or_none(resources->cpu.cpus), or_none(l3_cache_schema),
                  or_none(memory_bandwidth_schema));
}

int instance_processes(const struct host *host, const char *id, pid_t **pids, size_t *count,
                       struct error *error)
{
    (void)host;
    *count = 1;
    *pids = allocate(1, sizeof(**pids));
    **pids = getpid();
    return answer(error, "processes %s", id);
}

int instance_list(const struct host *host, struct instance ***instances, size_t *count,
                  struct error *error)
{
    static const char *const ids[] = { "web-1", "web-2", "db" };
    (void)host;
    *count = ARRAY_LENGTH(ids);
    *instances = allocate(*count, sizeof(**instances));
    for (size_t i = 0; i < *count; i++) {
        (*instances)[i] = allocate(1, sizeof(struct instance));
        (*instances)[i]->id = string_copy(ids[i]);
    }
    return error->message ? -1 : 0;
}

void instance_free(struct instance *instance)
{
    if (instance)
        free(instance->id);
    free(instance);
}

struct instance *instance_load(const struct host *host, const char *id, struct error *error)
{
    (void)host;
    error_set(error, ENOENT, "instance %s does not exist", id);
    return NULL;
}

struct json_object *instance_state_json(const struct instance *instance)
{
    (void)instance;
    return json_object_new_object();
}

const char *instance_status_name(enum instance_status status)
{
    (void)status;
    return "running";
}

/* --- The tests ---------------------------------------------------------------------------------
 */

static int reset(void **state)
{
    (void)state;
    free(calls);
    calls = string_copy("");
    error_clear(&outcome);
    return 0;
}

static int last_reset(void **state)
{
    reset(state);
    free(calls);
    calls = NULL;
    return 0;
}

enum { MOST_WORDS = 32 };

/* The exit status of a verb with words; the error's text is compared where one is expected. */
static int run(const struct command *command, const char *const *words, const char *expected_error)
{
    static const struct host host = { .state_root = "/nonexistent" };
    AUTO_ERROR struct error error = { 0 };
    int count = 0;
    while (words[count])
        count++;
    int status = command_run(command, &host, count, (char *const *)words, &error);
    if (expected_error)
        assert_string_equal(error.message ? error.message : "none", expected_error);
    else
        assert_null(error.message);
    return status;
}

#define RUN(verb, expected_error, ...)                                                             \
    run(&command_##verb, (const char *const[MOST_WORDS]){ __VA_ARGS__ }, expected_error)

static void create_as_conmon_calls_it(void **state)
{
    (void)state;
    assert_int_equal(RUN(create, NULL, "--bundle", "/b", "--pid-file", "/p", "--no-pivot",
                         "--no-new-keyring", "--preserve-fds", "2", "--console-socket", "/s", "id"),
                     0);
    assert_string_equal(calls, "create id /b none /s none /p 2 1 1\n");
}

static void create_without_options_takes_the_working_directory(void **state)
{
    (void)state;
    assert_int_equal(RUN(create, NULL, "id"), 0);
    assert_string_equal(calls, "create id . none none none none 0 0 0\n");
}

static void kill_takes_numbers_and_names(void **state)
{
    (void)state;
    assert_int_equal(RUN(kill, NULL, "web"), 0);
    assert_int_equal(RUN(kill, NULL, "web", "9"), 0);
    assert_int_equal(RUN(kill, NULL, "-a", "web", "SIGHUP"), 0);
    assert_int_equal(RUN(kill, NULL, "web", "0"), 0);
    assert_string_equal(calls, "kill web 15 0\nkill web 9 0\nkill web 1 1\nkill web 0 0\n");
    assert_int_equal(RUN(kill, "kill: unknown signal \"NOPE\"", "web", "NOPE"), EXIT_STATUS_USAGE);
}

static void a_regular_expression_reaches_all_that_match(void **state)
{
    (void)state;
    assert_int_equal(RUN(kill, NULL, "--regex", "^web-", "KILL"), 0);
    assert_int_equal(RUN(delete, NULL, "--force", "--regex", "b$"), 0);
    assert_int_equal(RUN(delete, NULL, "--regex", "^nothing$"), 0);
    assert_string_equal(calls, "kill web-1 9 0\nkill web-2 9 0\ndelete db 1\n");
}

static void one_failure_does_not_keep_the_others_from_being_tried(void **state)
{
    (void)state;
    error_set(&outcome, 0, "busy");
    assert_int_equal(RUN(delete, "busy; busy", "--regex", "web"), EXIT_STATUS_FAILURE);
    assert_string_equal(calls, "delete web-1 0\ndelete web-2 0\n");
}

static void a_wrong_regular_expression_touches_nothing(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    const char *const words[] = { "--regex", "(", NULL };
    assert_int_equal(command_run(&command_delete, NULL, 2, (char *const *)words, &error), 1);
    assert_non_null(strstr(error.message, "regular expression \"(\""));
    assert_string_equal(calls, "");
}

static void exec_as_conmon_calls_it(void **state)
{
    (void)state;
    assert_int_equal(RUN(exec, NULL, "--pid-file", "/p", "--process", "/j", "--detach", "web"), 42);
    assert_string_equal(calls, "exec web process=/j args= env= cwd=none user=none gids= caps= "
                               "pidfile=/p tty=0 detach=1\n");
}

static void exec_as_a_person_calls_it(void **state)
{
    (void)state;
    setenv("OURS", "1", 1);
    unsetenv("NOT_OURS");
    assert_int_equal(RUN(exec, NULL, "-it", "-e", "A=b", "-e", "OURS", "-e", "NOT_OURS", "-u",
                         "1:2", "-g", "3,4", "-g5", "-c", "CAP_KILL", "-w", "/tmp", "web", "ls",
                         "-l", "--", "-x"),
                     42);
    assert_string_equal(calls, "exec web process=none args=[ls][-l][--][-x] env=[A=b][OURS=1] "
                               "cwd=/tmp user=1:2 gids=+3+4+5 caps=[CAP_KILL] pidfile=none tty=1 "
                               "detach=0\n");
}

static void exec_without_a_command_is_a_usage_error(void **state)
{
    (void)state;
    RUN(exec,
        "exec: missing the command, usage: openvirt exec [OPTION...] ID COMMAND [ARGUMENT...]",
        "web");
    assert_int_equal(RUN(exec, "exec: --env: \"=x\" has no name", "-e", "=x", "web", "ls"),
                     EXIT_STATUS_USAGE);
    RUN(exec, "exec: --additional-gids: \"x\" is not a group id", "-g", "1,x", "web", "ls");
    RUN(exec, "exec: a command and --process exclude each other", "-p", "/j", "web", "ls");
    assert_string_equal(calls, "");
}

static void the_status_of_exec_tells_why_it_failed(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        int code, status;
    } cases[] = {
        { "exec in web: exec: \"nope\": executable file not found in $PATH", 0,
          EXIT_STATUS_NOT_FOUND },
        { "exec: \"/nope\": No such file or directory", ENOENT, EXIT_STATUS_NOT_FOUND },
        { "exec: \"/etc/passwd\": Permission denied", EACCES, EXIT_STATUS_NOT_EXECUTABLE },
        { "exec: \"/x\": Exec format error", ENOEXEC, EXIT_STATUS_NOT_EXECUTABLE },
        { "instance web does not exist", ENOENT, EXIT_STATUS_RUN_FAILURE },
        { "open config.json: Permission denied", EACCES, EXIT_STATUS_RUN_FAILURE },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        error_set(&outcome, 0, "%s", cases[i].message);
        outcome.code = cases[i].code;
        assert_int_equal(RUN(exec, cases[i].message, "web", "ls"), cases[i].status);
    }
}

static void limits_of_update_are_decoded_as_those_of_a_specification(void **state)
{
    (void)state;
    assert_int_equal(RUN(update, NULL, "--memory", "512m", "--cpu-quota", "50000", "--cpu-share",
                         "512", "--pids-limit", "-1", "--cpuset-cpus", "0-1", "--l3-cache-schema",
                         "L3:0=f", "--mem-bw-schema", "MB:0=50", "web"),
                     0);
    assert_string_equal(calls, "update web memory=536870912 quota=50000 shares=512 pids=-1 "
                               "cpus=0-1 l3=L3:0=f mb=MB:0=50\n");
}

static void options_of_update_go_before_the_file(void **state)
{
    (void)state;
    char path[] = "/tmp/test-verbs.XXXXXX";
    static const char text[] = "{\"memory\":{\"limit\":1048576},\"pids\":{\"limit\":7}}";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    int status = RUN(update, NULL, "--resources", path, "--memory", "2m", "web");
    unlink(path);
    assert_int_equal(status, 0);
    assert_string_equal(calls, "update web memory=2097152 quota=0 shares=0 pids=7 cpus=none "
                               "l3=none mb=none\n");
}

static void a_limit_that_is_out_of_range_changes_nothing(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    const char *const words[] = { "--cpu-share", "1", "web", NULL };
    assert_int_equal(command_run(&command_update, NULL, 3, (char *const *)words, &error), 1);
    assert_non_null(strstr(error.message, "shares"));
    assert_string_equal(calls, "");
}

static void help_never_acts(void **state)
{
    (void)state;
    int standard_output = dup(STDOUT_FILENO);
    assert_non_null(freopen("/dev/null", "w", stdout));
    int first = RUN(delete, NULL, "--help"), second = RUN(delete, NULL, "web", "-h");
    fflush(stdout);
    dup2(standard_output, STDOUT_FILENO);
    close(standard_output);
    assert_int_equal(first, 0);
    assert_int_equal(second, 0);
    assert_string_equal(calls, "");
}

static void too_few_and_too_many_operands_are_usage_errors(void **state)
{
    (void)state;
    assert_int_equal(
        RUN(start, "start: missing operand, usage: openvirt start [OPTION...] ID", NULL),
        EXIT_STATUS_USAGE);
    assert_int_equal(
        RUN(pause, "pause: unexpected \"b\", usage: openvirt pause [OPTION...] ID", "a", "b"),
        EXIT_STATUS_USAGE);
    assert_string_equal(calls, "");
}

static void an_unknown_verb_names_the_nearest(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    assert_null(command_find("crate", &error));
    assert_string_equal(error.message, "unknown command \"crate\", did you mean \"create\"?");
    assert_ptr_equal(command_find("state", &error), &command_state);
}

static char *processes(enum output_format format, const char *const *ps_options, int *status)
{
    static const struct host host = { .state_root = "/nonexistent" };
    AUTO_ERROR struct error error = { 0 };
    char *text = NULL;
    size_t size;
    FILE *output = open_memstream(&text, &size);
    *status = print_processes(&host, "web", format, ps_options, output, &error);
    fclose(output);
    return text;
}

static void processes_are_pids_for_programs_and_lines_of_ps_for_people(void **state)
{
    (void)state;
    static const char *const none[] = { NULL }, *const columns[] = { "-eo", "pid,comm", NULL };
    static const char *const no_pid[] = { "-eo", "comm", NULL };
    int status;
    AUTO_FREE char *json = processes(OUTPUT_JSON, none, &status);
    AUTO_FREE char *expected = string_format("[%d]\n", getpid());
    assert_string_equal(json, expected);

    AUTO_FREE char *table = processes(OUTPUT_DEFAULT, columns, &status);
    AUTO_STRINGS char **lines = string_split(table, "\n");
    assert_int_equal(status, 0);
    assert_non_null(strstr(lines[0], "PID"));
    assert_non_null(strstr(lines[1], "test_verbs"));
    assert_null(lines[2]);

    AUTO_FREE char *nothing = processes(OUTPUT_TABLE, no_pid, &status);
    assert_int_equal(status, -1);
    assert_string_equal(nothing, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(create_as_conmon_calls_it, reset),
        cmocka_unit_test_setup(create_without_options_takes_the_working_directory, reset),
        cmocka_unit_test_setup(kill_takes_numbers_and_names, reset),
        cmocka_unit_test_setup(a_regular_expression_reaches_all_that_match, reset),
        cmocka_unit_test_setup(one_failure_does_not_keep_the_others_from_being_tried, reset),
        cmocka_unit_test_setup(a_wrong_regular_expression_touches_nothing, reset),
        cmocka_unit_test_setup(exec_as_conmon_calls_it, reset),
        cmocka_unit_test_setup(exec_as_a_person_calls_it, reset),
        cmocka_unit_test_setup(exec_without_a_command_is_a_usage_error, reset),
        cmocka_unit_test_setup(the_status_of_exec_tells_why_it_failed, reset),
        cmocka_unit_test_setup(limits_of_update_are_decoded_as_those_of_a_specification, reset),
        cmocka_unit_test_setup(options_of_update_go_before_the_file, reset),
        cmocka_unit_test_setup(a_limit_that_is_out_of_range_changes_nothing, reset),
        cmocka_unit_test_setup(help_never_acts, reset),
        cmocka_unit_test_setup(too_few_and_too_many_operands_are_usage_errors, reset),
        cmocka_unit_test_setup(an_unknown_verb_names_the_nearest, reset),
        cmocka_unit_test_setup(processes_are_pids_for_programs_and_lines_of_ps_for_people, reset),
    };
    return cmocka_run_group_tests(tests, NULL, last_reset);
}
