// SPDX-License-Identifier: Apache-2.0
#include "container/keyring.h"

#include <errno.h>
#include <linux/keyctl.h>

#include "base/string.h"
#include "base/system_call.h"
#include "container/procfs.h"

/*
 * include/linux/key.h: what a new session keyring permits (all to who possesses it; view, read and
 * link to its user), and search to its user, without which a later exec could not join it by name.
 */
enum { KEYRING_PERMISSIONS = 0x3f000000 | 0x00130000 | 0x00080000 };

static int set_label(const char *label, int procfs_fd, struct error *error)
{
    if (!label)
        return 0;
    return procfs_write(procfs_fd, "self/attr/keycreate", label, error);
}

static int join_error(int failure, const char *name, const struct log *log, struct error *error)
{
    if (failure == ENOSYS) {
        log_debug(log, "this kernel has no keyrings, the session keyring stays");
        return 0;
    }
    if (failure == EPERM) {
        log_warning(log,
                    "session keyring %s: not permitted here (a seccomp filter?), the caller's "
                    "stays",
                    name);
        return 0;
    }
    if (failure == EDQUOT)
        return error_set(error, failure,
                         "session keyring %s: this user has too many keys; raise "
                         "kernel.keys.maxkeys and maxbytes, or use --no-new-keyring",
                         name);
    return error_set(error, failure, "join session keyring %s", name);
}

int keyring_join(const char *container_id, const char *label, int procfs_fd, const struct log *log,
                 struct error *error)
{
    AUTO_FREE char *name = string_format("_ses.%s", container_id);
    if (set_label(label, procfs_fd, error) < 0)
        return error_wrap(error, "process.selinuxLabel: label the session keyring");
    long keyring = sys_keyctl(KEYCTL_JOIN_SESSION_KEYRING, (unsigned long)name, 0, 0);
    int failure = errno;
    /* What the program itself makes later is labelled by the policy. */
    if (label && set_label("", procfs_fd, error) < 0)
        return error_wrap(error, "process.selinuxLabel: reset the label of keys");
    if (keyring < 0)
        return join_error(failure, name, log, error);
    if (sys_keyctl(KEYCTL_SETPERM, (unsigned long)keyring, KEYRING_PERMISSIONS, 0) < 0)
        log_debug(log, "session keyring %s: permissions stay as they are", name);
    return 0;
}
