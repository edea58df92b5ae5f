// SPDX-License-Identifier: Apache-2.0
/*
 * Linear address -> guest physical address (SDM volume 3, chapter 4): no paging, 32-bit paging with
 * PSE-36, PAE paging, 4-level paging. Knows no TLB. Accessed and dirty flags are set by locked
 * operations on the guest's entries, as the processor does.
 */
#pragma once

#include "core/memory/guest_memory.h"
#include "core/x86/cpu_state.h"

enum paging_mode { PAGING_NONE, PAGING_32_BIT, PAGING_PAE, PAGING_4_LEVEL };

/* What of the processor's state decides how linear addresses are translated. */
struct paging {
    enum paging_mode mode;
    gpa_t root;               /* CR3 without its low bits */
    uint64_t pdpte[4];        /* PAE: the registers */
    uint64_t address;         /* entry bits 12 to MAXPHYADDR - 1 */
    uint64_t reserved;        /* entry bits that must be 0 at every level */
    uint64_t physical_mask;   /* A20 */
    bool page_size_extension; /* CR4.PSE, for 32-bit paging */
    bool write_protect;       /* CR0.WP */
    bool no_execute;          /* EFER.NXE */
    bool smep, smap;
    bool global; /* CR4.PGE */
};

void paging_from_state(struct paging *paging, const struct cpu_state *state,
                       unsigned physical_address_bits);

/* What is to be done with the page. The values of the first three are those of the error code. */
enum page_access {
    PAGE_ACCESS_READ = 0,
    PAGE_ACCESS_WRITE = PAGE_FAULT_WRITE,
    PAGE_ACCESS_USER = PAGE_FAULT_USER,
    PAGE_ACCESS_FETCH = PAGE_FAULT_FETCH,
    PAGE_ACCESS_AC = 1 << 8,    /* explicit and EFLAGS.AC = 1: SMAP does not hold */
    PAGE_ACCESS_PROBE = 1 << 9, /* for a debugger: sets no accessed and dirty flags */
};

struct page_translation {
    gpa_t physical;                       /* of the linear address itself */
    uint8_t page_shift;                   /* 12, 21, 22, 30 */
    bool writable, user, execute_disable; /* of all levels together */
    bool dirty, global;
};

/*
 * A paging-structure cache (4.10.3): page tables that walks came to of late, each of 2 MiB, with
 * the rights of the levels above. Its owner empties it when the guest invalidates anything.
 */
#define PAGE_TABLE_CACHE_ENTRIES 64
#define PAGE_TABLE_CACHE_NONE    (~UINT64_C(0))

struct page_table_cache {
    struct page_table_cache_entry {
        uint64_t region; /* linear address >> 21 */
        gpa_t table;
        bool writable, user, execute_disable;
    } entries[PAGE_TABLE_CACHE_ENTRIES];
};

void page_table_cache_empty(struct page_table_cache *cache);

/* As page_walk, with a cache. A fault is always found without it. */
bool page_walk_cached(const struct paging *paging, const struct guest_memory *memory,
                      struct page_table_cache *cache, gva_t linear, unsigned access,
                      struct page_translation *translation, uint32_t *error_code);

/* False: a page fault with `*error_code`. */
bool page_walk(const struct paging *paging, const struct guest_memory *memory, gva_t linear,
               unsigned access, struct page_translation *translation, uint32_t *error_code);

/* May `access` (PAGE_ACCESS_WRITE, _USER, _FETCH, _AC) be done to the page? */
bool page_permits(const struct paging *paging, const struct page_translation *translation,
                  unsigned access);

/* The entries that a walk looks at, for the dump of a failure: the level (4: PML4 ... 1: page
 * table), where the entry is, and its value. */
struct page_walk_step {
    unsigned level;
    gpa_t address;
    uint64_t entry;
};

/* How many steps were filled in; sets no accessed flags. */
unsigned page_walk_trace(const struct paging *paging, const struct guest_memory *memory,
                         gva_t linear, struct page_walk_step steps[4]);
