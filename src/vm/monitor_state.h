// SPDX-License-Identifier: Apache-2.0
/* What the files of the monitor share. */
#pragma once

#include "block/block.h"
#include "net/net.h"
#include "share/share.h"
#include "vm/control_server.h"
#include "vm/monitor.h"
#include "vm/session.h"

struct monitor_disk {
    struct platform_block *block; /* NULL: none */
    struct event_source source;
};

struct monitor_share {
    struct platform_share *share;
    struct event_source source;
};

struct monitor {
    struct monitor_request request;
    struct vm vm;
    char *kernel_parameters;
    struct vm_devices devices;
    struct monitor_disk disks[MACHINE_DISKS];
    struct platform_net *net; /* NULL: none */
    struct monitor_share shares[MACHINE_SHARES];
    struct memory_console kernel_log;
    struct fd_console terminal; /* with an init of the image: its console */
    struct session *session;
    struct session_process *process; /* the command, while it runs */
    struct control_server *control;
    struct event_source signals;
    bool asked_to_shut_down;            /* the image's init */
    struct platform_timer power_button; /* pressed when that was in vain */
    bool handed_over; /* the image's init runs, since the machine was started or reset */
    bool told;        /* started() or failed() was called */
    bool has_status;  /* `status` is the command's */
    int status;
    struct error failure; /* why the session ended, when it did not end well */
};

/* monitor_devices.c */
int monitor_open_devices(struct monitor *monitor, struct error *error);
void monitor_close_devices(struct monitor *monitor);
/* Between two machines: nothing of the first is under way any more. */
void monitor_settle_devices(struct monitor *monitor);
/* Whether something outside the machine keeps what the guest has written. */
bool monitor_keeps_data(const struct monitor *monitor);

int monitor_add_disk(struct monitor *monitor, const char *path, const char *serial, bool read_only,
                     struct error *error);

/* monitor_volumes.c */
int monitor_open_volumes(struct monitor *monitor, struct error *error);
void monitor_mount_volumes(struct monitor *monitor);
void monitor_close_volumes(struct monitor *monitor);

/* monitor_guest.c */
int monitor_open_session(struct monitor *monitor);
void monitor_close_session(struct monitor *monitor);

/* monitor_signals.c */
int monitor_open_signals(struct monitor *monitor, struct error *error);
void monitor_close_signals(struct monitor *monitor);

/* monitor.c */
void monitor_tell_started(struct monitor *monitor);
void monitor_tell_failed(struct monitor *monitor, const struct error *why);
