// SPDX-License-Identifier: Apache-2.0
/*
 * Making what is missing: the path is walked from its beginning, one component a step. Each prefix
 * is resolved by the kernel inside the root; the first one that is missing is made in the directory
 * that the step before had open, and opened without following a link. So a component that turns
 * into a link between two steps makes the walk fail or leads to another place inside the root,
 * never out of it.
 *
 * A prefix that does not resolve but cannot be made either is a dangling link ("/var/run" ->
 * "/run" in many images). The walk then starts again with the link's text in the place of the
 * component.
 */
#include "container/safe_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/string.h"
#include "base/system_call.h"

enum {
    MOST_LINKS = 40, /* as the kernel's MAXSYMLINKS */
    MOST_ATTEMPTS = 32,
};

int safe_open(int root_fd, const char *path, int flags)
{
    /* EAGAIN: a rename somewhere raced with ".." (openat2(2)); a hostile container may keep it up.
     */
    for (int attempt = 0;; attempt++) {
        int fd = sys_openat2(root_fd, path, (uint64_t)(flags | O_CLOEXEC), 0,
                             RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
        if (fd >= 0 || errno != EAGAIN || attempt == MOST_ATTEMPTS)
            return fd;
    }
}

/* The text of the link `name`, or NULL with errno (EINVAL: not a link). */
static char *read_link(int directory_fd, const char *name)
{
    char text[PATH_MAX];
    ssize_t length = readlinkat(directory_fd, name, text, sizeof(text));
    if (length < 0)
        return NULL;
    if ((size_t)length == sizeof(text)) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    return string_copy_n(text, (size_t)length);
}

struct walk {
    int root_fd;
    char *path;    /* whole path, owned; replaced when a dangling link is expanded */
    size_t done;   /* path[0..done) is resolved */
    int parent_fd; /* of it, O_PATH */
    int links;
};

static void walk_end(struct walk *walk)
{
    free(walk->path);
    cleanup_close(&walk->parent_fd);
}

#define AUTO_WALK __attribute__((cleanup(walk_end)))

/* Find the next component: its beginning, and its end in `end`; NULL when there is none. */
static const char *next_component(const struct walk *walk, size_t *end)
{
    const char *start = walk->path + walk->done;
    start += strspn(start, "/");
    size_t length = strcspn(start, "/");
    *end = (size_t)(start - walk->path) + length;
    return length ? start : NULL;
}

static int step_into(struct walk *walk, int fd, size_t end)
{
    cleanup_close(&walk->parent_fd);
    walk->parent_fd = fd;
    walk->done = end;
    return 0;
}

/* Put the text of the dangling link `name` in its place and begin again. */
static int expand_link(struct walk *walk, const char *name, size_t end)
{
    if (++walk->links > MOST_LINKS) {
        errno = ELOOP;
        return -1;
    }
    AUTO_FREE char *target = read_link(walk->parent_fd, name);
    if (!target)
        return -1;
    size_t kept = target[0] == '/' ? 0 : walk->done;
    char *path = string_format("%.*s/%s%s", (int)kept, walk->path, target, walk->path + end);
    free(walk->path);
    walk->path = path;
    walk->done = 0;
    int root = safe_open(walk->root_fd, "/", O_PATH | O_DIRECTORY);
    return root < 0 ? -1 : step_into(walk, root, 0);
}

/* Open the prefix that ends at `end`, where it exists. */
static int open_prefix(const struct walk *walk, size_t end, int flags)
{
    AUTO_FREE char *prefix = string_copy_n(walk->path, end);
    return safe_open(walk->root_fd, prefix, O_PATH | flags);
}

static int make_component(struct walk *walk, size_t end, const char *component)
{
    int fd = open_prefix(walk, end, O_DIRECTORY);
    if (fd >= 0)
        return step_into(walk, fd, end);
    if (errno != ENOENT)
        return -1;
    AUTO_FREE char *name = string_copy_n(component, (size_t)(walk->path + end - component));
    if (mkdirat(walk->parent_fd, name, 0755) == 0) {
        fd = openat(walk->parent_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -1 : step_into(walk, fd, end);
    }
    return errno == EEXIST ? expand_link(walk, name, end) : -1;
}

/* Make all components, or (with `name`) all but the last one, which is copied there. */
static int walk_path(struct walk *walk, char *name)
{
    size_t end;
    for (const char *component = next_component(walk, &end); component;
         component = next_component(walk, &end)) {
        size_t length = (size_t)(walk->path + end - component);
        bool last = walk->path[end + strspn(walk->path + end, "/")] == '\0';
        if (name && last) {
            if (length > NAME_MAX) {
                errno = ENAMETOOLONG;
                return -1;
            }
            memcpy(name, component, length);
            name[length] = '\0';
            return 0;
        }
        if (make_component(walk, end, component) < 0)
            return -1;
    }
    if (!name)
        return 0;
    errno = EISDIR; /* the path is the root itself */
    return -1;
}

static int walk_begin(struct walk *walk, int root_fd, const char *path)
{
    *walk = (struct walk){ .root_fd = root_fd, .path = string_copy(path), .parent_fd = -1 };
    walk->parent_fd = safe_open(root_fd, "/", O_PATH | O_DIRECTORY);
    return walk->parent_fd;
}

int safe_make_directory(int root_fd, const char *path, struct error *error)
{
    int fd = safe_open(root_fd, path, O_PATH | O_DIRECTORY);
    if (fd >= 0)
        return fd;
    if (errno != ENOENT)
        return error_set(error, errno, "open directory %s in the container", path);
    AUTO_WALK struct walk walk;
    if (walk_begin(&walk, root_fd, path) < 0 || walk_path(&walk, NULL) < 0)
        return error_set(error, errno, "make directory %s in the container", path);
    return take_fd(&walk.parent_fd);
}

/* One attempt at the last component: 0 when `fd` is set or -1; a dangling link sets walk's path. */
static int make_last(struct walk *walk, const char *name, int *fd)
{
    if (mknodat(walk->parent_fd, name, S_IFREG | 0644, 0) < 0 && errno != EEXIST)
        return -1;
    size_t end = strlen(walk->path);
    while (end > 0 && walk->path[end - 1] == '/')
        end--;
    *fd = open_prefix(walk, end, 0);
    if (*fd >= 0)
        return 0;
    return errno == ENOENT ? expand_link(walk, name, end) : -1;
}

int safe_make_file(int root_fd, const char *path, struct error *error)
{
    int fd = safe_open(root_fd, path, O_PATH);
    if (fd >= 0)
        return fd;
    if (errno != ENOENT)
        return error_set(error, errno, "open %s in the container", path);
    AUTO_WALK struct walk walk;
    int result = walk_begin(&walk, root_fd, path);
    while (result >= 0 && fd < 0) {
        char name[NAME_MAX + 1];
        result = walk_path(&walk, name);
        if (result >= 0)
            result = make_last(&walk, name, &fd);
    }
    if (result < 0)
        return error_set(error, errno, "make file %s in the container", path);
    return fd;
}

int safe_make_parent(int root_fd, const char *path, char *name, struct error *error)
{
    AUTO_WALK struct walk walk;
    if (walk_begin(&walk, root_fd, path) < 0 || walk_path(&walk, name) < 0)
        return error_set(error, errno, "make the directory of %s in the container", path);
    if (string_equal(name, ".") || string_equal(name, ".."))
        return error_set_code(error, EINVAL, "%s names no file", path);
    return take_fd(&walk.parent_fd);
}
