// SPDX-License-Identifier: Apache-2.0
#include "image/layer_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"

void layer_place_clear(struct layer_place *place)
{
    free(place->name);
}

void layer_place_forget(struct layer_work *work)
{
    if (work->cached_fd >= 0)
        close(take_fd(&work->cached_fd));
    free(take_pointer(work->cached_name));
    free(take_pointer(work->cached_path));
}

char *layer_path(const char *directory, const char *name)
{
    return string_format("%s%s%s", directory, directory[0] && name[0] ? "/" : "", name);
}

uid_t layer_owner(const struct layer_work *work, int64_t id)
{
    return work->target->squash ? 0 : (uid_t)id;
}

int layer_apply_attributes(int fd, const char *name, const struct layer_attributes *attributes,
                           struct error *error)
{
    if (fchown(fd, attributes->uid, attributes->gid) < 0) {
        if (errno != EINVAL)
            return error_set(error, errno, "set the owner of %s", name);
        return layer_owner_unmapped(name, attributes, error);
    }
    if (fchmod(fd, attributes->mode) < 0)
        return error_set(error, errno, "set the mode of %s", name);
    return 0;
}

int layer_owner_unmapped(const char *name, const struct layer_attributes *attributes,
                         struct error *error)
{
    return error_set(error, 0,
                     "%s belongs to %u:%u, which is not among the ids that /etc/subuid and "
                     "/etc/subgid give you",
                     name, attributes->uid, attributes->gid);
}

void layer_remember_time(struct layer_work *work, const char *path, struct timespec mtime)
{
    if (work->time_count == work->time_room) {
        work->time_room = work->time_room ? work->time_room * 2 : 256;
        work->times = reallocate(work->times, work->time_room, sizeof(*work->times));
    }
    work->times[work->time_count++] =
        (struct layer_directory_time){ .path = string_copy(path), .mtime = mtime };
}

int layer_make_opaque(int directory_fd, struct error *error)
{
    /* The kernel reads one namespace or the other, by the mount option userxattr. */
    bool user = fsetxattr(directory_fd, "user.overlay.opaque", "y", 1, 0) == 0;
    bool trusted = fsetxattr(directory_fd, "trusted.overlay.opaque", "y", 1, 0) == 0;
    if (!trusted && !user)
        return error_set(error, errno, "mark a directory as opaque");
    return 0;
}

int layer_make_opaque_at(const struct layer_place *place, struct error *error)
{
    AUTO_CLOSE int fd =
        openat(place->directory_fd, place->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, errno, "open directory %s", place->name);
    return layer_make_opaque(fd, error);
}

/* Give a directory that the archive does not describe what it has in the layers below. */
static int inherit_attributes(struct layer_work *work, int fd, const char *path,
                              struct error *error)
{
    AUTO_CLOSE int lower_fd = layer_view_open_lower(&work->view, path, error);
    struct stat status;
    if (lower_fd < 0)
        return error->message ? -1 : 0;
    if (fstat(lower_fd, &status) < 0)
        return error_set(error, errno, "look at %s", path);
    if (!S_ISDIR(status.st_mode))
        return 0;
    const struct layer_attributes attributes = { .uid = status.st_uid,
                                                 .gid = status.st_gid,
                                                 .mode = status.st_mode & 07777 };
    if (layer_apply_attributes(fd, path, &attributes, error) < 0)
        return -1;
    char from[32], to[32];
    snprintf(from, sizeof(from), "/proc/self/fd/%d", lower_fd);
    snprintf(to, sizeof(to), "/proc/self/fd/%d", fd);
    layer_remember_time(work, path, status.st_mtim);
    return layer_copy_xattrs(from, to, error);
}

int layer_place_empty(const struct layer_place *place, bool for_directory, bool *whiteout,
                      struct error *error)
{
    struct stat status;
    *whiteout = false;
    if (fstatat(place->directory_fd, place->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : error_set(error, errno, "look at %s", place->name);
    if (S_ISDIR(status.st_mode) && for_directory)
        return 0;
    *whiteout = layer_is_whiteout(&status);
    return remove_tree_at(place->directory_fd, place->name, error);
}

int layer_root_inherit(struct layer_work *work, struct error *error)
{
    return inherit_attributes(work, work->view.fd, "", error);
}

static int make_one(struct layer_work *work, int parent_fd, const char *name, const char *path,
                    struct error *error)
{
    struct stat status;
    bool whiteout =
        fstatat(parent_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && layer_is_whiteout(&status);
    if (whiteout && unlinkat(parent_fd, name, 0) < 0)
        return error_set(error, errno, "replace the whiteout of %s", path);
    bool made = mkdirat(parent_fd, name, 0755) == 0;
    if (!made && errno != EEXIST)
        return error_set(error, errno, "create directory %s", path);
    AUTO_CLOSE int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, errno, "open directory %s", path);
    if (made && fchmod(fd, 0755) < 0) /* whatever the umask is */
        return error_set(error, errno, "set the mode of %s", path);
    if (whiteout)
        return layer_make_opaque(fd, error) < 0 ? -1 : take_fd(&fd);
    if (made && inherit_attributes(work, fd, path, error) < 0)
        return -1;
    return take_fd(&fd);
}

int layer_directory_open(struct layer_work *work, const char *path, struct error *error)
{
    AUTO_CLOSE int fd = layer_open(work->view.fd, path, O_RDONLY | O_DIRECTORY);
    if (fd >= 0)
        return take_fd(&fd);
    if (errno != ENOENT && errno != ENOTDIR)
        return error_set(error, errno, "open directory %s", path);
    fd = layer_open(work->view.fd, "", O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return error_set(error, errno, "open the layer's directory");
    AUTO_FREE char *partial = string_copy("");
    AUTO_STRINGS char **components = string_split(path, "/");
    for (char **component = components; *component; component++) {
        string_append(&partial, "%s%s", partial[0] ? "/" : "", *component);
        int next = make_one(work, fd, *component, partial, error);
        if (next < 0)
            return -1;
        close(fd);
        fd = next;
    }
    return take_fd(&fd);
}

/* The length of a name's directory part: "./a/b/" is "./a". */
static size_t directory_length(const char *name)
{
    size_t length = strlen(name);
    while (length > 0 && name[length - 1] == '/')
        length--;
    while (length > 0 && name[length - 1] != '/')
        length--;
    return length;
}

/* Most entries follow one of the same directory: then there is nothing to resolve. */
static bool use_cached(const struct layer_work *work, const char *name, struct layer_place *place)
{
    size_t length = directory_length(name);
    const char *last = name + length;
    size_t last_length = strcspn(last, "/");
    if (work->cached_fd < 0 || strlen(work->cached_name) != length ||
        strncmp(work->cached_name, name, length) != 0 || last_length == 0 ||
        strncmp(last, ".", last_length) == 0 || strncmp(last, "..", last_length) == 0)
        return false;
    place->name = string_copy_n(last, last_length);
    return true;
}

int layer_place_find(struct layer_work *work, const char *name, struct layer_place *place,
                     struct error *error)
{
    if (!use_cached(work, name, place)) {
        AUTO_FREE char *directory = NULL;
        if (layer_view_resolve(&work->view, name, &directory, &place->name, error) < 0)
            return -1;
        int fd = layer_directory_open(work, directory, error);
        if (fd < 0)
            return error_wrap(error, "%s", name);
        layer_place_forget(work);
        work->cached_fd = fd;
        work->cached_path = take_pointer(directory);
        work->cached_name = string_copy_n(name, directory_length(name));
    }
    place->directory_fd = work->cached_fd;
    place->directory = work->cached_path;
    return 0;
}
