// SPDX-License-Identifier: Apache-2.0
#include "container/sysctl.h"

#include <stdbool.h>
#include <sys/stat.h>

#include "base/string.h"
#include "container/procfs.h"

/* What belongs to a namespace: the name itself, or (ending in a dot) all below it. */
static const struct {
    const char *name;
    enum spec_namespace_type type;
} namespaced[] = {
    { "kernel.msgmax", SPEC_NAMESPACE_IPC },
    { "kernel.msgmnb", SPEC_NAMESPACE_IPC },
    { "kernel.msgmni", SPEC_NAMESPACE_IPC },
    { "kernel.msg_next_id", SPEC_NAMESPACE_IPC },
    { "kernel.sem", SPEC_NAMESPACE_IPC },
    { "kernel.sem_next_id", SPEC_NAMESPACE_IPC },
    { "kernel.shmall", SPEC_NAMESPACE_IPC },
    { "kernel.shmmax", SPEC_NAMESPACE_IPC },
    { "kernel.shmmni", SPEC_NAMESPACE_IPC },
    { "kernel.shm_next_id", SPEC_NAMESPACE_IPC },
    { "kernel.shm_rmid_forced", SPEC_NAMESPACE_IPC },
    { "kernel.auto_msgmni", SPEC_NAMESPACE_IPC },
    { "fs.mqueue.", SPEC_NAMESPACE_IPC },
    { "net.", SPEC_NAMESPACE_NETWORK },
    { "kernel.hostname", SPEC_NAMESPACE_UTS },
    { "kernel.domainname", SPEC_NAMESPACE_UTS },
    { "user.", SPEC_NAMESPACE_USER },
};

static const struct {
    const char *word, *file;
} namespaces[SPEC_NAMESPACE_COUNT] = {
    [SPEC_NAMESPACE_USER] = { "user", "/proc/self/ns/user" },
    [SPEC_NAMESPACE_IPC] = { "ipc", "/proc/self/ns/ipc" },
    [SPEC_NAMESPACE_UTS] = { "uts", "/proc/self/ns/uts" },
    [SPEC_NAMESPACE_NETWORK] = { "network", "/proc/self/ns/net" },
};

/*
 * sysctl(8): the first separator decides which one it is. After a dot, dots separate and a slash
 * is a dot within a name ("net.ipv4.conf.eth0/1.forwarding"); after a slash it is the other way
 * round. Returns the name with slashes as separators (the path below /proc/sys); allocated.
 */
static char *sysctl_path(const char *name)
{
    char *path = string_copy(name);
    if (path[strcspn(path, "./")] != '.')
        return path;
    for (char *letter = path; *letter; letter++)
        *letter = *letter == '.' ? '/' : *letter == '/' ? '.' : *letter;
    return path;
}

/* Whether a path below /proc/sys is, or is below, a dotted name of the table. */
static bool path_is(const char *path, const char *name)
{
    size_t i = 0;
    for (; name[i]; i++)
        if (path[i] != (name[i] == '.' ? '/' : name[i]))
            return false;
    return name[i - 1] == '.' ? path[i] != '\0' : path[i] == '\0';
}

static bool has_odd_component(const char *path)
{
    for (const char *part = path;; part++) {
        size_t length = strcspn(part, "/");
        if (length == 0 || (part[0] == '.' && (length == 1 || (length == 2 && part[1] == '.'))))
            return true;
        part += length;
        if (!*part)
            return false;
    }
}

/* A namespace that is joined by path may turn out to be the host's own. */
static bool is_our_own(const char *path, const char *ours)
{
    struct stat a, b;
    return stat(path, &a) == 0 && stat(ours, &b) == 0 && a.st_ino == b.st_ino &&
           a.st_dev == b.st_dev;
}

static int check_namespace(const struct spec *spec, const char *name, enum spec_namespace_type type,
                           struct error *error)
{
    const struct spec_namespace *namespace = &spec->namespaces[type];
    const char *word = namespaces[type].word;
    if (!namespace->wanted)
        return error_set(error, 0,
                         "linux.sysctl.%s: it would change the host; the container has no %s "
                         "namespace",
                         name, word);
    if (namespace->path && is_our_own(namespace->path, namespaces[type].file))
        return error_set(error, 0,
                         "linux.sysctl.%s: it would change the host; the %s namespace %s is the "
                         "host's own",
                         name, word, namespace->path);
    return 0;
}

static int check_one(const struct spec *spec, const struct spec_key_value *sysctl,
                     struct error *error)
{
    AUTO_FREE char *path = sysctl_path(sysctl->key);
    if (has_odd_component(path))
        return error_set(error, 0, "linux.sysctl.%s: this is not the name of a sysctl",
                         sysctl->key);
    if (strpbrk(sysctl->value, "\n\r"))
        return error_set(error, 0, "linux.sysctl.%s: the value has more than one line",
                         sysctl->key);
    for (size_t i = 0; i < ARRAY_LENGTH(namespaced); i++)
        if (path_is(path, namespaced[i].name))
            return check_namespace(spec, sysctl->key, namespaced[i].type, error);
    return error_set(error, 0,
                     "linux.sysctl.%s: it belongs to no namespace, so it would change the host",
                     sysctl->key);
}

int sysctl_check(const struct spec *spec, struct error *error)
{
    for (size_t i = 0; i < spec->sysctl_count; i++)
        if (check_one(spec, &spec->sysctls[i], error) < 0)
            return -1;
    return 0;
}

int sysctl_apply(const struct spec *spec, int procfs_fd, struct error *error)
{
    for (size_t i = 0; i < spec->sysctl_count; i++) {
        AUTO_FREE char *path = sysctl_path(spec->sysctls[i].key);
        AUTO_FREE char *file = string_format("sys/%s", path);
        if (procfs_write(procfs_fd, file, spec->sysctls[i].value, error) < 0)
            return error_wrap(error, "linux.sysctl.%s", spec->sysctls[i].key);
    }
    return 0;
}
