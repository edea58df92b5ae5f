// SPDX-License-Identifier: Apache-2.0
/* A disk that is a file or a block device, byte for byte. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "block/image.h"

struct raw {
    struct image image;
    int fd;
};

static int file_size(int fd, const char *path, uint64_t *size, struct error *error)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return error_set(error, errno, "stat disk %s", path);
    if (S_ISREG(status.st_mode))
        *size = (uint64_t)status.st_size;
    else if (!S_ISBLK(status.st_mode))
        return error_set(error, 0, "open disk %s: neither a file nor a block device", path);
    else if (ioctl(fd, BLKGETSIZE64, size) < 0)
        return error_set(error, errno, "size of disk %s", path);
    if (*size == 0)
        return error_set(error, 0, "open disk %s: it is empty", path);
    *size = (*size + BLOCK_SECTOR_SIZE - 1) & ~(uint64_t)(BLOCK_SECTOR_SIZE - 1);
    return 0;
}

/* An open file description lock: of this opening, not of the process; over NFS too. */
static int lock_file(int fd, const char *path, bool writable, struct error *error)
{
    struct flock lock = { .l_type = writable ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET };
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return 0;
    if (errno != EAGAIN && errno != EACCES)
        return error_set(error, errno, "lock disk %s", path);
    return error_set_code(error, EBUSY,
                          "open disk %s%s: in use by another machine; stop that one, or %s", path,
                          writable ? " for writing" : "",
                          writable ? "use the disk with an overlay in both" : "make a copy");
}

int image_file_open(const char *path, bool writable, uint64_t *size, struct error *error)
{
    /* O_NONBLOCK: a FIFO must not keep us waiting for its other end. */
    AUTO_CLOSE int fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_set(error, errno, "open disk %s%s", path, writable ? " for writing" : "");
    if (file_size(fd, path, size, error) < 0 || lock_file(fd, path, writable, error) < 0)
        return -1;
    if (fcntl(fd, F_SETFL, 0) < 0)
        return error_set(error, errno, "open disk %s", path);
    return take_fd(&fd);
}

static int raw_read(struct image *image, struct slice_cursor *cursor, uint64_t offset,
                    uint64_t length, int flags)
{
    return file_read(((struct raw *)image)->fd, cursor, offset, length, flags);
}

static int raw_write(struct image *image, struct slice_cursor *cursor, uint64_t offset,
                     uint64_t length)
{
    return file_write(((struct raw *)image)->fd, cursor, offset, length);
}

static int raw_discard(struct image *image, uint64_t offset, uint64_t length)
{
    return file_discard(((struct raw *)image)->fd, offset, length);
}

static int raw_write_zeroes(struct image *image, uint64_t offset, uint64_t length)
{
    return file_write_zeroes(((struct raw *)image)->fd, offset, length);
}

static int raw_flush(struct image *image)
{
    return fdatasync(((struct raw *)image)->fd) < 0 ? -errno : 0;
}

static int raw_file(const struct image *image, enum block_operation operation, uint64_t offset,
                    uint64_t length)
{
    (void)offset, (void)length;
    bool extent = operation == BLOCK_DISCARD || operation == BLOCK_WRITE_ZEROES;
    return extent ? -1 : ((const struct raw *)image)->fd;
}

static void raw_close(struct image *image)
{
    close(((struct raw *)image)->fd);
    free(image);
}

static const struct image_operations operations = {
    .close = raw_close,
    .read = raw_read,
    .write = raw_write,
    .discard = raw_discard,
    .write_zeroes = raw_write_zeroes,
    .flush = raw_flush,
    .file = raw_file,
};

struct image *raw_image_open(const char *path, bool read_only, struct error *error)
{
    uint64_t size;
    AUTO_CLOSE int fd = image_file_open(path, !read_only, &size, error);
    if (fd < 0)
        return NULL;
    struct raw *raw = calloc(1, sizeof(*raw));
    if (!raw) {
        error_set(error, ENOMEM, "open disk %s", path);
        return NULL;
    }
    raw->image = (struct image){ &operations, size };
    raw->fd = take_fd(&fd);
    return &raw->image;
}
