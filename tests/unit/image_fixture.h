// SPDX-License-Identifier: Apache-2.0
/*
 * Archives and image layouts made on the fly, byte by byte, so that tests can also write what no
 * honest program would.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"
#include "image/archive.h"
#include "image/digest.h"
#include "image/layer.h"

#define UNUSED_HERE __attribute__((unused))

#define assert_ok(call, error)                                                                     \
    do {                                                                                           \
        if ((call) != 0)                                                                           \
            fail_msg("%s: %s", #call, (error).message);                                            \
    } while (0)

#define assert_error_contains(error, text)                                                         \
    do {                                                                                           \
        assert_non_null((error).message);                                                          \
        if (!strstr((error).message, text))                                                        \
            fail_msg("'%s' does not say '%s'", (error).message, text);                             \
    } while (0)

struct bytes {
    char *data;
    size_t length;
};

static UNUSED_HERE void bytes_append(struct bytes *bytes, const void *data, size_t length)
{
    bytes->data = reallocate(bytes->data, bytes->length + length, 1);
    memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
}

static UNUSED_HERE void bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){ 0 };
}

/* One member of a ustar archive (POSIX.1-1988); fields that are 0 get a sensible value. */
struct member {
    const char *name, *data, *link;
    char type; /* '0' file, '1' hard link, '2' symbolic link, '3' '4' devices, '5' directory */
    unsigned int mode, uid, gid, major, minor;
    long mtime;
    uint64_t size; /* when it differs from the data's */
};

/* A number field: octal digits and a NUL. */
static UNUSED_HERE void tar_number(char *field, size_t size, uint64_t value)
{
    field[size - 1] = '\0';
    for (size_t i = size - 1; i-- > 0; value >>= 3)
        field[i] = (char)('0' + (value & 7));
}

static UNUSED_HERE void tar_checksum(char *header)
{
    unsigned int sum = 0;
    memset(header + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)header[i];
    tar_number(header + 148, 7, sum);
}

static UNUSED_HERE void tar_member(struct bytes *tar, const struct member *member)
{
    static const char zeros[512];
    char header[512] = { 0 };
    size_t length = member->data ? strlen(member->data) : 0;
    char type = member->type ? member->type : '0';
    strncpy(header, member->name, 100);
    tar_number(header + 100, 8, member->mode ? member->mode : type == '5' ? 0755 : 0644);
    tar_number(header + 108, 8, member->uid);
    tar_number(header + 116, 8, member->gid);
    tar_number(header + 124, 12, (member->size ? member->size : length));
    tar_number(header + 136, 12, (member->mtime ? member->mtime : 1000));
    header[156] = type;
    strncpy(header + 157, member->link ? member->link : "", 100);
    memcpy(header + 257,
           "ustar\0"
           "00",
           8);
    tar_number(header + 329, 8, member->major);
    tar_number(header + 337, 8, member->minor);
    tar_checksum(header);
    bytes_append(tar, header, sizeof(header));
    bytes_append(tar, member->data ? member->data : "", length);
    bytes_append(tar, zeros, (512 - length % 512) % 512);
}

/* A pax extended header (POSIX.1-2001) for the member that follows: "KEY=VALUE". */
static UNUSED_HERE void tar_pax(struct bytes *tar, const char *record)
{
    char text[512];
    size_t length = strlen(record) + 3, digits = length + 2 < 100 ? 2 : 3;
    snprintf(text, sizeof(text), "%zu %s\n", strlen(record) + digits + 2, record);
    tar_member(tar, &(struct member){ .name = "pax", .type = 'x', .data = text });
}

static UNUSED_HERE void tar_end(struct bytes *tar)
{
    static const char zeros[1024];
    bytes_append(tar, zeros, sizeof(zeros));
}

static UNUSED_HERE struct bytes tar_of(const struct member *members, size_t count)
{
    struct bytes tar = { 0 };
    for (size_t i = 0; i < count; i++)
        tar_member(&tar, &members[i]);
    tar_end(&tar);
    return tar;
}

#define TAR(...)                                                                                   \
    tar_of((const struct member[]){ __VA_ARGS__ },                                                 \
           sizeof((const struct member[]){ __VA_ARGS__ }) / sizeof(struct member))

static UNUSED_HERE void digest_of(const struct bytes *bytes, char text[DIGEST_TEXT_SIZE])
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_DIGEST struct digest *digest = digest_new("sha256", &error);
    assert_non_null(digest);
    assert_ok(digest_update(digest, bytes->data, bytes->length, &error), error);
    assert_ok(digest_finish(digest, text, &error), error);
}

/* A descriptor to read the bytes from: an anonymous file. */
static UNUSED_HERE int bytes_fd(const struct bytes *bytes)
{
    int fd = memfd_create("layer", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write_all(fd, bytes->data, bytes->length), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

/* A new directory below /tmp. Allocated. */
static UNUSED_HERE char *temporary_directory(void)
{
    char *path = string_copy("/tmp/openvirt-image-XXXXXX");
    assert_non_null(mkdtemp(path));
    return path;
}

static UNUSED_HERE void remove_directory(char **path)
{
    AUTO_ERROR struct error error = { 0 };
    if (*path)
        assert_ok(remove_tree_at(AT_FDCWD, *path, &error), error);
    free(take_pointer(*path));
}
#define AUTO_TEMPORARY __attribute__((cleanup(remove_directory)))

static UNUSED_HERE void write_text(const char *directory, const char *name, const char *text)
{
    AUTO_FREE char *path = string_format("%s/%s", directory, name);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write_all(fd, text, strlen(text)), 0);
}

static UNUSED_HERE char *read_text(const char *directory, const char *name)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *path = string_format("%s/%s", directory, name);
    char *text = read_file_at(AT_FDCWD, path, 1 << 20, NULL, &error);
    if (!text)
        fail_msg("%s", error.message);
    return text;
}

static UNUSED_HERE void assert_text(const char *directory, const char *name, const char *text)
{
    AUTO_FREE char *found = read_text(directory, name);
    assert_string_equal(found, text);
}

static UNUSED_HERE struct stat status_of(const char *directory, const char *name)
{
    AUTO_FREE char *path = string_format("%s/%s", directory, name);
    struct stat status;
    if (lstat(path, &status) < 0)
        fail_msg("%s is not there", path);
    return status;
}

static UNUSED_HERE bool is_there(const char *directory, const char *name)
{
    AUTO_FREE char *path = string_format("%s/%s", directory, name);
    return path_exists_at(AT_FDCWD, path);
}
