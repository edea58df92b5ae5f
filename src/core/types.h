// SPDX-License-Identifier: Apache-2.0
/* Addresses as the guest means them: plain integers on our side, never pointers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t gpa_t; /* guest physical address */
typedef uint64_t gva_t; /* linear address: what segmentation yields and paging translates */

#define FRAME_SHIFT 12
#define FRAME_SIZE  4096u
#define FRAME_MASK  (FRAME_SIZE - 1)
