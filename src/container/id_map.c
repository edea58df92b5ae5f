// SPDX-License-Identifier: Apache-2.0
#include "container/id_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/io.h"
#include "base/process.h"
#include "base/string.h"
#include "container/procfs.h"

struct map {
    const char *file;    /* below /proc/PID */
    const char *program; /* what may write it for users */
    const struct spec_id_mapping *mappings;
    size_t count;
    uint32_t own_id; /* the one id that needs no privilege */
};

static char *map_text(const struct map *map)
{
    AUTO_FREE char *text = string_copy("");
    for (size_t i = 0; i < map->count; i++)
        string_append(&text, "%u %u %u\n", map->mappings[i].container_id, map->mappings[i].host_id,
                      map->mappings[i].size);
    return take_pointer(text);
}

static int write_by_program(pid_t pid, const struct map *map, struct error *error)
{
    struct string_list args AUTO_STRING_LIST = { 0 };
    string_list_add(&args, map->program);
    string_list_take(&args, string_format("%d", pid));
    for (size_t i = 0; i < map->count; i++) {
        string_list_take(&args, string_format("%u", map->mappings[i].container_id));
        string_list_take(&args, string_format("%u", map->mappings[i].host_id));
        string_list_take(&args, string_format("%u", map->mappings[i].size));
    }
    struct process_request request = { .path = map->program,
                                       .args = (const char *const *)args.items };
    if (process_run(&request, error) < 0)
        return error_wrap(error,
                          "write %s of the user namespace (the package uidmap and a range in /etc/"
                          "subuid and /etc/subgid are needed for more than one id)",
                          map->file);
    return 0;
}

static bool needs_no_privilege(const struct map *map)
{
    return map->count == 1 && map->mappings[0].size == 1 && map->mappings[0].host_id == map->own_id;
}

static int write_map(pid_t pid, const struct map *map, struct error *error)
{
    AUTO_FREE char *path = string_format("/proc/%d/%s", pid, map->file);
    AUTO_FREE char *text = map_text(map);
    if (write_file_at(AT_FDCWD, path, text, error) == 0)
        return 0;
    if (error->code != EPERM || needs_no_privilege(map))
        return -1;
    error_clear(error);
    return write_by_program(pid, map, error);
}

static int deny_setgroups(pid_t pid, struct error *error)
{
    AUTO_FREE char *path = string_format("/proc/%d/setgroups", pid);
    return write_file_at(AT_FDCWD, path, "deny", error);
}

int id_map_write(pid_t pid, const struct spec *spec, struct error *error)
{
    struct map uids = { "uid_map", "newuidmap", spec->uid_mappings, spec->uid_mapping_count,
                        geteuid() };
    struct map gids = { "gid_map", "newgidmap", spec->gid_mappings, spec->gid_mapping_count,
                        getegid() };
    /* An unprivileged process may map its own group only after giving setgroups up. */
    bool deny = geteuid() != 0 && needs_no_privilege(&gids);
    if (deny && deny_setgroups(pid, error) < 0)
        return -1;
    if (write_map(pid, &gids, error) < 0)
        return -1;
    return write_map(pid, &uids, error);
}

bool id_map_setgroups_denied(int procfs_fd)
{
    AUTO_ERROR struct error ignored = { 0 };
    AUTO_CLOSE int fd = procfs_open_file(procfs_fd, "self/setgroups", O_RDONLY, &ignored);
    char text[8] = "";
    return fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && string_starts_with(text, "deny");
}
