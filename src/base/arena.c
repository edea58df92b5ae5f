// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/string.h"

enum { BLOCK_SIZE = 16 * 1024, ALIGNMENT = 16 };

struct block {
    struct block *next;
    size_t used, size;
    _Alignas(ALIGNMENT) char memory[];
};

struct arena {
    struct block *blocks;
};

struct arena *arena_new(void)
{
    return allocate(1, sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    for (struct block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
}

static struct block *block_add(struct arena *arena, size_t wanted)
{
    size_t size = wanted > BLOCK_SIZE ? wanted : BLOCK_SIZE;
    struct block *block = allocate(1, sizeof(struct block) + size);
    block->size = size;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *arena_allocate(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2)
        abort();
    bytes = (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct block *block = arena->blocks;
    if (!block || block->size - block->used < bytes)
        block = block_add(arena, bytes);
    void *memory = block->memory + block->used;
    block->used += bytes;
    return memory;
}
