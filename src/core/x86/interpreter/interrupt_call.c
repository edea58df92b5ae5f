// SPDX-License-Identifier: Apache-2.0
/* INT n, INT3, INTO, INT1 (SDM volume 2, INT n; volume 3, 6.4.4, 20.3). */
#include "core/x86/interpreter/stack_frame.h"
#include "core/x86/interpreter/system.h"

#define TSS_IO_MAP_BASE  0x66u
#define REDIRECTION_SIZE 32u /* bytes below the I/O map */

static enum outcome raise_software(struct cpu *cpu, const struct op *op, unsigned vector)
{
    cpu_raise(cpu, vector);
    cpu->exception.has_error_code = false;
    cpu->exception.software = true;
    cpu->exception.instruction_length = op->length;
    return op_fault(cpu, op);
}

/* CR4.VME: a clear bit of the map means that the program's own real-mode table is used. False: a
 * fault. */
static bool redirected(struct cpu *cpu, unsigned vector, bool *redirect)
{
    const struct segment *tr = &cpu->state.tr;
    uint16_t map;
    uint8_t bits;
    if (!cpu_read_system(cpu, tr->base + TSS_IO_MAP_BASE, &map, sizeof(map)))
        return false;
    if (map < REDIRECTION_SIZE || map > tr->limit)
        return cpu_raise_error(cpu, EXCEPTION_GP, 0);
    if (!cpu_read_system(cpu, tr->base + map - REDIRECTION_SIZE + vector / 8, &bits, 1))
        return false;
    *redirect = !(bits >> vector % 8 & 1);
    return true;
}

/* Methods 5 and 6 of table 20-2: as in real mode, within the virtual-8086 program. */
static enum outcome interrupt_in_program(struct cpu *cpu, const struct op *op, unsigned vector)
{
    struct cpu_state *state = &cpu->state;
    struct stack_frame stack;
    uint16_t pointer[2];
    if (!cpu_read_slow(cpu, vector * 4u, pointer, sizeof(pointer)))
        return op_fault(cpu, op);
    bool trusted = io_privilege_level(cpu) == 3;
    uint64_t image = cpu_rflags(cpu);
    if (!trusted) {
        image |= RFLAGS_IOPL;
        image = image & RFLAGS_VIF ? image | RFLAGS_IF : image & ~RFLAGS_IF;
    }
    uint64_t values[] = { image, state->segments[SEGMENT_CS].selector, saved_next_rip(cpu, op) };
    stack_frame_current(cpu, &stack);
    if (!stack_frame_push_all(cpu, &stack, values, 3, 2))
        return op_fault(cpu, op);
    stack_frame_commit(cpu, &stack);
    state->rflags &= ~(RFLAGS_TF | (trusted ? RFLAGS_IF : RFLAGS_VIF));
    segment_load_real(cpu, SEGMENT_CS, pointer[1]);
    state->rip = pointer[0];
    cpu_level_changed(cpu);
    return OUTCOME_CONTINUE;
}

enum outcome execute_int(struct cpu *cpu, const struct op *op)
{
    unsigned vector = (uint8_t)op->instruction->immediate[0];
    if (!in_virtual_8086_mode(cpu))
        return raise_software(cpu, op, vector);
    bool redirect = false;
    if (cpu->state.cr4 & CR4_VME && !redirected(cpu, vector, &redirect))
        return op_fault(cpu, op);
    if (redirect)
        return interrupt_in_program(cpu, op, vector);
    if (io_privilege_level(cpu) < 3)
        return op_raise(cpu, op, EXCEPTION_GP);
    return raise_software(cpu, op, vector);
}

/* These two do not heed IOPL in virtual-8086 mode. */
enum outcome execute_int3(struct cpu *cpu, const struct op *op)
{
    return raise_software(cpu, op, EXCEPTION_BP);
}

enum outcome execute_into(struct cpu *cpu, const struct op *op)
{
    if (!(cpu_rflags(cpu) & RFLAGS_OF))
        NEXT_OP(cpu, op);
    return raise_software(cpu, op, EXCEPTION_OF);
}

/* As by hardware: no DPL check, and no IOPL check; a trap, so RIP is that of the next one. */
enum outcome execute_int1(struct cpu *cpu, const struct op *op)
{
    cpu_raise(cpu, EXCEPTION_DB);
    cpu->exception.instruction_length = op->length;
    return op_fault(cpu, op);
}
