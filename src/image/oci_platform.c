// SPDX-License-Identifier: Apache-2.0
#include "image/oci_platform.h"

#include <stddef.h>

#include "base/string.h"

/*
 * What the compiler built for, in the words of Go's list of architectures, which image-spec refers
 * to (image-index.md, "platform").
 */
static const char built_for[] =
#if defined(__x86_64__)
    "amd64";
#elif defined(__aarch64__)
    "arm64";
#elif defined(__riscv)
    "riscv64";
#elif defined(__powerpc64__)
    "ppc64le";
#elif defined(__s390x__)
    "s390x";
#else
    "unknown";
#endif

const char *oci_architecture(void)
{
    return built_for;
}

bool oci_platform_fits(const char *os, const char *architecture)
{
    return (!os || string_equal(os, "linux")) &&
           (!architecture || string_equal(architecture, built_for));
}
