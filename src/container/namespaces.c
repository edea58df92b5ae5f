// SPDX-License-Identifier: Apache-2.0
#include "container/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "base/io.h"
#include "base/string.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static const struct {
    const char *name;
    uint64_t flag;
} types[SPEC_NAMESPACE_COUNT] = {
    [SPEC_NAMESPACE_USER] = { "user", CLONE_NEWUSER },
    [SPEC_NAMESPACE_CGROUP] = { "cgroup", CLONE_NEWCGROUP },
    [SPEC_NAMESPACE_IPC] = { "ipc", CLONE_NEWIPC },
    [SPEC_NAMESPACE_UTS] = { "uts", CLONE_NEWUTS },
    [SPEC_NAMESPACE_NETWORK] = { "network", CLONE_NEWNET },
    [SPEC_NAMESPACE_PID] = { "pid", CLONE_NEWPID },
    [SPEC_NAMESPACE_MOUNT] = { "mount", CLONE_NEWNS },
    [SPEC_NAMESPACE_TIME] = { "time", CLONE_NEWTIME },
};

uint64_t namespace_flag(enum spec_namespace_type type)
{
    return types[type].flag;
}

const char *namespace_name(enum spec_namespace_type type)
{
    return types[type].name;
}

static int open_one(const char *path, enum spec_namespace_type type, struct error *error)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, errno, "linux.namespaces: open %s namespace %s", types[type].name,
                         path);
    int found = ioctl(fd, NS_GET_NSTYPE);
    if (found < 0 || (uint64_t)found != types[type].flag)
        return error_set(error, 0, "linux.namespaces: %s is not a %s namespace", path,
                         types[type].name);
    return take_fd(&fd);
}

static void decide_helper(const struct spec *spec, struct namespaces *namespaces)
{
    bool new_user = namespaces->new_flags & CLONE_NEWUSER;
    namespaces->by_helper = namespaces->new_time || (new_user && namespaces->any_join) ||
                            spec->namespaces[SPEC_NAMESPACE_USER].path ||
                            spec->namespaces[SPEC_NAMESPACE_PID].path ||
                            spec->namespaces[SPEC_NAMESPACE_TIME].path;
}

int namespaces_open(const struct spec *spec, struct namespaces *namespaces, struct error *error)
{
    *namespaces = (struct namespaces){ 0 };
    for (int type = 0; type < SPEC_NAMESPACE_COUNT; type++)
        namespaces->join_fds[type] = -1;
    for (int type = 0; type < SPEC_NAMESPACE_COUNT; type++) {
        const struct spec_namespace *wanted = &spec->namespaces[type];
        if (wanted->path) {
            namespaces->join_fds[type] = open_one(wanted->path, type, error);
            if (namespaces->join_fds[type] < 0)
                return -1;
            namespaces->any_join = true;
        } else if (wanted->wanted) {
            namespaces->new_flags |= types[type].flag;
        }
    }
    namespaces->new_cgroup = namespaces->new_flags & CLONE_NEWCGROUP;
    namespaces->new_time = namespaces->new_flags & CLONE_NEWTIME;
    namespaces->new_flags &= ~(uint64_t)(CLONE_NEWCGROUP | CLONE_NEWTIME);
    decide_helper(spec, namespaces);
    return 0;
}

void namespaces_close(struct namespaces *namespaces)
{
    for (int type = 0; type < SPEC_NAMESPACE_COUNT; type++) {
        cleanup_close(&namespaces->join_fds[type]);
        namespaces->join_fds[type] = -1;
    }
}

bool namespaces_change_user(const struct namespaces *namespaces)
{
    return (namespaces->new_flags & CLONE_NEWUSER) ||
           namespaces->join_fds[SPEC_NAMESPACE_USER] >= 0;
}

static int join_one(struct namespaces *namespaces, int type, struct error *error)
{
    if (setns(namespaces->join_fds[type], (int)types[type].flag) < 0)
        return error_set(error, errno, "linux.namespaces: join the %s namespace", types[type].name);
    close(namespaces->join_fds[type]);
    namespaces->join_fds[type] = -1;
    return 0;
}

int namespaces_join(struct namespaces *namespaces, bool forgive_eperm, struct error *error)
{
    for (int type = SPEC_NAMESPACE_USER + 1; type < SPEC_NAMESPACE_COUNT; type++) {
        if (namespaces->join_fds[type] < 0 || join_one(namespaces, type, error) == 0)
            continue;
        if (error->code != EPERM || !forgive_eperm)
            return -1;
        error_clear(error);
    }
    return 0;
}

int namespaces_join_user(struct namespaces *namespaces, struct error *error)
{
    if (namespaces->join_fds[SPEC_NAMESPACE_USER] < 0)
        return 0;
    return join_one(namespaces, SPEC_NAMESPACE_USER, error);
}

int namespaces_make_time(const struct spec *spec, struct error *error)
{
    if (unshare(CLONE_NEWTIME) < 0)
        return error_set(error, errno, "linux.namespaces: make a time namespace");
    AUTO_FREE char *text = string_copy("");
    if (spec->monotonic_offset.set)
        string_append(&text, "monotonic %lld %u\n", (long long)spec->monotonic_offset.seconds,
                      spec->monotonic_offset.nanoseconds);
    if (spec->boottime_offset.set)
        string_append(&text, "boottime %lld %u\n", (long long)spec->boottime_offset.seconds,
                      spec->boottime_offset.nanoseconds);
    if (!*text)
        return 0;
    if (write_file_at(AT_FDCWD, "/proc/self/timens_offsets", text, error) < 0)
        return error_wrap(error, "linux.timeOffsets");
    return 0;
}
