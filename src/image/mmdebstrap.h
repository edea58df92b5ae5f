// SPDX-License-Identifier: Apache-2.0
/* mmdebstrap(1), run with its progress shown and its errors made readable. */
#pragma once

#include "base/error.h"
#include "image/progress.h"

/* As the superuser, into an empty directory. */
int mmdebstrap_to_directory(const char *suite, const char *directory, struct progress *progress,
                            struct error *error);

/* As an ordinary user, as a tar archive written to a descriptor. */
int mmdebstrap_to_archive(const char *suite, int archive_fd, struct progress *progress,
                          struct error *error);
