// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/string.h"
#include "vm/guest_channel.h"

/* A channel, what it told, and what it is about to be told. */
struct fixture {
    struct guest_channel *channel;
    char *told; /* "hello 6.1 64;started 1 77;" */
    uint8_t bytes[65536];
    size_t length;
};

static void on_hello(void *context, const char *release, unsigned int bits)
{
    struct fixture *fixture = context;
    string_append(&fixture->told, "hello %s %u;", release, bits);
}

static void on_started(void *context, uint32_t process, uint32_t pid)
{
    struct fixture *fixture = context;
    string_append(&fixture->told, "started %u %u;", process, pid);
}

static void on_failed(void *context, uint32_t process, enum guest_step step, int error,
                      const char *on)
{
    struct fixture *fixture = context;
    string_append(&fixture->told, "failed %u %d %d %s;", process, (int)step, error, on);
}

static void on_output(void *context, uint32_t process, enum guest_report stream, const void *data,
                      size_t length)
{
    struct fixture *fixture = context;
    if (length > 16)
        string_append(&fixture->told, "%s %u %zu;", stream == GUEST_STDOUT ? "out" : "err", process,
                      length);
    else
        string_append(&fixture->told, "%s %u %.*s;", stream == GUEST_STDOUT ? "out" : "err",
                      process, (int)length, (const char *)data);
}

static void on_input_room(void *context, uint32_t process)
{
    struct fixture *fixture = context;
    string_append(&fixture->told, "room %u %zu;", process,
                  guest_channel_input_room(fixture->channel, process));
}

static void on_exited(void *context, uint32_t process, unsigned int status, unsigned int signal)
{
    struct fixture *fixture = context;
    string_append(&fixture->told, "exited %u %u %u;", process, status, signal);
}

static void on_log(void *context, const char *text)
{
    struct fixture *fixture = context;
    string_append(&fixture->told, "log %s;", text);
}

static void on_down(void *context)
{
    struct fixture *fixture = context;
    string_append(&fixture->told, "down;");
}

static const struct guest_channel_events events = {
    .hello = on_hello,
    .started = on_started,
    .failed = on_failed,
    .output = on_output,
    .input_room = on_input_room,
    .exited = on_exited,
    .log = on_log,
    .down = on_down,
};

static int set_up(void **state)
{
    struct fixture *fixture = allocate(1, sizeof(*fixture));
    fixture->channel = guest_channel_new(&events, fixture);
    fixture->told = string_copy("");
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    guest_channel_free(fixture->channel);
    free(fixture->told);
    free(fixture);
    return 0;
}

static void add(struct fixture *fixture, const void *data, size_t length)
{
    memcpy(fixture->bytes + fixture->length, data, length);
    fixture->length += length;
}

/* A frame as the guest sends it: a struct, and a string where one is given. */
static void frame(struct fixture *fixture, uint32_t type, uint32_t process, const void *data,
                  size_t length, const char *string)
{
    const uint32_t string_length = string ? (uint32_t)strlen(string) : 0;
    const struct guest_frame header = {
        .type = type,
        .process = process,
        .length = (uint32_t)length + (string ? (uint32_t)sizeof(string_length) : 0) + string_length,
    };
    add(fixture, &header, sizeof(header));
    add(fixture, data, length);
    if (string) {
        add(fixture, &string_length, sizeof(string_length));
        add(fixture, string, string_length);
    }
}

static int deliver(struct fixture *fixture)
{
    AUTO_ERROR struct error error = { 0 };
    int result = guest_channel_receive(fixture->channel, fixture->bytes, fixture->length, &error);
    assert_true((result < 0) == (error.message != NULL));
    fixture->length = 0;
    return result;
}

static void hello(struct fixture *fixture)
{
    const struct guest_hello data = { GUEST_PROTOCOL_MAGIC, GUEST_PROTOCOL_VERSION, 64 };
    frame(fixture, GUEST_HELLO, 0, &data, sizeof(data), "6.1");
}

static const struct spec_process process_spec = {
    .cwd = "/work",
    .env = (const char *const[]){ "A=b", NULL },
    .args = (const char *const[]){ "sh", "-c", "true", NULL },
    .user = { .uid = 7, .gid = 8 },
};

static void start(struct fixture *fixture, uint32_t number)
{
    AUTO_ERROR struct error error = { 0 };
    assert_int_equal(guest_channel_start(fixture->channel, number, &process_spec, &error), 0);
}

static void started(struct fixture *fixture, uint32_t number)
{
    const struct guest_started data = { .pid = 77 };
    start(fixture, number);
    frame(fixture, GUEST_STARTED, number, &data, sizeof(data), NULL);
}

/* A channel on which process 1 runs. */
static struct fixture *with_process(void **state)
{
    struct fixture *fixture = *state;
    hello(fixture);
    started(fixture, 1);
    assert_int_equal(deliver(fixture), 0);
    free(fixture->told);
    fixture->told = string_copy("");
    guest_channel_sent(fixture->channel, SIZE_MAX);
    return fixture;
}

static void frames_are_the_same_in_pieces_of_any_size(void **state)
{
    struct fixture *fixture = *state;
    const struct guest_exited exited = { .status = 3 };
    AUTO_ERROR struct error error = { 0 };
    hello(fixture);
    started(fixture, 1);
    frame(fixture, GUEST_STDOUT, 1, "text", 4, NULL);
    frame(fixture, GUEST_STDERR, 1, "more", 4, NULL);
    frame(fixture, GUEST_EXITED, 1, &exited, sizeof(exited), NULL);
    frame(fixture, GUEST_DOWN, 0, "", 0, NULL);
    for (size_t i = 0; i < fixture->length; i++)
        assert_int_equal(guest_channel_receive(fixture->channel, fixture->bytes + i, 1, &error), 0);
    assert_string_equal(fixture->told,
                        "hello 6.1 64;started 1 77;out 1 text;err 1 more;exited 1 3 0;down;");
}

static void a_start_carries_the_whole_process(void **state)
{
    struct fixture *fixture = *state;
    const uint8_t *bytes;
    struct guest_frame header;
    struct guest_start data;
    start(fixture, 9);
    size_t length = guest_channel_pending(fixture->channel, &bytes);
    memcpy(&header, bytes, sizeof(header));
    memcpy(&data, bytes + sizeof(header), sizeof(data));
    assert_int_equal(header.type, GUEST_START);
    assert_int_equal(header.process, 9);
    assert_int_equal(header.length, length - sizeof(header));
    assert_int_equal(data.uid, 7);
    assert_int_equal(data.argument_count, 3);
    assert_int_equal(data.environment_count, 1);
    assert_memory_equal(bytes + sizeof(header) + sizeof(data), "\5\0\0\0/work\2\0\0\0sh\2\0\0\0-c",
                        9 + 6 + 6);
}

static void a_number_is_given_once(void **state)
{
    struct fixture *fixture = with_process(state);
    AUTO_ERROR struct error error = { 0 };
    assert_int_equal(guest_channel_start(fixture->channel, 1, &process_spec, &error), -1);
    assert_int_equal(guest_channel_start(fixture->channel, 0, &process_spec, &error), -1);
}

static void no_more_processes_than_there_is_room_for(void **state)
{
    struct fixture *fixture = *state;
    AUTO_ERROR struct error error = { 0 };
    for (uint32_t i = 1; i <= GUEST_PROCESS_LIMIT; i++)
        start(fixture, i);
    assert_int_equal(guest_channel_start(fixture->channel, 1000, &process_spec, &error), -1);
}

static void a_process_that_is_too_long_is_refused(void **state)
{
    struct fixture *fixture = *state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *word = allocate(GUEST_FROM_HOST_LIMIT + 1, 1);
    memset(word, 'x', GUEST_FROM_HOST_LIMIT);
    struct spec_process spec = process_spec;
    spec.args = (const char *const[]){ word, NULL };
    const uint8_t *bytes;
    assert_int_equal(guest_channel_start(fixture->channel, 1, &spec, &error), -1);
    assert_int_equal(guest_channel_pending(fixture->channel, &bytes), 0);
}

static void output_beyond_its_credit_breaks_the_channel(void **state)
{
    struct fixture *fixture = with_process(state);
    static const uint8_t data[GUEST_TO_HOST_LIMIT];
    for (int i = 0; i < 4; i++) { /* 4 * 16 KiB is what it was given */
        frame(fixture, GUEST_STDOUT, 1, data, sizeof(data), NULL);
        assert_int_equal(deliver(fixture), 0);
    }
    frame(fixture, GUEST_STDERR, 1, "x", 1, NULL); /* has a credit of its own */
    assert_int_equal(deliver(fixture), 0);
    frame(fixture, GUEST_STDOUT, 1, "x", 1, NULL);
    assert_int_equal(deliver(fixture), -1);
    hello(fixture);
    assert_int_equal(deliver(fixture), -1);
}

static void output_that_was_passed_on_gives_credit(void **state)
{
    struct fixture *fixture = with_process(state);
    static const uint8_t data[GUEST_TO_HOST_LIMIT];
    for (int i = 0; i < 16; i++) {
        frame(fixture, GUEST_STDOUT, 1, data, sizeof(data), NULL);
        assert_int_equal(deliver(fixture), 0);
        guest_channel_passed_on(fixture->channel, 1, GUEST_STDOUT, sizeof(data));
    }
    const uint8_t *bytes;
    struct guest_credit credit;
    assert_int_equal(guest_channel_pending(fixture->channel, &bytes),
                     16 * (sizeof(struct guest_frame) + sizeof(credit)));
    memcpy(&credit, bytes + sizeof(struct guest_frame), sizeof(credit));
    assert_int_equal(credit.report, GUEST_STDOUT);
    assert_int_equal(credit.bytes, sizeof(data));
}

static void input_stops_where_the_credit_ends(void **state)
{
    struct fixture *fixture = with_process(state);
    AUTO_FREE uint8_t *data = allocate(2 * GUEST_INPUT_CREDIT, 1);
    const struct guest_input_taken taken = { .bytes = 100 };
    assert_int_equal(guest_channel_input(fixture->channel, 1, data, 2 * GUEST_INPUT_CREDIT),
                     GUEST_INPUT_CREDIT);
    assert_int_equal(guest_channel_input(fixture->channel, 1, data, 1), 0);
    frame(fixture, GUEST_INPUT_TAKEN, 1, &taken, sizeof(taken), NULL);
    assert_int_equal(deliver(fixture), 0);
    assert_string_equal(fixture->told, "room 1 100;");
    assert_int_equal(guest_channel_input(fixture->channel, 1, data, 2000), 100);
}

static void input_cannot_be_taken_twice(void **state)
{
    struct fixture *fixture = with_process(state);
    const struct guest_input_taken taken = { .bytes = 1 };
    frame(fixture, GUEST_INPUT_TAKEN, 1, &taken, sizeof(taken), NULL);
    assert_int_equal(deliver(fixture), -1);
}

static void the_end_of_input_is_said_once(void **state)
{
    struct fixture *fixture = with_process(state);
    const uint8_t *bytes;
    guest_channel_input_end(fixture->channel, 1);
    guest_channel_input_end(fixture->channel, 1);
    assert_int_equal(guest_channel_input(fixture->channel, 1, "x", 1), 0);
    assert_int_equal(guest_channel_pending(fixture->channel, &bytes), sizeof(struct guest_frame));
}

static void requests_for_a_process_that_is_over_do_nothing(void **state)
{
    struct fixture *fixture = with_process(state);
    const struct guest_exited exited = { .signal = 9 };
    const uint8_t *bytes;
    frame(fixture, GUEST_EXITED, 1, &exited, sizeof(exited), NULL);
    assert_int_equal(deliver(fixture), 0);
    assert_string_equal(fixture->told, "exited 1 0 9;");
    guest_channel_input(fixture->channel, 1, "x", 1);
    guest_channel_input_end(fixture->channel, 1);
    guest_channel_passed_on(fixture->channel, 1, GUEST_STDOUT, 1);
    guest_channel_window_size(fixture->channel, 1, 2, 3);
    guest_channel_signal(fixture->channel, 1, 15);
    assert_int_equal(guest_channel_pending(fixture->channel, &bytes), 0);
}

/* What a guest must not do, each on a fresh channel on which process 1 runs. */
static void forbidden(struct fixture *fixture, uint32_t type, uint32_t process, const void *data,
                      size_t length, const char *string)
{
    struct fixture other = { .told = string_copy("") };
    (void)fixture;
    other.channel = guest_channel_new(&events, &other);
    hello(&other);
    started(&other, 1);
    start(&other, 2);
    assert_int_equal(deliver(&other), 0);
    frame(&other, type, process, data, length, string);
    assert_int_equal(deliver(&other), -1);
    assert_string_equal(other.told, "hello 6.1 64;started 1 77;");
    guest_channel_free(other.channel);
    free(other.told);
}

static void what_breaks_the_protocol_breaks_the_channel(void **state)
{
    struct fixture *fixture = *state;
    const struct guest_hello data = { GUEST_PROTOCOL_MAGIC, GUEST_PROTOCOL_VERSION, 64 };
    const struct guest_started pid = { .pid = 1 };
    const struct guest_failed no_step = { .step = GUEST_STEP_COUNT };
    const struct guest_failed no_error = { .error = 4096 };
    const struct guest_failed failed = { .error = ENOENT };
    const struct guest_exited no_status = { .status = 256 };
    const struct guest_exited no_signal = { .signal = 65 };
    const struct guest_exited both = { .status = 1, .signal = 1 };
    forbidden(fixture, GUEST_HELLO, 0, &data, sizeof(data), "6.1");
    forbidden(fixture, 0, 0, "", 0, NULL);
    forbidden(fixture, GUEST_START, 1, "", 0, NULL);
    forbidden(fixture, GUEST_REPORT_END, 0, "", 0, NULL);
    forbidden(fixture, UINT32_MAX, 0, "", 0, NULL);
    forbidden(fixture, GUEST_STARTED, 0, &pid, sizeof(pid), NULL);
    forbidden(fixture, GUEST_STARTED, 1, &pid, sizeof(pid), NULL);
    forbidden(fixture, GUEST_STARTED, 2, &pid, 3, NULL);
    forbidden(fixture, GUEST_STARTED, 3, &pid, sizeof(pid), NULL);
    forbidden(fixture, GUEST_FAILED, 1, &failed, sizeof(failed), "sh");
    forbidden(fixture, GUEST_FAILED, 2, &no_step, sizeof(no_step), "sh");
    forbidden(fixture, GUEST_FAILED, 2, &no_error, sizeof(no_error), "sh");
    forbidden(fixture, GUEST_FAILED, 2, &failed, sizeof(failed), NULL);
    forbidden(fixture, GUEST_STDOUT, 1, "", 0, NULL);
    forbidden(fixture, GUEST_STDOUT, 0, "x", 1, NULL);
    forbidden(fixture, GUEST_STDOUT, 2, "x", 1, NULL);
    forbidden(fixture, GUEST_STDERR, 3, "x", 1, NULL);
    forbidden(fixture, GUEST_EXITED, 1, &no_status, sizeof(no_status), NULL);
    forbidden(fixture, GUEST_EXITED, 1, &no_signal, sizeof(no_signal), NULL);
    forbidden(fixture, GUEST_EXITED, 1, &both, sizeof(both), NULL);
    forbidden(fixture, GUEST_EXITED, 2, &pid, 0, NULL);
    forbidden(fixture, GUEST_DOWN, 0, "x", 1, NULL);
}

static void a_frame_is_refused_by_its_header_alone(void **state)
{
    struct fixture *fixture = with_process(state);
    const struct guest_frame header = { .type = GUEST_STDOUT,
                                        .process = 1,
                                        .length = GUEST_TO_HOST_LIMIT + 1 };
    add(fixture, &header, sizeof(header));
    assert_int_equal(deliver(fixture), -1);
}

static void nothing_is_taken_before_the_greeting(void **state)
{
    struct fixture *fixture = *state;
    frame(fixture, GUEST_LOG, 0, "x", 1, NULL);
    assert_int_equal(deliver(fixture), -1);
    assert_string_equal(fixture->told, "");
}

static void another_version_is_refused(void **state)
{
    struct fixture *fixture = *state;
    const struct guest_hello data = { GUEST_PROTOCOL_MAGIC, GUEST_PROTOCOL_VERSION + 1, 64 };
    frame(fixture, GUEST_HELLO, 0, &data, sizeof(data), "6.1");
    assert_int_equal(deliver(fixture), -1);
}

static void text_for_people_holds_no_control_characters(void **state)
{
    struct fixture *fixture = with_process(state);
    frame(fixture, GUEST_LOG, 0, "a\033[2J\n\200b", 8, NULL);
    assert_int_equal(deliver(fixture), 0);
    assert_string_equal(fixture->told, "log a?[2J??b;");
}

static void a_guest_cannot_flood_the_log(void **state)
{
    struct fixture *fixture = with_process(state);
    for (int i = 0; i < 1200; i++) {
        frame(fixture, GUEST_LOG, 0, "x", 1, NULL);
        assert_int_equal(deliver(fixture), 0);
    }
    assert_int_equal(strlen(fixture->told), 1000 * strlen("log x;"));
}

static void a_failure_frees_the_number(void **state)
{
    struct fixture *fixture = *state;
    const struct guest_failed failed = { .step = GUEST_STEP_EXECUTE, .error = ENOENT };
    hello(fixture);
    start(fixture, 5);
    frame(fixture, GUEST_FAILED, 5, &failed, sizeof(failed), "nosuch");
    assert_int_equal(deliver(fixture), 0);
    assert_string_equal(fixture->told, "hello 6.1 64;failed 5 10 2 nosuch;");
    start(fixture, 5);
}

static void a_failure_is_put_into_words(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    guest_failure_error(GUEST_STEP_EXECUTE, ENOENT, "nosuch", &error);
    assert_string_equal(error.message, "exec: \"nosuch\": executable file not found in $PATH");
    guest_failure_error(GUEST_STEP_MOUNT, ENODEV, "/data", &error);
    assert_string_equal(error.message, "the machine could not mount /data: No such device");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(frames_are_the_same_in_pieces_of_any_size, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_start_carries_the_whole_process, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_number_is_given_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_more_processes_than_there_is_room_for, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_process_that_is_too_long_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(output_beyond_its_credit_breaks_the_channel, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(output_that_was_passed_on_gives_credit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(input_stops_where_the_credit_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(input_cannot_be_taken_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_of_input_is_said_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(requests_for_a_process_that_is_over_do_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_breaks_the_protocol_breaks_the_channel, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_frame_is_refused_by_its_header_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_taken_before_the_greeting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_version_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(text_for_people_holds_no_control_characters, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_guest_cannot_flood_the_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failure_frees_the_number, set_up, tear_down),
        cmocka_unit_test(a_failure_is_put_into_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
