// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"
#include "instance/log_file.h"
#include "instance/log_reader.h"
#include "instance/storage.h"

enum { MOST = 1 << 20 };

/* A storage directory with a log in it. */
struct place {
    struct storage storage;
    struct log_file log;
};

static int set_up(void **state)
{
    AUTO_ERROR struct error error = { 0 };
    struct place *place = allocate(1, sizeof(*place));
    place->storage = STORAGE_CLOSED;
    place->storage.path = string_copy("/tmp/openvirt-log-XXXXXX");
    assert_non_null(mkdtemp(place->storage.path));
    place->storage.directory_fd = open(place->storage.path, O_RDONLY | O_DIRECTORY);
    assert_int_equal(log_file_open(&place->log, place->storage.directory_fd, 0, &error), 0);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    AUTO_ERROR struct error error = { 0 };
    struct place *place = *state;
    log_file_close(&place->log);
    remove_tree_at(AT_FDCWD, place->storage.path, &error);
    storage_close(&place->storage);
    free(place);
    return 0;
}

static void take(struct place *place, enum log_stream stream, const char *text)
{
    log_file_take(&place->log, stream, text, strlen(text));
}

static char *file_text(const struct place *place, const char *name)
{
    AUTO_ERROR struct error error = { 0 };
    return read_file_at(place->storage.directory_fd, name, MOST, NULL, &error);
}

/* What `logs` prints; of the error stream, too. */
static char *shown(const struct place *place, const struct log_query *query, bool errors)
{
    AUTO_ERROR struct error error = { 0 };
    char *texts[2];
    size_t sizes[2];
    FILE *files[] = { open_memstream(&texts[0], &sizes[0]), open_memstream(&texts[1], &sizes[1]) };
    assert_int_equal(log_read(&place->storage, query, files[0], files[1], &error), 0);
    fclose(files[0]);
    fclose(files[1]);
    free(texts[!errors]);
    return texts[errors];
}

static void a_line_is_a_record_of_the_cri_format(void **state)
{
    take(*state, LOG_STREAM_STDERR, "hello world\n");
    AUTO_FREE char *text = file_text(*state, "log");
    struct log_record record;
    assert_true(log_record_parse(text, strlen(text) - 1, &record));
    assert_int_equal(record.time_length, strlen("2026-11-22T16:20:03.123456789Z"));
    assert_int_equal(record.stream, LOG_STREAM_STDERR);
    assert_true(record.ends_line);
    assert_int_equal(record.length, strlen("hello world"));
    assert_memory_equal(record.text, "hello world", record.length);
}

static void lines_come_out_as_they_went_in(void **state)
{
    static const struct log_query query = { 0 };
    take(*state, LOG_STREAM_STDOUT, "one\ntw");
    take(*state, LOG_STREAM_STDERR, "other\n");
    take(*state, LOG_STREAM_STDOUT, "o\n\nlast without an end");
    log_file_flush(&((struct place *)*state)->log);
    AUTO_FREE char *output = shown(*state, &query, false), *errors = shown(*state, &query, true);
    assert_string_equal(output, "one\ntwo\n\nlast without an end");
    assert_string_equal(errors, "other\n");
}

static void a_line_of_any_length_is_one_line_again(void **state)
{
    static const struct log_query query = { .limit_lines = true, .lines = 1 };
    enum { LENGTH = 5 * LOG_LONGEST_TEXT + 17 };
    AUTO_FREE char *line = allocate(LENGTH + 2, 1);
    memset(line, 'x', LENGTH);
    line[LENGTH] = '\n';
    take(*state, LOG_STREAM_STDOUT, "before\n");
    take(*state, LOG_STREAM_STDOUT, line);
    AUTO_FREE char *output = shown(*state, &query, false);
    assert_string_equal(output, line);
}

static void the_tail_counts_lines_across_a_rotation(void **state)
{
    struct place *place = *state;
    static const struct log_query query = { .limit_lines = true, .lines = 3 };
    for (int i = 1; i <= 4; i++) {
        AUTO_FREE char *line = string_format("line %d\n", i);
        if (i == 3)
            place->log.size = place->log.largest_size; /* the next record begins a new file */
        take(place, LOG_STREAM_STDOUT, line);
    }
    AUTO_FREE char *old = file_text(place, "log.1");
    assert_non_null(old);
    assert_non_null(strstr(old, "line 2\n"));
    assert_null(strstr(old, "line 3\n"));
    AUTO_FREE char *output = shown(place, &query, false);
    assert_string_equal(output, "line 2\nline 3\nline 4\n");
}

static void the_files_stay_below_their_size(void **state)
{
    struct place *place = *state;
    AUTO_ERROR struct error error = { 0 };
    log_file_close(&place->log);
    assert_int_equal(
        log_file_open(&place->log, place->storage.directory_fd, LOG_FILE_SMALLEST_SIZE, &error), 0);
    for (int i = 0; i < 5000; i++)
        take(place, LOG_STREAM_STDOUT, "a line of a length that is nothing special\n");
    struct stat log, old;
    assert_int_equal(fstatat(place->storage.directory_fd, "log", &log, 0), 0);
    assert_int_equal(fstatat(place->storage.directory_fd, "log.1", &old, 0), 0);
    assert_true(log.st_size <= LOG_FILE_SMALLEST_SIZE);
    assert_true(old.st_size <= LOG_FILE_SMALLEST_SIZE);
    assert_true(old.st_size > LOG_FILE_SMALLEST_SIZE / 2);
}

/* A limit of the file's size fails a write as a full disk does. */
static void output_without_room_is_counted_and_told(void **state)
{
    struct place *place = *state;
    struct rlimit before, small = { .rlim_cur = 0, .rlim_max = 0 };
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){ .rlim_cur = 100, .rlim_max = before.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    take(place, LOG_STREAM_STDOUT, "kept\n");
    setrlimit(RLIMIT_FSIZE, &small);
    take(place, LOG_STREAM_STDOUT, "this one finds no room any more, for it is too long\n");
    take(place, LOG_STREAM_STDOUT, "12345\n");
    setrlimit(RLIMIT_FSIZE, &before);
    take(place, LOG_STREAM_STDOUT, "room again\n");
    static const struct log_query query = { 0 };
    AUTO_FREE char *output = shown(place, &query, false), *errors = shown(place, &query, true);
    assert_string_equal(output, "kept\nroom again\n");
    assert_non_null(strstr(errors, "58 bytes of output lost"));
}

static void what_is_older_than_since_is_left_out(void **state)
{
    struct place *place = *state;
    static const char lines[] = "2026-01-01T00:00:00.000000000Z stdout F old\n"
                                "2026-01-02T00:00:00.000000000Z stdout F new\n";
    static const struct log_query query = { .since = "2026-01-01T12:00:00.000000000Z",
                                            .timestamps = true };
    assert_int_equal(write_all(place->log.fd, lines, strlen(lines)), 0);
    AUTO_FREE char *output = shown(place, &query, false);
    assert_string_equal(output, "2026-01-02T00:00:00.000000000Z new\n");
}

static void a_line_that_is_no_record_is_passed_over(void **state)
{
    struct place *place = *state;
    static const char *const wrong[] = { "",
                                         " ",
                                         "x",
                                         "time stdout",
                                         "time stdout F",
                                         "time stdxxx F text",
                                         "time stdout X text",
                                         "time stdoutxF text",
                                         "time stdout Ftext" };
    struct log_record record;
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        assert_false(log_record_parse(wrong[i], strlen(wrong[i]), &record));
        assert_int_equal(write_all(place->log.fd, wrong[i], strlen(wrong[i])), 0);
        assert_int_equal(write_all(place->log.fd, "\n", 1), 0);
    }
    take(place, LOG_STREAM_STDOUT, "good\n");
    static const struct log_query query = { 0 };
    AUTO_FREE char *output = shown(place, &query, false);
    assert_string_equal(output, "good\n");
}

static void times_are_read_with_their_zones(void **state)
{
    (void)state;
    assert_int_equal(time_from_text("1970-01-02T00:00:00Z"), 86400);
    assert_int_equal(time_from_text("1970-01-02T00:00:00.5+01:00"), 86400 - 3600);
    assert_int_equal(time_from_text("1970-01-02T00:00:00-00:30"), 86400 + 1800);
    assert_int_equal(time_from_text("1970-01-02"), -1);
    assert_int_equal(time_from_text("10m"), -1);
    assert_int_equal(time_from_text(NULL), -1);
    AUTO_FREE char *now = time_text_now();
    assert_true(time_from_text(now) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_is_a_record_of_the_cri_format, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_come_out_as_they_went_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_of_any_length_is_one_line_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_tail_counts_lines_across_a_rotation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_files_stay_below_their_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(output_without_room_is_counted_and_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_older_than_since_is_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_that_is_no_record_is_passed_over, set_up, tear_down),
        cmocka_unit_test(times_are_read_with_their_zones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
