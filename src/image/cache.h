// SPDX-License-Identifier: Apache-2.0
/*
 * The cache directory, and how something gets into it as a whole or not at all.
 *
 *   CACHE/templates/debian-bookworm     a finished entry: complete by the fact that it is there
 *   CACHE/layers/HEX
 *   CACHE/layers/HEX.partial            being made; whoever made it may have been killed
 *   CACHE/layers/HEX.lock               held (flock) by the one who makes HEX
 *
 * An entry is made in HEX.partial beside its place, synced and renamed. A partial directory whose
 * lock nobody holds is a left-over, removed when the next entry of that kind is made.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "image/interrupt.h"

struct cache_entry {
    char *name;         /* "debian-bookworm" */
    char *path;         /* absolute path of the finished entry */
    char *partial_name; /* name of the directory it is made in, below kind_fd */
    char *partial_path; /* the same, absolute */
    int kind_fd;        /* CACHE/KIND */
    int lock_fd;        /* -1: not locked */
    bool complete;      /* it is there: nothing is to be made */
    struct interrupt interrupt;
};

#define CACHE_ENTRY_NONE ((struct cache_entry){ .kind_fd = -1, .lock_fd = -1 })

/* Open (and make, mode 0700) CACHE/KIND. Refused when the directory belongs to somebody else. */
int cache_open_kind(const char *kind, char **path, struct error *error);

/*
 * Find or begin an entry. When it is there `complete` is set. Otherwise its lock is held, an empty
 * partial directory is there and ending signals are blocked (see interrupt.h) until it is
 * committed or released.
 */
int cache_begin(const char *kind, const char *name, struct cache_entry *entry, struct error *error);

/* Sync what was made and put it in its place. */
int cache_commit(struct cache_entry *entry, struct error *error);

/* Let go; an entry that was begun and not committed is removed. Also the cleanup. */
void cache_release(struct cache_entry *entry);

/* Remove a finished entry. Who has it open keeps what is open. ENOENT when there is none. */
int cache_remove(const char *kind, const char *name, struct error *error);

#define AUTO_CACHE_ENTRY __attribute__((cleanup(cache_release)))
