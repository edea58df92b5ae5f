// SPDX-License-Identifier: Apache-2.0
#include "image/oci_manifest.h"

#include "base/json.h"
#include "base/string.h"
#include "image/oci_json.h"
#include "image/oci_platform.h"

static const char *const config_media_types[] = {
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
};

/* layer.md of image-spec 1.1 and Docker's image manifest V2, schema 2. */
static const struct layer_type {
    const char *media_type;
    enum layer_compression compression;
} layer_types[] = {
    { "application/vnd.oci.image.layer.v1.tar", LAYER_PLAIN },
    { "application/vnd.oci.image.layer.v1.tar+gzip", LAYER_GZIP },
    { "application/vnd.oci.image.layer.v1.tar+zstd", LAYER_ZSTD },
    { "application/vnd.oci.image.layer.nondistributable.v1.tar", LAYER_PLAIN },
    { "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", LAYER_GZIP },
    { "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", LAYER_ZSTD },
    { "application/vnd.docker.image.rootfs.diff.tar", LAYER_PLAIN },
    { "application/vnd.docker.image.rootfs.diff.tar.gzip", LAYER_GZIP },
    { "application/vnd.docker.image.rootfs.diff.tar.zstd", LAYER_ZSTD },
    { "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", LAYER_GZIP },
};

void oci_image_clear(struct oci_image *image)
{
    for (size_t i = 0; i < image->layer_count; i++) {
        oci_descriptor_clear(&image->layers[i].descriptor);
        free(image->layers[i].diff_id);
    }
    free(image->layers);
    image_config_clear(&image->config);
    *image = (struct oci_image){ 0 };
}

static int decode_config_descriptor(struct json_object *manifest, struct oci_descriptor *config,
                                    struct error *error)
{
    struct json_object *object;
    if (oci_json_object(manifest, "manifest", "config", &object, error) < 0)
        return -1;
    if (!object)
        return error_set(error, 0, "manifest.config: is missing");
    if (oci_descriptor_decode(object, "manifest.config", config, error) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LENGTH(config_media_types); i++)
        if (string_equal(config->media_type, config_media_types[i]))
            return 0;
    return error_set(error, 0, "manifest.config: type \"%s\": this is an artifact, not an image",
                     config->media_type);
}

static int decode_layer(struct json_object *object, size_t position, struct oci_layer *layer,
                        struct error *error)
{
    AUTO_FREE char *what = string_format("manifest.layers[%zu]", position);
    if (oci_descriptor_decode(object, what, &layer->descriptor, error) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LENGTH(layer_types); i++) {
        if (!string_equal(layer->descriptor.media_type, layer_types[i].media_type))
            continue;
        layer->compression = layer_types[i].compression;
        return 0;
    }
    return error_set(error, 0, "%s: layers of type \"%s\" cannot be unpacked", what,
                     layer->descriptor.media_type);
}

int oci_manifest_decode(struct json_object *manifest, struct oci_descriptor *config,
                        struct oci_image *image, struct error *error)
{
    uint64_t version;
    struct json_object *layers;
    if (oci_json_size(manifest, "manifest", "schemaVersion", &version, error) < 0)
        return -1;
    if (version != 2)
        return error_set(error, 0, "manifest.schemaVersion: must be 2");
    if (decode_config_descriptor(manifest, config, error) < 0 ||
        oci_json_array(manifest, "manifest", "layers", true, OCI_LAYER_LIMIT, &layers, error) < 0)
        return -1;
    size_t count = json_object_array_length(layers);
    if (count == 0)
        return error_set(error, 0, "manifest.layers: the image has no layers, so no files");
    image->layers = allocate(count, sizeof(*image->layers));
    image->layer_count = count;
    for (size_t i = 0; i < count; i++)
        if (decode_layer(json_object_array_get_idx(layers, i), i, &image->layers[i], error) < 0)
            return -1;
    return 0;
}

static int check_platform(struct json_object *config, struct error *error)
{
    const char *os, *architecture;
    if (oci_json_string(config, "config", "os", true, &os, error) < 0 ||
        oci_json_string(config, "config", "architecture", true, &architecture, error) < 0)
        return -1;
    if (!oci_platform_fits(os, architecture))
        return error_set(error, 0, "the image is for %s/%s, this machine is linux/%s", os,
                         architecture, oci_architecture());
    return 0;
}

static int decode_diff_ids(struct json_object *config, struct oci_image *image, struct error *error)
{
    struct json_object *rootfs;
    AUTO_STRING_LIST struct string_list ids = { 0 };
    if (oci_json_object(config, "config", "rootfs", &rootfs, error) < 0)
        return -1;
    if (!rootfs)
        return error_set(error, 0, "config.rootfs: is missing");
    if (oci_json_strings(rootfs, "config.rootfs", "diff_ids", OCI_LAYER_LIMIT, &ids, error) < 0)
        return -1;
    if (ids.count != image->layer_count)
        return error_set(error, 0, "config.rootfs.diff_ids: %zu for %zu layers", ids.count,
                         image->layer_count);
    for (size_t i = 0; i < ids.count; i++) {
        if (!digest_is_valid(ids.items[i]))
            return error_set(error, 0, "config.rootfs.diff_ids[%zu]: \"%s\" is not a digest", i,
                             ids.items[i]);
        image->layers[i].diff_id = string_copy(ids.items[i]);
    }
    return 0;
}

static int copy_string(struct json_object *object, const char *name, char **copy,
                       struct error *error)
{
    const char *text;
    if (oci_json_string(object, "config.config", name, false, &text, error) < 0)
        return -1;
    /* Docker writes an empty string for what was not given. */
    *copy = text && text[0] ? string_copy(text) : NULL;
    return 0;
}

static int check_environment(const struct string_list *environment, struct error *error)
{
    for (size_t i = 0; i < environment->count; i++)
        if (environment->items[i][0] == '=' || !strchr(environment->items[i], '='))
            return error_set(error, 0, "config.config.Env[%zu]: \"%s\" is not NAME=VALUE", i,
                             environment->items[i]);
    return 0;
}

#define WORD_LIMIT 10000

static int decode_run_config(struct json_object *config, struct image_config *run,
                             struct error *error)
{
    struct json_object *object;
    const char *what = "config.config";
    if (oci_json_object(config, "config", "config", &object, error) < 0)
        return -1;
    if (!object)
        return 0;
    if (oci_json_strings(object, what, "Entrypoint", WORD_LIMIT, &run->entrypoint, error) < 0 ||
        oci_json_strings(object, what, "Cmd", WORD_LIMIT, &run->command, error) < 0 ||
        oci_json_strings(object, what, "Env", WORD_LIMIT, &run->environment, error) < 0 ||
        copy_string(object, "WorkingDir", &run->working_directory, error) < 0 ||
        copy_string(object, "User", &run->user, error) < 0 ||
        copy_string(object, "StopSignal", &run->stop_signal, error) < 0)
        return -1;
    return check_environment(&run->environment, error);
}

int oci_config_decode(struct json_object *config, struct oci_image *image, struct error *error)
{
    if (check_platform(config, error) < 0 || decode_diff_ids(config, image, error) < 0)
        return -1;
    return decode_run_config(config, &image->config, error);
}

int oci_image_read(int layout_fd, const struct oci_descriptor *manifest, struct oci_image *image,
                   struct error *error)
{
    AUTO_OCI_DESCRIPTOR struct oci_descriptor config = { 0 };
    AUTO_JSON struct json_object *manifest_json = oci_blob_json(layout_fd, manifest, error);
    if (!manifest_json || oci_manifest_decode(manifest_json, &config, image, error) < 0)
        return -1;
    AUTO_JSON struct json_object *config_json = oci_blob_json(layout_fd, &config, error);
    if (!config_json)
        return -1;
    return oci_config_decode(config_json, image, error);
}
