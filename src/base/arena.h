// SPDX-License-Identifier: Apache-2.0
/*
 * Memory that is given out piece by piece and freed all at once: what a decoded specification owns.
 */
#pragma once

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena);

/* Zeroed and aligned for any type; aborts when there is no memory. Lives as long as the arena. */
void *arena_allocate(struct arena *arena, size_t count, size_t size);
