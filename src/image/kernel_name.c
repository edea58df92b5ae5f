// SPDX-License-Identifier: Apache-2.0
#include "image/kernel_name.h"

#include <stddef.h>

#include "base/string.h"

#define PREFIX "linux-image-"

enum { LONGEST_NAME = 200 };

/* Longer endings first. */
static const struct {
    const char *ending, *architecture;
} architectures[] = {
    { "-686-pae", "i386" },
    { "-686", "i386" },
    { "-amd64", "amd64" },
    { "-amd64-unsigned", "amd64" },
};

enum kernel_source kernel_source_of(const char *name)
{
    if (!strchr(name, '/'))
        return KERNEL_PACKAGE;
    return string_ends_with(name, ".deb") ? KERNEL_DEB : KERNEL_FILE;
}

const char *kernel_architecture_of(const char *package)
{
    if (!string_starts_with(package, PREFIX))
        return NULL;
    for (size_t i = 0; i < ARRAY_LENGTH(architectures); i++)
        if (string_ends_with(package, architectures[i].ending))
            return architectures[i].architecture;
    return NULL;
}

bool kernel_name_is_valid(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= LONGEST_NAME && name[0] != '-' && name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                        "-+.~_%:") == length;
}

bool kernel_is_meta_package(const char *package)
{
    const char *rest = package + strlen(PREFIX);
    return string_starts_with(package, PREFIX) &&
           !(rest[0] >= '0' && rest[0] <= '9' && strchr(rest, '.'));
}
