// SPDX-License-Identifier: Apache-2.0
#include "image/image.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "image/oci_layout.h"
#include "image/oci_manifest.h"
#include "image/reference.h"
#include "image/template.h"
#include "image/unpack.h"

void image_config_clear(struct image_config *config)
{
    string_list_free(&config->entrypoint);
    string_list_free(&config->command);
    string_list_free(&config->environment);
    free(config->working_directory);
    free(config->user);
    free(config->stop_signal);
    *config = (struct image_config){ 0 };
}

void image_free(struct image *image)
{
    if (!image)
        return;
    free(image->name);
    free(image->directory);
    string_list_free(&image->layers);
    image_config_clear(&image->config);
    free(image);
}

static int resolve_directory(const struct reference *reference, const struct log *log,
                             struct image *image, struct error *error)
{
    (void)log;
    struct stat status;
    image->directory = realpath(reference->path, NULL);
    if (!image->directory || stat(image->directory, &status) < 0)
        return error_set(error, errno, "open the root directory %s", reference->path);
    if (!S_ISDIR(status.st_mode))
        return error_set(error, ENOTDIR, "open the root directory %s", reference->path);
    return 0;
}

static int resolve_debian(const struct reference *reference, const struct log *log,
                          struct image *image, struct error *error)
{
    return template_debian(reference->tag, log, image, error);
}

static int resolve_oci(const struct reference *reference, const struct log *log,
                       struct image *image, struct error *error)
{
    AUTO_OCI_DESCRIPTOR struct oci_descriptor manifest = { 0 };
    AUTO_OCI_IMAGE struct oci_image contents = { 0 };
    AUTO_CLOSE int layout_fd = oci_layout_open(reference->path, error);
    if (layout_fd < 0)
        return -1;
    if (oci_layout_find(layout_fd, reference->tag, &manifest, error) < 0 ||
        oci_image_read(layout_fd, &manifest, &contents, error) < 0 ||
        unpack_layers(layout_fd, &contents, log, &image->layers, error) < 0)
        return error_wrap(error, "image %s", image->name);
    image->config = contents.config;
    contents.config = (struct image_config){ 0 };
    return 0;
}

static int (*const resolvers[])(const struct reference *, const struct log *, struct image *,
                                struct error *) = {
    [REFERENCE_DIRECTORY] = resolve_directory,
    [REFERENCE_DEBIAN] = resolve_debian,
    [REFERENCE_OCI] = resolve_oci,
};

int image_resolve(const char *name, const struct log *log, struct image **image,
                  struct error *error)
{
    AUTO_REFERENCE struct reference reference = { 0 };
    if (reference_parse(name, &reference, error) < 0)
        return -1;
    AUTO_IMAGE struct image *found = allocate(1, sizeof(*found));
    found->name = string_copy(name);
    if (resolvers[reference.kind](&reference, log, found, error) < 0)
        return -1;
    *image = take_pointer(found);
    return 0;
}
