// SPDX-License-Identifier: Apache-2.0
#include "image/layer_view.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/string.h"
#include "base/system_call.h"

#define LINK_LIMIT 40 /* as the kernel's own (MAXSYMLINKS) */

int layer_open(int layer_fd, const char *path, int flags)
{
    return sys_openat2(layer_fd, path[0] ? path : ".", (uint64_t)(flags | O_NOFOLLOW | O_CLOEXEC),
                       0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

static bool has_opaque(const char *path, const char *attribute)
{
    char value = 0;
    return getxattr(path, attribute, &value, 1) == 1 && value == 'y';
}

static bool is_opaque(int fd)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return has_opaque(path, "trusted.overlay.opaque") || has_opaque(path, "user.overlay.opaque");
}

bool layer_is_whiteout(const struct stat *status)
{
    return S_ISCHR(status->st_mode) && status->st_rdev == makedev(0, 0);
}

/* Whether an opaque directory on the way to `path` in this layer hides what is below. */
static bool opaque_on_the_way(int layer_fd, const char *path)
{
    AUTO_FREE char *prefix = string_copy(path);
    for (;;) {
        char *slash = strrchr(prefix, '/');
        *(slash ? slash : prefix) = '\0';
        AUTO_CLOSE int fd = layer_open(layer_fd, prefix, O_PATH | O_DIRECTORY);
        if (fd >= 0 && is_opaque(fd))
            return true;
        if (!prefix[0])
            return false;
    }
}

enum lookup { LOOKUP_FOUND, LOOKUP_BELOW, LOOKUP_HIDDEN, LOOKUP_FAILED };

static enum lookup look_in_layer(int layer_fd, const char *path, int *found)
{
    AUTO_CLOSE int fd = layer_open(layer_fd, path, O_PATH);
    if (fd < 0 && errno == ENOENT)
        return path[0] && opaque_on_the_way(layer_fd, path) ? LOOKUP_HIDDEN : LOOKUP_BELOW;
    /* A file or link (a whiteout is a file too) where the path needs a directory. */
    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
        return LOOKUP_HIDDEN;
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0)
        return LOOKUP_FAILED;
    if (layer_is_whiteout(&status))
        return LOOKUP_HIDDEN;
    *found = take_fd(&fd);
    return LOOKUP_FOUND;
}

/* Layers from `first` on, where 0 is the one being made and 1 the topmost lower one. */
static int open_from(const struct layer_view *view, size_t first, const char *path,
                     struct error *error)
{
    for (size_t i = first; i <= view->lower_count; i++) {
        int layer_fd = i ? view->lower_fds[i - 1] : view->fd, found = -1;
        enum lookup result = look_in_layer(layer_fd, path, &found);
        if (result == LOOKUP_FAILED)
            return error_set(error, errno, "look for %s", path);
        if (result == LOOKUP_FOUND)
            return found;
        if (result == LOOKUP_HIDDEN)
            return -1;
    }
    return -1;
}

int layer_view_open_lower(const struct layer_view *view, const char *path, struct error *error)
{
    if (path[0] && opaque_on_the_way(view->fd, path))
        return -1;
    return open_from(view, 1, path, error);
}

/* A walk: what is resolved already, and what is still to be walked. */
struct walk {
    const struct layer_view *view;
    const char *name; /* for messages */
    char *resolved;   /* owned; "" or "a/b" */
    char *rest;       /* owned */
    unsigned int links, depth;
};

static void clear_walk(struct walk *walk)
{
    free(walk->resolved);
    free(walk->rest);
}
#define AUTO_WALK __attribute__((cleanup(clear_walk)))

static void go_up(struct walk *walk)
{
    char *slash = strrchr(walk->resolved, '/');
    *(slash ? slash : walk->resolved) = '\0';
    walk->depth -= walk->depth > 0;
}

static int go_down(struct walk *walk, const char *component, struct error *error)
{
    if (++walk->depth > LAYER_DEPTH_LIMIT)
        return error_set(error, 0, "%s: more than %d directories deep", walk->name,
                         LAYER_DEPTH_LIMIT);
    string_append(&walk->resolved, "%s%s", walk->resolved[0] ? "/" : "", component);
    return 0;
}

/* Take the next component off the rest, without blanks and "."; NULL at the end. */
static char *next_component(struct walk *walk)
{
    for (;;) {
        char *start = walk->rest + strspn(walk->rest, "/");
        size_t length = strcspn(start, "/");
        if (length == 0)
            return NULL;
        char *component = string_copy_n(start, length);
        memmove(walk->rest, start + length, strlen(start + length) + 1);
        if (!string_equal(component, "."))
            return component;
        free(component);
    }
}

static int follow_link(struct walk *walk, int fd, struct error *error)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(fd, "", target, sizeof(target) - 1);
    if (length < 0)
        return error_set(error, errno, "%s: read a link on the way", walk->name);
    if (++walk->links > LINK_LIMIT)
        return error_set(error, ELOOP, "%s", walk->name);
    target[length] = '\0';
    if (target[0] == '/') {
        walk->resolved[0] = '\0';
        walk->depth = 0;
    } else {
        go_up(walk);
    }
    AUTO_FREE char *rest = walk->rest;
    walk->rest = string_format("%s/%s", target, rest);
    return 0;
}

/* One directory of the name, or of a link's target. */
static int walk_directory(struct walk *walk, const char *component, struct error *error)
{
    if (string_equal(component, "..")) { /* of a link: the root is its own parent */
        go_up(walk);
        return 0;
    }
    if (go_down(walk, component, error) < 0)
        return -1;
    AUTO_CLOSE int fd = open_from(walk->view, 0, walk->resolved, error);
    struct stat status;
    if (fd < 0)
        return error->message ? -1 : 0;
    if (fstat(fd, &status) < 0)
        return error_set(error, errno, "%s: look at %s", walk->name, walk->resolved);
    if (S_ISLNK(status.st_mode))
        return follow_link(walk, fd, error);
    if (!S_ISDIR(status.st_mode))
        return error_set(error, ENOTDIR, "%s: %s", walk->name, walk->resolved);
    return 0;
}

/* The components of a name without "." and blanks; -1 for "..". */
static int split_name(const char *name, struct string_list *components, struct error *error)
{
    AUTO_STRINGS char **parts = string_split(name, "/");
    for (char **part = parts; *part; part++) {
        if (string_equal(*part, ".."))
            return error_set(error, 0, "\"%s\" leads out of the layer", name);
        if (!string_equal(*part, "."))
            string_list_add(components, *part);
    }
    return 0;
}

int layer_view_resolve(const struct layer_view *view, const char *name, char **directory,
                       char **last, struct error *error)
{
    AUTO_STRING_LIST struct string_list components = { 0 };
    if (split_name(name, &components, error) < 0)
        return -1;
    AUTO_WALK struct walk walk = {
        .view = view, .name = name, .resolved = string_copy(""), .rest = string_copy("")
    };
    for (size_t i = 0; i + 1 < components.count; i++)
        string_append(&walk.rest, "/%s", components.items[i]);
    for (;;) {
        AUTO_FREE char *component = next_component(&walk);
        if (!component)
            break;
        if (walk_directory(&walk, component, error) < 0)
            return -1;
    }
    *last = string_copy(components.count ? components.items[components.count - 1] : "");
    *directory = take_pointer(walk.resolved);
    return 0;
}
