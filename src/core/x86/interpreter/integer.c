// SPDX-License-Identifier: Apache-2.0
#include "core/x86/interpreter/integer.h"

enum outcome execute_nop(struct cpu *cpu, const struct op *op)
{
    NEXT_OP(cpu, op);
}

static op_execute *lower_nop(struct cpu *cpu, const struct instruction *instruction, struct op *op)
{
    (void)cpu, (void)instruction;
    op->instruction = NULL;
    return execute_nop;
}

/* The guest's fences order the guest's accesses, which are the host's. */
static enum outcome execute_fence(struct cpu *cpu, const struct op *op)
{
    atomic_thread_fence(memory_order_seq_cst);
    NEXT_OP(cpu, op);
}

static enum outcome execute_pause(struct cpu *cpu, const struct op *op)
{
    __builtin_ia32_pause();
    NEXT_OP(cpu, op);
}

static op_execute *lower_fence(struct cpu *cpu, const struct instruction *instruction,
                               struct op *op)
{
    (void)cpu;
    op->instruction = NULL;
    return instruction->mnemonic == MNEMONIC_PAUSE ? execute_pause : execute_fence;
}

static lower_group *const groups[MNEMONIC_COUNT] = {
    [MNEMONIC_ADC] = lower_arithmetic,
    [MNEMONIC_ADD] = lower_arithmetic,
    [MNEMONIC_AND] = lower_arithmetic,
    [MNEMONIC_CMP] = lower_arithmetic,
    [MNEMONIC_OR] = lower_arithmetic,
    [MNEMONIC_SBB] = lower_arithmetic,
    [MNEMONIC_SUB] = lower_arithmetic,
    [MNEMONIC_TEST] = lower_arithmetic,
    [MNEMONIC_XOR] = lower_arithmetic,
    [MNEMONIC_DEC] = lower_arithmetic,
    [MNEMONIC_INC] = lower_arithmetic,
    [MNEMONIC_NEG] = lower_arithmetic,
    [MNEMONIC_NOT] = lower_arithmetic,

    [MNEMONIC_RCL] = lower_shift,
    [MNEMONIC_RCR] = lower_shift,
    [MNEMONIC_ROL] = lower_shift,
    [MNEMONIC_ROR] = lower_shift,
    [MNEMONIC_SAR] = lower_shift,
    [MNEMONIC_SHL] = lower_shift,
    [MNEMONIC_SHR] = lower_shift,
    [MNEMONIC_SHLD] = lower_double_shift,
    [MNEMONIC_SHRD] = lower_double_shift,

    [MNEMONIC_LEA] = lower_move,
    [MNEMONIC_MOV] = lower_move,
    [MNEMONIC_MOVNTI] = lower_move,
    [MNEMONIC_MOVSX] = lower_move,
    [MNEMONIC_MOVSXD] = lower_move,
    [MNEMONIC_MOVZX] = lower_move,

    [MNEMONIC_BSWAP] = lower_convert,
    [MNEMONIC_CBW] = lower_convert,
    [MNEMONIC_CLC] = lower_convert,
    [MNEMONIC_CLD] = lower_convert,
    [MNEMONIC_CMC] = lower_convert,
    [MNEMONIC_CMOVCC] = lower_convert,
    [MNEMONIC_CWD] = lower_convert,
    [MNEMONIC_LAHF] = lower_convert,
    [MNEMONIC_MOVBE] = lower_convert,
    [MNEMONIC_SAHF] = lower_convert,
    [MNEMONIC_SALC] = lower_convert,
    [MNEMONIC_SETCC] = lower_convert,
    [MNEMONIC_STC] = lower_convert,
    [MNEMONIC_STD] = lower_convert,
    [MNEMONIC_XLAT] = lower_convert,

    [MNEMONIC_DIV] = lower_multiply,
    [MNEMONIC_IDIV] = lower_multiply,
    [MNEMONIC_IMUL] = lower_multiply,
    [MNEMONIC_MUL] = lower_multiply,

    [MNEMONIC_AAA] = lower_decimal,
    [MNEMONIC_AAD] = lower_decimal,
    [MNEMONIC_AAM] = lower_decimal,
    [MNEMONIC_AAS] = lower_decimal,
    [MNEMONIC_DAA] = lower_decimal,
    [MNEMONIC_DAS] = lower_decimal,

    [MNEMONIC_BSF] = lower_bit,
    [MNEMONIC_BSR] = lower_bit,
    [MNEMONIC_BT] = lower_bit,
    [MNEMONIC_BTC] = lower_bit,
    [MNEMONIC_BTR] = lower_bit,
    [MNEMONIC_BTS] = lower_bit,

    [MNEMONIC_JCC] = lower_branch,
    [MNEMONIC_JCXZ] = lower_branch,
    [MNEMONIC_JMP] = lower_branch,
    [MNEMONIC_LOOP] = lower_branch,
    [MNEMONIC_LOOPE] = lower_branch,
    [MNEMONIC_LOOPNE] = lower_branch,
    [MNEMONIC_CALL] = lower_call,
    [MNEMONIC_RET] = lower_call,

    [MNEMONIC_ENTER] = lower_stack,
    [MNEMONIC_LEAVE] = lower_stack,
    [MNEMONIC_POP] = lower_stack,
    [MNEMONIC_POPA] = lower_stack,
    [MNEMONIC_POPF] = lower_stack,
    [MNEMONIC_PUSH] = lower_stack,
    [MNEMONIC_PUSHA] = lower_stack,
    [MNEMONIC_PUSHF] = lower_stack,

    [MNEMONIC_CMPXCHG] = lower_exchange,
    [MNEMONIC_CMPXCHG16B] = lower_exchange,
    [MNEMONIC_CMPXCHG8B] = lower_exchange,
    [MNEMONIC_XADD] = lower_exchange,
    [MNEMONIC_XCHG] = lower_exchange,

    [MNEMONIC_CMPS] = lower_string,
    [MNEMONIC_LODS] = lower_string,
    [MNEMONIC_MOVS] = lower_string,
    [MNEMONIC_SCAS] = lower_string,
    [MNEMONIC_STOS] = lower_string,

    [MNEMONIC_BOUND] = lower_bound,

    [MNEMONIC_LFENCE] = lower_fence,
    [MNEMONIC_MFENCE] = lower_fence,
    [MNEMONIC_PAUSE] = lower_fence,
    [MNEMONIC_SFENCE] = lower_fence,
    [MNEMONIC_NOP] = lower_nop,
    [MNEMONIC_PREFETCH] = lower_nop,
    [MNEMONIC_PREFETCHW] = lower_nop,
};

op_execute *lower_integer(struct cpu *cpu, const struct instruction *instruction, struct op *op)
{
    lower_group *lower = groups[instruction->mnemonic];
    return lower ? lower(cpu, instruction, op) : NULL;
}
