// SPDX-License-Identifier: Apache-2.0
/*
 * Names of an archive, resolved in what a layer makes of the layers below it.
 *
 * An entry "lib/x" of a layer above one in which lib is a link to usr/lib means usr/lib/x, and the
 * directories on the way keep the owner and mode they have below. So each name is walked component
 * by component in the merged view (the layer being made, then the lower ones, as overlayfs shows
 * them), links are followed inside of the root only, and the result is a path without any link,
 * which is then opened with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS: what the walk did not see cannot
 * be followed either.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/error.h"

struct layer_view {
    int fd;               /* the layer being made */
    const int *lower_fds; /* topmost first */
    size_t lower_count;
};

#define LAYER_WHITEOUT_PREFIX ".wh."

/* Components that a name may have once its links are followed: bounds recursion and descriptors. */
#define LAYER_DEPTH_LIMIT 256

/*
 * Split an archive's name into its directory, resolved ("" is the root; allocated), and its last
 * component ("" when the name is the root itself; allocated). Refused: "..", loops, a directory
 * that is a file.
 */
int layer_view_resolve(const struct layer_view *view, const char *name, char **directory,
                       char **last, struct error *error);

/*
 * Find a resolved path below the layer being made, as far as that lets it show; an O_PATH
 * descriptor, or -1 with error->message NULL when there is nothing.
 */
int layer_view_open_lower(const struct layer_view *view, const char *path, struct error *error);

/* Open a resolved path in one layer with O_NOFOLLOW; -1 with errno. */
int layer_open(int layer_fd, const char *path, int flags);

bool layer_is_whiteout(const struct stat *status);
