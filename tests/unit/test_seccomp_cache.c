// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/io.h"
#include "base/string.h"
#include "container/seccomp_cache.h"
#include "container/seccomp_entry.h"

#define NAMES(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static const struct spec_seccomp_argument equals_5[] = {
    { .index = 1, .value = 5, .value_two = 7, .op = SPEC_SECCOMP_EQ }
};
static const struct spec_seccomp_rule rules[] = {
    { .names = NAMES("keyctl", "umask"),
      .action = SPEC_SECCOMP_ERRNO,
      .errno_return = { true, ENOSYS },
      .arguments = equals_5,
      .argument_count = 1 },
    { .names = NAMES("sync"), .action = SPEC_SECCOMP_LOG },
};
static const struct spec_seccomp profile = {
    .default_action = SPEC_SECCOMP_ALLOW,
    .architectures = NAMES("SCMP_ARCH_X86_64"),
    .rules = rules,
    .rule_count = ARRAY_LENGTH(rules),
};

/* ---- a cache in a directory of the test, and what its owner can see of it ---- */

struct fixture {
    char base[32];
    char *directory;
    struct seccomp_key key;              /* of the profile */
    struct seccomp_program *program;     /* what the last compile() gave */
    struct seccomp_compiled *expected;   /* what libseccomp makes of the profile */
    struct seccomp_compiled *recognised; /* a program that can only come from the cache */
    struct log log;
};

static void empty(struct seccomp_program *program)
{
    memset(program->compiled, 0, sizeof(*program->compiled));
}

static bool same(const struct seccomp_compiled *a, const struct seccomp_compiled *b)
{
    return a->count == b->count &&
           memcmp(a->instructions, b->instructions, a->count * sizeof(a->instructions[0])) == 0;
}

static int set_up(void **state)
{
    AUTO_ERROR struct error error = { 0 };
    struct fixture *fixture = allocate(1, sizeof(*fixture));
    strcpy(fixture->base, "/tmp/seccomp.XXXXXX");
    assert_non_null(mkdtemp(fixture->base));
    fixture->directory = string_format("%s/@seccomp", fixture->base);
    fixture->log = (struct log){ .level = LOG_LEVEL_INFO, .fd = memfd_create("log", 0) };
    fixture->program = seccomp_program_new(&profile, &error);
    assert_int_equal(seccomp_compile(&profile, fixture->program, &fixture->log, &error), 0);
    fixture->expected = allocate(1, sizeof(*fixture->expected));
    memcpy(fixture->expected, fixture->program->compiled, sizeof(*fixture->expected));
    fixture->recognised = allocate(1, sizeof(*fixture->recognised));
    fixture->recognised->count = 1;
    fixture->recognised->instructions[0] =
        (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 77);
    assert_int_equal(seccomp_key_make(&profile, &fixture->key, &error), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    AUTO_ERROR struct error error = { 0 };
    struct fixture *fixture = *state;
    assert_int_equal(remove_tree_at(AT_FDCWD, fixture->base, &error), 0);
    close(fixture->log.fd);
    free(fixture->directory);
    free(fixture->expected);
    free(fixture->recognised);
    seccomp_key_free(&fixture->key);
    seccomp_program_free(fixture->program);
    free(fixture);
    return 0;
}

/* Whatever is wrong with the cache, there is a program, and no word below debugging. */
static void compile(struct fixture *fixture)
{
    AUTO_ERROR struct error error = { 0 };
    empty(fixture->program);
    assert_int_equal(seccomp_cache_compile(fixture->directory, &profile, fixture->program,
                                           &fixture->log, &error),
                     0);
    assert_null(error.message);
    assert_int_equal(lseek(fixture->log.fd, 0, SEEK_END), 0);
}

static bool comes_from_cache(struct fixture *fixture)
{
    compile(fixture);
    if (same(fixture->program->compiled, fixture->recognised))
        return true;
    assert_true(same(fixture->program->compiled, fixture->expected));
    return false;
}

static int open_cache(const struct fixture *fixture)
{
    int fd = open(fixture->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* Put the program that is recognised into the cache, as an entry for the profile. */
static void plant(const struct fixture *fixture)
{
    AUTO_ERROR struct error error = { 0 };
    assert_true(mkdir(fixture->directory, 0700) == 0 || errno == EEXIST);
    AUTO_CLOSE int fd = open_cache(fixture);
    if (seccomp_entry_write(fd, &fixture->key, fixture->recognised, &error) < 0)
        fail_msg("%s", error.message);
}

static size_t count_entries(const char *directory)
{
    size_t count = 0;
    AUTO_CLOSEDIR DIR *entries = opendir(directory);
    assert_non_null(entries);
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries))
        count += entry->d_type == DT_REG;
    return count;
}

static char *entry_path(const struct fixture *fixture)
{
    return string_format("%s/%016lx", fixture->directory, fixture->key.sum);
}

static char *read_entry(const struct fixture *fixture, size_t *length)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *path = entry_path(fixture);
    char *content = read_file_at(AT_FDCWD, path, 1 << 20, length, &error);
    assert_non_null(content);
    return content;
}

static void write_entry(const struct fixture *fixture, const void *content, size_t length)
{
    AUTO_FREE char *path = entry_path(fixture);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write_all(fd, content, length), 0);
}

static bool entry_is_good(const struct fixture *fixture)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_CLOSE int fd = open_cache(fixture);
    empty(fixture->program);
    if (seccomp_entry_read(fd, &fixture->key, fixture->program->compiled, &error) == 0)
        return true;
    assert_non_null(error.message);
    assert_int_equal(fixture->program->compiled->count, 0); /* so it can never be loaded */
    return false;
}

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

/* ---- the key ---- */

static struct seccomp_key key_of(const struct spec_seccomp *seccomp)
{
    AUTO_ERROR struct error error = { 0 };
    struct seccomp_key key;
    assert_int_equal(seccomp_key_make(seccomp, &key, &error), 0);
    assert_int_equal(key.length % 8, 0);
    return key;
}

static bool equal_keys(const struct spec_seccomp *a, const struct spec_seccomp *b)
{
    AUTO_SECCOMP_KEY struct seccomp_key first = key_of(a), second = key_of(b);
    bool equal =
        first.length == second.length && memcmp(first.bytes, second.bytes, first.length) == 0;
    assert_true(equal == (first.sum == second.sum));
    return equal;
}

/* At file scope, where such lists live for ever. */
static const char *const *const no_list = NAMES(NULL);
static const char *const *const x86 = NAMES("SCMP_ARCH_X86");
static const char *const *const both = NAMES("SCMP_ARCH_X86_64", "SCMP_ARCH_X86");
static const char *const *const other_name = NAMES("syncfs");
static const char *const *const sync_twice = NAMES("sync", "sync");
static const char *const *const joined = NAMES("keyctlumask");
static const char *const *const split_elsewhere = NAMES("key", "ctlumask");

/* The profile with one thing changed. */
enum { VARIANTS = 20 };
struct variants {
    struct spec_seccomp seccomp[VARIANTS];
    struct spec_seccomp_rule rules[VARIANTS][3];
    struct spec_seccomp_argument arguments[VARIANTS][2];
};

static struct variants *make_variants(void)
{
    struct variants *all = allocate(1, sizeof(*all));
    for (size_t i = 0; i < VARIANTS; i++) {
        memcpy(all->rules[i], rules, sizeof(rules));
        memcpy(all->arguments[i], equals_5, sizeof(equals_5));
        all->rules[i][0].arguments = all->arguments[i];
        all->seccomp[i] = profile;
        all->seccomp[i].rules = all->rules[i];
    }
    size_t i = 1;
    all->seccomp[i++].default_action = SPEC_SECCOMP_LOG;
    all->seccomp[i++].default_errno_return = (struct spec_u32){ true, 0 };
    all->seccomp[i++].default_errno_return = (struct spec_u32){ true, 1 };
    all->seccomp[i++].architectures = NULL;
    all->seccomp[i++].architectures = x86;
    all->seccomp[i++].architectures = both;
    all->seccomp[i++].rule_count = 1;
    all->rules[i++][1].names = other_name;
    all->rules[i++][0].names = joined;
    all->rules[i++][0].names = split_elsewhere;
    all->rules[i++][1].action = SPEC_SECCOMP_TRAP;
    all->rules[i++][0].errno_return = (struct spec_u32){ false, ENOSYS };
    all->rules[i++][0].errno_return = (struct spec_u32){ true, EPERM };
    all->rules[i++][0].argument_count = 0;
    all->arguments[i++][0].index = 2;
    all->arguments[i++][0].value = 5 | 1UL << 40;
    all->arguments[i++][0].value_two = 8;
    all->arguments[i++][0].op = SPEC_SECCOMP_NE;
    all->rules[i++][1] =
        (struct spec_seccomp_rule){ .names = sync_twice, .action = SPEC_SECCOMP_LOG };
    assert_int_equal(i, VARIANTS);
    return all;
}

static void each_member_of_a_filter_makes_another_key(void **state)
{
    (void)state;
    AUTO_FREE struct variants *all = make_variants();
    assert_true(equal_keys(&all->seccomp[0], &profile));
    for (size_t a = 0; a < VARIANTS; a++)
        for (size_t b = 0; b < a; b++)
            if (equal_keys(&all->seccomp[a], &all->seccomp[b]))
                fail_msg("variants %zu and %zu have the same key", a, b);
}

static void what_is_no_part_of_the_program_is_none_of_the_key(void **state)
{
    (void)state;
    struct spec_seccomp other = profile;
    other.flag_log = other.flag_tsync = other.flag_spec_allow = true;
    other.flag_wait_killable_recv = true;
    other.listener_path = "/run/agent";
    other.listener_metadata = "words";
    assert_true(equal_keys(&other, &profile));
    struct spec_seccomp none = profile, empty_list = profile;
    none.architectures = NULL;
    empty_list.architectures = no_list;
    assert_true(equal_keys(&none, &empty_list));
}

static void the_program_of_another_filter_is_never_taken(void **state)
{
    struct fixture *fixture = *state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE struct variants *all = make_variants();
    plant(fixture);
    for (size_t i = 1; i < VARIANTS; i++) {
        empty(fixture->program);
        assert_int_equal(seccomp_cache_compile(fixture->directory, &all->seccomp[i],
                                               fixture->program, &fixture->log, &error),
                         0);
        assert_false(same(fixture->program->compiled, fixture->recognised));
    }
    assert_int_equal(count_entries(fixture->directory), VARIANTS);
    assert_true(comes_from_cache(fixture));
}

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

/* ---- the sum ---- */

static void a_change_of_any_word_changes_the_sum(void **state)
{
    (void)state;
    uint64_t words[8] = { 1, 2, 3 };
    uint64_t sum = checksum(words, sizeof(words), 0);
    assert_true(sum != checksum(words, sizeof(words) - 8, 0));
    assert_true(sum != checksum(words, sizeof(words), 1));
    for (size_t bit = 0; bit < 64 * ARRAY_LENGTH(words); bit++) {
        words[bit / 64] ^= 1UL << bit % 64;
        assert_true(sum != checksum(words, sizeof(words), 0));
        words[bit / 64] ^= 1UL << bit % 64;
    }
    assert_true(sum == checksum(words, sizeof(words), 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_filter_is_compiled_once),
        cmocka_unit_test(each_member_of_a_filter_makes_another_key),
        cmocka_unit_test(what_is_no_part_of_the_program_is_none_of_the_key),
        TEST(the_program_of_another_filter_is_never_taken),
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
        cmocka_unit_test(a_change_of_any_word_changes_the_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
