// SPDX-License-Identifier: Apache-2.0
/* Time, timers and streams of the process that hosts a virtual machine. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/string.h"
#include "vm/console.h"
#include "vm/platform.h"

#define MILLISECOND UINT64_C(1000000)

struct fixture {
    struct log log;
    struct platform platform;
    char order[8];
    size_t expired, stop_after;
    uint64_t seen_at;
};

struct named_timer {
    struct platform_timer timer;
    struct fixture *fixture;
    char name;
};

static int set_up(void **state)
{
    struct error error = { 0 };
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->log = LOG_TO_STDERR;
    assert_int_equal(platform_open(&fixture->platform, &fixture->log, &error), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    platform_close(&fixture->platform);
    free(fixture);
    return 0;
}

static void expired(void *context)
{
    struct named_timer *timer = context;
    struct fixture *fixture = timer->fixture;
    fixture->order[fixture->expired++] = timer->name;
    fixture->seen_at = platform_clock(&fixture->platform);
    assert_true(fixture->seen_at >= timer->timer.deadline);
    assert_false(timer->timer.armed);
    if (fixture->expired == fixture->stop_after)
        event_loop_stop(&fixture->platform.loop);
}

static void arm(struct fixture *fixture, struct named_timer *timer, char name, uint64_t in)
{
    timer->timer.expired = expired;
    timer->timer.context = timer;
    timer->fixture = fixture;
    timer->name = name;
    platform_timer_arm(&fixture->platform, &timer->timer, platform_clock(&fixture->platform) + in);
}

static void timers_expire_in_the_order_of_their_deadlines(void **state)
{
    struct fixture *fixture = *state;
    struct named_timer timers[4] = { 0 };
    arm(fixture, &timers[0], 'c', 6 * MILLISECOND);
    arm(fixture, &timers[1], 'a', 2 * MILLISECOND);
    arm(fixture, &timers[2], 'x', 3 * MILLISECOND);
    arm(fixture, &timers[3], 'b', 4 * MILLISECOND);
    platform_timer_cancel(&fixture->platform, &timers[2].timer);
    fixture->stop_after = 3;
    event_loop_run(&fixture->platform.loop);
    assert_string_equal(fixture->order, "abc");
}

static void a_timer_that_is_armed_again_has_its_new_deadline_only(void **state)
{
    struct fixture *fixture = *state;
    struct named_timer timers[2] = { 0 };
    arm(fixture, &timers[0], 'b', 1 * MILLISECOND);
    arm(fixture, &timers[0], 'b', 5 * MILLISECOND);
    arm(fixture, &timers[1], 'a', 3 * MILLISECOND);
    fixture->stop_after = 2;
    event_loop_run(&fixture->platform.loop);
    assert_string_equal(fixture->order, "ab");
}

static void time_stands_still_while_the_clock_is_stopped(void **state)
{
    struct fixture *fixture = *state;
    struct platform *platform = &fixture->platform;
    clock_stop(&platform->clock);
    uint64_t stopped = platform_clock(platform);
    usleep(20000);
    assert_int_equal(platform_clock(platform), stopped);
    clock_start(&platform->clock);
    uint64_t after = platform_clock(platform);
    assert_true(after >= stopped && after < stopped + 15 * MILLISECOND);
}

static void a_timer_does_not_expire_while_the_clock_is_stopped(void **state)
{
    struct fixture *fixture = *state;
    struct named_timer timer = { 0 };
    arm(fixture, &timer, 'a', 5 * MILLISECOND);
    uint64_t begin = host_nanoseconds();
    clock_stop(&fixture->platform.clock);
    timers_clock_changed(&fixture->platform);
    usleep(30000);
    clock_start(&fixture->platform.clock);
    timers_clock_changed(&fixture->platform);
    fixture->stop_after = 1;
    event_loop_run(&fixture->platform.loop);
    assert_true(host_nanoseconds() - begin >= 30 * MILLISECOND);
}

static void the_frequency_of_the_tsc_is_that_of_the_host(void **state)
{
    struct fixture *fixture = *state;
    uint64_t frequency = platform_tsc_frequency(&fixture->platform);
    uint64_t tsc = host_tsc(), begin = host_nanoseconds();
    usleep(50000);
    uint64_t cycles = host_tsc() - tsc, nanoseconds = host_nanoseconds() - begin;
    uint64_t measured = (uint64_t)((unsigned __int128)cycles * 1000000000 / nanoseconds);
    uint64_t difference = measured > frequency ? measured - frequency : frequency - measured;
    assert_true(difference < frequency / 1000);
    assert_int_equal(platform_tsc_frequency(&fixture->platform), frequency);
}

static void allocations_are_zeroed_and_aligned(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *bytes = platform_allocate(&fixture->platform, 100);
    assert_int_equal((uintptr_t)bytes % 64, 0);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(bytes[i], 0);
    platform_free_all(&fixture->platform);
    assert_null(fixture->platform.allocations);
}

static void code_is_written_at_one_address_and_executed_at_another(void **state)
{
    static const uint8_t code[] = { 0xb8, 42, 0, 0, 0, 0xc3 }; /* mov $42, %eax; ret */
    struct fixture *fixture = *state;
    struct code_memory memory;
    assert_int_equal(platform_allocate_code(&fixture->platform, 4096, &memory), 0);
    assert_ptr_not_equal(memory.writable, memory.executable);
    memcpy(memory.writable, code, sizeof(code));
    int (*function)(void) = (int (*)(void))(uintptr_t)memory.executable;
    assert_int_equal(function(), 42);
}

static size_t room(void *context)
{
    (void)context;
    return 0;
}

static void input_that_the_guest_has_no_room_for_stays_where_it_is(void **state)
{
    struct fixture *fixture = *state;
    struct error error = { 0 };
    struct fd_console console;
    int ends[2];
    char byte;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(fd_console_open(&console, &fixture->platform, ends[0], -1, &error), 0);
    platform_console_set_receiver(&console.console,
                                  (struct platform_console_receiver){ .room = room });
    assert_int_equal(write(ends[1], "x", 1), 1);
    close(ends[1]);
    struct named_timer timer = { 0 };
    arm(fixture, &timer, 'a', 5 * MILLISECOND);
    fixture->stop_after = 1;
    event_loop_run(&fixture->platform.loop);
    fd_console_close(&console);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
}

static void output_to_nobody_is_lost_and_holds_nobody_up(void **state)
{
    struct fixture *fixture = *state;
    struct error error = { 0 };
    struct fd_console console;
    int ends[2];
    uint8_t bytes[100] = { 0 };
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(fd_console_open(&console, &fixture->platform, -1, ends[1], &error), 0);
    close(ends[0]);
    for (size_t i = 0; i < 10000; i++)
        assert_int_equal(platform_console_write(&console.console, bytes, sizeof(bytes)),
                         sizeof(bytes));
    fd_console_close(&console);
    close(ends[1]);
}

static void the_kernel_s_last_words_are_found(void **state)
{
    (void)state;
    static struct memory_console console;
    memory_console_open(&console, NULL);
    for (size_t i = 0; i < 5000; i++)
        platform_console_write(&console.console, (const uint8_t *)"noise of a boot\r\n", 17);
    static const char words[] = "[1.0] Kernel panic - not \x1b[31msyncing: why\r\n[1.1] ---\r\n";
    platform_console_write(&console.console, (const uint8_t *)words, sizeof(words) - 1);
    AUTO_FREE char *panic = memory_console_find(&console, "Kernel panic");
    assert_string_equal(panic, "Kernel panic - not [31msyncing: why");
    AUTO_FREE char *tail = memory_console_tail(&console, 2);
    assert_string_equal(tail, "[1.0] Kernel panic - not [31msyncing: why\n[1.1] ---");
    assert_null(memory_console_find(&console, "Oops"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        CASE(timers_expire_in_the_order_of_their_deadlines),
        CASE(a_timer_that_is_armed_again_has_its_new_deadline_only),
        CASE(time_stands_still_while_the_clock_is_stopped),
        CASE(a_timer_does_not_expire_while_the_clock_is_stopped),
        CASE(the_frequency_of_the_tsc_is_that_of_the_host),
        CASE(allocations_are_zeroed_and_aligned),
        CASE(code_is_written_at_one_address_and_executed_at_another),
        CASE(input_that_the_guest_has_no_room_for_stays_where_it_is),
        CASE(output_to_nobody_is_lost_and_holds_nobody_up),
        CASE(the_kernel_s_last_words_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
