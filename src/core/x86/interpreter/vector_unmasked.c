// SPDX-License-Identifier: Apache-2.0
/*
 * Floating-point instructions while the guest has exceptions unmasked. Unmasked in our own process
 * they would be signals, so:
 *
 * SSE and AVX execute with all masked and with the sticky flags cleared. What the flags say then is
 * what the guest's own execution would have found, and if any of that is unmasked, everything is
 * taken back (SDM volume 1, 11.5).
 *
 * x87 raises nothing when an exception happens, but when the next waiting instruction executes
 * (SDM volume 1, 8.7), so the instruction itself runs with the guest's control word; FNSTENV, which
 * does not wait, masks all again.
 */
#include "core/x86/interpreter/host_execute.h"

#define SIMD_INVALID     0x01u
#define SIMD_DENORMAL    0x02u
#define SIMD_ZERO_DIVIDE 0x04u
#define SIMD_UNDERFLOW   0x10u
#define BEFORE_COMPUTING (SIMD_INVALID | SIMD_DENORMAL | SIMD_ZERO_DIVIDE)

/* Flags that an execution with this MXCSR sets. */
static uint32_t flags_with(struct cpu *cpu, thunk_function *thunk, void *memory, uint32_t mxcsr)
{
    set_host_mxcsr((mxcsr & ~MXCSR_EXCEPTIONS) | MXCSR_MASKS);
    thunk(cpu, memory);
    return host_mxcsr() & MXCSR_EXCEPTIONS;
}

/* Masked underflow is a result that is tiny and inexact, unmasked underflow one that is tiny (SDM
 * volume 1, 4.9.1.5). Flushing to zero tells: it sets the flag for every tiny result. */
static bool underflows(struct cpu *cpu, thunk_function *thunk, void *memory, uint32_t mxcsr,
                       const struct vector_backup *backup)
{
    bool tiny = flags_with(cpu, thunk, memory, mxcsr | MXCSR_FLUSH_ZERO) & SIMD_UNDERFLOW;
    vector_restore(cpu, backup);
    return tiny;
}

bool host_call_unmasked_sse(struct cpu *cpu, thunk_function *thunk, void *memory)
{
    struct vector_backup backup;
    uint32_t before = host_mxcsr(), mxcsr = before;
    uint32_t unmasked = ~cpu->vector.mxcsr_masks >> MXCSR_MASK_SHIFT & MXCSR_EXCEPTIONS;
    uint32_t tiny = 0;
    vector_backup(cpu, &backup);
    if (unmasked & SIMD_UNDERFLOW) {
        mxcsr &= ~MXCSR_FLUSH_ZERO; /* which counts only while underflow is masked */
        tiny = underflows(cpu, thunk, memory, mxcsr, &backup) ? SIMD_UNDERFLOW : 0;
    }
    uint32_t flags = flags_with(cpu, thunk, memory, mxcsr) | tiny;
    if (!(flags & unmasked)) {
        set_host_mxcsr(before | flags);
        return true;
    }
    /* With one of these unmasked nothing was computed that could have raised the others. */
    if (flags & unmasked & BEFORE_COMPUTING)
        flags &= BEFORE_COMPUTING;
    vector_restore(cpu, &backup);
    set_host_mxcsr(before | flags);
    return cpu_raise(cpu, cpu->state.cr4 & CR4_OSXMMEXCPT ? EXCEPTION_XM : EXCEPTION_UD);
}

void host_call_unmasked_x87(struct cpu *cpu, thunk_function *thunk, void *memory)
{
    uint32_t environment[7];
    set_host_fcw(cpu->vector.fcw);
    thunk(cpu, memory);
    __asm__ volatile("fnstenv %0" : "=m"(environment));
}
