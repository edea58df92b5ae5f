// SPDX-License-Identifier: Apache-2.0
/* One directory of the container in one hierarchy: finding, making, reading, writing. */
#include "container/cgroup/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/io.h"

#define SMALL_FILE_LIMIT (1 << 20)

struct cgroup_directory *directory_v2(const struct cgroup *cgroup)
{
    for (size_t i = 0; i < cgroup->count; i++) {
        if (directory_is_v2(&cgroup->directories[i]) && cgroup->directories[i].present)
            return &cgroup->directories[i];
    }
    return NULL;
}

struct cgroup_directory *directory_v1(const struct cgroup *cgroup, const char *controller)
{
    for (size_t i = 0; i < cgroup->count; i++) {
        struct cgroup_directory *directory = &cgroup->directories[i];
        if (!directory_is_v2(directory) && directory->present &&
            word_list_has(directory->controllers, controller))
            return directory;
    }
    return NULL;
}

struct cgroup_directory *directory_main(const struct cgroup *cgroup)
{
    struct cgroup_directory *directory = directory_v2(cgroup);
    static const char *const preferred[] = { "freezer", "pids", "memory", "name=systemd" };
    for (size_t i = 0; i < ARRAY_LENGTH(preferred) && !directory; i++)
        directory = directory_v1(cgroup, preferred[i]);
    for (size_t i = 0; i < cgroup->count && !directory; i++) {
        if (cgroup->directories[i].present)
            directory = &cgroup->directories[i];
    }
    return directory;
}

int directory_open(struct cgroup_directory *directory)
{
    if (directory->fd < 0)
        directory->fd = open(directory->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return directory->fd;
}

/* A file below a path, without the last newline; NULL with errno. */
static char *read_below(const char *path, const char *file)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *full = string_format("%s/%s", path, file);
    size_t length;
    char *text = read_file_at(AT_FDCWD, full, SMALL_FILE_LIMIT, &length, &error);
    if (!text)
        errno = error.code;
    else if (length > 0 && text[length - 1] == '\n')
        text[length - 1] = '\0';
    return text;
}

char *directory_read(const struct cgroup_directory *directory, const char *file)
{
    return read_below(directory->path, file);
}

int directory_write(struct cgroup_directory *directory, const char *file, const char *text,
                    struct error *error)
{
    int fd = directory_open(directory);
    if (fd < 0)
        return error_set(error, errno, "open cgroup %s", directory->path);
    if (write_file_at(fd, file, text, error) < 0)
        return error_wrap(error, "cgroup %s", directory->path);
    return 0;
}

bool directory_v2_has(const struct cgroup_directory *directory, const char *controller)
{
    AUTO_FREE char *controllers = read_below(directory->mount_point, "cgroup.controllers");
    AUTO_STRINGS char **words = string_split(controllers ? controllers : "", " ");
    for (char **word = words; *word; word++) {
        if (string_equal(*word, controller))
            return true;
    }
    return false;
}

static int write_below(const char *path, const char *file, const char *text, struct error *error)
{
    AUTO_FREE char *full = string_format("%s/%s", path, file);
    return write_file_at(AT_FDCWD, full, text, error);
}

/*
 * cpusets of v1 are born empty, and no process can join an empty one (cpuset_can_attach): it gets
 * what its parent has. 1 when the parent's is empty too.
 */
static int inherit_cpuset_file(const char *parent, const char *path, const char *file,
                               struct error *error)
{
    AUTO_FREE char *value = read_below(parent, file);
    if (!value)
        return error_set(error, errno, "read %s/%s", parent, file);
    if (value[0] == '\0')
        return 1;
    return write_below(path, file, value, error);
}

static int inherit_cpuset(const char *path, struct error *error)
{
    AUTO_FREE char *parent = string_copy_n(path, (size_t)(strrchr(path, '/') - path));
    int cpus = inherit_cpuset_file(parent, path, "cpuset.cpus", error);
    if (cpus != 0)
        return cpus;
    return inherit_cpuset_file(parent, path, "cpuset.mems", error);
}

static bool has_cpuset(const struct cgroup_directory *directory)
{
    return !directory_is_v2(directory) && word_list_has(directory->controllers, "cpuset");
}

static int make_level(const struct cgroup_directory *directory, const char *path,
                      struct error *error)
{
    if (mkdir(path, 0755) < 0 && errno != EEXIST)
        return error_set(error, errno, "make cgroup %s", path);
    if (!has_cpuset(directory))
        return 0;
    AUTO_FREE char *cpus = read_below(path, "cpuset.cpus");
    AUTO_FREE char *mems = read_below(path, "cpuset.mems");
    if (cpus && cpus[0] && mems && mems[0])
        return 0;
    return inherit_cpuset(path, error);
}

/* Every level from the mount point down, the directory itself last. */
int directory_make_levels(const struct cgroup_directory *directory, struct error *error)
{
    AUTO_FREE char *path = string_copy(directory->path);
    for (char *slash = path + strlen(directory->mount_point) + 1; (slash = strchr(slash, '/'));
         slash++) {
        *slash = '\0';
        if (make_level(directory, path, error) < 0)
            return -1;
        *slash = '/';
    }
    return make_level(directory, path, error);
}

int directory_make(struct cgroup_directory *directory, struct error *error)
{
    directory->created = mkdir(directory->path, 0755) == 0;
    if (!directory->created && errno == EEXIST)
        return directory_check_unused(directory, error) < 0
                   ? -1
                   : directory_make_levels(directory, error);
    if (!directory->created && errno == ENOENT) {
        directory->created = true;
        return directory_make_levels(directory, error);
    }
    if (!directory->created)
        return error_set(error, errno, "make cgroup %s", directory->path);
    int inherited = has_cpuset(directory) ? inherit_cpuset(directory->path, error) : 0;
    return inherited > 0 ? directory_make_levels(directory, error) : inherited;
}

/* As "+cpu +memory", what `parent` has and does not hand on yet; NULL when there is nothing. */
static char *controllers_to_enable(const char *parent, const char *wanted)
{
    AUTO_FREE char *available = read_below(parent, "cgroup.controllers");
    AUTO_FREE char *enabled = read_below(parent, "cgroup.subtree_control");
    if (!available || !enabled)
        return NULL;
    for (char *blank = enabled; (blank = strchr(blank, ' '));)
        *blank = ',';
    char *text = NULL;
    AUTO_STRINGS char **words = string_split(available, " ");
    for (char **word = words; *word; word++) {
        if (!word_list_has(enabled, *word) && (!wanted || word_list_has(wanted, *word)))
            string_append(&text, "%s+%s", text ? " " : "", *word);
    }
    return text;
}

/* All at once; where the kernel refuses one (cpu with real-time processes), all the others. */
static void enable_in(const char *parent, const char *wanted)
{
    AUTO_FREE char *words = controllers_to_enable(parent, wanted);
    AUTO_ERROR struct error all_error = { 0 };
    if (!words || write_below(parent, "cgroup.subtree_control", words, &all_error) == 0)
        return;
    AUTO_STRINGS char **parts = string_split(words, " ");
    for (char **part = parts; *part; part++) {
        AUTO_ERROR struct error ignored = { 0 };
        write_below(parent, "cgroup.subtree_control", *part, &ignored);
    }
}

/* A controller that could not be enabled shows when its file is missing: the limit's field is
 * named then. */
void directory_enable_controllers(const struct cgroup_directory *directory, const char *wanted)
{
    AUTO_FREE char *path = string_copy(directory->path);
    char *slash = path + strlen(directory->mount_point);
    for (; slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        enable_in(path, wanted);
        *slash = '/';
    }
}

static bool frozen_v1(const struct cgroup_directory *directory)
{
    if (!word_list_has(directory->controllers, "freezer"))
        return false;
    AUTO_FREE char *state = directory_read(directory, "freezer.state");
    return state && !string_equal(state, "THAWED");
}

static bool frozen_v2(const struct cgroup_directory *directory)
{
    AUTO_FREE char *state = directory_read(directory, "cgroup.freeze");
    return state && string_equal(state, "1");
}

bool directory_is_frozen(const struct cgroup_directory *directory)
{
    return directory_is_v2(directory) ? frozen_v2(directory) : frozen_v1(directory);
}

int directory_check_unused(const struct cgroup_directory *directory, struct error *error)
{
    AUTO_FREE pid_t *pids = NULL;
    size_t count = 0;
    if (tree_processes(directory->path, &pids, &count, error) < 0)
        return -1;
    if (count > 0)
        return error_set_code(error, EBUSY,
                              "cgroup %s has processes in it already (%d is one); use another "
                              "cgroupsPath, or end them",
                              directory->path, pids[0]);
    if (directory_is_frozen(directory))
        return error_set_code(error, EBUSY, "cgroup %s exists and is frozen; thaw or remove it",
                              directory->path);
    return 0;
}
