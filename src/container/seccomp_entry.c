// SPDX-License-Identifier: Apache-2.0
#include "container/seccomp_entry.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/io.h"
#include "base/string.h"

/* Its last byte is the version of the format. */
static const char magic[8] = { 'O', 'V', 'F', 'I', 'L', 'T', 'E', 1 };

struct header {
    char magic[8];
    uint64_t key_length, program_length, checksum;
};

struct entry_name {
    char text[32];
};

static struct entry_name name_of(const struct seccomp_key *key)
{
    struct entry_name name;
    snprintf(name.text, sizeof(name.text), "%016" PRIx64, key->sum);
    return name;
}

static struct header header_of(const struct seccomp_key *key, const void *program, size_t length)
{
    struct header header = { .key_length = key->length,
                             .program_length = length,
                             .checksum = checksum(program, length, key->sum ^ length) };
    memcpy(header.magic, magic, sizeof(magic));
    return header;
}

/* The length of the program in a file of ours that can hold this key; 0: it is no such file. */
static size_t program_length(const struct stat *status, const struct seccomp_key *key)
{
    size_t before = sizeof(struct header) + key->length;
    if (status->st_uid != geteuid() || (status->st_mode & (S_IWGRP | S_IWOTH)) ||
        (size_t)status->st_size < before)
        return 0;
    size_t length = (size_t)status->st_size - before;
    bool fits = length % sizeof(struct sock_filter) == 0 &&
                length <= BPF_MAXINSNS * sizeof(struct sock_filter);
    return fits ? length : 0;
}

/* Whether the file has this key and a whole program, which then lies in `instructions`. */
static bool read_program(int fd, const struct seccomp_key *key, struct sock_filter *instructions,
                         size_t length)
{
    struct header header;
    AUTO_FREE char *bytes = allocate(key->length, 1);
    const struct iovec parts[] = { { &header, sizeof(header) },
                                   { bytes, key->length },
                                   { instructions, length } };
    if (readv(fd, parts, 3) != (ssize_t)(sizeof(header) + key->length + length) ||
        memcmp(bytes, key->bytes, key->length) != 0)
        return false;
    struct header expected = header_of(key, instructions, length);
    return memcmp(&header, &expected, sizeof(header)) == 0;
}

int seccomp_entry_read(int directory_fd, const struct seccomp_key *key,
                       struct seccomp_compiled *compiled, struct error *error)
{
    struct entry_name name = name_of(key);
    struct stat status;
    /* O_NONBLOCK: should it be a FIFO. */
    AUTO_CLOSE int fd =
        openat(directory_fd, name.text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0)
        return error_set(error, errno, "open %s", name.text);
    size_t length = program_length(&status, key);
    if (!length || !read_program(fd, key, compiled->instructions, length))
        return error_set(error, 0, "%s is damaged or not ours", name.text);
    compiled->count = length / sizeof(struct sock_filter);
    return 0;
}

static int write_parts(int fd, const struct seccomp_key *key,
                       const struct seccomp_compiled *compiled)
{
    size_t length = compiled->count * sizeof(struct sock_filter);
    struct header header = header_of(key, compiled->instructions, length);
    if (write_all(fd, &header, sizeof(header)) < 0 || write_all(fd, key->bytes, key->length) < 0)
        return -1;
    return write_all(fd, compiled->instructions, length);
}

/* Several may write the same entry at once, each its own file: the last one stays. */
static int make_temporary(int directory_fd, const struct seccomp_key *key, struct entry_name *name)
{
    uint32_t number;
    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number))
        return -1;
    snprintf(name->text, sizeof(name->text), "%016" PRIx64 ".%08" PRIx32, key->sum, number);
    return openat(directory_fd, name->text, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                  0600);
}

int seccomp_entry_write(int directory_fd, const struct seccomp_key *key,
                        const struct seccomp_compiled *compiled, struct error *error)
{
    struct entry_name name = name_of(key), temporary;
    AUTO_CLOSE int fd = make_temporary(directory_fd, key, &temporary);
    if (fd < 0)
        return error_set(error, errno, "create %s", name.text);
    if (write_parts(fd, key, compiled) == 0 &&
        renameat(directory_fd, temporary.text, directory_fd, name.text) == 0)
        return 0;
    error_set(error, errno, "write %s", name.text);
    unlinkat(directory_fd, temporary.text, 0);
    return -1;
}
