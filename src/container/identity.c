// SPDX-License-Identifier: Apache-2.0
#include "container/identity.h"

#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0022 where the specification says nothing, whatever our caller's is: as runc and crun do. */
enum { DEFAULT_UMASK = 0022 };

static int id_error(const char *what, uint32_t id, struct error *error)
{
    if (errno == EINVAL)
        return error_set(error, errno, "process.user.%s: %u is not mapped in the user namespace",
                         what, id);
    return error_set(error, errno, "process.user.%s: become %u", what, id);
}

static int set_groups(const struct spec_user *user, bool denied, const struct log *log,
                      struct error *error)
{
    if (denied) {
        if (user->additional_gid_count)
            log_warning(log, "process.user.additionalGids: left out, this user namespace does not "
                             "permit setgroups(2)");
        return 0;
    }
    if (setgroups(user->additional_gid_count, user->additional_gids) == 0)
        return 0;
    if (errno == EINVAL)
        return error_set(
            error, errno,
            "process.user.additionalGids: a group is not mapped in the user namespace");
    return error_set(error, errno, "process.user.additionalGids: set %zu groups",
                     user->additional_gid_count);
}

int identity_set(const struct spec_user *user, bool setgroups_denied, const struct log *log,
                 struct error *error)
{
    if (set_groups(user, setgroups_denied, log, error) < 0)
        return -1;
    if (setresgid(user->gid, user->gid, user->gid) < 0)
        return id_error("gid", user->gid, error);
    if (user->uid != 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
        return error_set(error, errno, "keep capabilities over the change of user");
    if (setresuid(user->uid, user->uid, user->uid) < 0)
        return id_error("uid", user->uid, error);
    if (user->uid != 0)
        prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
    /* The change of ids sets it to fs.suid_dumpable, which the administrator may have made 1. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return error_set(error, errno, "make the process non-dumpable");
    umask(user->umask.set ? (mode_t)user->umask.value : DEFAULT_UMASK);
    return 0;
}
