// SPDX-License-Identifier: Apache-2.0
/*
 * System calls that Debian 12's C library (glibc 2.36) has no wrapper for. Each returns what the
 * kernel's manual page says, -1 with errno on failure.
 */
#pragma once

#include <errno.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static inline int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode,
                              uint64_t resolve)
{
    struct open_how how = { .flags = flags, .mode = mode, .resolve = resolve };
    return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

/* As fork(): returns twice. `arguments` must not ask for shared memory. */
static inline pid_t sys_clone3(const struct clone_args *arguments)
{
    return (pid_t)syscall(SYS_clone3, arguments, sizeof(*arguments));
}

static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
    return (int)syscall(SYS_pivot_root, new_root, put_old);
}

static inline long sys_keyctl(int operation, unsigned long a, unsigned long b, unsigned long c)
{
    return syscall(SYS_keyctl, operation, a, b, c, 0UL);
}
