// SPDX-License-Identifier: Apache-2.0
#include "container/preflight.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"
#include "container/resctrl.h"
#include "container/seccomp.h"
#include "container/sysctl.h"

/*
 * Only what the specification uses is looked at: this is on the way of every start. What every
 * kernel has that can run the rest of this program (openat2, Linux 5.6) is not.
 */

static const struct {
    const char *word, *file, *option;
} namespaces[SPEC_NAMESPACE_COUNT] = {
    [SPEC_NAMESPACE_USER] = { "user", "/proc/self/ns/user", "CONFIG_USER_NS" },
    [SPEC_NAMESPACE_CGROUP] = { "cgroup", "/proc/self/ns/cgroup", "CONFIG_CGROUPS" },
    [SPEC_NAMESPACE_IPC] = { "ipc", "/proc/self/ns/ipc", "CONFIG_IPC_NS" },
    [SPEC_NAMESPACE_UTS] = { "uts", "/proc/self/ns/uts", "CONFIG_UTS_NS" },
    [SPEC_NAMESPACE_NETWORK] = { "network", "/proc/self/ns/net", "CONFIG_NET_NS" },
    [SPEC_NAMESPACE_PID] = { "pid", "/proc/self/ns/pid", "CONFIG_PID_NS" },
    [SPEC_NAMESPACE_MOUNT] = { "mount", "/proc/self/ns/mnt", "a newer kernel" },
    [SPEC_NAMESPACE_TIME] = { "time", "/proc/self/ns/time", "CONFIG_TIME_NS, Linux 5.6" },
};

static int check_namespaces(const struct spec *spec, struct error *error)
{
    for (int type = 0; type < SPEC_NAMESPACE_COUNT; type++) {
        const struct spec_namespace *namespace = &spec->namespaces[type];
        if (!namespace->wanted)
            continue;
        if (namespace->path && access(namespace->path, F_OK) < 0)
            return error_set(error, errno, "linux.namespaces: join the %s namespace %s",
                             namespaces[type].word, namespace->path);
        if (access(namespaces[type].file, F_OK) < 0)
            return error_set(error, 0, "linux.namespaces: this kernel has no %s namespaces (%s)",
                             namespaces[type].word, namespaces[type].option);
    }
    return 0;
}

/*
 * Everything that is done to the root file system, to the detaching of the host's tree at the end,
 * is done in the process's mount namespace: in the host's, or in one of somebody else's, it would
 * take their mounts away.
 */
static int check_mount_namespace(const struct spec *spec, struct error *error)
{
    const struct spec_namespace *mount = &spec->namespaces[SPEC_NAMESPACE_MOUNT];
    if (!mount->wanted)
        return error_set(error, 0, "linux.namespaces: a namespace of type mount is needed");
    if (mount->path)
        return error_set(
            error, 0,
            "linux.namespaces: the mount namespace cannot be one that exists (%s), since "
            "the container's root is built in it; leave the path out",
            mount->path);
    return 0;
}

/* user_namespaces(7): 0 there forbids making one at all. */
static int check_user_namespace(const struct spec *spec, struct error *error)
{
    const struct spec_namespace *user = &spec->namespaces[SPEC_NAMESPACE_USER];
    if (!user->wanted || user->path)
        return 0;
    AUTO_ERROR struct error ignored = { 0 };
    AUTO_FREE char *most =
        read_file_at(AT_FDCWD, "/proc/sys/user/max_user_namespaces", 64, NULL, &ignored);
    if (most && string_equal(most, "0\n"))
        return error_set(error, 0,
                         "linux.namespaces: user namespaces are switched off "
                         "(user.max_user_namespaces is 0)");
    return 0;
}

static int check_mounts(const struct spec *spec, struct error *error)
{
    for (size_t i = 0; i < spec->mount_count; i++) {
        const struct spec_mount *mount = &spec->mounts[i];
        const char *what = mount->idmap != SPEC_IDMAP_NONE ? "id-mapped mounts"
                           : mount->recursive_set || mount->recursive_clear
                               ? "recursive mount attributes"
                               : NULL;
        if (!what)
            continue;
        if (syscall(SYS_mount_setattr, -1, "", 0, NULL, 0) < 0 && errno == ENOSYS)
            return error_set(error, 0, "mounts[%zu].options: this kernel has no %s (Linux 5.12)", i,
                             what);
        return 0;
    }
    return 0;
}

static int check_memory_policy(const struct spec *spec, struct error *error)
{
    if (!spec->memory_policy)
        return 0;
    if (syscall(SYS_get_mempolicy, NULL, NULL, 0, NULL, 0) < 0 && errno == ENOSYS)
        return error_set(error, 0,
                         "linux.memoryPolicy: this kernel has no memory policies "
                         "(CONFIG_NUMA)");
    return 0;
}

int preflight_check_labels(const struct spec_process *process, struct error *error)
{
    if (process->apparmor_profile && !string_equal(process->apparmor_profile, "unconfined")) {
        AUTO_ERROR struct error ignored = { 0 };
        AUTO_FREE char *enabled =
            read_file_at(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", 64, NULL, &ignored);
        if (!enabled || enabled[0] != 'Y')
            return error_set(error, 0,
                             "process.apparmorProfile: %s is asked for, and this kernel has no "
                             "AppArmor",
                             process->apparmor_profile);
    }
    if (process->selinux_label && access("/sys/fs/selinux/enforce", F_OK) < 0)
        return error_set(error, 0,
                         "process.selinuxLabel: %s is asked for, and this kernel has no SELinux",
                         process->selinux_label);
    return 0;
}

static int check_process(const struct spec *spec, struct error *error)
{
    return spec->process ? preflight_check_labels(spec->process, error) : 0;
}

static int check_resctrl(const struct spec *spec, struct error *error)
{
    if (!spec->intel_rdt)
        return 0;
    AUTO_FREE char *root = resctrl_mount_point();
    if (!root)
        return error_set(error, 0,
                         "linux.intelRdt: no resctrl file system is mounted "
                         "(CONFIG_X86_CPU_RESCTRL, and a processor that has it)");
    AUTO_FREE char *monitoring = string_format("%s/info/L3_MON", root);
    if (spec->intel_rdt->enable_monitoring && access(monitoring, F_OK) < 0)
        return error_set(error, 0,
                         "linux.intelRdt.enableMonitoring: this processor cannot monitor (no %s)",
                         monitoring);
    return 0;
}

static int check_network_devices(const struct spec *spec, struct error *error)
{
    for (size_t i = 0; i < spec->network_device_count; i++) {
        const char *name = spec->network_devices[i].host_name;
        if (if_nametoindex(name) == 0)
            return error_set(error, errno, "linux.netDevices.%s: the host has no such interface",
                             name);
    }
    return 0;
}

static int check_seccomp(const struct spec *spec, struct error *error)
{
    return spec->seccomp ? seccomp_check(spec->seccomp, error) : 0;
}

int preflight_check(const struct spec *spec, const struct log *log, struct error *error)
{
    static int (*const checks[])(const struct spec *, struct error *) = {
        check_namespaces, check_mount_namespace, check_user_namespace, check_mounts,
        check_seccomp,    check_memory_policy,   check_process,        check_network_devices,
        check_resctrl,    sysctl_check,
    };
    (void)log;
    for (size_t i = 0; i < ARRAY_LENGTH(checks); i++)
        if (checks[i](spec, error) < 0)
            return -1;
    return 0;
}
