// SPDX-License-Identifier: Apache-2.0
/*
 * A disk that is written and thrown away: an image that is only read, so that all machines share it
 * in the page cache, and a sparse file without a name for what is written. Both have the same
 * offsets; a bit for each cluster of 4 KiB says which of them holds it. Guests write whole pages,
 * so the rest of a cluster is seldom to be copied.
 *
 * One thread writes. A cluster's bit is set after its data is there, with release order; a reader
 * that does not see it yet reads what was before, which is right for a write that has not ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>

#include "block/image.h"

#define CLUSTER_SIZE  4096u
#define WORD_CLUSTERS 64u

struct overlay {
    struct image image;
    int base, file;
    _Atomic uint64_t *written; /* a bit for each cluster */
};

static bool is_written(const struct overlay *overlay, uint64_t cluster)
{
    uint64_t word =
        atomic_load_explicit(&overlay->written[cluster / WORD_CLUSTERS], memory_order_acquire);
    return word >> cluster % WORD_CLUSTERS & 1;
}

static void set_written(struct overlay *overlay, uint64_t first, uint64_t end)
{
    while (first < end) {
        uint64_t bit = first % WORD_CLUSTERS, count = WORD_CLUSTERS - bit;
        if (count > end - first)
            count = end - first;
        atomic_fetch_or_explicit(&overlay->written[first / WORD_CLUSTERS],
                                 (~UINT64_C(0) >> (WORD_CLUSTERS - count)) << bit,
                                 memory_order_release);
        first += count;
    }
}

/* How much of the extent one of the two files holds, and whether it is the written one. */
static uint64_t run_length(const struct overlay *overlay, uint64_t offset, uint64_t length,
                           bool *written)
{
    uint64_t cluster = offset / CLUSTER_SIZE, end = offset + length;
    *written = is_written(overlay, cluster);
    while (++cluster * CLUSTER_SIZE < end && is_written(overlay, cluster) == *written)
        ;
    uint64_t run_end = cluster * CLUSTER_SIZE;
    return (run_end < end ? run_end : end) - offset;
}

static int overlay_read(struct image *image, struct slice_cursor *cursor, uint64_t offset,
                        uint64_t length, int flags)
{
    struct overlay *overlay = (struct overlay *)image;
    while (length > 0) {
        bool written;
        uint64_t run = run_length(overlay, offset, length, &written);
        int status = file_read(written ? overlay->file : overlay->base, cursor, offset, run, flags);
        if (status < 0)
            return status;
        offset += run;
        length -= run;
    }
    return 0;
}

/* Less than a cluster, from the image to the file. */
static int copy_up(struct overlay *overlay, uint64_t offset, uint64_t end)
{
    uint8_t bytes[CLUSTER_SIZE];
    const struct slice slice = { bytes, end - offset };
    struct slice_cursor from = { &slice, 1, 0 }, to = from;
    if (offset == end)
        return 0;
    int status = file_read(overlay->base, &from, offset, end - offset, 0);
    return status < 0 ? status : file_write(overlay->file, &to, offset, end - offset);
}

/* What the write leaves of its first and its last cluster. */
static int copy_up_edges(struct overlay *overlay, uint64_t offset, uint64_t end)
{
    uint64_t first = offset / CLUSTER_SIZE, last = (end - 1) / CLUSTER_SIZE;
    int status = 0;
    if (!is_written(overlay, first))
        status = copy_up(overlay, first * CLUSTER_SIZE, offset);
    uint64_t last_end = (last + 1) * CLUSTER_SIZE;
    if (last_end > overlay->image.size)
        last_end = overlay->image.size;
    if (status == 0 && end < last_end && !is_written(overlay, last))
        status = copy_up(overlay, end, last_end);
    return status;
}

static int overlay_write(struct image *image, struct slice_cursor *cursor, uint64_t offset,
                         uint64_t length)
{
    struct overlay *overlay = (struct overlay *)image;
    uint64_t end = offset + length;
    int status = copy_up_edges(overlay, offset, end);
    if (status == 0)
        status = file_write(overlay->file, cursor, offset, length);
    if (status == 0)
        set_written(overlay, offset / CLUSTER_SIZE, (end + CLUSTER_SIZE - 1) / CLUSTER_SIZE);
    return status;
}

/* Whole clusters are written with a hole, which is zeroes. A file system without holes is refused
 * when the file is made. */
static int punch(struct overlay *overlay, uint64_t first, uint64_t end)
{
    if (first >= end)
        return 0;
    int status = file_discard(overlay->file, first * CLUSTER_SIZE, (end - first) * CLUSTER_SIZE);
    if (status == 0)
        set_written(overlay, first, end);
    return status;
}

static int overlay_discard(struct image *image, uint64_t offset, uint64_t length)
{
    return punch((struct overlay *)image, (offset + CLUSTER_SIZE - 1) / CLUSTER_SIZE,
                 (offset + length) / CLUSTER_SIZE);
}

static int write_zero_edge(struct image *image, uint64_t offset, uint64_t end)
{
    static const uint8_t zeroes[CLUSTER_SIZE];
    const struct slice slice = { (uint8_t *)(uintptr_t)zeroes, end - offset };
    struct slice_cursor cursor = { &slice, 1, 0 };
    return offset < end ? overlay_write(image, &cursor, offset, end - offset) : 0;
}

static int overlay_write_zeroes(struct image *image, uint64_t offset, uint64_t length)
{
    uint64_t end = offset + length;
    uint64_t first = (offset + CLUSTER_SIZE - 1) / CLUSTER_SIZE, last = end / CLUSTER_SIZE;
    if (first > last) /* within one cluster */
        return write_zero_edge(image, offset, end);
    int status = write_zero_edge(image, offset, first * CLUSTER_SIZE);
    if (status == 0)
        status = punch((struct overlay *)image, first, last);
    return status < 0 ? status : write_zero_edge(image, last * CLUSTER_SIZE, end);
}

/* Nothing of it outlives the machine. */
static int overlay_flush(struct image *image)
{
    (void)image;
    return 0;
}

static int overlay_file(const struct image *image, enum block_operation operation, uint64_t offset,
                        uint64_t length)
{
    const struct overlay *overlay = (const struct overlay *)image;
    bool written;
    if (operation != BLOCK_READ && operation != BLOCK_WRITE)
        return -1;
    if (run_length(overlay, offset, length, &written) < length)
        return -1;
    if (written)
        return overlay->file;
    return operation == BLOCK_READ ? overlay->base : -1;
}

static void overlay_close(struct image *image)
{
    struct overlay *overlay = (struct overlay *)image;
    close(overlay->base);
    close(overlay->file);
    free(overlay->written);
    free(overlay);
}

static const struct image_operations operations = {
    .close = overlay_close,
    .read = overlay_read,
    .write = overlay_write,
    .discard = overlay_discard,
    .write_zeroes = overlay_write_zeroes,
    .flush = overlay_flush,
    .file = overlay_file,
};

/* File systems without O_TMPFILE get a name for a moment. */
static int unnamed_file(const char *directory, struct error *error)
{
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
        return fd < 0 ? error_set(error, errno, "create an overlay in %s", directory) : fd;
    AUTO_FREE char *path = NULL;
    if (asprintf(&path, "%s/.openvirt-overlay-XXXXXX", directory) < 0) {
        path = NULL;
        return error_set(error, ENOMEM, "create an overlay in %s", directory);
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return error_set(error, errno, "create an overlay in %s", directory);
    unlink(path);
    return fd;
}

static int overlay_file_open(const char *directory, uint64_t size, struct error *error)
{
    AUTO_CLOSE int fd = unnamed_file(directory, error);
    if (fd < 0)
        return -1;
    if (ftruncate(fd, (off_t)size) < 0)
        return error_set(error, errno, "make an overlay of %llu bytes in %s",
                         (unsigned long long)size, directory);
    if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, CLUSTER_SIZE) < 0)
        return error_set(error, errno, "create an overlay in %s: no sparse files there", directory);
    return take_fd(&fd);
}

struct image *overlay_image_open(const char *path, const char *directory, struct error *error)
{
    uint64_t size;
    AUTO_CLOSE int base = image_file_open(path, false, &size, error);
    if (base < 0)
        return NULL;
    AUTO_CLOSE int file = overlay_file_open(directory, size, error);
    if (file < 0)
        return NULL;
    uint64_t clusters = (size + CLUSTER_SIZE - 1) / CLUSTER_SIZE;
    AUTO_FREE struct overlay *overlay = calloc(1, sizeof(*overlay));
    AUTO_FREE void *written = calloc((clusters + WORD_CLUSTERS - 1) / WORD_CLUSTERS, 8);
    if (!overlay || !written) {
        error_set(error, ENOMEM, "open disk %s", path);
        return NULL;
    }
    overlay->image = (struct image){ &operations, size };
    overlay->base = take_fd(&base);
    overlay->file = take_fd(&file);
    overlay->written = take_pointer(written);
    return &take_pointer(overlay)->image;
}
