// SPDX-License-Identifier: Apache-2.0
/* The record of an instance, and whether what it records still lives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/string.h"
#include "instance/instance.h"
#include "instance/process_state.h"
#include "instance/record.h"
#include "instance/state_directory.h"
#include "instance/technique.h"

static const struct log quiet = { .level = LOG_LEVEL_ERROR, .fd = STDERR_FILENO };

static const char whole_record[] =
    "{\"version\":1,\"id\":\"web\",\"technique\":\"container\",\"bundle\":\"/b\",\"rootfs\":\"/b/"
    "r\","
    "\"ociVersion\":\"1.0.2\",\"created\":\"2026-01-01T00:00:00Z\",\"image\":\"debian\",\"pid\":42,"
    "\"pidStartTime\":7,\"owner\":1000,\"removeWhenStopped\":true,\"annotations\":{\"a\":\"b\"}}";

static struct instance *decode(const char *text, struct error *error)
{
    return record_decode(text, strlen(text), &quiet, error);
}

static void a_record_survives_being_written_and_read(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_INSTANCE struct instance *first = decode(whole_record, &error);
    assert_non_null(first);
    AUTO_JSON struct json_object *json = record_encode(first);
    AUTO_FREE char *text = json_text(json);
    AUTO_INSTANCE struct instance *second = decode(text, &error);
    assert_non_null(second);
    assert_string_equal(second->id, "web");
    assert_string_equal(second->technique, "container");
    assert_string_equal(second->image, "debian");
    assert_null(second->storage);
    assert_int_equal(second->pid, 42);
    assert_int_equal(second->pid_start_time, 7);
    assert_int_equal(second->owner, 1000);
    assert_true(second->remove_when_stopped);
    assert_true(json_object_equal(first->annotations, second->annotations));
}

/* Each is the whole record with one thing wrong. */
static void a_damaged_record_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *old, *new;
    } damages[] = {
        { "\"version\":1", "\"version\":2" },
        { "\"id\":\"web\"", "\"id\":\"../web\"" },
        { "\"id\":\"web\"", "\"id\":7" },
        { "\"bundle\":\"/b\",", "" },
        { "\"pid\":42", "\"pid\":-1" },
        { "\"pid\":42", "\"pid\":4294967296" },
        { "\"pid\":42", "\"pid\":\"42\"" },
        { "\"owner\":1000", "\"owner\":-1" },
        { "\"removeWhenStopped\":true", "\"removeWhenStopped\":1" },
        { "{\"a\":\"b\"}", "[]" },
        { "\"pid\":42", "\"pid\":42,\"pid\":43" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(damages); i++) {
        AUTO_ERROR struct error error = { 0 };
        const char *place = strstr(whole_record, damages[i].old);
        assert_non_null(place);
        AUTO_FREE char *text = string_format("%.*s%s%s", (int)(place - whole_record), whole_record,
                                             damages[i].new, place + strlen(damages[i].old));
        assert_null(decode(text, &error));
        assert_non_null(error.message);
    }
}

static void a_record_that_is_cut_short_is_refused(void **state)
{
    (void)state;
    for (size_t length = 0; length < strlen(whole_record); length++) {
        AUTO_ERROR struct error error = { 0 };
        assert_null(record_decode(whole_record, length, &quiet, &error));
    }
}

static void an_id_is_letters_digits_and_four_signs(void **state)
{
    (void)state;
    assert_true(instance_id_is_valid("web-1.2_x+y"));
    static const char *const wrong[] = { "", ".", "..", "a/b", "a b", "a\n", "a:b", "\xc3\xa4" };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_false(instance_id_is_valid(wrong[i]));
    char longest[130];
    memset(longest, 'a', sizeof(longest));
    longest[128] = '\0';
    assert_true(instance_id_is_valid(longest));
    longest[128] = 'a';
    longest[129] = '\0';
    assert_false(instance_id_is_valid(longest));
}

static void a_process_is_alive_only_with_its_start_time(void **state)
{
    (void)state;
    uint64_t start_time;
    char letter;
    assert_int_equal(process_state_read(getpid(), &start_time, &letter), 0);
    assert_true(process_state_is_alive(getpid(), start_time));
    assert_false(process_state_is_alive(getpid(), start_time + 1));
    assert_false(process_state_is_alive(0, start_time));
}

static void a_zombie_is_not_alive(void **state)
{
    (void)state;
    uint64_t start_time;
    char letter;
    siginfo_t information;
    AUTO_ERROR struct error error = { 0 };
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &information, WEXITED | WNOWAIT), 0);
    assert_int_equal(process_state_read(pid, &start_time, &letter), 0);
    assert_int_equal(letter, 'Z');
    assert_false(process_state_is_alive(pid, start_time));
    assert_int_equal(process_state_open(pid, start_time, &error), -1);
    assert_string_equal(error.message, "container not running");
    waitpid(pid, NULL, 0);
}

static void an_id_is_given_once_and_its_maker_holds_the_lock(void **state)
{
    (void)state;
    char root[] = "/tmp/test-instance-XXXXXX";
    assert_non_null(mkdtemp(root));
    struct host host = { .state_root = root, .log = quiet };
    AUTO_ERROR struct error error = { 0 };
    int maker = state_directory_make(&host, "web", &error);
    assert_true(maker >= 0);
    assert_int_equal(state_directory_make(&host, "web", &error), -1);
    assert_int_equal(error.code, EEXIST);

    AUTO_CLOSE int other = state_directory_open(&host, "web", &error);
    assert_true(state_directory_is_locked(other));
    close(maker);
    assert_false(state_directory_is_locked(other));

    assert_int_equal(state_directory_remove(&host, "web", &error), 0);
    assert_int_equal(state_directory_open(&host, "web", &error), -1);
    assert_int_equal(error.code, ENOENT);
    assert_string_equal(error.message, "instance web does not exist");
    rmdir(root);
}

/* What kill -9 leaves behind at its worst: a directory without a record. */
static void what_a_killed_maker_left_is_listed_and_deleted_by_force(void **state)
{
    (void)state;
    char root[] = "/tmp/test-instance-XXXXXX";
    assert_non_null(mkdtemp(root));
    struct host host = { .state_root = root, .log = quiet };
    AUTO_ERROR struct error error = { 0 };
    close(state_directory_make(&host, "web", &error));

    struct instance **instances;
    size_t count;
    assert_int_equal(instance_list(&host, &instances, &count, &error), 0);
    assert_int_equal(count, 1);
    assert_string_equal(instances[0]->id, "web");
    assert_int_equal(instances[0]->status, INSTANCE_STOPPED);
    instance_free(instances[0]);
    free(instances);

    assert_int_equal(instance_delete(&host, "web", false, &error), -1);
    error_clear(&error);
    assert_int_equal(instance_delete(&host, "web", true, &error), 0);
    assert_int_equal(rmdir(root), 0);
}

static void there_are_three_techniques_and_no_other(void **state)
{
    (void)state;
    static const char *const names[] = { "container", "para", "full" };
    AUTO_ERROR struct error error = { 0 };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        assert_string_equal(technique_find(names[i], &error)->name, names[i]);
    assert_null(technique_find("docker", &error));
    assert_string_equal(error.message,
                        "--as docker: no such technique; there are container, para and full");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_survives_being_written_and_read),
        cmocka_unit_test(a_damaged_record_is_refused),
        cmocka_unit_test(a_record_that_is_cut_short_is_refused),
        cmocka_unit_test(an_id_is_letters_digits_and_four_signs),
        cmocka_unit_test(a_process_is_alive_only_with_its_start_time),
        cmocka_unit_test(a_zombie_is_not_alive),
        cmocka_unit_test(an_id_is_given_once_and_its_maker_holds_the_lock),
        cmocka_unit_test(what_a_killed_maker_left_is_listed_and_deleted_by_force),
        cmocka_unit_test(there_are_three_techniques_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
