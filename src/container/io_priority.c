// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/ioprio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "container/scheduling.h"

int io_priority_set(const struct spec_io_priority *priority, pid_t pid, struct error *error)
{
    int value = IOPRIO_PRIO_VALUE(priority->io_class, priority->priority);
    if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid, value) == 0)
        return 0;
    if (errno == EPERM)
        return error_set(error, errno,
                         "process.ioPriority: the real-time class needs CAP_SYS_NICE or "
                         "CAP_SYS_ADMIN");
    return error_set(error, errno, "process.ioPriority: set class %d, priority %d",
                     priority->io_class, priority->priority);
}
