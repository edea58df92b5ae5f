// SPDX-License-Identifier: Apache-2.0
/*
 * The process of an instance that is a virtual machine: it is to the host what the first process
 * of a container is, has the command's standard streams, and ends with the command's status.
 *
 * Statuses of its own, when the machine ended before the command did: see enum monitor_status.
 */
#pragma once

#include "base/log.h"
#include "vm/settings.h"

/* Documented in openvirt-run(1). */
enum monitor_status {
    MONITOR_SWITCHED_OFF = 122, /* the guest switched itself off or reset */
    MONITOR_PANICKED = 123,     /* its kernel panicked */
    MONITOR_TRIPLE_FAULT = 124,
    MONITOR_FAILED = 125, /* we could not go on */
};

struct monitor_request {
    const struct spec *spec;
    const struct vm_settings *settings;
    const char *overlay_directory; /* where what the guest writes goes, without a name */
    int control_fd;                /* control_listen(); -1: none */
    const struct log *log;
    /* Once, of either: the command runs in the guest, or it never will. */
    void (*started)(void *context);
    void (*failed)(void *context, const struct error *why);
    void *context;
};

struct monitor;

/* All that can fail before the guest runs: memory, disks, network, kernel. */
struct monitor *monitor_open(const struct monitor_request *request, struct error *error);
/* The exit status. */
int monitor_run(struct monitor *monitor);
void monitor_close(struct monitor *monitor);
