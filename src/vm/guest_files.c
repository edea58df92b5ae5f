// SPDX-License-Identifier: Apache-2.0
#include "vm/guest_files.h"

#include "base/string.h"
#include "image/boot_files.h"

int pack_directory(const char *directory, const char *label, const char *path, struct error *error)
{
    return boot_pack_directory(directory, label, path, error);
}

char *kernel_parameters(bool emulated_hardware, bool own_init, const char *const *own)
{
    AUTO_FREE char *of_initramfs =
        boot_kernel_parameters(emulated_hardware ? BOOT_MACHINE_PC : BOOT_MACHINE_MICRO);
    char *line = string_format("console=ttyS0 panic=-1%s %s", own_init ? "" : " quiet",
                               of_initramfs ? of_initramfs : "");
    for (; own && *own; own++)
        string_append(&line, " %s", *own);
    return line;
}
