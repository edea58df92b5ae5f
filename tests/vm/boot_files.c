// SPDX-License-Identifier: Apache-2.0
/* The files that a machine boots, for tests: boot_files MACHINE KERNEL IMAGE|-, "key=value" a line.
 */
#include <stdio.h>

#include "base/string.h"
#include "image/boot_files.h"

static int prepare(char **words, struct error *error)
{
    const struct log log = LOG_TO_STDERR;
    AUTO_IMAGE struct image *image = NULL;
    AUTO_BOOT_FILES struct boot_files files = { 0 };
    struct boot_request request = { .kernel = words[1], .log = &log };
    request.machine = string_equal(words[0], "pc") ? BOOT_MACHINE_PC : BOOT_MACHINE_MICRO;
    if (!string_equal(words[2], "-") && image_resolve(words[2], &log, &image, error) < 0)
        return -1;
    request.image = image;
    if (boot_files_prepare(&request, &files, error) < 0)
        return -1;
    AUTO_FREE char *parameters = boot_kernel_parameters(request.machine);
    printf(
        "kernel=%s\nbzimage=%s\nvmlinux=%s\ninitramfs=%s\ndisk=%s\nparameters=%s\nbits=%d\n9p=%d\n",
        files.kernel_name, files.bzimage, files.vmlinux ? files.vmlinux : "", files.initramfs,
        files.root_disk ? files.root_disk : "", parameters, files.kernel_has_64_bits ? 64 : 32,
        files.kernel_has_9p);
    return 0;
}

int main(int argc, char **argv)
{
    AUTO_ERROR struct error error = { 0 };
    if (argc == 4 && prepare(argv + 1, &error) == 0)
        return 0;
    fprintf(stderr, "boot_files: %s\n", error.message ? error.message : "wrong words");
    return 1;
}
