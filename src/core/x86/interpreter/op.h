// SPDX-License-Identifier: Apache-2.0
/*
 * The decoded form that the interpreter runs: a block is a row of ops, each with the function that
 * executes it. A function ends by calling the next one in tail position, so that blocks run as a
 * chain of jumps. Where the compiler makes calls of them (a local variable whose address escapes, a
 * build without optimisation) the stack grows, and block_jump ends the chain in time.
 *
 * Lowering chooses the function for a decoded instruction. The frequent ones have functions of
 * their own for each size and operand form, with all that is known at decode time in the op. The
 * rest get `op->instruction`, the whole decoded form, and take their operands through operand_*().
 */
#pragma once

#include "core/x86/instruction.h"
#include "core/x86/interpreter/cpu.h"

enum outcome {
    OUTCOME_CONTINUE, /* state.rip is set: find the next block */
    OUTCOME_FAULT,    /* cpu->exception, or cpu->exit_pending; state.rip is the instruction's */
};

struct op;
typedef enum outcome op_execute(struct cpu *cpu, const struct op *op);

struct op {
    op_execute *execute;
    const struct instruction *instruction; /* NULL for the frequent ones */
    int64_t immediate;                     /* meaning by function */
    int64_t displacement;
    uint16_t offset; /* RIP of the instruction - RIP of the block */
    uint8_t length;
    uint8_t destination, source, base, index, scale; /* meaning by function (address.h) */
    uint8_t segment;
    uint8_t extra;
};

#define NEXT_OP(cpu, op) return (op)[1].execute((cpu), (op) + 1)

static inline uint64_t op_rip(const struct cpu *cpu, const struct op *op)
{
    return cpu->block_rip + op->offset;
}

static inline uint64_t op_next_rip(const struct cpu *cpu, const struct op *op)
{
    return cpu->block_rip + op->offset + op->length;
}

/* How a function gives up: cpu->exception or cpu->exit_pending has been filled in. */
static inline enum outcome op_fault(struct cpu *cpu, const struct op *op)
{
    cpu->state.rip = op_rip(cpu, op);
    return OUTCOME_FAULT;
}

/* An instruction that changed the mode, the flow or the flags that matter between instructions ends
 * its block: it sets state.rip and returns this. */
static inline enum outcome op_end_block(struct cpu *cpu, const struct op *op)
{
    cpu->state.rip = op_next_rip(cpu, op);
    return OUTCOME_CONTINUE;
}

/* Each returns the function for `op->instruction`, NULL when it is not one of its own. Called when
 * a block is decoded; may fill in the op's other fields, and may set op->instruction to NULL. */
op_execute *lower_integer(struct cpu *cpu, const struct instruction *instruction, struct op *op);
op_execute *lower_system(struct cpu *cpu, const struct instruction *instruction, struct op *op);
op_execute *lower_host_executed(struct cpu *cpu, const struct instruction *instruction,
                                struct op *op);

/* -- Operands of op->instruction (operand.c); `index` counts instruction->operands -- */

/* The offset in its segment, truncated to the address size. */
uint64_t operand_offset(struct cpu *cpu, const struct op *op);
/* Linear address of the memory operand, checked for `access` of `size` bytes. */
bool operand_linear(struct cpu *cpu, const struct op *op, unsigned size, unsigned access,
                    gva_t *linear);
/* Registers, memory or immediates of 1, 2, 4, 8 bytes, zero-extended. */
bool operand_read(struct cpu *cpu, const struct op *op, unsigned index, uint64_t *value);
/* 32-bit general registers are zero-extended to 64. */
bool operand_write(struct cpu *cpu, const struct op *op, unsigned index, uint64_t value);
/* Memory operands of any size up to 512 bytes. */
bool operand_load(struct cpu *cpu, const struct op *op, void *bytes, unsigned size);
bool operand_store(struct cpu *cpu, const struct op *op, const void *bytes, unsigned size);

uint64_t register_read(const struct cpu *cpu, unsigned index, unsigned size);
void register_write(struct cpu *cpu, unsigned index, unsigned size, uint64_t value);

/* Stack accesses by the stack's address size (SS.B, 64-bit mode): push changes RSP only when the
 * store succeeded. */
bool stack_push(struct cpu *cpu, unsigned size, uint64_t value);
bool stack_pop(struct cpu *cpu, unsigned size, uint64_t *value);
/* At an offset in the stack segment, truncated to the stack's address size. */
bool stack_read(struct cpu *cpu, uint64_t offset, unsigned size, uint64_t *value);
/* rSP := value, rSP += bytes, by the stack's address size. */
void stack_set_pointer(struct cpu *cpu, uint64_t value);
void stack_drop(struct cpu *cpu, unsigned bytes);
/* Raises what a push of `size` at rSP itself would raise. */
bool stack_probe_write(struct cpu *cpu, unsigned size);
