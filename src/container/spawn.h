// SPDX-License-Identifier: Apache-2.0
/*
 * From one process to the container's first one: a single clone3() that makes all namespaces, or,
 * where the order of joining and making matters, a helper process in between.
 */
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "container/namespaces.h"
#include "spec/spec.h"

struct spawn_request {
    const struct spec *spec;
    struct namespaces *namespaces;
    int cgroup_fd; /* CLONE_INTO_CGROUP; -1: none */
    /* Runs in the container's first process, with its end of the sync socket; must not return. */
    void (*child)(void *context, int sync_fd);
    void *context;
};

struct spawned {
    pid_t pid;
    int pidfd, sync_fd; /* caller's */
};

/*
 * On return the child exists and its id maps are written; it waits for a SYNC_GO. On failure
 * nothing of it is left.
 */
int spawn_container(const struct spawn_request *request, struct spawned *spawned,
                    struct error *error);

/* SIGKILL and wait. */
void spawn_kill(struct spawned *spawned);

/*
 * fork() with a pidfd: 0 in the child, the pid in the parent, or -1. `flags` are CLONE_NEW*,
 * CLONE_PARENT.
 */
pid_t spawn_clone(uint64_t flags, int cgroup_fd, int *pidfd, struct error *error);

/* In a child: die with the parent, be unreadable to everybody else. Again after each change of ids.
 */
void spawn_guard(void);

/* In a child that has entered another user namespace: become its root, where id 0 is mapped. */
int spawn_become_root(struct error *error);
