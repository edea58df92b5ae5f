// SPDX-License-Identifier: Apache-2.0
/* What far jumps, calls and returns have in common (SDM volume 3, 5.8). */
#pragma once

#include "core/x86/interpreter/stack_frame.h"
#include "core/x86/interpreter/system.h"

struct far_pointer {
    uint16_t selector;
    uint64_t offset;
};

/* The memory operand of a far CALL or JMP, of LDS, LES, ...: two accesses, the offset and then the
 * selector. */
bool far_pointer_load(struct cpu *cpu, const struct op *op, struct far_pointer *pointer);

/* RIP in `code`: within its limit, or canonical in 64-bit code. False: #GP(0). */
bool far_check_rip(struct cpu *cpu, const struct segment *code, uint64_t rip);

/* Becomes the code that runs. */
enum outcome far_enter(struct cpu *cpu, const struct segment *code, uint64_t rip);

/* Through a call gate, by JMP or CALL (far_gate.c). */
enum outcome far_through_gate(struct cpu *cpu, const struct op *op, uint16_t selector,
                              struct descriptor *gate, bool call);

/* Checks of a code segment that becomes CS at `privilege` = CPL: the far pointer's RPL counts
 * unless it came from a gate. */
bool far_load_code(struct cpu *cpu, uint16_t selector, const struct descriptor *code, bool gate,
                   struct segment *segment);
