// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/json.h"
#include "base/string.h"
#include "image/layer.h"
#include "image/oci_index.h"
#include "image/oci_manifest.h"
#include "mode.h"

static struct json_object *parse(const uint8_t *data, size_t size)
{
    AUTO_ERROR struct error error = { 0 };
    return json_parse((const char *)data, size, &error);
}

void fuzz_manifest(const uint8_t *data, size_t size)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_JSON struct json_object *document = parse(data, size);
    AUTO_OCI_DESCRIPTOR struct oci_descriptor config = { 0 };
    AUTO_OCI_IMAGE struct oci_image image = { 0 };
    if (!document || oci_manifest_decode(document, &config, &image, &error) < 0)
        return;
    PROMISE(config.digest && image.layer_count <= OCI_LAYER_LIMIT);
    for (size_t i = 0; i < image.layer_count; i++)
        PROMISE(image.layers[i].descriptor.digest &&
                !strchr(image.layers[i].descriptor.digest, '/'));
}

void fuzz_image_config(const uint8_t *data, size_t size)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_JSON struct json_object *document = parse(data, size);
    AUTO_OCI_IMAGE struct oci_image image = { 0 };
    if (document)
        oci_config_decode(document, &image, &error);
}

/* No blob is there: what the index alone decides. */
void fuzz_index(const uint8_t *data, size_t size)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_JSON struct json_object *document = parse(data, size);
    AUTO_OCI_DESCRIPTOR struct oci_descriptor manifest = { 0 };
    AUTO_CLOSE int nowhere = open("/proc/self/fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (document && oci_index_find(nowhere, document, NULL, &manifest, &error) == 0)
        PROMISE(manifest.digest);
}

static size_t count_entries(int directory_fd)
{
    size_t count = 0;
    AUTO_CLOSEDIR DIR *directory = fdopendir(openat(directory_fd, ".", O_RDONLY | O_CLOEXEC));
    PROMISE(directory);
    while (readdir(directory))
        count++;
    return count;
}

static int memory_file(const uint8_t *data, size_t size)
{
    int fd = memfd_create("layer", MFD_CLOEXEC);
    PROMISE(fd >= 0 && write_all(fd, data, size) == 0 && lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

/* Unpacked beside nothing: whatever else is in the directory afterwards got out of the target. */
static void unpack(const uint8_t *data, size_t size, enum layer_compression compression)
{
    const struct log log = { .level = LOG_LEVEL_ERROR, .fd = STDERR_FILENO };
    char path[] = "/tmp/openvirt-fuzz-XXXXXX";
    AUTO_ERROR struct error error = { 0 };
    PROMISE(mkdtemp(path));
    AUTO_CLOSE int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    PROMISE(directory >= 0 && mkdirat(directory, "target", 0755) == 0);
    AUTO_CLOSE int target_fd = openat(directory, "target", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_CLOSE int layer_fd = memory_file(data, size);
    const struct layer_source source = { .fd = layer_fd,
                                         .name = "layer",
                                         .compression = compression };
    const struct layer_target target = {
        .fd = target_fd,
        .squash = geteuid() != 0,
        .limits = { .entries = 64, .bytes = 1 << 20 },
        .log = &log,
    };
    layer_unpack(&source, &target, &error);
    PROMISE(count_entries(directory) == 3); /* ".", ".." and "target" */
    PROMISE(remove_tree_at(AT_FDCWD, path, &error) == 0);
}

enum { TAR_BLOCK = 512, TAR_SIZE = 124, TAR_CHECKSUM = 148 };

/*
 * A tar header whose checksum is wrong is where libarchive stops, and a mutation of it always is:
 * put the right one into each header, following the sizes from one to the next (tar(5)).
 */
static void mend_checksums(uint8_t *archive, size_t size)
{
    for (size_t at = 0; size - at >= TAR_BLOCK;) {
        uint8_t *header = archive + at;
        char length[12] = { 0 }, checksum[8];
        unsigned sum = 0;
        memset(header + TAR_CHECKSUM, ' ', sizeof(checksum));
        for (size_t i = 0; i < TAR_BLOCK; i++)
            sum += header[i];
        if (sum == sizeof(checksum) * ' ') { /* the end: a block of zeros */
            memset(header + TAR_CHECKSUM, 0, sizeof(checksum));
            return;
        }
        snprintf(checksum, sizeof(checksum), "%06o", sum);
        memcpy(header + TAR_CHECKSUM, checksum, sizeof(checksum));
        memcpy(length, header + TAR_SIZE, sizeof(length) - 1);
        size_t blocks = strtoul(length, NULL, 8) / TAR_BLOCK + 1;
        blocks += strtoul(length, NULL, 8) % TAR_BLOCK != 0;
        at = blocks > (size - at) / TAR_BLOCK ? size : at + blocks * TAR_BLOCK;
    }
}

void fuzz_layer(const uint8_t *data, size_t size)
{
    AUTO_FREE uint8_t *archive = allocate(size, 1);
    memcpy(archive, data, size);
    mend_checksums(archive, size);
    unpack(archive, size, LAYER_PLAIN);
}

void fuzz_layer_gzip(const uint8_t *data, size_t size)
{
    unpack(data, size, LAYER_GZIP);
}
