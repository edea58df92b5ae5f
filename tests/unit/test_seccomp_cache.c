// SPDX-License-Identifier: Apache-2.0
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/checksum.h"
#include "seccomp_cache_fixture.h"

/* ---- what it is for ---- */

static void a_filter_is_compiled_once(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    assert_false(comes_from_cache(fixture));
    assert_int_equal(stat(fixture->directory, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_int_equal(count_entries(fixture->directory), 1);
    assert_true(entry_is_good(fixture));
    assert_true(same(fixture->program->compiled, fixture->expected));
    plant(fixture);
    assert_true(comes_from_cache(fixture));
    assert_int_equal(count_entries(fixture->directory), 1);
}

/* ---- whose it is ---- */

static void an_entry_of_the_same_name_and_another_key_is_not_taken(void **state)
{
    struct fixture *fixture = *state;
    AUTO_ERROR struct error error = { 0 };
    plant(fixture);
    AUTO_CLOSE int fd = open_cache(fixture);
    /* Of the same length and with the same sum, as two keys may have by chance. */
    AUTO_SECCOMP_KEY struct seccomp_key other = key_of(&profile);
    other.bytes[other.length / 2] ^= 1;
    assert_int_equal(seccomp_entry_write(fd, &other, fixture->recognised, &error), 0);
    assert_int_equal(count_entries(fixture->directory), 1);
    assert_false(entry_is_good(fixture));
    assert_false(comes_from_cache(fixture));
    assert_true(entry_is_good(fixture));
}

/* ---- damage ---- */

static void a_change_of_any_byte_is_found(void **state)
{
    struct fixture *fixture = *state;
    size_t length;
    plant(fixture);
    AUTO_FREE char *content = read_entry(fixture, &length);
    assert_true(entry_is_good(fixture));
    for (size_t i = 0; i < length; i++) {
        content[i] ^= (char)(1 << i % 8);
        write_entry(fixture, content, length);
        if (entry_is_good(fixture))
            fail_msg("byte %zu of %zu", i, length);
        content[i] ^= (char)(1 << i % 8);
    }
    write_entry(fixture, content, length);
    assert_true(entry_is_good(fixture));
}

static void a_file_of_any_other_length_is_found(void **state)
{
    struct fixture *fixture = *state;
    size_t length;
    plant(fixture);
    AUTO_FREE char *content = read_entry(fixture, &length);
    content = reallocate(content, length + 4096, 1);
    memset(content + length, 0, 4096);
    for (size_t other = 0; other < length + 64; other++) {
        write_entry(fixture, content, other);
        if (entry_is_good(fixture) != (other == length))
            fail_msg("%zu of %zu bytes", other, length);
    }
}

/* What a crash may leave: the right length, and zeros instead of data. */
static void a_file_whose_end_never_reached_the_disk_is_found(void **state)
{
    struct fixture *fixture = *state;
    size_t length;
    assert_false(comes_from_cache(fixture));
    AUTO_FREE char *content = read_entry(fixture, &length);
    for (size_t good = 0; good < length; good += 512) {
        AUTO_FREE char *torn = allocate(length, 1);
        memcpy(torn, content, good);
        write_entry(fixture, torn, length);
        assert_false(entry_is_good(fixture));
    }
}

static void what_is_damaged_is_compiled_again_and_replaced(void **state)
{
    struct fixture *fixture = *state;
    size_t length;
    plant(fixture);
    AUTO_FREE char *content = read_entry(fixture, &length);
    /* The magic, both lengths, the checksum, the key, the program. */
    const size_t regions[] = { 0, 8, 16, 24, 32 + fixture->key.length / 2, length - 1 };
    for (size_t i = 0; i < ARRAY_LENGTH(regions); i++) {
        plant(fixture);
        assert_true(comes_from_cache(fixture));
        content[regions[i]] ^= 0x10;
        write_entry(fixture, content, length);
        content[regions[i]] ^= 0x10;
        assert_false(comes_from_cache(fixture));
        assert_true(entry_is_good(fixture));
        assert_int_equal(count_entries(fixture->directory), 1);
    }
}

/* Right in all but its size: the kernel's limit, and no program at all. */
static void a_program_of_impossible_size_is_not_taken(void **state)
{
    struct fixture *fixture = *state;
    AUTO_ERROR struct error error = { 0 };
    struct seccomp_compiled *program =
        allocate(1, sizeof(*program) + sizeof(program->instructions[0]));
    plant(fixture);
    AUTO_CLOSE int fd = open_cache(fixture);
    for (size_t count = BPF_MAXINSNS - 1; count <= BPF_MAXINSNS + 1; count++) {
        program->count = count;
        assert_int_equal(seccomp_entry_write(fd, &fixture->key, program, &error), 0);
        assert_true(entry_is_good(fixture) == (count <= BPF_MAXINSNS));
    }
    program->count = 0;
    assert_int_equal(seccomp_entry_write(fd, &fixture->key, program, &error), 0);
    assert_false(entry_is_good(fixture));
    free(program);
}

/* Right in all but that its last instruction is cut. */
static void half_an_instruction_is_not_taken(void **state)
{
    struct fixture *fixture = *state;
    size_t length;
    plant(fixture);
    AUTO_FREE char *content = read_entry(fixture, &length);
    for (uint64_t program = 8; program <= 16; program += 4) {
        content = reallocate(content, length + 8, 1);
        memset(content + length, 0, 8);
        uint64_t sum = checksum(content + length - 8, program, fixture->key.sum ^ program);
        memcpy(content + 16, &program, sizeof(program));
        memcpy(content + 24, &sum, sizeof(sum));
        write_entry(fixture, content, length - 8 + program);
        assert_true(entry_is_good(fixture) == (program % 8 == 0));
    }
}

/* ---- what is not ours ---- */

static void an_entry_that_others_may_have_written_is_not_taken(void **state)
{
    struct fixture *fixture = *state;
    AUTO_FREE char *path = entry_path(fixture);
    AUTO_FREE char *elsewhere = string_format("%s/elsewhere", fixture->base);
    plant(fixture);
    assert_int_equal(chown(path, 65534, 65534), 0);
    assert_false(comes_from_cache(fixture));
    const mode_t modes[] = { 0620, 0602 };
    for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
        plant(fixture);
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_false(comes_from_cache(fixture));
    }
    plant(fixture);
    assert_int_equal(rename(path, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, path), 0);
    assert_false(comes_from_cache(fixture));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    alarm(20);
    assert_false(comes_from_cache(fixture));
    alarm(0);
    plant(fixture);
    assert_true(comes_from_cache(fixture));
}

/* Neither read from nor written to. */
static void assert_left_alone(struct fixture *fixture)
{
    size_t before, after;
    AUTO_FREE char *planted = read_entry(fixture, &before);
    assert_false(comes_from_cache(fixture));
    AUTO_FREE char *found = read_entry(fixture, &after);
    assert_int_equal(before, after);
    assert_memory_equal(planted, found, before);
    assert_int_equal(count_entries(fixture->directory), 1);
}

static void a_directory_that_is_not_ours_alone_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    AUTO_FREE char *elsewhere = string_format("%s/elsewhere", fixture->base);
    plant(fixture);
    assert_int_equal(chown(fixture->directory, 65534, 65534), 0);
    assert_left_alone(fixture);
    assert_int_equal(chown(fixture->directory, geteuid(), getegid()), 0);
    const mode_t modes[] = { 0770, 0750, 0701, 0777, 01777 };
    for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
        assert_int_equal(chmod(fixture->directory, modes[i]), 0);
        assert_left_alone(fixture);
    }
    assert_int_equal(chmod(fixture->directory, 0700), 0);
    assert_true(comes_from_cache(fixture));
    assert_int_equal(rename(fixture->directory, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, fixture->directory), 0);
    assert_left_alone(fixture);
}

static void without_a_directory_there_is_a_filter_all_the_same(void **state)
{
    struct fixture *fixture = *state;
    AUTO_CLOSE int fd = open(fixture->directory, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    assert_true(fd >= 0);
    assert_false(comes_from_cache(fixture)); /* it is a file */
    string_append(&fixture->directory, "%s/missing/@seccomp", fixture->base);
    assert_false(comes_from_cache(fixture));
}

/* ---- file systems that do not want to ---- */

/* A small tmpfs over the directory that holds the cache, in a mount namespace of the child. */
static void mount_small(const struct fixture *fixture)
{
    assert_int_equal(unshare(CLONE_NEWNS), 0);
    assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    assert_int_equal(mount("tmpfs", fixture->base, "tmpfs", 0, "size=16k"), 0);
}

static void in_child(struct fixture *fixture, void (*body)(struct fixture *))
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        body(fixture);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void on_a_full_disk(struct fixture *fixture)
{
    static const char block[4096];
    mount_small(fixture);
    assert_int_equal(mkdir(fixture->directory, 0700), 0);
    AUTO_FREE char *path = string_format("%s/filler", fixture->base);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (write(fd, block, sizeof(block)) > 0)
        ;
    assert_int_equal(errno, ENOSPC);
    assert_false(comes_from_cache(fixture));
    assert_int_equal(count_entries(fixture->directory), 0);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_false(comes_from_cache(fixture));
    assert_int_equal(count_entries(fixture->directory), 1);
}

static void a_full_disk_takes_no_entry_and_does_no_harm(void **state)
{
    in_child(*state, on_a_full_disk);
}

static void on_a_read_only_one(struct fixture *fixture)
{
    mount_small(fixture);
    assert_int_equal(mount(NULL, fixture->base, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    assert_false(comes_from_cache(fixture));
    assert_int_equal(mount(NULL, fixture->base, NULL, MS_REMOUNT, NULL), 0);
    plant(fixture);
    assert_int_equal(mount(NULL, fixture->base, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    assert_true(comes_from_cache(fixture));
}

static void a_read_only_state_root_is_read_and_not_written(void **state)
{
    in_child(*state, on_a_read_only_one);
}

/* ---- many of them ---- */

static void add_old_file(const struct fixture *fixture, int number)
{
    AUTO_FREE char *path = string_format("%s/%016x", fixture->directory, number);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const struct timespec times[] = { { .tv_sec = 1000 + number }, { .tv_sec = 1000 + number } };
    assert_true(fd >= 0);
    assert_int_equal(futimens(fd, times), 0);
}

static bool has_old_file(const struct fixture *fixture, int number)
{
    AUTO_FREE char *path = string_format("%s/%016x", fixture->directory, number);
    return path_exists_at(AT_FDCWD, path);
}

static void above_the_bound_the_oldest_go(void **state)
{
    struct fixture *fixture = *state;
    enum { MORE = SECCOMP_CACHE_ENTRIES + 10 };
    assert_int_equal(mkdir(fixture->directory, 0700), 0);
    for (int i = 0; i < MORE; i++)
        add_old_file(fixture, (i * 31) % MORE); /* not in the order of their age */
    assert_false(comes_from_cache(fixture));
    assert_int_equal(count_entries(fixture->directory), SECCOMP_CACHE_ENTRIES);
    assert_true(entry_is_good(fixture));
    for (int i = 0; i < MORE; i++)
        assert_true(has_old_file(fixture, i) == (i > MORE - SECCOMP_CACHE_ENTRIES));
}

static void write_again_and_again(const struct fixture *fixture)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_CLOSE int fd = open_cache(fixture);
    for (int i = 0; i < 300; i++)
        if (seccomp_entry_write(fd, &fixture->key, fixture->expected, &error) < 0)
            _exit(1);
    _exit(0);
}

static void who_reads_while_others_write_gets_a_whole_program(void **state)
{
    struct fixture *fixture = *state;
    enum { WRITERS = 3 };
    int status, running = WRITERS;
    assert_false(comes_from_cache(fixture));
    for (int i = 0; i < WRITERS; i++)
        if (fork() == 0)
            write_again_and_again(fixture);
    while (running > 0) {
        assert_true(entry_is_good(fixture));
        assert_true(same(fixture->program->compiled, fixture->expected));
        if (waitpid(-1, &status, WNOHANG) > 0) {
            assert_int_equal(status, 0);
            running--;
        }
    }
    assert_int_equal(count_entries(fixture->directory), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_filter_is_compiled_once),
        TEST(an_entry_of_the_same_name_and_another_key_is_not_taken),
        TEST(a_change_of_any_byte_is_found),
        TEST(a_file_of_any_other_length_is_found),
        TEST(a_file_whose_end_never_reached_the_disk_is_found),
        TEST(what_is_damaged_is_compiled_again_and_replaced),
        TEST(a_program_of_impossible_size_is_not_taken),
        TEST(half_an_instruction_is_not_taken),
        TEST(an_entry_that_others_may_have_written_is_not_taken),
        TEST(a_directory_that_is_not_ours_alone_is_left_alone),
        TEST(without_a_directory_there_is_a_filter_all_the_same),
        TEST(a_full_disk_takes_no_entry_and_does_no_harm),
        TEST(a_read_only_state_root_is_read_and_not_written),
        TEST(above_the_bound_the_oldest_go),
        TEST(who_reads_while_others_write_gets_a_whole_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
