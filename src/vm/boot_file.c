// SPDX-License-Identifier: Apache-2.0
/*
 * The files are mapped: what is read of them is page cache, which the limit of the machine's cgroup
 * can take back, and not as much again as the guest has memory. Who shortens his own kernel while
 * it is loaded ends his machine.
 */
#include "vm/boot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MOST_BYTES (UINT64_C(4) << 30)

static int check(int fd, const char *what, const char *path, size_t *length, struct error *error)
{
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0)
        return error_set(error, errno, "open the %s %s", what, path);
    if (!S_ISREG(status.st_mode))
        return error_set(error, 0, "the %s %s is no regular file", what, path);
    if (status.st_size == 0)
        return error_set(error, 0, "the %s %s is empty", what, path);
    if ((uint64_t)status.st_size > MOST_BYTES)
        return error_set(error, EFBIG, "the %s %s", what, path);
    *length = (size_t)status.st_size;
    return 0;
}

int boot_file_open(struct boot_file *file, const char *what, const char *path, struct error *error)
{
    size_t length = 0;
    *file = (struct boot_file){ 0 };
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (check(fd, what, path, &length, error) < 0)
        return -1;
    void *bytes = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return error_set(error, errno, "read the %s %s", what, path);
    file->image = (struct boot_image){ .bytes = bytes, .length = length };
    return 0;
}

void boot_file_close(struct boot_file *file)
{
    if (file->image.bytes)
        munmap((void *)(uintptr_t)file->image.bytes, file->image.length);
    file->image = (struct boot_image){ 0 };
}
