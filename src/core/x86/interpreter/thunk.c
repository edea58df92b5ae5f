// SPDX-License-Identifier: Apache-2.0
#include "core/x86/interpreter/thunk.h"

#include "core/memory/copy.h"

#define THUNK_ALIGNMENT 16

/* FNV-1a. */
static uint32_t hash_of(const struct thunk_code *code)
{
    uint32_t hash = 0x811c9dc5;
    for (unsigned i = 0; i < code->length; i++)
        hash = (hash ^ code->bytes[i]) * 0x01000193;
    return hash;
}

/* Code written by another address executes after a serializing instruction (SDM volume 3, 8.1.3);
 * IRET is the one that a process may execute at no cost. */
static void serialize(void)
{
    uint64_t stack, scratch;
    __asm__ volatile("mov %%rsp, %0\n\t"
                     "lea -128(%%rsp), %%rsp\n\t" /* beyond the red zone */
                     "mov %%ss, %k1\n\t"
                     "push %1\n\t"
                     "push %0\n\t"
                     "pushfq\n\t"
                     "mov %%cs, %k1\n\t"
                     "push %1\n\t"
                     "lea 1f(%%rip), %1\n\t"
                     "push %1\n\t"
                     "iretq\n"
                     "1:"
                     : "=&r"(stack), "=&r"(scratch)
                     :
                     : "memory", "cc");
}

static thunk_function *write_code(struct thunk_cache *cache, uint32_t place,
                                  const struct thunk_code *code)
{
    copy_bytes(cache->code.writable + place, code->bytes, code->length);
    serialize();
    return (thunk_function *)(uintptr_t)(cache->code.executable + place);
}

static bool matches(const struct thunk_cache *cache, const struct thunk_entry *entry, uint32_t hash,
                    const struct thunk_code *code)
{
    return entry->hash == hash && entry->length == code->length &&
           equal_bytes(cache->code.writable + entry->place, code->bytes, code->length);
}

thunk_function *thunk_find(struct thunk_cache *cache, const struct thunk_code *code)
{
    uint32_t hash = hash_of(code);
    struct thunk_entry *entry = &cache->entries[hash % THUNK_ENTRIES];
    while (entry->place) {
        if (matches(cache, entry, hash, code))
            return (thunk_function *)(uintptr_t)(cache->code.executable + entry->place);
        if (++entry == cache->entries + THUNK_ENTRIES)
            entry = cache->entries;
    }
    if (cache->count == THUNK_MOST || cache->used + THUNK_LONGEST > cache->code.size)
        return NULL;
    *entry = (struct thunk_entry){ .hash = hash, .place = cache->used, .length = code->length };
    cache->count++;
    cache->used += (code->length + THUNK_ALIGNMENT - 1) & ~(THUNK_ALIGNMENT - 1u);
    return write_code(cache, entry->place, code);
}

thunk_function *thunk_passing(struct thunk_cache *cache, const struct thunk_code *code)
{
    cache->passing = (cache->passing + 1) % THUNK_PASSING;
    return write_code(cache, cache->passing * THUNK_LONGEST, code);
}
