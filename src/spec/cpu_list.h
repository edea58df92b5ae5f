// SPDX-License-Identifier: Apache-2.0
/* The kernel's list format ("0-3,7") as a bit mask, for CPUs and memory nodes (cpuset(7)). */
#pragma once

#include "spec/reader.h"

enum { CPU_LIST_MAX_BITS = 8192 }; /* the kernel's greatest CONFIG_NR_CPUS */

/*
 * The mask, in words of 64 bits for sched_setaffinity(2) and set_mempolicy(2), and how many bits of
 * it are used. NULL with an error at the node when the text is no such list.
 */
const uint64_t *cpu_list_decode(const struct node *node, const char *text, size_t *bits);
