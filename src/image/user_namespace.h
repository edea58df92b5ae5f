// SPDX-License-Identifier: Apache-2.0
/*
 * Files of many owners, made and removed by an ordinary user: the work is done by a child in a user
 * namespace whose ids are the user's own (as root) and the subordinate ids that /etc/subuid and
 * /etc/subgid give them. Without subordinate ids only root is mapped, and all owners become root
 * (`squash`). For the superuser the work is done in place.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/* Whether the calling user has subordinate ids (or needs none). */
bool user_namespace_has_ids(void);

struct user_namespace_work {
    /* Runs as root of the namespace; `squash`: every owner must be written as 0. */
    int (*run)(void *context, bool squash, struct error *error);
    void *context;
};

/* Changes that the work makes to memory are lost when it runs in a child. */
int user_namespace_run(const struct user_namespace_work *work, struct error *error);

/* remove_tree_at() of what was made in such a namespace. */
int user_namespace_remove_tree(int dirfd, const char *name, struct error *error);
