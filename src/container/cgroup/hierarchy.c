// SPDX-License-Identifier: Apache-2.0
#include "container/cgroup/hierarchy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/io.h"
#include "base/string.h"

#define MOUNTINFO_LIMIT (16 << 20)

/* Mount options of a v1 hierarchy that name no controller (cgroup1_fs_parameters in the kernel). */
static const char *const not_controllers[] = {
    "rw",
    "ro",
    "all",
    "none",
    "noprefix",
    "clone_children",
    "cpuset_v2_mode",
    "xattr",
    "favordynmods",
    "nofavordynmods",
};

bool word_list_has(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *next = words; *next; next += strspn(next, ",")) {
        size_t span = strcspn(next, ",");
        if (span == length && strncmp(next, word, length) == 0)
            return true;
        next += span;
    }
    return false;
}

static bool is_controller(const char *option)
{
    if (string_starts_with(option, "release_agent="))
        return false;
    for (size_t i = 0; i < ARRAY_LENGTH(not_controllers); i++) {
        if (string_equal(option, not_controllers[i]))
            return false;
    }
    return true;
}

static char *controllers_of(const char *super_options)
{
    AUTO_STRINGS char **options = string_split(super_options, ",");
    char *controllers = NULL;
    for (char **option = options; *option; option++) {
        if (is_controller(*option))
            string_append(&controllers, "%s%s", controllers ? "," : "", *option);
    }
    return controllers ? controllers : string_copy("");
}

/* mountinfo writes blanks and backslashes as \ooo (proc(5)). */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; to++) {
        if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] && from[3]) {
            *to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

static void hierarchy_free(struct hierarchy *hierarchy)
{
    free(hierarchy->name);
    free(hierarchy->mount_point);
    free(hierarchy->controllers);
}

void hierarchies_free(struct hierarchies *hierarchies)
{
    for (size_t i = 0; i < hierarchies->count; i++)
        hierarchy_free(&hierarchies->entries[i]);
    free(hierarchies->entries);
    *hierarchies = (struct hierarchies){ 0 };
}

static bool same_hierarchy(const struct hierarchy *entry, const char *controllers)
{
    if (!entry->controllers || !controllers)
        return entry->controllers == controllers;
    return string_equal(entry->controllers, controllers);
}

/* The same hierarchy may be mounted many times; the first one counts. Takes `controllers`. */
static void add_hierarchy(struct hierarchies *hierarchies, const char *mount_point,
                          char *controllers)
{
    for (size_t i = 0; i < hierarchies->count; i++) {
        if (same_hierarchy(&hierarchies->entries[i], controllers)) {
            free(controllers);
            return;
        }
    }
    hierarchies->entries =
        reallocate(hierarchies->entries, hierarchies->count + 1, sizeof(*hierarchies->entries));
    const char *slash = strrchr(mount_point, '/');
    hierarchies->entries[hierarchies->count++] = (struct hierarchy){
        .name = string_copy(slash ? slash + 1 : mount_point),
        .mount_point = string_copy(mount_point),
        .controllers = controllers,
    };
}

/*
 * "36 35 98:0 /root /mount/point rw,noatime master:1 - cgroup cgroup rw,memory" (proc(5)). A mount
 * whose root is not the hierarchy's is the bind mount of some container, unless it is all we have.
 */
static void parse_line(char *line, bool bind_mounts, struct hierarchies *hierarchies)
{
    char *separator = strstr(line, " - cgroup");
    if (!separator)
        return;
    *separator = '\0';
    char *type = separator + strlen(" - ");
    char *end = NULL, *super_end = NULL;
    strtok_r(type, " ", &super_end);
    strtok_r(NULL, " ", &super_end);
    const char *super_options = strtok_r(NULL, " ", &super_end);
    for (int field = 0; field < 3; field++)
        strtok_r(field == 0 ? line : NULL, " ", &end);
    const char *root = strtok_r(NULL, " ", &end);
    char *mount_point = strtok_r(NULL, " ", &end);
    if (!mount_point || !super_options || string_equal(root, "/") == bind_mounts)
        return;
    unescape(mount_point);
    if (string_equal(type, "cgroup2"))
        add_hierarchy(hierarchies, mount_point, NULL);
    else if (string_equal(type, "cgroup"))
        add_hierarchy(hierarchies, mount_point, controllers_of(super_options));
}

static void parse_lines(char *mountinfo, bool bind_mounts, struct hierarchies *hierarchies)
{
    char *next = NULL;
    for (char *line = strtok_r(mountinfo, "\n", &next); line; line = strtok_r(NULL, "\n", &next))
        parse_line(line, bind_mounts, hierarchies);
}

/* v2 alone has no name; beside v1 it is what everybody calls "unified". */
static void name_unified(struct hierarchies *hierarchies)
{
    for (size_t i = 0; i < hierarchies->count; i++) {
        struct hierarchy *entry = &hierarchies->entries[i];
        if (entry->controllers)
            continue;
        free(entry->name);
        entry->name = string_copy(hierarchies->count == 1 ? "" : "unified");
    }
}

int hierarchies_parse(char *mountinfo, struct hierarchies *hierarchies, struct error *error)
{
    AUTO_FREE char *copy = string_copy(mountinfo);
    parse_lines(mountinfo, false, hierarchies);
    if (hierarchies->count == 0)
        parse_lines(copy, true, hierarchies);
    if (hierarchies->count == 0)
        return error_set_code(error, ENOENT,
                              "no cgroup hierarchy is mounted; mount cgroup2 on /sys/fs/cgroup");
    name_unified(hierarchies);
    return 0;
}

int hierarchies_discover(struct hierarchies *hierarchies, struct error *error)
{
    struct statfs status;
    if (statfs("/sys/fs/cgroup", &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC) {
        add_hierarchy(hierarchies, "/sys/fs/cgroup", NULL);
        name_unified(hierarchies);
        return 0;
    }
    AUTO_FREE char *mountinfo =
        read_file_at(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_LIMIT, NULL, error);
    return mountinfo ? hierarchies_parse(mountinfo, hierarchies, error) : -1;
}

/* A line is "4:memory:/path", v2's is "0::/path" (cgroups(7)). */
char *membership_find(const char *proc_cgroup, const char *controllers)
{
    AUTO_STRINGS char **lines = string_split(proc_cgroup, "\n");
    for (char **line = lines; *line; line++) {
        char *first = strchr(*line, ':');
        char *second = first ? strchr(first + 1, ':') : NULL;
        if (!second)
            continue;
        *second = '\0';
        if (string_equal(first + 1, controllers ? controllers : ""))
            return string_copy(second + 1);
    }
    return NULL;
}
