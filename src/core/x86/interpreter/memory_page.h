// SPDX-License-Identifier: Apache-2.0
/* How the slow paths of memory access find the page that an access falls into. */
#pragma once

#include "core/x86/interpreter/cpu.h"

struct page {
    uint8_t *host;       /* of the byte asked for; NULL: MMIO, or for a write a ROM */
    gpa_t physical;      /* valid when host is NULL */
    struct frame *frame; /* of memory that holds code, when asked for writing; else NULL */
    bool lost;           /* a write to a ROM */
};

/* The page of `linear` as seen in the row `mode`, from the TLB or by a walk that fills it. `write`:
 * for writing. False: page fault or #GP(0) filled in. */
bool page_find(struct cpu *cpu, enum access_mode mode, gva_t linear, bool write, struct page *page);

/* All bits from 47 on are equal; also true outside long mode. */
bool linear_is_canonical(const struct cpu *cpu, gva_t linear);
/* #GP(0), which is #SS(0) in the stack segment; returns false. */
bool raise_non_canonical(struct cpu *cpu, gva_t linear);

/* The row for accesses that the processor makes by itself to system structures: supervisor, and
 * under SMAP never to user pages, whatever EFLAGS.AC says (SDM volume 3, 4.6.1). */
static inline enum access_mode system_access_mode(const struct cpu *cpu)
{
    return cpu->paging.smap ? ACCESS_MODE_SUPERVISOR_SMAP : ACCESS_MODE_SUPERVISOR;
}

/* Explicit accesses as if at `privilege`, for frames that event delivery pushes. */
static inline enum access_mode stack_access_mode(const struct cpu *cpu, unsigned privilege)
{
    return privilege == 3 ? ACCESS_MODE_USER : system_access_mode(cpu);
}

/* Alignment and breakpoints. False: #GP(0) or #AC filled in. */
bool memory_access_allowed(struct cpu *cpu, gva_t linear, unsigned size, bool write);

bool memory_read(struct cpu *cpu, enum access_mode mode, gva_t linear, void *bytes, unsigned size);
bool memory_write(struct cpu *cpu, enum access_mode mode, gva_t linear, const void *bytes,
                  unsigned size);

/* MMIO of any size, in pieces of at most 8 bytes. False: exit pending. */
bool mmio_read(struct cpu *cpu, gpa_t address, uint8_t *bytes, unsigned size);
bool mmio_write(struct cpu *cpu, gpa_t address, const uint8_t *bytes, unsigned size);
