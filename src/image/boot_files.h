// SPDX-License-Identifier: Apache-2.0
/*
 * From "an image and the name of a kernel" to the files that a virtual machine boots, all of them
 * in the cache and made once:
 *
 *   kernel     Debian's package, unpacked and not installed (kernel.h)
 *   initramfs  openvirt-guest-init and the modules that the machine needs (initramfs.h)
 *   root disk  the image's files as an ext4 file system (root_disk.h); nobody writes to it, a
 *              machine has an overlay of its own
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "image/image.h"

/* Which devices the guest will find, and so which modules it needs. */
enum boot_machine {
    BOOT_MACHINE_MICRO, /* virtio over PCI, control channel on a virtio console port */
    BOOT_MACHINE_PC,    /* PIIX IDE, e1000, control channel on ttyS1 */
    BOOT_MACHINE_COUNT,
};

struct boot_request {
    enum boot_machine machine;
    const struct image *image; /* NULL: no root disk */
    /* A package ("linux-image-amd64"), a file *.deb, or a vmlinuz; NULL: the machine's default. */
    const char *kernel;
    const char *initrd;  /* a file that is used as it is; NULL: ours is made */
    uint64_t disk_bytes; /* size of the root disk; 0: BOOT_DISK_BYTES, or more where the image is */
    const struct log *log;
};

#define BOOT_DISK_BYTES (8ULL << 30)

struct boot_files {
    char *kernel_name; /* "linux-image-6.1.0-56-cloud-amd64", or the given path */
    char *bzimage;     /* the kernel as it comes, for the Linux boot protocol */
    char *vmlinux;     /* the ELF file inside, unpacked, for a direct or PVH start; NULL where the
                          kernel is of a form that is not known */
    char *initramfs;
    char *root_disk;          /* raw; volume label GUEST_ROOT_LABEL; NULL without an image */
    uint64_t root_disk_bytes; /* logical size */
    bool kernel_has_64_bits;  /* the guest's init was chosen by it */
    bool kernel_has_9p;       /* the initramfs can mount 9p; else a directory becomes a disk */
};

/* Fetch, make or find all of them, with progress on stderr. */
int boot_files_prepare(const struct boot_request *request, struct boot_files *files,
                       struct error *error);
void boot_files_clear(struct boot_files *files);
#define AUTO_BOOT_FILES __attribute__((cleanup(boot_files_clear)))

/*
 * The words that the guest's kernel needs for our initramfs on this machine, as "rdinit=/init ...":
 * where the control channel is. The console and the rest are the caller's. Allocated.
 */
char *boot_kernel_parameters(enum boot_machine machine);

/*
 * A disk with the files of a host directory, for a guest that cannot mount the directory itself.
 * `label` (at most 16 bytes) is how the guest finds it: "LABEL=label". What the guest writes there
 * stays in the disk. `path` must not exist.
 */
int boot_pack_directory(const char *directory, const char *label, const char *path,
                        struct error *error);
