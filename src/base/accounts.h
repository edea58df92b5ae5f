// SPDX-License-Identifier: Apache-2.0
/*
 * The entries of passwd(5) and group(5) in a root file system. The files are the image's and so
 * hostile: a line of the wrong form is passed over, never guessed at.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* How many fields, divided by colons, a line has. */
enum { PASSWD_FIELDS = 7, GROUP_FIELDS = 4 };

/* A line, cut at its colons; the fields are parts of the text it came from. */
struct account {
    char *fields[PASSWD_FIELDS]; /* name, password, uid or gid, ... */
    uint32_t id;                 /* the third field */
};

/*
 * The text of an open file, freed by the caller; `name` is for the message. NULL without an error
 * where it is no regular file, with one where it is larger than 1 MiB or cannot be read. Open it
 * with O_NONBLOCK: a FIFO in its place must not hold anybody up.
 */
char *accounts_read(int fd, const char *name, struct error *error);

/* Take the next entry of `field_count` fields off `*text`, which it cuts up; false at the end. */
bool accounts_next(char **text, size_t field_count, struct account *account);

/*
 * Find by name, or by number where `name` is NULL; the first match counts, as in getpwnam(3).
 * `text` (may be NULL) is cut up on the way.
 */
bool accounts_find(char *text, size_t field_count, const char *name, uint32_t id,
                   struct account *account);

/* The home directory of an entry of passwd, "/" where it names none. Part of the entry's text. */
const char *account_home(const struct account *account);
