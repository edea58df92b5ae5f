// SPDX-License-Identifier: Apache-2.0
/* What a person calls a kernel. */
#pragma once

#include <stdbool.h>

enum kernel_source {
    KERNEL_PACKAGE, /* linux-image-amd64 */
    KERNEL_DEB,     /* ./linux-image-6.1.0-56-amd64_6.1.192-2_amd64.deb */
    KERNEL_FILE,    /* /boot/vmlinuz-6.1.0-56-amd64 */
};

/* With a slash it is a file. */
enum kernel_source kernel_source_of(const char *name);

/* Debian's architecture of a kernel package: what its name ends in. NULL: it is none of ours. */
const char *kernel_architecture_of(const char *package);

/* May be a file's name and a program's argument. */
bool kernel_name_is_valid(const char *name);

/* A package whose kernel may be another tomorrow: its name holds no version. */
bool kernel_is_meta_package(const char *package);
