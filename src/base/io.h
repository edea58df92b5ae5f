// SPDX-License-Identifier: Apache-2.0
/* Whole files and whole buffers: nothing here returns a short count. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* Write all of it; -1 with errno on failure. Restarts after signals. */
int write_all(int fd, const void *data, size_t length);

/* Read until `length` bytes or end of file; the count, or -1 with errno. */
ssize_t read_all(int fd, void *data, size_t length);

/*
 * Read a file of at most `limit` bytes below `dirfd` into a NUL-terminated buffer that the caller
 * frees. `length` (may be NULL) gets the size. A larger file is an error, never a truncation.
 */
char *read_file_at(int dirfd, const char *path, size_t limit, size_t *length, struct error *error);

/* The same from an open descriptor, from its current position; `name` is for the message. */
char *read_fd(int fd, const char *name, size_t limit, size_t *length, struct error *error);

/* Write a string into an existing file (of /proc, /sys or a cgroup) with one write call. */
int write_file_at(int dirfd, const char *path, const char *text, struct error *error);

/*
 * Replace a file as a whole: whenever this process is killed either the old or the new content is
 * there. Writes `.NAME.new` and renames it over NAME; with `durable` both the file and the
 * directory are fsynced, so that the same holds when the machine goes down.
 */
int replace_file_at(int dirfd, const char *name, const void *data, size_t length, mode_t mode,
                    bool durable, struct error *error);

/* mkdir -p; existing directories keep their mode. */
int make_directories(const char *path, mode_t mode, struct error *error);

/* Remove a directory with all below it, never following a link nor leaving the file system. */
int remove_tree_at(int dirfd, const char *name, struct error *error);

/*
 * Open to read a file that somebody hostile chose: resolved with RESOLVE_... flags, and only what
 * is a regular file. Opening a device may already do something (start a watchdog, rewind a tape),
 * with rights that the container does not have. -1 with errno; EINVAL: it is no regular file.
 */
int open_regular_file(int dirfd, const char *path, uint64_t resolve);

bool path_exists_at(int dirfd, const char *path);
