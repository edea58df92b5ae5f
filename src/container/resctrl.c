// SPDX-License-Identifier: Apache-2.0
#include "container/resctrl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"

enum { MOUNTINFO_LIMIT = 16 << 20, SCHEMATA_LIMIT = 1 << 20 };

/* proc_pid_mountinfo(5): the fifth field is the mount point; the type comes after " - ". */
char *resctrl_mount_point(void)
{
    AUTO_ERROR struct error ignored = { 0 };
    AUTO_FREE char *text =
        read_file_at(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_LIMIT, NULL, &ignored);
    AUTO_STRINGS char **lines = string_split(text ? text : "", "\n");
    for (char **line = lines; *line; line++) {
        if (!strstr(*line, " - resctrl "))
            continue;
        AUTO_STRINGS char **fields = string_split(*line, " ");
        for (size_t i = 0; fields[i]; i++)
            if (i == 4)
                return string_copy(fields[i]);
    }
    return NULL;
}

/* Its name below the root, "" for the default group. */
static const char *group_name(const char *clos_id, const char *container_id)
{
    if (!clos_id)
        return container_id;
    return string_equal(clos_id, "/") ? "" : clos_id;
}

static bool name_is_valid(const char *name)
{
    return !strchr(name, '/') && !string_equal(name, ".") && !string_equal(name, "..") &&
           !string_equal(name, "info") && !string_equal(name, "mon_groups") &&
           !string_equal(name, "mon_data");
}

static int open_directory(int parent, const char *name)
{
    return openat(parent, *name ? name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The reason that the kernel left for the last write that failed (resctrl.rst). */
static int explain(int root_fd, struct error *error)
{
    AUTO_ERROR struct error ignored = { 0 };
    AUTO_FREE char *status =
        read_file_at(root_fd, "info/last_cmd_status", SCHEMATA_LIMIT, NULL, &ignored);
    if (!status)
        return -1;
    status[strcspn(status, "\n")] = '\0';
    if (!*status || string_equal(status, "ok"))
        return -1;
    string_append(&error->message, " (%s)", status);
    return -1;
}

/* One line a write: the kernel takes each or refuses it. */
static int write_schema(int root_fd, int group_fd, const char *schema, const char *field,
                        struct error *error)
{
    AUTO_FREE char *line = string_format("%s\n", schema);
    if (write_file_at(group_fd, "schemata", line, error) == 0)
        return 0;
    error_set(error, error->code, "linux.intelRdt.%s: write \"%s\" to schemata", field, schema);
    return explain(root_fd, error);
}

static int write_schemas(int root_fd, int group_fd, const struct spec_intel_rdt *rdt,
                         struct error *error)
{
    if (rdt->l3_cache_schema &&
        write_schema(root_fd, group_fd, rdt->l3_cache_schema, "l3CacheSchema", error) < 0)
        return -1;
    if (rdt->memory_bandwidth_schema &&
        write_schema(root_fd, group_fd, rdt->memory_bandwidth_schema, "memBwSchema", error) < 0)
        return -1;
    for (const char *const *schema = rdt->schemata; schema && *schema; schema++)
        if (write_schema(root_fd, group_fd, *schema, "schemata", error) < 0)
            return -1;
    return 0;
}

static int write_pid(int group_fd, pid_t pid, struct error *error)
{
    char text[16];
    snprintf(text, sizeof(text), "%d\n", pid);
    if (write_file_at(group_fd, "tasks", text, error) < 0)
        return error_wrap(error, "linux.intelRdt: move process %d into the group", pid);
    return 0;
}

static int monitor(int group_fd, const char *container_id, pid_t pid, struct error *error)
{
    AUTO_FREE char *path = string_format("mon_groups/%s", container_id);
    if (mkdirat(group_fd, path, 0755) < 0 && errno != EEXIST)
        return error_set(error, errno, "linux.intelRdt.enableMonitoring: make the group %s", path);
    AUTO_CLOSE int fd = open_directory(group_fd, path);
    if (fd < 0)
        return error_set(error, errno, "linux.intelRdt.enableMonitoring: open the group %s", path);
    return write_pid(fd, pid, error);
}

/*
 * The group: made with `made` set; one that exists is for a closID that was given, and then its
 * schemata are left alone unless they are named.
 */
static int make_group(int root_fd, const char *name, const struct spec_intel_rdt *rdt, bool *made,
                      struct error *error)
{
    *made = *name && mkdirat(root_fd, name, 0755) == 0;
    if (!*made && *name && errno == ENOSPC)
        return error_set(error, errno,
                         "linux.intelRdt: make the group %s: the hardware has no class of service "
                         "left",
                         name);
    if (!*made && *name && (errno != EEXIST || !rdt->clos_id))
        return error_set(error, errno, "linux.intelRdt: make the group %s", name);
    return 0;
}

static int fill_group(int root_fd, const char *name, const char *container_id,
                      const struct spec_intel_rdt *rdt, pid_t pid, struct error *error)
{
    AUTO_CLOSE int fd = open_directory(root_fd, name);
    if (fd < 0)
        return error_set(error, errno, "linux.intelRdt: open the group %s", name);
    if (write_schemas(root_fd, fd, rdt, error) < 0 || write_pid(fd, pid, error) < 0)
        return -1;
    return rdt->enable_monitoring ? monitor(fd, container_id, pid, error) : 0;
}

int resctrl_apply(const char *root, const char *container_id, const struct spec_intel_rdt *rdt,
                  pid_t pid, bool *made, struct error *error)
{
    *made = false;
    const char *name = group_name(rdt->clos_id, container_id);
    if (!name_is_valid(name))
        return error_set(error, 0, "linux.intelRdt.closID: \"%s\" is not the name of a group",
                         name);
    AUTO_CLOSE int root_fd = open_directory(AT_FDCWD, root);
    if (root_fd < 0)
        return error_set(error, errno, "linux.intelRdt: open %s", root);
    if (make_group(root_fd, name, rdt, made, error) < 0)
        return -1;
    if (fill_group(root_fd, name, container_id, rdt, pid, error) == 0)
        return 0;
    if (*made)
        unlinkat(root_fd, name, AT_REMOVEDIR);
    *made = false;
    return -1;
}

int resctrl_update(const char *root, const char *clos_id, const char *l3_cache_schema,
                   const char *memory_bandwidth_schema, struct error *error)
{
    const char *name = string_equal(clos_id, "/") ? "" : clos_id;
    if (!name_is_valid(name))
        return error_set(error, 0, "linux.intelRdt.closID: \"%s\" is not the name of a group",
                         name);
    AUTO_CLOSE int root_fd = open_directory(AT_FDCWD, root);
    AUTO_CLOSE int fd = root_fd < 0 ? -1 : open_directory(root_fd, name);
    if (fd < 0)
        return error_set(error, errno, "linux.intelRdt: open the group %s below %s", name, root);
    const struct spec_intel_rdt rdt = { .l3_cache_schema = l3_cache_schema,
                                        .memory_bandwidth_schema = memory_bandwidth_schema };
    return write_schemas(root_fd, fd, &rdt, error);
}

int resctrl_remove(const char *root, const char *clos_id, struct error *error)
{
    /* The default group is nobody's to remove. */
    if (!*clos_id || string_equal(clos_id, "/"))
        return 0;
    if (!name_is_valid(clos_id))
        return error_set(error, 0, "linux.intelRdt.closID: \"%s\" is not the name of a group",
                         clos_id);
    AUTO_CLOSE int root_fd = open_directory(AT_FDCWD, root);
    if (root_fd < 0)
        return error_set(error, errno, "linux.intelRdt: open %s", root);
    /* The kernel's rmdir takes the group's monitoring groups and files along. */
    if (unlinkat(root_fd, clos_id, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return error_set(error, errno, "linux.intelRdt: remove the group %s", clos_id);
    return 0;
}
