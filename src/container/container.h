// SPDX-License-Identifier: Apache-2.0
/*
 * OS-level virtualization: the processes of a container, as instance/ asks for them.
 *
 * create: parent and child work side by side (container/create.c is the parent's half,
 * container/init.c the child's); afterwards the child waits at the start gate, container/gate.h,
 * until `start` opens it. A parent that dies on the way takes the child with it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/log.h"
#include "container/cgroup/cgroup.h"
#include "container/process.h"
#include "container/rootfs.h"
#include "spec/spec.h"

struct container_request {
    const char *id;
    const char *bundle;                   /* absolute */
    const char *root;                     /* absolute */
    const struct rootfs_overlay *overlay; /* NULL: none */
    const struct spec *spec;
    struct cgroup *cgroup;
    int state_directory_fd;
    const char *state_directory; /* absolute */
    const char *seccomp_cache;   /* directory of container/seccomp_cache.h */
    int console_socket_fd;       /* connected, -1: none */
    uint32_t preserve_fds;       /* 3 .. 3+n-1 stay open in the container */
    uint32_t listen_fds; /* of those, how many are socket-activation descriptors (LISTEN_FDS) */
    bool no_pivot, new_keyring;
    bool notify_socket; /* bind STATE/notify into the container */
    bool start_at_once; /* `run`: the parent opens the gate itself, no FIFO is made */
    const struct log *log;
    /*
     * Called in the parent while the child sets itself up: records the pid. Until it has returned
     * the child dies with its creator. Its error ends the creation.
     */
    int (*created)(void *context, pid_t pid, struct error *error);
    /*
     * The state JSON that hooks and the seccomp listener get, allocated; called in the parent and
     * in the child (on its copy of the memory).
     */
    char *(*state)(void *context, pid_t pid, const char *status);
    void *context;
};

struct container_child {
    pid_t pid;
    int pidfd;   /* caller's */
    int gate_fd; /* start_at_once: the sync socket, on which container_start_child opens the gate */
    bool resctrl_made; /* a resctrl group was made for it */
};

void container_child_close(struct container_child *child);

/* End a child and wait for it: for callers that cannot go on. */
void container_child_abandon(struct container_child *child);

/* Make the container; on failure nothing of the child is left (cgroups are the caller's to
 * destroy). */
int container_create(const struct container_request *request, struct container_child *child,
                     struct error *error);

/* `run`: let the child execute the program; returns when the exec happened or failed. */
int container_start_child(struct container_child *child, struct error *error);

struct container_exec_request {
    pid_t init_pid; /* the container's first process */
    int init_pidfd;
    const struct spec *spec;            /* of the container */
    const struct spec_process *process; /* what is to run */
    struct process_setup setup;         /* all that the parent can prepare */
    struct cgroup *cgroup;
    const char *const *sub_cgroups; /* --cgroup words, NULL-terminated; NULL: none */
    int console_socket_fd;
    uint32_t preserve_fds, listen_fds;
};

/* Start a process in a running container; returns after the exec happened or failed. */
int container_exec(const struct container_exec_request *request, struct container_child *child,
                   struct error *error);
