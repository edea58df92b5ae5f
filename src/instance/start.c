// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "container/hooks.h"
#include "container/notify_socket.h"
#include "instance/instance.h"
#include "instance/process_state.h"
#include "instance/start.h"
#include "instance/state.h"
#include "instance/state_directory.h"
#include "instance/technique.h"

int instance_bind_notify_socket(int state_directory_fd, const char *state_directory, int *notify_fd,
                                struct error *error)
{
    *notify_fd = -1;
    if (!getenv("NOTIFY_SOCKET") || !path_exists_at(state_directory_fd, "notify"))
        return 0;
    *notify_fd = notify_socket_make(state_directory, error);
    return *notify_fd < 0 ? -1 : 0;
}

int instance_after_start(struct instance *instance, const struct spec *spec, int notify_fd,
                         int pidfd, struct error *error)
{
    if (spec->hooks[SPEC_HOOK_POSTSTART].count) {
        AUTO_FREE char *state = instance_state_text(instance, "running");
        if (hooks_run(spec, SPEC_HOOK_POSTSTART, state, error) < 0)
            return -1;
    }
    if (notify_fd < 0)
        return 0;
    return notify_socket_relay(notify_fd, getenv("NOTIFY_SOCKET"), instance->pid, pidfd, error);
}

/*
 * Runtime-spec, lifecycle, steps 6 to 10: a program that cannot be started, or a failed poststart
 * hook, ends the instance as if it had stopped; for the hook it is deleted as well.
 */
static int open_gate(const struct host *host, struct instance *instance, const struct spec *spec,
                     int state_directory_fd, int notify_fd, struct error *error)
{
    const struct technique *technique = technique_find(instance->technique, error);
    AUTO_CLOSE int pidfd = process_state_open(instance->pid, instance->pid_start_time, error);
    if (!technique || pidfd < 0 || technique->start(state_directory_fd, error) < 0)
        return -1;
    if (instance_after_start(instance, spec, notify_fd, pidfd, error) == 0)
        return 0;
    AUTO_ERROR struct error ignored = { 0 };
    instance_delete(host, instance->id, true, &ignored);
    return -1;
}

static int start_loaded(const struct host *host, struct instance *instance, int state_directory_fd,
                        struct error *error)
{
    if (instance->status != INSTANCE_CREATED)
        return error_set_code(error, EINVAL, "it is %s, not created",
                              instance_status_name(instance->status));
    AUTO_SPEC struct spec *spec = state_directory_load_spec(state_directory_fd, error);
    if (!spec)
        return -1;
    AUTO_FREE char *directory = state_directory_path(host, instance->id);
    AUTO_CLOSE int notify_fd = -1;
    if (instance_bind_notify_socket(state_directory_fd, directory, &notify_fd, error) < 0)
        return -1;
    return open_gate(host, instance, spec, state_directory_fd, notify_fd, error);
}

int instance_start(const struct host *host, const char *id, struct error *error)
{
    AUTO_CLOSE int fd = state_directory_open(host, id, error);
    if (fd < 0)
        return -1;
    AUTO_INSTANCE struct instance *instance = instance_load_from(host, id, fd, error);
    if (!instance)
        return -1;
    if (start_loaded(host, instance, fd, error) < 0)
        return error_wrap(error, "start %s", id);
    return 0;
}
