// SPDX-License-Identifier: Apache-2.0
/*
 * Thunks: a few instructions of host code each, of which one is the guest's own, written anew with
 * other operands. A thunk is called as a C function:
 *
 *     load the guest's general registers that it reads    mov r9, [rdi + offset]
 *     load the guest's arithmetic flags                   movzx eax, word [rdi + flags] ...
 *     the instruction                                     cvtsi2sd xmm3, r9   or   ..., [rsi]
 *     store flags and general registers
 *     ret
 *
 * Its memory operand is [rsi], which points to guest memory or to a copy of the operand. Vector
 * registers keep their numbers: the guest's are in the host's (vector_registers.h). ModR/M.reg,
 * ModR/M.rm and VEX.vvvv become r8, r9, r10 where they name general registers; implicit ones stay.
 *
 * Thunks live until the machine ends. They are found by their bytes, so there are only as many as
 * there are different ones; what comes when the memory is full is made again each time it executes.
 */
#pragma once

#include "core/platform.h"
#include "core/x86/instruction.h"
#include "core/x86/interpreter/cpu.h"
#include "core/x86/interpreter/vector_registers.h"

typedef void thunk_function(struct cpu *cpu, void *memory);

#define THUNK_LONGEST     128
#define THUNK_ENTRIES     16384 /* a power of two */
#define THUNK_MOST        12288 /* entries in use: the rest keeps searches short */
#define THUNK_MEMORY      (UINT64_C(1) << 20)
#define THUNK_PASSING     16 /* places for those that are not kept */
#define THUNK_PASSING_END (THUNK_PASSING * THUNK_LONGEST)

struct thunk_code {
    uint8_t bytes[THUNK_LONGEST];
    uint8_t length;
};

struct thunk_entry {
    uint32_t hash;
    uint32_t place : 24; /* in code; 0: no entry */
    uint32_t length : 8;
};

struct thunk_cache {
    struct code_memory code;
    uint32_t used; /* of code */
    uint32_t count;
    uint32_t passing; /* the next place */
    enum vector_host host;
    struct thunk_entry entries[THUNK_ENTRIES];
};

/* Write the thunk of an instruction: thunk_encode.c. */
void thunk_encode(const struct instruction *instruction, struct thunk_code *code);

/* The thunk with these bytes; NULL: it is new and there is no room. */
thunk_function *thunk_find(struct thunk_cache *cache, const struct thunk_code *code);
/* The same for one call, now. */
thunk_function *thunk_passing(struct thunk_cache *cache, const struct thunk_code *code);
