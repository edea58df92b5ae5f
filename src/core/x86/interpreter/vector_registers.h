// SPDX-License-Identifier: Apache-2.0
/*
 * The guest's x87, MMX, SSE and AVX registers in the host's registers.
 *
 * They are loaded when the first instruction needs them and stay until cpu_vector_unload. While
 * they are there, all exceptions are masked in the host's control registers, whatever the guest
 * has: MXCSR's flags and FSW's flags are the guest's, their masks are in cpu->vector, and
 * FSW.ES and B are computed from both. Where the guest has all masked, as nearly all do,
 * instructions execute as they are (`ready`); otherwise vector_unmasked.c watches each one.
 *
 * The pointers of the last x87 instruction in the host's registers point into thunks; the guest's
 * are in cpu->vector.
 */
#pragma once

#include "core/x86/interpreter/cpu.h"

/* Which instructions may execute as they are: the state is loaded, all exceptions are masked. */
enum vector_ready { VECTOR_READY_X87 = 1 << 0, VECTOR_READY_SSE = 1 << 1 };

#define FCW_INITIAL      0x37f
#define FCW_WRITABLE     0x1f3f
#define FCW_FIXED        0x40 /* reads as 1 */
#define FCW_MASKS        0x3f
#define FSW_EXCEPTIONS   0x3f
#define FSW_SUMMARY      0x8080 /* ES and B */
#define MXCSR_INITIAL    0x1f80u
#define MXCSR_EXCEPTIONS 0x3fu
#define MXCSR_MASKS      0x1f80u
#define MXCSR_MASK_SHIFT 7
#define MXCSR_FLUSH_ZERO 0x8000u
#define MXCSR_WRITABLE   0xffffu

/* The fields of the XSAVE area's legacy region and header (SDM volume 1, 10.5.1, 13.4.2). */
#define XSAVE_FCW           0
#define XSAVE_FSW           2
#define XSAVE_FTW           4
#define XSAVE_FOP           6
#define XSAVE_FIP           8
#define XSAVE_FDP           16
#define XSAVE_MXCSR         24
#define XSAVE_MXCSR_MASK    28
#define XSAVE_ST            32
#define XSAVE_XMM           160
#define XSAVE_LEGACY_SIZE   512
#define XSAVE_HEADER        512
#define XSAVE_XSTATE_BV     512
#define XSAVE_XCOMP_BV      520
#define XSAVE_YMM_HIGH      576
#define XSAVE_YMM_HIGH_SIZE 256

static inline uint16_t *xsave_16(struct cpu *cpu, unsigned offset)
{
    return (uint16_t *)(void *)&cpu->state.xsave[offset];
}
static inline uint32_t *xsave_32(struct cpu *cpu, unsigned offset)
{
    return (uint32_t *)(void *)&cpu->state.xsave[offset];
}
static inline uint64_t *xsave_64(struct cpu *cpu, unsigned offset)
{
    return (uint64_t *)(void *)&cpu->state.xsave[offset];
}

/* What the host can save and restore; found out at set-up. */
enum vector_host { VECTOR_HOST_FXSAVE, VECTOR_HOST_XSAVE, VECTOR_HOST_AVX };
enum vector_host vector_host_detect(void);

/* From state.xsave to the host's registers; nothing if they are there. */
void vector_load(struct cpu *cpu);
/* Bring state.xsave up to date; the registers stay loaded if they were. */
void vector_store(struct cpu *cpu);
/* state.xsave has been changed after vector_store: load it. */
void vector_reload(struct cpu *cpu);

/* Everything that an instruction of the host may change, to take it back. */
struct vector_backup {
    alignas(64) uint8_t area[XSAVE_SIZE];
    uint64_t general[16];
    struct vector_control control;
    uint16_t flags;
};
void vector_backup(struct cpu *cpu, struct vector_backup *backup);
void vector_restore(struct cpu *cpu, const struct vector_backup *backup);

/* The guest's control registers; the state is loaded. */
void vector_set_fcw(struct cpu *cpu, uint16_t fcw);
void vector_initialize_x87(struct cpu *cpu); /* FNINIT */
uint16_t vector_fsw(const struct cpu *cpu);
uint32_t vector_mxcsr(const struct cpu *cpu);
void vector_set_mxcsr(struct cpu *cpu, uint32_t mxcsr);

static inline uint32_t host_mxcsr(void)
{
    uint32_t value;
    __asm__ volatile("stmxcsr %0" : "=m"(value));
    return value;
}

static inline void set_host_mxcsr(uint32_t value)
{
    __asm__ volatile("ldmxcsr %0" : : "m"(value));
}

static inline uint16_t host_fcw(void)
{
    uint16_t value;
    __asm__ volatile("fnstcw %0" : "=m"(value));
    return value;
}

static inline void set_host_fcw(uint16_t value)
{
    __asm__ volatile("fldcw %0" : : "m"(value));
}

static inline uint16_t host_fsw(void)
{
    uint16_t value;
    __asm__ volatile("fnstsw %0" : "=m"(value));
    return value;
}
