// SPDX-License-Identifier: Apache-2.0
/*
 * What is kept of an instance that `run` made from an image, across its ends and starts:
 *
 *     ROOT/NAME/lock           held (flock) by its keeper: the process that runs it or removes it
 *              /instance.json  what it was made from; written last, so without it nothing is there
 *              /run.json       the run it is in, or was in last: keeper, times, exit status
 *              /config.json    the bundle's configuration
 *              /hosts, /hostname
 *              /rootfs/        mount point of the overlay, empty
 *              /upper/, work/  what it wrote
 *              /log, /log.1    its output, when it ran in the background
 *
 * ROOT is /var/lib/openvirt/instances, or $XDG_DATA_HOME/openvirt/instances (~/.local/share) for
 * others than root. A process that is killed while it makes one leaves a directory without
 * instance.json, which the next `run` under that name takes over and `rm` removes.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "base/error.h"
#include "base/string.h"
#include "instance/instance.h"

struct storage {
    char *name;
    char *path;       /* absolute */
    int directory_fd; /* of path */
    int lock_fd;      /* -1: not the keeper */
};

void storage_close(struct storage *storage); /* lets go of the lock as well */
#define AUTO_STORAGE   __attribute__((cleanup(storage_close)))
#define STORAGE_CLOSED ((struct storage){ .directory_fd = -1, .lock_fd = -1 })

/* Where the one of that name is kept, or would be; allocated. */
char *storage_path(const struct host *host, const char *name, struct error *error);

/* Whether something is kept under the name. */
bool storage_exists(const struct host *host, const char *name);

/* Make a new one and become its keeper. EEXIST: the name is taken. */
int storage_create(const struct host *host, const char *name, struct storage *storage,
                   struct error *error);

/* Open one that exists, without its lock. ENOENT: there is none of that name. */
int storage_open(const struct host *host, const char *name, struct storage *storage,
                 struct error *error);

/* Become its keeper. EBUSY: another process is. */
int storage_lock(struct storage *storage, struct error *error);

/* Wait until it has no keeper, at most so long. False on expiry. */
bool storage_wait_unlocked(const struct storage *storage, int timeout_ms);

/* Remove all of it; the caller is the keeper and its lock is gone afterwards. */
int storage_remove(struct storage *storage, struct error *error);

/* The names of all, sorted. */
int storage_list(const struct host *host, struct string_list *names, struct error *error);

/* instance.json */
struct storage_record {
    char *image;               /* as given to `run` */
    char *technique;           /* NULL: container */
    char *state_root;          /* of the host it was made for */
    char *created;             /* RFC 3339 */
    char *stop_signal;         /* name or number; NULL: SIGTERM */
    struct string_list words;  /* the command */
    struct string_list layers; /* image layers, topmost first; empty: a plain directory */
    bool remove_when_stopped;
    uint64_t log_size; /* bytes of one log file; 0: the default */
};

void storage_record_free(struct storage_record *record);
#define AUTO_RECORD __attribute__((cleanup(storage_record_free)))

int storage_write_record(const struct storage *storage, const struct storage_record *record,
                         struct error *error);
int storage_read_record(const struct storage *storage, struct storage_record *record,
                        struct error *error);

/* run.json */
struct storage_run {
    pid_t keeper;       /* the process that waits for it */
    bool detached;      /* its output goes to the log */
    char *started;      /* RFC 3339 */
    char *finished;     /* NULL: it has not ended, or nobody was there to see it */
    int exit_status;    /* valid with finished */
    bool out_of_memory; /* the kernel killed a process of it for want of memory */
};

void storage_run_free(struct storage_run *run);
#define AUTO_RUN __attribute__((cleanup(storage_run_free)))

int storage_write_run(const struct storage *storage, const struct storage_run *run,
                      struct error *error);
/* All zero where it never ran. */
int storage_read_run(const struct storage *storage, struct storage_run *run, struct error *error);

/* Its keeper is alive: it runs, or is just being made, ended or removed. */
bool storage_is_kept(const struct storage *storage);

/* Now, as RFC 3339 in UTC with nanoseconds; allocated. And back; -1 when it is none. */
char *time_text_now(void);
time_t time_from_text(const char *text);
