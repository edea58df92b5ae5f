// SPDX-License-Identifier: Apache-2.0
/* The groups of integer instructions. Each function is lower_integer (op.h) for its group's
 * mnemonics, and is asked for those alone. */
#pragma once

#include "core/x86/interpreter/address.h"
#include "core/x86/interpreter/op.h"

typedef op_execute *lower_group(struct cpu *cpu, const struct instruction *instruction,
                                struct op *op);

lower_group lower_arithmetic;   /* ADD .. TEST, INC .. NOT */
lower_group lower_shift;        /* shifts and rotates */
lower_group lower_double_shift; /* SHLD, SHRD */
lower_group lower_move;         /* MOV, MOVZX, MOVSX, LEA, ... */
lower_group lower_convert;      /* CBW, BSWAP, SETcc, CMOVcc, XLAT, flags */
lower_group lower_multiply;     /* MUL, DIV and signed, BCD multiplication */
lower_group lower_decimal;      /* DAA, DAS, AAA, AAS */
lower_group lower_bit;          /* BT.., BSF, BSR */
lower_group lower_branch;       /* near branches */
lower_group lower_call;         /* near CALL and RET */
lower_group lower_stack;        /* PUSH .. LEAVE, PUSHF, POPF */
lower_group lower_exchange;     /* XCHG, XADD, CMPXCHG.. */
lower_group lower_string;       /* MOVS .. SCAS */
lower_group lower_bound;        /* BOUND */

/* Does nothing: its op is left out of blocks. */
op_execute execute_nop;

static inline unsigned size_index(unsigned size) /* 1, 2, 4, 8 -> 0 .. 3 */
{
    return (unsigned)__builtin_ctz(size);
}

/* operands[n] as what an op keeps of it. */
static inline bool is_memory(const struct instruction *instruction, unsigned n)
{
    return instruction->operands[n].kind == OPERAND_MEMORY;
}

static inline bool is_immediate(const struct instruction *instruction, unsigned n)
{
    return instruction->operands[n].kind == OPERAND_IMMEDIATE;
}

static inline int64_t immediate_of(const struct instruction *instruction, unsigned n)
{
    return instruction->immediate[instruction->operands[n].index];
}

/* In a table of ADDRESS_FORMS: NAME_FORM for each form, and NAME_any alone for what is rare. */
#define ADDRESS_FORM_ENTRIES(name)                                                                 \
    {                                                                                              \
        name##_base, name##_indexed, name##_segment, name##_flat32, name##_any                     \
    }
#define ADDRESS_ANY_ENTRIES(name)                                                                  \
    {                                                                                              \
        [0 ... ADDRESS_FORMS - 1] = name##_any                                                     \
    }
