// SPDX-License-Identifier: Apache-2.0
/*
 * Packages by apt(8), downloaded and not installed. The lists that the host has are used where they
 * know the package; else (another architecture, no lists yet) lists of our own are fetched for this
 * once. Both work for every user; apt checks signatures and checksums.
 */
#pragma once

#include "base/error.h"
#include "base/string.h"
#include "image/progress.h"

struct apt {
    const char *architecture;   /* "amd64", "i386" */
    char *private_directory;    /* for lists of our own; NULL: the host's are used */
    struct progress *progress;  /* what is downloaded moves it from `percent` ... */
    unsigned int percent, span; /* ... to percent + span */
    const char *phase;          /* the text in front of it; NULL: nothing is shown */

    /* Of the program that runs. */
    struct string_list lines;
    char *first_error;
};

void apt_clear(struct apt *apt);
#define AUTO_APT __attribute__((cleanup(apt_clear)))

/* Make package lists of our own below an empty directory, and use them from now on. */
int apt_use_private_lists(struct apt *apt, const char *directory, struct error *error);

/*
 * What a package like linux-image-amd64 stands for: the first package that it depends on and whose
 * name begins with `prefix`, else itself. Allocated; NULL when apt does not know it.
 */
char *apt_resolve(struct apt *apt, const char *package, const char *prefix, struct error *error);

/* Name of the file that a download makes, "PACKAGE_VERSION_ARCHITECTURE.deb". Allocated. */
char *apt_file_name(struct apt *apt, const char *package, struct error *error);

/* Download into a directory. */
int apt_download(struct apt *apt, const char *package, const char *directory, struct error *error);
