// SPDX-License-Identifier: Apache-2.0
/* The technique table: the one place where the ways of virtualizing part. */
#pragma once

#include "base/error.h"
#include "container/container.h"
#include "instance/handed_fds.h"
#include "instance/instance.h"

/* What a technique gets to make an instance; see struct container_request. */
struct technique_create {
    const struct host *host;
    const struct instance_create_request *request;
    struct instance *instance;
    const struct spec *spec;
    int state_directory_fd;
    bool start_at_once;
    int console_socket_fd;
    struct handed_fds handed_fds;
};

/* What a technique gets to start a further process. */
struct technique_exec {
    const struct container_exec_request *request;
    int state_directory_fd;
    const struct spec *process; /* request->process with its document */
};

struct technique {
    const char *name;
    int (*create)(const struct technique_create *create, struct container_child *child,
                  struct error *error);
    int (*start_child)(struct container_child *child, struct error *error);
    int (*start)(int state_directory_fd, struct error *error);
    int (*exec)(const struct technique_exec *exec, struct container_child *child,
                struct error *error);
    /* Before its cgroup is frozen, and after it was thawed; NULL: nothing to do. */
    int (*pause)(int state_directory_fd, struct error *error);
    int (*resume)(int state_directory_fd, struct error *error);
};

/* "container", "para" or "full"; an unknown one is an error. */
const struct technique *technique_find(const char *name, struct error *error);
