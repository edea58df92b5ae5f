// SPDX-License-Identifier: Apache-2.0
/*
 * What a person names as the root of an instance, and what becomes of it:
 *
 *   debian, debian:SUITE   a template made once with mmdebstrap, cached
 *   oci:DIR[:TAG]          an OCI image layout (image-spec 1.1): digests verified, each layer
 *                          unpacked once into the cache (whiteouts as overlayfs knows them),
 * stacked DIR (with a slash)     a directory, used as it is
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/log.h"
#include "base/string.h"

/* Where images and layers are kept: $XDG_CACHE_HOME/openvirt, else ~/.cache/openvirt. Allocated. */
char *image_cache_directory(struct error *error);

/* What an image says about running it (config of image-spec); members are NULL or empty when it
 * does not. */
struct image_config {
    struct string_list entrypoint, command, environment;
    char *working_directory, *user, *stop_signal;
};

void image_config_clear(struct image_config *config);

struct image {
    char *name;                /* as given */
    char *directory;           /* a plain directory root; NULL when layers are used */
    struct string_list layers; /* unpacked layer directories, topmost first, for overlayfs */
    struct image_config config;
};

/* Progress of long work goes to stderr when it is a terminal, as plain lines otherwise. */
int image_resolve(const char *name, const struct log *log, struct image **image,
                  struct error *error);
void image_free(struct image *image); /* NULL is fine */

static inline void image_cleanup(struct image **image)
{
    image_free(*image);
}
#define AUTO_IMAGE __attribute__((cleanup(image_cleanup)))
