// SPDX-License-Identifier: Apache-2.0
/* What `ps` and `inspect` say of an instance: what runs and what is kept, put together. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "instance/instance.h"
#include "instance/storage.h"

struct overview {
    char *name;
    /* "running", "paused", "created", "exited", "starting" (its keeper is at work), "lost" (nobody
     * saw its end), "incomplete" (its maker was killed) */
    const char *status;
    struct instance *instance;    /* NULL: nothing of it runs */
    char *storage_path;           /* NULL: nothing of it is kept */
    struct storage_record record; /* all NULL without storage */
    struct storage_run run;
    char *command; /* as words with blanks between; NULL: unknown */
};

void overview_free(struct overview *overview);

struct overview_list {
    struct overview *items;
    size_t count;
};

void overview_list_free(struct overview_list *list);
#define AUTO_OVERVIEW_LIST __attribute__((cleanup(overview_list_free)))

/* All of them, sorted by name; without `all` those alone that are not over. */
int overview_list(const struct host *host, bool all, struct overview_list *list,
                  struct error *error);

/* One. ENOENT: there is none of that name. */
int overview_find(const struct host *host, const char *name, struct overview *overview,
                  struct error *error);

/* Its config.json, of the state directory or the storage; NULL where there is none to be read. */
struct json_object *overview_config(const struct host *host, const struct overview *overview);
