// SPDX-License-Identifier: Apache-2.0
/* Which namespaces a container makes and which it joins, decided and opened before anything forks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "spec/spec.h"

struct namespaces {
    uint64_t new_flags;        /* CLONE_NEW* to be made; without CLONE_NEWCGROUP, CLONE_NEWTIME */
    bool new_cgroup, new_time; /* made by unshare(), once inside the cgroup, with offsets */
    int join_fds[SPEC_NAMESPACE_COUNT]; /* -1: none */
    bool any_join;
    /*
     * A helper process is needed in between: pid and time namespaces change for children only, and
     * a namespace that belongs to the host must be joined before the new user namespace is entered.
     */
    bool by_helper;
};

/* CLONE_NEW* of a type, and its name in config.json ("network") for messages. */
uint64_t namespace_flag(enum spec_namespace_type type);
const char *namespace_name(enum spec_namespace_type type);

/* Open the paths and check that each is a namespace of its type. */
int namespaces_open(const struct spec *spec, struct namespaces *namespaces, struct error *error);
void namespaces_close(struct namespaces *namespaces);

/* Whether the container's user namespace is not the caller's. */
bool namespaces_change_user(const struct namespaces *namespaces);

/* Join all of them but the user namespace; `still_open` ones that are not permitted yet stay for
 * later. */
int namespaces_join(struct namespaces *namespaces, bool forgive_eperm, struct error *error);
int namespaces_join_user(struct namespaces *namespaces, struct error *error);

/* unshare(CLONE_NEWTIME) and the offsets, for the next child. */
int namespaces_make_time(const struct spec *spec, struct error *error);
