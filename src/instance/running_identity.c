// SPDX-License-Identifier: Apache-2.0
#include "instance/running_identity.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/string.h"
#include "instance/process_state.h"

bool identity_has_name(const char *words)
{
    return words && strspn(words, "0123456789:") != strlen(words);
}

/* The root of the process that was recorded, and of no other that has its pid now. */
static int open_root(const struct instance *instance, struct error *error)
{
    AUTO_FREE char *path = string_format("/proc/%d/root", instance->pid);
    AUTO_CLOSE int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, errno, "open the root of instance %s", instance->id);
    if (!process_state_is_alive(instance->pid, instance->pid_start_time))
        return error_set_code(error, ESRCH, "container not running");
    return take_fd(&fd);
}

int identity_resolve_running(const struct host *host, const char *id, const char *words,
                             struct identity *identity, struct error *error)
{
    AUTO_INSTANCE struct instance *instance = instance_load(host, id, error);
    if (!instance)
        return -1;
    if (instance->status == INSTANCE_STOPPED || instance->pid <= 0)
        return error_set(error, 0, "container not running");
    AUTO_CLOSE int root_fd = open_root(instance, error);
    return root_fd < 0 ? -1 : identity_resolve(&root_fd, 1, words, identity, error);
}
