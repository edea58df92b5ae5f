// SPDX-License-Identifier: Apache-2.0
#include "base/event_loop.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    pthread_mutex_t lock;
    struct event_loop loop;
    struct event_source first, second;
    int first_pipe[2], second_pipe[2];
    unsigned first_calls, second_calls, hook_calls;
    bool lock_was_held;
};

static int set_up(void **state)
{
    struct error error = { 0 };
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    pthread_mutex_init(&fixture->lock, NULL);
    assert_int_equal(event_loop_open(&fixture->loop, &fixture->lock, &error), 0);
    assert_int_equal(pipe2(fixture->first_pipe, O_CLOEXEC), 0);
    assert_int_equal(pipe2(fixture->second_pipe, O_CLOEXEC), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    event_loop_close(&fixture->loop);
    for (int i = 0; i < 2; i++) {
        close(fixture->first_pipe[i]);
        close(fixture->second_pipe[i]);
    }
    free(fixture);
    return 0;
}

static void first_ready(void *context, uint32_t events)
{
    struct fixture *fixture = context;
    assert_true(events & EPOLLIN);
    fixture->first_calls++;
    fixture->lock_was_held = pthread_mutex_trylock(&fixture->lock) != 0;
    event_loop_stop(&fixture->loop);
}

static void add(struct fixture *fixture, struct event_source *source, int fd,
                void (*ready)(void *, uint32_t))
{
    struct error error = { 0 };
    *source =
        (struct event_source){ .fd = fd, .events = EPOLLIN, .ready = ready, .context = fixture };
    assert_int_equal(event_loop_add(&fixture->loop, source, &error), 0);
}

static void a_ready_source_is_called_with_the_lock_held(void **state)
{
    struct fixture *fixture = *state;
    add(fixture, &fixture->first, fixture->first_pipe[0], first_ready);
    assert_int_equal(write(fixture->first_pipe[1], "x", 1), 1);
    event_loop_run(&fixture->loop);
    assert_int_equal(fixture->first_calls, 1);
    assert_true(fixture->lock_was_held);
}

/* Whichever of the two comes first removes both; the other's event was already under way. */
static void removes_both(void *context, uint32_t events)
{
    struct fixture *fixture = context;
    (void)events;
    fixture->second_calls++;
    event_loop_remove(&fixture->loop, &fixture->first);
    event_loop_remove(&fixture->loop, &fixture->second);
    event_loop_stop(&fixture->loop);
}

static void an_event_of_a_removed_source_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    add(fixture, &fixture->first, fixture->first_pipe[0], removes_both);
    add(fixture, &fixture->second, fixture->second_pipe[0], removes_both);
    assert_int_equal(write(fixture->first_pipe[1], "x", 1), 1);
    assert_int_equal(write(fixture->second_pipe[1], "x", 1), 1);
    event_loop_run(&fixture->loop);
    assert_int_equal(fixture->second_calls, 1);
}

static void a_regular_file_is_always_ready(void **state)
{
    struct fixture *fixture = *state;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    add(fixture, &fixture->first, fd, first_ready);
    event_loop_run(&fixture->loop);
    assert_int_equal(fixture->first_calls, 1);
    close(fd);
}

static void a_source_without_events_is_not_called(void **state)
{
    struct fixture *fixture = *state;
    add(fixture, &fixture->first, fixture->first_pipe[0], first_ready);
    add(fixture, &fixture->second, fixture->second_pipe[0], removes_both);
    event_loop_change(&fixture->loop, &fixture->second, 0);
    assert_int_equal(write(fixture->second_pipe[1], "x", 1), 1);
    assert_int_equal(write(fixture->first_pipe[1], "x", 1), 1);
    event_loop_run(&fixture->loop);
    assert_int_equal(fixture->second_calls, 0);
}

static int stop_at_third(void *context)
{
    struct fixture *fixture = context;
    if (++fixture->hook_calls == 3)
        event_loop_stop(&fixture->loop);
    return 1; /* millisecond */
}

static void a_hook_bounds_the_wait(void **state)
{
    struct fixture *fixture = *state;
    struct event_hook hook = { .before_wait = stop_at_third, .context = fixture };
    event_loop_add_hook(&fixture->loop, &hook);
    event_loop_run(&fixture->loop);
    event_loop_remove_hook(&fixture->loop, &hook);
    assert_int_equal(fixture->hook_calls, 3);
    assert_null(fixture->loop.hooks);
}

static void more_sources_than_there_were_slots_are_found(void **state)
{
    struct fixture *fixture = *state;
    struct event_source sources[40] = { 0 };
    for (size_t i = 0; i < 40; i++)
        add(fixture, &sources[i], dup(fixture->second_pipe[0]), removes_both);
    add(fixture, &fixture->first, fixture->first_pipe[0], first_ready);
    assert_int_equal(write(fixture->first_pipe[1], "x", 1), 1);
    event_loop_run(&fixture->loop);
    assert_int_equal(fixture->first_calls, 1);
    for (size_t i = 0; i < 40; i++) {
        event_loop_remove(&fixture->loop, &sources[i]);
        close(sources[i].fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        CASE(a_ready_source_is_called_with_the_lock_held),
        CASE(an_event_of_a_removed_source_is_dropped),
        CASE(a_regular_file_is_always_ready),
        CASE(a_source_without_events_is_not_called),
        CASE(a_hook_bounds_the_wait),
        CASE(more_sources_than_there_were_slots_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
