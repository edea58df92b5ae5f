// SPDX-License-Identifier: Apache-2.0
/* The label that the next execve() takes: process.apparmorProfile and process.selinuxLabel. */
#pragma once

#include "base/error.h"
#include "spec/process.h"

/* Written through the private procfs: a mount of the container's over /proc cannot catch it. */
int labels_set(const struct spec_process *process, int procfs_fd, struct error *error);
