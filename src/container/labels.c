// SPDX-License-Identifier: Apache-2.0
#include "container/labels.h"

#include <errno.h>

#include "base/string.h"
#include "container/procfs.h"

static int set_apparmor(const char *profile, int procfs_fd, struct error *error)
{
    AUTO_FREE char *text = string_format("exec %s", profile);
    /* Its own file exists since Linux 5.8; before that all modules share attr/exec. */
    if (procfs_write(procfs_fd, "self/attr/apparmor/exec", text, error) == 0)
        return 0;
    if (error->code != ENOENT)
        return error_wrap(error, "process.apparmorProfile: %s", profile);
    error_clear(error);
    /* Where there is no AppArmor at all, everything is unconfined by it already. */
    if (string_equal(profile, "unconfined"))
        return 0;
    if (procfs_write(procfs_fd, "self/attr/exec", text, error) < 0)
        return error_wrap(error, "process.apparmorProfile: %s", profile);
    return 0;
}

int labels_set(const struct spec_process *process, int procfs_fd, struct error *error)
{
    if (process->apparmor_profile && set_apparmor(process->apparmor_profile, procfs_fd, error) < 0)
        return -1;
    if (process->selinux_label &&
        procfs_write(procfs_fd, "self/attr/exec", process->selinux_label, error) < 0)
        return error_wrap(error, "process.selinuxLabel: %s", process->selinux_label);
    return 0;
}
