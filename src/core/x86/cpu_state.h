// SPDX-License-Identifier: Apache-2.0
/*
 * The architectural state of one x86 processor: what every engine can load and give back.
 * Snapshots, debugging and tests that compare engines are written over it once. No pointers; fields
 * are values as the SDM defines them.
 */
#pragma once

#include <stdalign.h>

#include "core/types.h"
#include "core/x86/registers.h"

/* Access rights as in the second word of a descriptor, shifted down by 8 (SDM volume 3, 3.4.5). */
#define SEGMENT_TYPE             0x000f
#define SEGMENT_CODE_OR_DATA     0x0010 /* S */
#define SEGMENT_DPL              0x0060
#define SEGMENT_PRESENT          0x0080
#define SEGMENT_AVL              0x1000
#define SEGMENT_LONG             0x2000 /* L */
#define SEGMENT_BIG              0x4000 /* D/B */
#define SEGMENT_GRANULAR         0x8000 /* G */
#define SEGMENT_UNUSABLE         0x0100 /* loaded with a null selector; ours, no bit of a descriptor */
#define SEGMENT_TYPE_ACCESSED    0x1
#define SEGMENT_TYPE_WRITABLE    0x2 /* data; readable for code */
#define SEGMENT_TYPE_EXPAND_DOWN 0x4 /* data; conforming for code */
#define SEGMENT_TYPE_CODE        0x8

struct segment {
    uint64_t base;
    uint32_t limit; /* in bytes: the granularity has been applied */
    uint16_t selector;
    uint16_t attributes;
};

struct descriptor_table {
    uint64_t base;
    uint16_t limit;
};

#define XSAVE_SIZE          832 /* legacy region 512, header 64, AVX state 256: XCR0 = x87, SSE, AVX */
#define MTRR_VARIABLE_COUNT 8
#define MTRR_FIXED_COUNT    11

struct cpu_state {
    uint64_t general[16]; /* enum general_register */
    uint64_t rip, rflags;
    struct segment segments[6]; /* enum segment_index */
    struct segment ldtr, tr;
    struct descriptor_table gdtr, idtr;
    uint64_t cr0, cr2, cr3, cr4, xcr0;
    uint64_t efer;
    uint64_t dr[8]; /* 4 and 5 unused */
    uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t pat, misc_enable, tsc_aux, spec_ctrl;
    uint64_t tsc_offset; /* guest's TSC = host's TSC + this */
    uint64_t tsc_adjust;
    uint64_t mtrr_default_type, mtrr_fixed[MTRR_FIXED_COUNT];
    uint64_t mtrr_base[MTRR_VARIABLE_COUNT], mtrr_mask[MTRR_VARIABLE_COUNT];
    uint64_t pdpte[4];     /* PAE paging: loaded with CR3 (SDM volume 3, 4.4.1) */
    bool a20_masked;       /* A20M#: bit 20 of physical addresses reads as 0 */
    bool interrupt_shadow; /* after STI, MOV SS, POP SS: for one instruction */
    bool nmi_blocked;      /* until IRET */
    bool nmi_pending;
    bool halted;
    alignas(64) uint8_t xsave[XSAVE_SIZE]; /* standard format */
};

/* Power-up and reset (SDM volume 3, table 10-1); INIT keeps what that table says it keeps. */
void cpu_state_reset(struct cpu_state *state, uint32_t family_model_stepping);
void cpu_state_init(struct cpu_state *state, uint32_t family_model_stepping);
/* Startup IPI: real mode at vector << 12. */
void cpu_state_startup(struct cpu_state *state, uint8_t vector);

static inline unsigned cpu_privilege_level(const struct cpu_state *state)
{
    return (state->segments[SEGMENT_SS].attributes & SEGMENT_DPL) >> 5;
}
