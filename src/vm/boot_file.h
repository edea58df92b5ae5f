// SPDX-License-Identifier: Apache-2.0
/* Kernel and initrd of a machine: whole files in memory, only while it is built. */
#pragma once

#include "base/error.h"
#include "core/machine/boot.h"

struct boot_file {
    struct boot_image image;
};

/* `what` ("kernel") is for the message. */
int boot_file_open(struct boot_file *file, const char *what, const char *path, struct error *error);
void boot_file_close(struct boot_file *file);
#define AUTO_BOOT_FILE __attribute__((cleanup(boot_file_close)))
