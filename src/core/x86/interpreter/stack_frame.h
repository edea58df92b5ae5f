// SPDX-License-Identifier: Apache-2.0
/*
 * A stack that is being filled or emptied before the instruction or event is certain: far calls,
 * gates, IRET, events. It becomes the processor's stack by stack_frame_commit alone.
 */
#pragma once

#include "core/x86/interpreter/descriptor.h"
#include "core/x86/interpreter/memory_page.h"

struct stack_frame {
    struct segment segment;
    uint64_t pointer;
    enum access_mode mode;
    bool wide;           /* 64-bit mode: no segmentation */
    bool current;        /* accesses are the instruction's own: alignment counts */
    uint32_t fault_code; /* error code of #SS when it does not fit */
};

/* The stack in use. */
void stack_frame_current(struct cpu *cpu, struct stack_frame *stack);
/* Another one, at another privilege level, outside 64-bit mode. */
void stack_frame_new(struct cpu *cpu, struct stack_frame *stack, const struct segment *segment,
                     uint64_t pointer, unsigned privilege, bool external);
bool stack_frame_push(struct cpu *cpu, struct stack_frame *stack, uint64_t value, unsigned size);
bool stack_frame_push_all(struct cpu *cpu, struct stack_frame *stack, const uint64_t *values,
                          unsigned count, unsigned size);
bool stack_frame_pop(struct cpu *cpu, struct stack_frame *stack, unsigned size, uint64_t *value);
/* RET n: bytes that are skipped. */
void stack_frame_skip(struct stack_frame *stack, uint64_t bytes);
/* SS and rSP; the part of RSP that a smaller stack does not have stays. */
void stack_frame_commit(struct cpu *cpu, const struct stack_frame *stack);
