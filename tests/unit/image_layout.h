// SPDX-License-Identifier: Apache-2.0
/* Image layouts made on the fly: see image_fixture.h. */
#pragma once

#include "image_fixture.h"

#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_INDEX    "application/vnd.oci.image.index.v1+json"
#define OCI_CONFIG   "application/vnd.oci.image.config.v1+json"
#define OCI_LAYER    "application/vnd.oci.image.layer.v1.tar"

/* A layout being written: index.json is written by layout_finish(). */
struct layout {
    char *directory;
    char *manifests; /* the descriptors of index.json, comma-separated */
};

static UNUSED_HERE struct layout layout_begin(const char *directory)
{
    AUTO_ERROR struct error error = { 0 };
    struct layout layout = { .directory = string_copy(directory) };
    AUTO_FREE char *blobs = string_format("%s/blobs/sha256", directory);
    assert_ok(make_directories(blobs, 0755, &error), error);
    write_text(directory, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
    return layout;
}

/* Write a blob; `descriptor` without the closing brace, so that members may follow. Allocated. */
static UNUSED_HERE char *layout_blob(const struct layout *layout, const char *media_type,
                                     const struct bytes *bytes)
{
    char digest[DIGEST_TEXT_SIZE];
    digest_of(bytes, digest);
    AUTO_FREE char *path =
        string_format("%s/blobs/sha256/%s", layout->directory, digest_hex(digest));
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write_all(fd, bytes->data, bytes->length), 0);
    return string_format("{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu", media_type, digest,
                         bytes->length);
}

static UNUSED_HERE char *layout_text_blob(const struct layout *layout, const char *media_type,
                                          const char *text)
{
    const struct bytes bytes = { .data = (char *)text, .length = strlen(text) };
    return layout_blob(layout, media_type, &bytes);
}

struct layout_image {
    struct bytes layers[4];   /* as they lie in the layout; length 0: no more */
    const char *layer_type;   /* NULL: plain tar */
    struct bytes plain[4];    /* uncompressed, for the diff_ids; length 0: as in layers */
    const char *architecture; /* NULL: amd64 */
    const char *run_config;   /* the config's member "config"; NULL: {} */
    const char *config_type;  /* NULL: the OCI one */
};

/* Write layers, configuration and manifest; the manifest's descriptor without closing brace. */
static UNUSED_HERE char *layout_image(const struct layout *layout, const struct layout_image *image)
{
    AUTO_FREE char *layers = string_copy(""), *ids = string_copy("");
    for (size_t i = 0; i < 4 && image->layers[i].length; i++) {
        const struct bytes *plain = image->plain[i].length ? &image->plain[i] : &image->layers[i];
        char id[DIGEST_TEXT_SIZE];
        digest_of(plain, id);
        AUTO_FREE char *descriptor = layout_blob(
            layout, image->layer_type ? image->layer_type : OCI_LAYER, &image->layers[i]);
        string_append(&layers, "%s%s}", i ? "," : "", descriptor);
        string_append(&ids, "%s\"%s\"", i ? "," : "", id);
    }
    AUTO_FREE char *config_text =
        string_format("{\"os\":\"linux\",\"architecture\":\"%s\",\"config\":%s,"
                      "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[%s]}}",
                      image->architecture ? image->architecture : "amd64",
                      image->run_config ? image->run_config : "{}", ids);
    AUTO_FREE char *config =
        layout_text_blob(layout, image->config_type ? image->config_type : OCI_CONFIG, config_text);
    AUTO_FREE char *manifest =
        string_format("{\"schemaVersion\":2,\"config\":%s},\"layers\":[%s]}", config, layers);
    return layout_text_blob(layout, OCI_MANIFEST, manifest);
}

/* Add a descriptor to index.json; `tag` and `platform` (its JSON) may be NULL. Takes it. */
static UNUSED_HERE void layout_add(struct layout *layout, char *descriptor, const char *tag,
                                   const char *platform)
{
    AUTO_FREE char *owned = descriptor;
    string_append(&layout->manifests, "%s%s", layout->manifests ? "," : "", owned);
    if (platform)
        string_append(&layout->manifests, ",\"platform\":%s", platform);
    if (tag)
        string_append(&layout->manifests,
                      ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"%s\"}", tag);
    string_append(&layout->manifests, "}");
}

static UNUSED_HERE void layout_finish(struct layout *layout)
{
    AUTO_FREE char *index = string_format("{\"schemaVersion\":2,\"manifests\":[%s]}",
                                          layout->manifests ? layout->manifests : "");
    write_text(layout->directory, "index.json", index);
    free(take_pointer(layout->directory));
    free(take_pointer(layout->manifests));
}
