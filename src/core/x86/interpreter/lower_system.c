// SPDX-License-Identifier: Apache-2.0
/* Which op a system instruction is. Blocks are kept for each privilege apart, so what the privilege
 * forbids is refused here once. */
#include "core/x86/interpreter/system.h"

static op_execute *const system_ops[MNEMONIC_COUNT] = {
#define SYSTEM_OP(mnemonic, name) [MNEMONIC_##mnemonic] = execute_##name,
    SYSTEM_OPS(SYSTEM_OP)
#undef SYSTEM_OP
};

/* At CPL > 0 these are #UD, not #GP(0) (volume 2). */
static bool undefined_for_users(unsigned mnemonic)
{
    return mnemonic == MNEMONIC_CLAC || mnemonic == MNEMONIC_STAC;
}

op_execute *lower_system(struct cpu *cpu, const struct instruction *instruction, struct op *op)
{
    (void)op;
    op_execute *execute = system_ops[instruction->mnemonic];
    if (!execute)
        return NULL;
    /* Bits of a memory cache that is not there; all processors of ours know PREFETCHW's encoding.
     */
    bool hint = execute == execute_nothing;
    if (!hint && !cpuid_has(cpu->cpuid, instruction->feature))
        return execute_undefined;
    if (instruction->flags & INSTRUCTION_PRIVILEGED && cpu->privilege_level != 0)
        return undefined_for_users(instruction->mnemonic) ? execute_undefined : execute_privileged;
    return execute;
}
