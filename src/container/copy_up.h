// SPDX-License-Identifier: Apache-2.0
/* Option tmpcopyup: a tmpfs that starts with what the image has at its place. */
#pragma once

#include "base/error.h"

/*
 * Copy the content of one directory (not itself) into another: files, directories, links, devices,
 * with owner, mode, times and extended attributes. Both are O_PATH descriptors; links are copied,
 * never followed.
 */
int copy_up(int from_fd, int to_fd, struct error *error);
