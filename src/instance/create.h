// SPDX-License-Identifier: Apache-2.0
/* Making an instance: the part that `create` and `run` share. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "instance/instance.h"
#include "instance/technique.h"

enum { INSTANCE_RESERVE_FDS = 4 };

/* An instance in the making and what belongs to it, until it is handed over. */
struct instance_build {
    const struct host *host;
    const struct instance_create_request *request;
    const struct technique *technique;
    struct spec *spec;
    struct instance *instance;
    int state_directory_fd; /* locked; -1: not made yet */
    struct handed_fds handed_fds;
    struct container_child child;
    int reserve_fds[INSTANCE_RESERVE_FDS]; /* 0: none is held; see keep_reserve() in create.c */
};

/*
 * Validate everything, make the state directory, then the container, up to the start gate.
 * `console_socket_fd` takes the terminal's master (-1: none). On failure all of it is undone.
 */
int instance_build(struct instance_build *build, bool start_at_once, int console_socket_fd,
                   struct error *error);
void instance_build_close(struct instance_build *build);

/* Undo: the process killed, cgroups and state directory removed, poststop hooks run. */
void instance_build_abandon(struct instance_build *build);

/* The row of the technique table. */
int instance_create_container(const struct technique_create *create, struct container_child *child,
                              struct error *error);

/* Once the process of the instance exists. */
int instance_record_pid(const struct technique_create *create, pid_t pid, struct error *error);

/* Write a pid file, complete or not at all. */
int instance_write_pid_file(const char *path, pid_t pid, struct error *error);

/* Connect to a console or pidfd socket; the pidfd goes with its payload "pidfd". */
int instance_send_pidfd(const char *socket_path, int pidfd, struct error *error);
