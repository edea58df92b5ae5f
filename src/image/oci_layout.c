// SPDX-License-Identifier: Apache-2.0
#include "image/oci_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/json.h"
#include "base/string.h"
#include "base/system_call.h"
#include "image/oci_index.h"
#include "image/oci_json.h"

/* Manifests and configurations are kept to what registries accept (distribution-spec: 4 MiB). */
#define JSON_BLOB_LIMIT (4u << 20)

void oci_descriptor_clear(struct oci_descriptor *descriptor)
{
    free(descriptor->media_type);
    free(descriptor->digest);
    *descriptor = (struct oci_descriptor){ 0 };
}

int oci_descriptor_decode(struct json_object *object, const char *what,
                          struct oci_descriptor *descriptor, struct error *error)
{
    AUTO_OCI_DESCRIPTOR struct oci_descriptor found = { 0 };
    const char *media_type, *digest;
    if (oci_json_string(object, what, "mediaType", true, &media_type, error) < 0 ||
        oci_json_string(object, what, "digest", true, &digest, error) < 0 ||
        oci_json_size(object, what, "size", &found.size, error) < 0)
        return -1;
    if (!digest_is_valid(digest))
        return error_set(error, 0, "%s.digest: \"%s\" is neither sha256:HEX nor sha512:HEX", what,
                         digest);
    found.media_type = string_copy(media_type);
    found.digest = string_copy(digest);
    *descriptor = found;
    found = (struct oci_descriptor){ 0 };
    return 0;
}

/* Files of a layout stay inside of it, and are files: not a FIFO that keeps us waiting, no device.
 */
static int open_inside(int layout_fd, const char *path, struct stat *status, struct error *error)
{
    AUTO_CLOSE int fd = open_regular_file(layout_fd, path, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
    if (fd < 0 && errno == EXDEV)
        return error_set(error, 0, "open %s: it leads out of the image layout", path);
    if (fd < 0 && errno == EINVAL)
        return error_set(error, 0, "open %s: not a regular file", path);
    if (fd < 0 || fstat(fd, status) < 0)
        return error_set(error, errno, "open %s", path);
    return take_fd(&fd);
}

static struct json_object *read_json(int layout_fd, const char *path, struct error *error)
{
    struct stat status;
    AUTO_CLOSE int fd = open_inside(layout_fd, path, &status, error);
    size_t length;
    AUTO_FREE char *text = fd < 0 ? NULL : read_fd(fd, path, JSON_BLOB_LIMIT, &length, error);
    if (!text)
        return NULL;
    struct json_object *object = json_parse(text, length, error);
    if (!object)
        error_wrap(error, "%s", path);
    return object;
}

static int check_marker(int layout_fd, struct error *error)
{
    AUTO_JSON struct json_object *marker = read_json(layout_fd, "oci-layout", error);
    const char *version;
    if (!marker ||
        oci_json_string(marker, "oci-layout", "imageLayoutVersion", true, &version, error) < 0)
        return -1;
    if (!string_starts_with(version, "1."))
        return error_set(error, 0, "oci-layout: imageLayoutVersion %s is not known, 1.0.0 is",
                         version);
    return 0;
}

int oci_layout_open(const char *directory, struct error *error)
{
    AUTO_CLOSE int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, errno, "open the image layout %s", directory);
    if (check_marker(fd, error) < 0)
        return error_wrap(error, "%s is not an OCI image layout", directory);
    return take_fd(&fd);
}

int oci_blob_open(int layout_fd, const struct oci_descriptor *descriptor, struct error *error)
{
    AUTO_FREE char *path = string_format("blobs/%s", descriptor->digest);
    *strchr(path, ':') = '/';
    struct stat status;
    AUTO_CLOSE int fd = open_inside(layout_fd, path, &status, error);
    if (fd < 0)
        return -1;
    if ((uint64_t)status.st_size != descriptor->size)
        return error_set(error, 0, "blob %s is damaged: it has %llu bytes, not %llu",
                         descriptor->digest, (unsigned long long)status.st_size,
                         (unsigned long long)descriptor->size);
    return take_fd(&fd);
}

static char *read_blob(int layout_fd, const struct oci_descriptor *descriptor, struct error *error)
{
    if (descriptor->size > JSON_BLOB_LIMIT) {
        error_set(error, 0, "blob %s: %llu bytes are too many for a %s", descriptor->digest,
                  (unsigned long long)descriptor->size, descriptor->media_type);
        return NULL;
    }
    AUTO_CLOSE int fd = oci_blob_open(layout_fd, descriptor, error);
    size_t length;
    AUTO_FREE char *text =
        fd < 0 ? NULL : read_fd(fd, descriptor->digest, JSON_BLOB_LIMIT, &length, error);
    AUTO_DIGEST struct digest *digest = text ? digest_new(descriptor->digest, error) : NULL;
    if (!digest || digest_update(digest, text, length, error) < 0 ||
        digest_verify(digest, descriptor->digest, "blob", error) < 0)
        return NULL;
    if (length != descriptor->size) {
        error_set(error, 0, "blob %s changed while it was read", descriptor->digest);
        return NULL;
    }
    return take_pointer(text);
}

struct json_object *oci_blob_json(int layout_fd, const struct oci_descriptor *descriptor,
                                  struct error *error)
{
    AUTO_FREE char *text = read_blob(layout_fd, descriptor, error);
    if (!text)
        return NULL;
    struct json_object *object = json_parse(text, (size_t)descriptor->size, error);
    if (!object)
        error_wrap(error, "blob %s", descriptor->digest);
    return object;
}

int oci_layout_find(int layout_fd, const char *tag, struct oci_descriptor *manifest,
                    struct error *error)
{
    AUTO_JSON struct json_object *index = read_json(layout_fd, "index.json", error);
    if (!index)
        return -1;
    return oci_index_find(layout_fd, index, tag, manifest, error);
}
