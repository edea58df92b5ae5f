// SPDX-License-Identifier: Apache-2.0
/*
 * index.json lists manifests and further indexes. At the top an entry's annotation names its tag;
 * below, only the platform tells them apart. So the choice has two steps: the entries of the tag at
 * the top, then down through indexes to the first manifest that fits this machine ("the first
 * matching entry SHOULD be used", image-index.md).
 */
#include "image/oci_index.h"

#include "base/json.h"
#include "base/string.h"
#include "image/oci_json.h"
#include "image/oci_platform.h"

#define INDEX_ENTRY_LIMIT 10000
#define INDEX_DEPTH_LIMIT 4

static const char tag_annotation[] = "org.opencontainers.image.ref.name";

static const char *const index_media_types[] = {
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
};

struct index_entry {
    struct oci_descriptor descriptor;
    const char *tag; /* lives with the JSON; NULL: none */
    const char *os, *architecture;
};

static void clear_entry(struct index_entry *entry)
{
    oci_descriptor_clear(&entry->descriptor);
}
#define AUTO_INDEX_ENTRY __attribute__((cleanup(clear_entry)))

static bool is_index(const struct oci_descriptor *descriptor)
{
    for (size_t i = 0; i < ARRAY_LENGTH(index_media_types); i++)
        if (string_equal(descriptor->media_type, index_media_types[i]))
            return true;
    return false;
}

static int decode_platform(struct json_object *object, const char *what, struct index_entry *entry,
                           struct error *error)
{
    struct json_object *platform;
    if (oci_json_object(object, what, "platform", &platform, error) < 0)
        return -1;
    if (!platform)
        return 0;
    if (oci_json_string(platform, what, "os", true, &entry->os, error) < 0)
        return -1;
    return oci_json_string(platform, what, "architecture", true, &entry->architecture, error);
}

static int decode_entry(struct json_object *list, size_t position, struct index_entry *entry,
                        struct error *error)
{
    AUTO_FREE char *what = string_format("index: manifests[%zu]", position);
    struct json_object *object = json_object_array_get_idx(list, position), *annotations;
    if (oci_descriptor_decode(object, what, &entry->descriptor, error) < 0 ||
        decode_platform(object, what, entry, error) < 0 ||
        oci_json_object(object, what, "annotations", &annotations, error) < 0)
        return -1;
    return annotations
               ? oci_json_string(annotations, what, tag_annotation, false, &entry->tag, error)
               : 0;
}

static int manifests_of(struct json_object *index, struct json_object **list, struct error *error)
{
    uint64_t version;
    if (oci_json_size(index, "index", "schemaVersion", &version, error) < 0)
        return -1;
    if (version != 2)
        return error_set(error, 0, "index.schemaVersion: must be 2");
    return oci_json_array(index, "index", "manifests", true, INDEX_ENTRY_LIMIT, list, error);
}

/* Move the entry's descriptor out. */
static int give(struct index_entry *entry, struct oci_descriptor *manifest)
{
    *manifest = entry->descriptor;
    entry->descriptor = (struct oci_descriptor){ 0 };
    return 1;
}

static int descend(int layout_fd, struct index_entry *entry, unsigned int depth,
                   struct oci_descriptor *manifest, struct error *error);

/* 1: found, 0: nothing fits, -1: error. */
static int first_fitting(int layout_fd, struct json_object *list, unsigned int depth,
                         struct oci_descriptor *manifest, struct error *error)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        AUTO_INDEX_ENTRY struct index_entry entry = { 0 };
        if (decode_entry(list, i, &entry, error) < 0)
            return -1;
        int found = descend(layout_fd, &entry, depth, manifest, error);
        if (found)
            return found;
    }
    return 0;
}

static int descend(int layout_fd, struct index_entry *entry, unsigned int depth,
                   struct oci_descriptor *manifest, struct error *error)
{
    if (!oci_platform_fits(entry->os, entry->architecture))
        return 0;
    if (!is_index(&entry->descriptor))
        return give(entry, manifest);
    if (depth == INDEX_DEPTH_LIMIT)
        return error_set(error, 0, "index %s: more than %d indexes inside each other",
                         entry->descriptor.digest, INDEX_DEPTH_LIMIT);
    AUTO_JSON struct json_object *index = oci_blob_json(layout_fd, &entry->descriptor, error);
    struct json_object *list;
    if (!index || manifests_of(index, &list, error) < 0)
        return -1;
    return first_fitting(layout_fd, list, depth + 1, manifest, error);
}

/* "v1, v2" or "none", each tag once in the order of the index. */
static char *list_tags(struct json_object *list)
{
    AUTO_STRING_LIST struct string_list seen = { 0 };
    char *text = NULL;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        AUTO_INDEX_ENTRY struct index_entry entry = { 0 };
        AUTO_ERROR struct error ignored = { 0 };
        if (decode_entry(list, i, &entry, &ignored) < 0 || !entry.tag)
            continue;
        bool known = false;
        for (size_t j = 0; j < seen.count && !known; j++)
            known = string_equal(seen.items[j], entry.tag);
        if (known)
            continue;
        string_list_add(&seen, entry.tag);
        string_append(&text, "%s%s", seen.count > 1 ? ", " : "", entry.tag);
    }
    return text ? text : string_copy("none");
}

static int no_match(struct json_object *list, const char *tag, bool tag_seen, struct error *error)
{
    AUTO_FREE char *tags = list_tags(list);
    if (tag && !tag_seen)
        return error_set(error, 0, "no tag \"%s\" in the image layout; its tags: %s", tag, tags);
    return error_set(error, 0, "no image for linux/%s in the image layout; its tags: %s",
                     oci_architecture(), tags);
}

static int ambiguous(struct json_object *list, const char *tag, struct error *error)
{
    AUTO_FREE char *tags = list_tags(list);
    if (tag)
        return error_set(error, 0, "tag \"%s\" names several images of the layout", tag);
    return error_set(error, 0, "the image layout holds several images: add :TAG; its tags: %s",
                     tags);
}

int oci_index_find(int layout_fd, struct json_object *index, const char *tag,
                   struct oci_descriptor *manifest, struct error *error)
{
    AUTO_OCI_DESCRIPTOR struct oci_descriptor chosen = { 0 };
    struct json_object *list;
    bool tag_seen = false;
    if (manifests_of(index, &list, error) < 0)
        return -1;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        AUTO_INDEX_ENTRY struct index_entry entry = { 0 };
        AUTO_OCI_DESCRIPTOR struct oci_descriptor found = { 0 };
        if (decode_entry(list, i, &entry, error) < 0)
            return -1;
        if (tag && (!entry.tag || !string_equal(entry.tag, tag)))
            continue;
        tag_seen = true;
        int fits = descend(layout_fd, &entry, 0, &found, error);
        if (fits < 0)
            return -1;
        /* The same image under two tags is one image. */
        if (fits && chosen.digest && !string_equal(chosen.digest, found.digest))
            return ambiguous(list, tag, error);
        if (fits && !chosen.digest) {
            chosen = found;
            found = (struct oci_descriptor){ 0 };
        }
    }
    if (!chosen.digest)
        return no_match(list, tag, tag_seen, error);
    *manifest = chosen;
    chosen = (struct oci_descriptor){ 0 };
    return 0;
}
