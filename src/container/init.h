// SPDX-License-Identifier: Apache-2.0
/*
 * The container's first process, from the clone to the execve: everything that is done inside the
 * new namespaces, in one list (init.c, init_run).
 */
#pragma once

#include "base/error.h"
#include "container/container.h"
#include "container/namespaces.h"
#include "container/process.h"
#include "container/rootfs.h"

struct init {
    const struct container_request *request;
    struct namespaces *namespaces;
    struct rootfs *rootfs;
    struct process_setup setup; /* what the parent has prepared: seccomp program, listener */
    int gate_fd;                /* listening; -1: the sync socket is the gate */
    int32_t host_pid;           /* what hooks and the seccomp listener are told */
    bool runtime_hooks;         /* the parent wants SYNC_MOUNTED */
};

/* Does not return. */
void init_main(void *init, int sync_fd);
