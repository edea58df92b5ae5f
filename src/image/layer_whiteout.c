// SPDX-License-Identifier: Apache-2.0
/*
 * ".wh.NAME" removes NAME of the layers below, ".wh..wh..opq" all that they have in the directory.
 * Neither touches what this layer itself brings, whichever comes first in the archive: a directory
 * that is both whited out and made hides what is below, so it becomes opaque.
 */
#include "image/layer_whiteout.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "base/string.h"

static const char opaque_name[] = ".wh..wh..opq";
/* aufs, where this comes from, kept its own files under this prefix (".wh..wh.plnk"). */
static const char aufs_prefix[] = ".wh..wh.";

/* Whether there is anything to hide: a whiteout over nothing would only show up in listings. */
static int exists_below(struct layer_work *work, const char *path, struct error *error)
{
    AUTO_CLOSE int fd = layer_view_open_lower(&work->view, path, error);
    if (fd < 0 && error->message)
        return -1;
    return fd >= 0;
}

static int hide(struct layer_work *work, const struct layer_place *place, const char *name,
                struct error *error)
{
    AUTO_FREE char *path = layer_path(place->directory, name);
    int below = exists_below(work, path, error);
    if (below <= 0)
        return below;
    if (mknodat(place->directory_fd, name, S_IFCHR, makedev(0, 0)) == 0)
        return 0;
    if (errno != EEXIST)
        return error_set(error, errno, "create the whiteout of %s", path);
    struct stat status;
    if (fstatat(place->directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return error_set(error, errno, "look at %s", path);
    const struct layer_place hidden = { .directory_fd = place->directory_fd, .name = (char *)name };
    return S_ISDIR(status.st_mode) ? layer_make_opaque_at(&hidden, error) : 0;
}

int layer_whiteout_make(struct layer_work *work, const struct layer_place *place,
                        struct error *error)
{
    if (string_equal(place->name, opaque_name))
        return layer_make_opaque(place->directory_fd, error);
    if (string_starts_with(place->name, aufs_prefix))
        return 0;
    const char *name = place->name + strlen(LAYER_WHITEOUT_PREFIX);
    if (!name[0] || string_equal(name, ".") || string_equal(name, ".."))
        return error_set(error, 0, "whiteout \"%s\" names nothing", place->name);
    return hide(work, place, name, error);
}
