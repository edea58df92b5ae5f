// SPDX-License-Identifier: Apache-2.0
/* Debug registers (SDM volume 3, 18.2). */
#include "core/x86/interpreter/system.h"

#define DR6_WRITABLE UINT64_C(0xe00f) /* B0 to B3, BD, BS, BT */
#define DR7_WRITABLE UINT64_C(0xffff2bff)
#define DR6_FIXED    DR6_INITIAL /* bits that read as 1 */

/* DR4 and DR5 are DR6 and DR7, unless CR4.DE makes them undefined. False: #UD or #DB. */
static bool debug_register(struct cpu *cpu, unsigned *index)
{
    if (*index == 4 || *index == 5) {
        if (cpu->state.cr4 & CR4_DE)
            return cpu_raise(cpu, EXCEPTION_UD);
        *index += 2;
    }
    if (*index > 7)
        return cpu_raise(cpu, EXCEPTION_UD);
    if (!(cpu->state.dr[7] & DR7_GD))
        return true;
    cpu_raise(cpu, EXCEPTION_DB);
    cpu->exception.address = DR6_BD;
    return false;
}

static bool set_debug(struct cpu *cpu, unsigned index, uint64_t value)
{
    struct cpu_state *state = &cpu->state;
    if (index >= 6 && value >> 32)
        return cpu_raise_error(cpu, EXCEPTION_GP, 0);
    if (index < 4 && cpu->code_size == CODE_64 && !is_canonical(value))
        return cpu_raise_error(cpu, EXCEPTION_GP, 0);
    if (index == 6)
        value = (value & DR6_WRITABLE) | DR6_FIXED;
    if (index == 7)
        value = (value & DR7_WRITABLE) | DR7_INITIAL;
    state->dr[index] = value;
    cpu_level_changed(cpu);
    return true;
}

enum outcome execute_mov_debug(struct cpu *cpu, const struct op *op)
{
    const struct operand *operands = op->instruction->operands;
    bool write = operands[0].register_class == REGISTER_DEBUG;
    unsigned index = operands[write ? 0 : 1].index;
    uint64_t value;
    if (!debug_register(cpu, &index))
        return op_fault(cpu, op);
    if (write) {
        if (!operand_read(cpu, op, 1, &value) || !set_debug(cpu, index, value))
            return op_fault(cpu, op);
        return op_end_block(cpu, op);
    }
    if (!operand_write(cpu, op, 0, cpu->state.dr[index]))
        return op_fault(cpu, op);
    NEXT_OP(cpu, op);
}
