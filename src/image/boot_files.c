// SPDX-License-Identifier: Apache-2.0
#include "image/boot_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"
#include "guest/protocol.h"
#include "image/cache.h"
#include "image/disk_make.h"
#include "image/initramfs.h"
#include "image/kernel.h"
#include "image/progress.h"

/* Part of a disk's key: another form of disk is another disk. */
#define DISK_FORM "ext4 1"

/* Room beyond the files of a directory that a guest gets as a disk. */
#define PACKED_ROOM (1ULL << 30)

/* The cloud kernel is smaller and sooner up, but of Ethernet cards it knows none that a machine of
 * 1996 could have: no e1000. */
static const struct {
    const char *kernel, *parameters;
} machines[BOOT_MACHINE_COUNT] = {
    [BOOT_MACHINE_MICRO] = { KERNEL_DEFAULT, "rdinit=/init" },
    [BOOT_MACHINE_PC] = { "linux-image-amd64", "rdinit=/init openvirt.control=ttyS1" },
};

void boot_files_clear(struct boot_files *files)
{
    free(files->kernel_name);
    free(files->bzimage);
    free(files->vmlinux);
    free(files->initramfs);
    free(files->root_disk);
    *files = (struct boot_files){ 0 };
}

char *boot_kernel_parameters(enum boot_machine machine)
{
    return string_copy(machines[machine].parameters);
}

static int prepare_kernel(const struct boot_request *request, struct boot_files *files,
                          struct error *error)
{
    AUTO_KERNEL struct kernel kernel = { 0 };
    const char *name = request->kernel ? request->kernel : machines[request->machine].kernel;
    if (kernel_get(name, false, &kernel, error) < 0)
        return -1;
    files->kernel_name = string_copy(kernel.name);
    files->bzimage = string_format("%s/vmlinuz", kernel.directory);
    files->vmlinux = kernel.has_vmlinux ? string_format("%s/vmlinux", kernel.directory) : NULL;
    files->kernel_has_64_bits = kernel.has_64_bits;
    files->initramfs = request->initrd
                           ? string_copy(request->initrd)
                           : initramfs_get(&kernel, request->machine, &files->kernel_has_9p, error);
    return files->initramfs ? 0 : -1;
}

static int make_root_disk(const struct disk_source *source, const struct boot_request *request,
                          const struct cache_entry *entry, struct error *error)
{
    AUTO_PROGRESS struct progress progress;
    AUTO_FREE char *path = string_format("%s/disk", entry->partial_path);
    AUTO_FREE char *mount_point = string_format("%s/stack", entry->partial_path);
    AUTO_FREE char *title = string_format("disk of %s", request->image->name);
    const struct disk_plan plan = { .source = source,
                                    .label = GUEST_ROOT_LABEL,
                                    .path = path,
                                    .mount_point = mount_point,
                                    .bytes = request->disk_bytes,
                                    .least_bytes = BOOT_DISK_BYTES,
                                    .progress = &progress };
    if (mkdir(mount_point, 0755) < 0)
        return error_set(error, errno, "create %s", mount_point);
    progress_begin(&progress, title);
    if (disk_make(&plan, error) < 0)
        return -1;
    return rmdir(mount_point) < 0 ? error_set(error, errno, "remove %s", mount_point) : 0;
}

static int prepare_root_disk(const struct boot_request *request, struct boot_files *files,
                             struct error *error)
{
    struct stat status;
    const struct image *image = request->image;
    const char *const directory[] = { image->directory, NULL };
    const struct disk_source source = {
        .directories = image->directory ? directory : (const char *const *)image->layers.items,
    };
    AUTO_CACHE_ENTRY struct cache_entry entry = CACHE_ENTRY_NONE;
    AUTO_FREE char *key =
        disk_source_key(&source, image->directory != NULL, DISK_FORM, request->disk_bytes, error);
    if (!key || cache_begin("disks", key, &entry, error) < 0)
        return -1;
    if (!entry.complete &&
        (make_root_disk(&source, request, &entry, error) < 0 || cache_commit(&entry, error) < 0))
        return -1;
    files->root_disk = string_format("%s/disk", entry.path);
    if (stat(files->root_disk, &status) < 0)
        return error_set(error, errno, "look at %s", files->root_disk);
    files->root_disk_bytes = (uint64_t)status.st_size;
    return 0;
}

int boot_files_prepare(const struct boot_request *request, struct boot_files *files,
                       struct error *error)
{
    *files = (struct boot_files){ 0 };
    if (prepare_kernel(request, files, error) < 0 ||
        (request->image && prepare_root_disk(request, files, error) < 0)) {
        boot_files_clear(files);
        return -1;
    }
    return 0;
}

int boot_pack_directory(const char *directory, const char *label, const char *path,
                        struct error *error)
{
    AUTO_PROGRESS struct progress progress;
    const char *const directories[] = { directory, NULL };
    const struct disk_source source = { .directories = directories };
    const struct disk_plan plan = { .source = &source,
                                    .label = label,
                                    .path = path,
                                    .least_bytes = PACKED_ROOM,
                                    .progress = &progress };
    if (path_exists_at(AT_FDCWD, path))
        return error_set(error, EEXIST, "make the disk %s", path);
    progress_begin(&progress, directory);
    int result = disk_make(&plan, error);
    if (result < 0)
        unlink(path);
    return result < 0 ? error_wrap(error, "pack %s into a disk", directory) : 0;
}
