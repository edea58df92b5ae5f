// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "container/sync.h"

static void fail_and_close(int fd)
{
    AUTO_ERROR struct error why = { 0 };
    error_set(&why, 0, "mounts[3] (/data): no such thing");
    sync_send_failure(fd, &why);
    close(fd);
}

static void sending_to_one_that_failed_tells_why(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    int ends[2];
    assert_int_equal(sync_pair(ends, &error), 0);
    assert_int_equal(sync_send(ends[1], SYNC_MOUNTED, 0, &error), 0);
    fail_and_close(ends[1]);
    assert_int_equal(sync_send(ends[0], SYNC_GO, 0, &error), -1);
    assert_string_equal(error.message, "mounts[3] (/data): no such thing");
    close(ends[0]);
}

static void one_that_failed_with_messages_unread_is_heard(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    int ends[2];
    assert_int_equal(sync_pair(ends, &error), 0);
    assert_int_equal(sync_send(ends[0], SYNC_GO, 0, &error), 0);
    fail_and_close(ends[1]);
    assert_int_equal(sync_expect(ends[0], SYNC_WAITING, NULL, &error), -1);
    assert_string_equal(error.message, "mounts[3] (/data): no such thing");
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sending_to_one_that_failed_tells_why),
        cmocka_unit_test(one_that_failed_with_messages_unread_is_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
