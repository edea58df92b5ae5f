// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/string.h"
#include "block/block.h"
#include "in_child.h"

#define DISK_SIZE (1u << 20)

static const struct log quiet = { .level = LOG_LEVEL_ERROR, .fd = STDERR_FILENO };

struct fixture {
    char directory[32], path[48];
    uint8_t *expected; /* what the disk is to hold */
    uint8_t *bytes;
};

static uint8_t pattern(uint64_t offset)
{
    return (uint8_t)((offset / 512) * 37 + offset * 11 + 1);
}

static void write_image(const struct fixture *fixture, const uint8_t *bytes, size_t size)
{
    AUTO_CLOSE int fd = open(fixture->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write_all(fd, bytes, size), 0);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    strcpy(fixture->directory, "/tmp/openvirt-block-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    snprintf(fixture->path, sizeof(fixture->path), "%s/disk", fixture->directory);
    fixture->expected = malloc(DISK_SIZE);
    fixture->bytes = malloc(DISK_SIZE);
    for (uint64_t i = 0; i < DISK_SIZE; i++)
        fixture->expected[i] = pattern(i);
    write_image(fixture, fixture->expected, DISK_SIZE);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    AUTO_ERROR struct error error = { 0 };
    assert_int_equal(remove_tree_at(AT_FDCWD, fixture->directory, &error), 0);
    free(fixture->expected);
    free(fixture->bytes);
    free(fixture);
    return 0;
}

/* -- Requests -- */

struct tracked {
    struct block_request request;
    struct slice slices[4];
    int status;
    unsigned done;
};

static void note_done(struct block_request *request, int status)
{
    struct tracked *tracked = request->context;
    tracked->status = status;
    tracked->done++;
}

static void submit(struct platform_block *block, struct tracked *tracked,
                   enum block_operation operation, uint64_t offset, uint8_t *bytes, uint64_t length)
{
    bool data = operation == BLOCK_READ || operation == BLOCK_WRITE;
    size_t part = length / 3;
    *tracked = (struct tracked){ .slices = { { bytes, part },
                                             { bytes + part, 0 },
                                             { bytes + part, part },
                                             { bytes + 2 * part, length - 2 * part } } };
    tracked->request = (struct block_request){ .operation = operation,
                                               .offset = offset,
                                               .length = length,
                                               .slices = tracked->slices,
                                               .slice_count = data ? 4 : 0,
                                               .done = note_done,
                                               .context = tracked };
    platform_block_submit(block, &tracked->request);
}

static int perform(struct platform_block *block, enum block_operation operation, uint64_t offset,
                   uint8_t *bytes, uint64_t length)
{
    struct tracked tracked;
    submit(block, &tracked, operation, offset, bytes, length);
    struct pollfd event = { .fd = block_event_fd(block), .events = POLLIN };
    while (!tracked.done) {
        assert_int_equal(poll(&event, 1, 10000), 1);
        block_complete(block);
    }
    assert_int_equal(tracked.done, 1);
    return tracked.status;
}

static void assert_disk(struct platform_block *block, struct fixture *fixture)
{
    memset(fixture->bytes, 0xee, DISK_SIZE);
    assert_int_equal(perform(block, BLOCK_READ, 0, fixture->bytes, DISK_SIZE), 0);
    assert_memory_equal(fixture->bytes, fixture->expected, DISK_SIZE);
}

static void assert_file(struct fixture *fixture)
{
    AUTO_CLOSE int fd = open(fixture->path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read_all(fd, fixture->bytes, DISK_SIZE), DISK_SIZE);
    assert_memory_equal(fixture->bytes, fixture->expected, DISK_SIZE);
}

static struct platform_block *open_disk(const struct fixture *fixture, enum block_engine engine,
                                        bool overlay, bool read_only)
{
    AUTO_ERROR struct error error = { 0 };
    const struct block_options options = {
        .path = fixture->path,
        .serial = "a-serial-number-that-is-too-long",
        .read_only = read_only,
        .overlay_directory = overlay ? fixture->directory : NULL,
        .engine = engine,
        .log = &quiet,
    };
    struct platform_block *block = block_open(&options, &error);
    if (!block)
        fail_msg("%s", error.message);
    return block;
}

/* Not in the page cache: what reads it goes through the engine. */
static void forget_cache(const struct fixture *fixture)
{
    AUTO_CLOSE int fd = open(fixture->path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(fsync(fd), 0);
    assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
}

/* Every engine, and the overlay over each. */
static const struct {
    enum block_engine engine;
    bool overlay;
} kinds[] = { { BLOCK_ENGINE_IO_URING, false },
              { BLOCK_ENGINE_THREAD, false },
              { BLOCK_ENGINE_IO_URING, true },
              { BLOCK_ENGINE_THREAD, true } };

#define FOR_EACH_KIND(kind) for (unsigned kind = 0; kind < ARRAY_LENGTH(kinds); kind++)

static struct platform_block *open_kind(const struct fixture *fixture, unsigned kind)
{
    return open_disk(fixture, kinds[kind].engine, kinds[kind].overlay, false);
}

static void a_disk_says_what_it_is(void **state)
{
    struct fixture *fixture = *state;
    FOR_EACH_KIND(kind)
    {
        struct platform_block *block = open_kind(fixture, kind);
        assert_int_equal(platform_block_size(block), DISK_SIZE);
        assert_false(platform_block_read_only(block));
        assert_string_equal(platform_block_serial(block), "a-serial-number-that");
        assert_string_equal(block_engine_name(block),
                            kinds[kind].engine == BLOCK_ENGINE_THREAD ? "thread" : "io_uring");
        block_close(block);
    }
}

static void what_was_never_read_is_read(void **state)
{
    struct fixture *fixture = *state;
    FOR_EACH_KIND(kind)
    {
        struct platform_block *block = open_kind(fixture, kind);
        forget_cache(fixture);
        assert_disk(block, fixture);
        assert_disk(block, fixture);
        block_close(block);
    }
}

static void what_the_page_cache_holds_is_read_at_once(void **state)
{
    struct fixture *fixture = *state;
    FOR_EACH_KIND(kind)
    {
        struct platform_block *block = open_kind(fixture, kind);
        assert_disk(block, fixture);
        struct tracked tracked;
        submit(block, &tracked, BLOCK_READ, 512, fixture->bytes, 4096);
        assert_int_equal(tracked.done, 1);
        assert_memory_equal(fixture->bytes, fixture->expected + 512, 4096);
        block_close(block);
    }
}

/* Writes, zeroes and reads at random, against a copy in memory. */
static void what_is_written_is_read_again(void **state)
{
    struct fixture *fixture = *state;
    FOR_EACH_KIND(kind)
    {
        struct platform_block *block = open_kind(fixture, kind);
        uint64_t seed = 42 + kind;
        for (unsigned i = 0; i < 400; i++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
            uint64_t offset = (seed >> 33) % (DISK_SIZE / 512) * 512;
            uint64_t length = ((seed >> 20) % 40 + 1) * 512;
            if (length > DISK_SIZE - offset)
                length = DISK_SIZE - offset;
            if (i % 5 == 4) {
                memset(fixture->expected + offset, 0, length);
                assert_int_equal(perform(block, BLOCK_WRITE_ZEROES, offset, NULL, length), 0);
                continue;
            }
            memset(fixture->expected + offset, (int)i, length);
            memcpy(fixture->bytes, fixture->expected + offset, length);
            assert_int_equal(perform(block, BLOCK_WRITE, offset, fixture->bytes, length), 0);
            assert_int_equal(perform(block, BLOCK_READ, offset, fixture->bytes, length), 0);
            assert_memory_equal(fixture->bytes, fixture->expected + offset, length);
        }
        assert_int_equal(perform(block, BLOCK_FLUSH, 0, NULL, 0), 0);
        assert_disk(block, fixture);
        block_close(block);
        if (!kinds[kind].overlay) {
            assert_file(fixture);
            continue;
        }
        for (uint64_t j = 0; j < DISK_SIZE; j++) /* the next kind begins with it */
            fixture->expected[j] = pattern(j);
        write_image(fixture, fixture->expected, DISK_SIZE);
    }
}

static void an_overlay_leaves_the_image_alone(void **state)
{
    struct fixture *fixture = *state;
    struct platform_block *block = open_disk(fixture, BLOCK_ENGINE_AUTO, true, false);
    struct platform_block *other = open_disk(fixture, BLOCK_ENGINE_AUTO, true, false);
    uint8_t sector[512];
    memset(sector, 0xaa, sizeof(sector));
    for (uint64_t offset = 1024; offset < DISK_SIZE; offset += 10240)
        assert_int_equal(perform(block, BLOCK_WRITE, offset, sector, sizeof(sector)), 0);
    assert_int_equal(perform(block, BLOCK_WRITE_ZEROES, 4096, NULL, 65536), 0);
    assert_disk(other, fixture);
    block_close(block);
    block_close(other);
    assert_file(fixture);
}

static void many_requests_at_once_all_come_back(void **state)
{
    struct fixture *fixture = *state;
    static struct tracked tracked[500];
    FOR_EACH_KIND(kind)
    {
        struct platform_block *block = open_kind(fixture, kind);
        forget_cache(fixture);
        for (unsigned i = 0; i < ARRAY_LENGTH(tracked); i++)
            submit(block, &tracked[i], i & 1 ? BLOCK_WRITE : BLOCK_READ, 1024 * i,
                   fixture->bytes + 1024 * i, 1024);
        block_drain(block);
        for (unsigned i = 0; i < ARRAY_LENGTH(tracked); i++) {
            assert_int_equal(tracked[i].done, 1);
            assert_int_equal(tracked[i].status, 0);
            if (!(i & 1))
                assert_memory_equal(fixture->bytes + 1024 * i, fixture->expected + 1024 * i, 1024);
        }
        block_close(block);
        write_image(fixture, fixture->expected, DISK_SIZE);
    }
}

static void closing_waits_for_what_is_under_way(void **state)
{
    struct fixture *fixture = *state;
    static struct tracked tracked[100];
    FOR_EACH_KIND(kind)
    {
        struct platform_block *block = open_kind(fixture, kind);
        forget_cache(fixture);
        for (unsigned i = 0; i < ARRAY_LENGTH(tracked); i++)
            submit(block, &tracked[i], BLOCK_WRITE, 8192 * i, fixture->expected + 8192 * i, 8192);
        block_close(block);
        for (unsigned i = 0; i < ARRAY_LENGTH(tracked); i++)
            assert_int_equal(tracked[i].done, 0);
    }
}

static void a_disk_opened_to_read_takes_no_writes(void **state)
{
    struct fixture *fixture = *state;
    struct platform_block *block = open_disk(fixture, BLOCK_ENGINE_AUTO, true, true);
    assert_true(platform_block_read_only(block));
    assert_int_equal(perform(block, BLOCK_WRITE, 0, fixture->bytes, 512), -EROFS);
    assert_int_equal(perform(block, BLOCK_DISCARD, 0, NULL, 512), -EROFS);
    assert_int_equal(perform(block, BLOCK_WRITE_ZEROES, 0, NULL, 512), -EROFS);
    assert_int_equal(perform(block, BLOCK_FLUSH, 0, NULL, 0), 0);
    assert_disk(block, fixture);
    block_close(block);
    assert_file(fixture);
}

static void extents_beyond_the_end_are_refused(void **state)
{
    struct fixture *fixture = *state;
    FOR_EACH_KIND(kind)
    {
        struct platform_block *block = open_kind(fixture, kind);
        assert_int_equal(perform(block, BLOCK_READ, DISK_SIZE, fixture->bytes, 512), -EINVAL);
        assert_int_equal(perform(block, BLOCK_WRITE, DISK_SIZE - 512, fixture->bytes, 1024),
                         -EINVAL);
        assert_int_equal(perform(block, BLOCK_DISCARD, UINT64_MAX - 511, NULL, 1024), -EINVAL);
        assert_int_equal(perform(block, BLOCK_READ, DISK_SIZE, fixture->bytes, 0), 0);
        block_close(block);
    }
}

static void discarded_storage_is_given_back(void **state)
{
    struct fixture *fixture = *state;
    struct stat before, after;
    assert_int_equal(stat(fixture->path, &before), 0);
    struct platform_block *block = open_disk(fixture, BLOCK_ENGINE_AUTO, false, false);
    assert_int_equal(perform(block, BLOCK_DISCARD, 65536, NULL, 524288), 0);
    assert_int_equal(perform(block, BLOCK_FLUSH, 0, NULL, 0), 0);
    block_close(block);
    assert_int_equal(stat(fixture->path, &after), 0);
    assert_int_equal(after.st_size, before.st_size);
    assert_true(after.st_blocks <= before.st_blocks - 1000);
}

static void a_discarded_part_of_an_overlay_reads_as_zeroes(void **state)
{
    struct fixture *fixture = *state;
    struct platform_block *block = open_disk(fixture, BLOCK_ENGINE_AUTO, true, false);
    assert_int_equal(perform(block, BLOCK_DISCARD, 512, NULL, 3 * 4096), 0);
    memset(fixture->expected + 4096, 0, 2 * 4096); /* whole clusters only */
    assert_disk(block, fixture);
    block_close(block);
}

static void the_last_sector_may_be_cut_short(void **state)
{
    struct fixture *fixture = *state;
    uint8_t bytes[1024], expected[1024] = { 0 };
    memcpy(expected, fixture->expected, 700);
    FOR_EACH_KIND(kind)
    {
        write_image(fixture, fixture->expected, 700);
        struct platform_block *block = open_kind(fixture, kind);
        assert_int_equal(platform_block_size(block), 1024);
        forget_cache(fixture);
        for (unsigned i = 0; i < 2; i++) {
            memset(bytes, 0xff, sizeof(bytes));
            assert_int_equal(perform(block, BLOCK_READ, 0, bytes, 1024), 0);
            assert_memory_equal(bytes, expected, 1024);
        }
        memset(bytes, 0x31, sizeof(bytes));
        assert_int_equal(perform(block, BLOCK_WRITE, 512, bytes, 512), 0);
        assert_int_equal(perform(block, BLOCK_READ, 0, bytes, 1024), 0);
        assert_memory_equal(bytes, expected, 512);
        assert_int_equal(bytes[512], 0x31);
        assert_int_equal(bytes[1023], 0x31);
        block_close(block);
    }
}

static void refuse(const struct fixture *fixture, bool overlay, bool read_only, const char *text)
{
    AUTO_ERROR struct error error = { 0 };
    const struct block_options options = { .path = fixture->path,
                                           .read_only = read_only,
                                           .overlay_directory = overlay ? fixture->directory : NULL,
                                           .log = &quiet };
    assert_null(block_open(&options, &error));
    assert_non_null(error.message);
    if (!strstr(error.message, text))
        fail_msg("'%s' lacks '%s'", error.message, text);
}

static void an_image_has_one_writer_or_many_readers(void **state)
{
    struct fixture *fixture = *state;
    struct platform_block *writer = open_disk(fixture, BLOCK_ENGINE_AUTO, false, false);
    refuse(fixture, false, false, "in use by another machine");
    refuse(fixture, false, true, "in use by another machine");
    refuse(fixture, true, false, "in use by another machine");
    block_close(writer);
    struct platform_block *reader = open_disk(fixture, BLOCK_ENGINE_AUTO, false, true);
    struct platform_block *overlay = open_disk(fixture, BLOCK_ENGINE_AUTO, true, false);
    refuse(fixture, false, false, "in use by another machine");
    block_close(reader);
    refuse(fixture, false, false, "in use by another machine");
    block_close(overlay);
    block_close(open_disk(fixture, BLOCK_ENGINE_AUTO, false, false));
}

static void what_is_no_disk_is_refused(void **state)
{
    struct fixture *fixture = *state;
    write_image(fixture, NULL, 0);
    refuse(fixture, false, false, "it is empty");
    assert_int_equal(unlink(fixture->path), 0);
    refuse(fixture, false, false, "No such file");
    assert_int_equal(mkfifo(fixture->path, 0600), 0);
    refuse(fixture, false, true, "neither a file nor a block device");
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(mkdir(fixture->path, 0700), 0);
    refuse(fixture, false, true, "neither a file nor a block device");
    refuse(fixture, false, false, "Is a directory");
}

static void an_overlay_has_no_name(void **state)
{
    struct fixture *fixture = *state;
    struct platform_block *block = open_disk(fixture, BLOCK_ENGINE_AUTO, true, false);
    AUTO_CLOSEDIR DIR *directory = opendir(fixture->directory);
    unsigned count = 0;
    while (readdir(directory))
        count++;
    assert_int_equal(count, 3); /* ., .., disk */
    block_close(block);
}

/* A limit on the size of files stands in for a full file system: errors, told once, no signal. */
static void a_write_that_fails_is_an_error_to_the_guest(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit before, limit;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    FOR_EACH_KIND(kind)
    {
        struct platform_block *block = open_kind(fixture, kind);
        limit = (struct rlimit){ 65536, before.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        int inside = perform(block, BLOCK_WRITE, 0, fixture->expected, 4096);
        int outside = perform(block, BLOCK_WRITE, 131072, fixture->expected, 4096);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(inside, 0);
        assert_int_equal(outside, -EFBIG);
        block_close(block);
        write_image(fixture, fixture->expected, DISK_SIZE);
    }
}

/* In a mount namespace of its own: a file system of 1 MiB. What the guest writes beyond it fails,
 * the rest of the disk stays as it is, and people are told once. */
static int fill_file_system(FILE *out, void *context)
{
    struct fixture *fixture = context;
    int ends[2];
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", "/mnt", "tmpfs", 0, "size=1m") < 0 || pipe(ends) < 0) {
        fprintf(out, "skip: %s\n", strerror(errno));
        return 0;
    }
    const struct log log = { .level = LOG_LEVEL_ERROR, .fd = ends[1] };
    AUTO_ERROR struct error error = { 0 };
    const struct block_options options = { .path = fixture->path,
                                           .overlay_directory = "/mnt",
                                           .log = &log };
    /* The image is as large as the file system, which needs some of it for itself. */
    AUTO_CLOSE int image = open(fixture->path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(image, 2 * DISK_SIZE), 0);
    struct platform_block *block = block_open(&options, &error);
    if (!block)
        fail_msg("%s", error.message);
    unsigned failed = 0;
    for (uint64_t offset = 0; offset < 2 * DISK_SIZE; offset += 65536) {
        int status = perform(block, BLOCK_WRITE, offset, fixture->expected, 65536);
        assert_true(status == 0 || status == -ENOSPC);
        failed += status < 0;
    }
    fprintf(out, "%s\n", failed > 10 && failed < 32 ? "full" : "not full");
    assert_int_equal(perform(block, BLOCK_READ, 0, fixture->bytes, 65536), 0);
    assert_memory_equal(fixture->bytes, fixture->expected, 65536);
    block_close(block);
    close(ends[1]);
    char text[4096] = { 0 };
    read_all(ends[0], text, sizeof(text) - 1);
    for (const char *line = text; (line = strstr(line, "no space left")); line++)
        fprintf(out, "told\n");
    return 0;
}

static void a_full_file_system_is_an_error_to_the_guest_and_told_once(void **state)
{
    AUTO_FREE char *text = in_child(fill_file_system, *state);
    if (strncmp(text, "skip", 4) == 0) {
        print_message("%s", text);
        skip();
    }
    assert_string_equal(text, "full\ntold\n");
}

#define BLOCK_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BLOCK_TEST(a_disk_says_what_it_is),
        BLOCK_TEST(what_was_never_read_is_read),
        BLOCK_TEST(what_the_page_cache_holds_is_read_at_once),
        BLOCK_TEST(what_is_written_is_read_again),
        BLOCK_TEST(an_overlay_leaves_the_image_alone),
        BLOCK_TEST(many_requests_at_once_all_come_back),
        BLOCK_TEST(closing_waits_for_what_is_under_way),
        BLOCK_TEST(a_disk_opened_to_read_takes_no_writes),
        BLOCK_TEST(extents_beyond_the_end_are_refused),
        BLOCK_TEST(discarded_storage_is_given_back),
        BLOCK_TEST(a_discarded_part_of_an_overlay_reads_as_zeroes),
        BLOCK_TEST(the_last_sector_may_be_cut_short),
        BLOCK_TEST(an_image_has_one_writer_or_many_readers),
        BLOCK_TEST(what_is_no_disk_is_refused),
        BLOCK_TEST(an_overlay_has_no_name),
        BLOCK_TEST(a_write_that_fails_is_an_error_to_the_guest),
        BLOCK_TEST(a_full_file_system_is_an_error_to_the_guest_and_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
