// SPDX-License-Identifier: Apache-2.0
/*
 * A cache of compiled filters in a directory of the test, and a program to be planted there that
 * libseccomp would never make: who finds it has it from the cache.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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

struct fixture {
    char base[32];
    char *directory;
    struct seccomp_key key;              /* of the profile */
    struct seccomp_program *program;     /* what the last compile() gave */
    struct seccomp_compiled *expected;   /* what libseccomp makes of the profile */
    struct seccomp_compiled *recognised; /* a program that can only come from the cache */
    struct log log;
};

static inline void empty(struct seccomp_program *program)
{
    memset(program->compiled, 0, sizeof(*program->compiled));
}

static inline bool same(const struct seccomp_compiled *a, const struct seccomp_compiled *b)
{
    return a->count == b->count &&
           memcmp(a->instructions, b->instructions, a->count * sizeof(a->instructions[0])) == 0;
}

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
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
static inline void compile(struct fixture *fixture)
{
    AUTO_ERROR struct error error = { 0 };
    empty(fixture->program);
    assert_int_equal(seccomp_cache_compile(fixture->directory, &profile, fixture->program,
                                           &fixture->log, &error),
                     0);
    assert_null(error.message);
    assert_int_equal(lseek(fixture->log.fd, 0, SEEK_END), 0);
}

static inline bool comes_from_cache(struct fixture *fixture)
{
    compile(fixture);
    if (same(fixture->program->compiled, fixture->recognised))
        return true;
    assert_true(same(fixture->program->compiled, fixture->expected));
    return false;
}

static inline int open_cache(const struct fixture *fixture)
{
    int fd = open(fixture->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* Put the program that is recognised into the cache, as an entry for the profile. */
static inline void plant(const struct fixture *fixture)
{
    AUTO_ERROR struct error error = { 0 };
    assert_true(mkdir(fixture->directory, 0700) == 0 || errno == EEXIST);
    AUTO_CLOSE int fd = open_cache(fixture);
    if (seccomp_entry_write(fd, &fixture->key, fixture->recognised, &error) < 0)
        fail_msg("%s", error.message);
}

static inline size_t count_entries(const char *directory)
{
    size_t count = 0;
    AUTO_CLOSEDIR DIR *entries = opendir(directory);
    assert_non_null(entries);
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries))
        count += entry->d_type == DT_REG;
    return count;
}

static inline char *entry_path(const struct fixture *fixture)
{
    return string_format("%s/%016lx", fixture->directory, fixture->key.sum);
}

static inline char *read_entry(const struct fixture *fixture, size_t *length)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *path = entry_path(fixture);
    char *content = read_file_at(AT_FDCWD, path, 1 << 20, length, &error);
    assert_non_null(content);
    return content;
}

static inline void write_entry(const struct fixture *fixture, const void *content, size_t length)
{
    AUTO_FREE char *path = entry_path(fixture);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write_all(fd, content, length), 0);
}

static inline bool entry_is_good(const struct fixture *fixture)
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

static inline struct seccomp_key key_of(const struct spec_seccomp *seccomp)
{
    AUTO_ERROR struct error error = { 0 };
    struct seccomp_key key;
    assert_int_equal(seccomp_key_make(seccomp, &key, &error), 0);
    assert_int_equal(key.length % 8, 0);
    return key;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
