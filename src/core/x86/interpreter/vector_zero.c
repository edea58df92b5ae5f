// SPDX-License-Identifier: Apache-2.0
/*
 * VZEROUPPER and VZEROALL outside 64-bit mode: they know of eight registers (SDM volume 2), the
 * host's, in 64-bit mode, of sixteen.
 */
#include "core/memory/copy.h"
#include "core/x86/interpreter/host_execute.h"

#define KNOWN_SIZE (8 * 16)

static bool zero(struct cpu *cpu, const struct op *op)
{
    if (!host_prepare(cpu, op->instruction))
        return false;
    vector_store(cpu);
    fill_bytes(cpu->state.xsave + XSAVE_YMM_HIGH, 0, KNOWN_SIZE);
    if (op->instruction->mnemonic == MNEMONIC_VZEROALL)
        fill_bytes(cpu->state.xsave + XSAVE_XMM, 0, KNOWN_SIZE);
    vector_reload(cpu);
    return true;
}

static enum outcome execute_zero(struct cpu *cpu, const struct op *op)
{
    if (!zero(cpu, op))
        return op_fault(cpu, op);
    NEXT_OP(cpu, op);
}

op_execute *lower_vector_zero(const struct instruction *instruction)
{
    bool zeroes =
        instruction->mnemonic == MNEMONIC_VZEROUPPER || instruction->mnemonic == MNEMONIC_VZEROALL;
    return zeroes && instruction->code_size != CODE_64 ? execute_zero : NULL;
}
