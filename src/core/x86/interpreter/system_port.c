// SPDX-License-Identifier: Apache-2.0
/* IN, OUT and their string forms (SDM volume 1, chapter 19). */
#include "core/x86/interpreter/exit.h"
#include "core/x86/interpreter/system.h"

#define TSS_IO_MAP_BASE 0x66u

/* The permission bitmap of a 32-bit or 64-bit TSS; each bit a port, two bytes are read at once
 * (19.5.2). */
static bool bitmap_permits(struct cpu *cpu, uint16_t port, unsigned size)
{
    const struct segment *tr = &cpu->state.tr;
    uint16_t base, bits;
    bool wide = (tr->attributes & SEGMENT_TYPE & ~SYSTEM_TSS_BUSY_BIT) == SYSTEM_TSS;
    if (!wide || tr->limit < TSS_IO_MAP_BASE + 1)
        return cpu_raise_error(cpu, EXCEPTION_GP, 0);
    if (!cpu_read_system(cpu, tr->base + TSS_IO_MAP_BASE, &base, sizeof(base)))
        return false;
    uint32_t offset = base + port / 8u;
    if (offset + 1 > tr->limit)
        return cpu_raise_error(cpu, EXCEPTION_GP, 0);
    if (!cpu_read_system(cpu, tr->base + offset, &bits, sizeof(bits)))
        return false;
    if (bits >> port % 8 & ((1u << size) - 1))
        return cpu_raise_error(cpu, EXCEPTION_GP, 0);
    return true;
}

static bool port_permitted(struct cpu *cpu, uint16_t port, unsigned size)
{
    if (in_real_mode(cpu))
        return true;
    if (!in_virtual_8086_mode(cpu) && cpu->privilege_level <= io_privilege_level(cpu))
        return true;
    return bitmap_permits(cpu, port, size);
}

static enum outcome finish_port(struct cpu *cpu, const struct op *op, uint16_t port, unsigned size)
{
    if (!(cpu->state.dr[7] & 0xff))
        NEXT_OP(cpu, op);
    debug_note_port(cpu, port, size);
    return op_end_block(cpu, op);
}

enum outcome execute_in(struct cpu *cpu, const struct op *op)
{
    unsigned size = op->instruction->operands[0].size;
    uint64_t port;
    uint32_t value;
    if (!operand_read(cpu, op, 1, &port) || !port_permitted(cpu, (uint16_t)port, size) ||
        !cpu_port_read(cpu, (uint16_t)port, size, &value) || !operand_write(cpu, op, 0, value))
        return op_fault(cpu, op);
    return finish_port(cpu, op, (uint16_t)port, size);
}

enum outcome execute_out(struct cpu *cpu, const struct op *op)
{
    unsigned size = op->instruction->operands[1].size;
    uint64_t port, value;
    if (!operand_read(cpu, op, 0, &port) || !operand_read(cpu, op, 1, &value) ||
        !port_permitted(cpu, (uint16_t)port, size) ||
        !cpu_port_write(cpu, (uint16_t)port, size, (uint32_t)value))
        return op_fault(cpu, op);
    return finish_port(cpu, op, (uint16_t)port, size);
}

/* -- Strings -- */

struct string_transfer {
    unsigned index; /* RSI or RDI */
    unsigned segment, size, address_size;
    uint16_t port;
    bool repeat;
    uint64_t count; /* left; 1 without REP */
    gva_t linear;
};

static void begin_string(struct cpu *cpu, const struct op *op, unsigned index,
                         struct string_transfer *transfer)
{
    const struct instruction *instruction = op->instruction;
    *transfer = (struct string_transfer){
        .index = index,
        .segment = index == RDI ? SEGMENT_ES : instruction->memory.segment,
        .size = instruction->operand_size > 4 ? 4 : instruction->operand_size,
        .address_size = instruction->address_size,
        .port = (uint16_t)cpu->state.general[RDX],
        .repeat = instruction->prefixes & (PREFIX_REP | PREFIX_REPNE),
    };
    transfer->count = transfer->repeat ? register_read(cpu, RCX, transfer->address_size) : 1;
}

static bool string_permitted(struct cpu *cpu, struct string_transfer *transfer, unsigned access)
{
    uint64_t offset = register_read(cpu, transfer->index, transfer->address_size);
    if (cpu->flat_segments >> transfer->segment & 1) {
        transfer->linear = offset;
        return true;
    }
    return segment_linear(cpu, transfer->segment, offset, transfer->size, access,
                          &transfer->linear);
}

/* `done` values were moved. REP is executed a step at a time: registers say how far it came, so it
 * can be interrupted between steps. */
static enum outcome end_string(struct cpu *cpu, const struct op *op,
                               const struct string_transfer *transfer, uint64_t done)
{
    uint64_t step = done * transfer->size;
    uint64_t offset = register_read(cpu, transfer->index, transfer->address_size);
    offset = cpu->state.rflags & RFLAGS_DF ? offset - step : offset + step;
    register_write(cpu, transfer->index, transfer->address_size, offset);
    debug_note_port(cpu, transfer->port, transfer->size);
    if (!transfer->repeat)
        return op_end_block(cpu, op);
    register_write(cpu, RCX, transfer->address_size, transfer->count - done);
    if (transfer->count == done)
        return op_end_block(cpu, op);
    cpu->state.rip = op_rip(cpu, op);
    return OUTCOME_CONTINUE;
}

enum outcome execute_ins(struct cpu *cpu, const struct op *op)
{
    struct string_transfer transfer;
    uint32_t value;
    begin_string(cpu, op, RDI, &transfer);
    if (!port_permitted(cpu, transfer.port, transfer.size)) /* even for a count of 0 */
        return op_fault(cpu, op);
    if (transfer.count == 0)
        return op_end_block(cpu, op);
    /* The destination is checked before the port is read: reading may have effects. */
    if (!string_permitted(cpu, &transfer, ACCESS_WRITE) ||
        !cpu_check_write(cpu, transfer.linear, transfer.size) ||
        !cpu_port_read(cpu, transfer.port, transfer.size, &value) ||
        !cpu_write_slow(cpu, transfer.linear, &value, transfer.size))
        return op_fault(cpu, op);
    return end_string(cpu, op, &transfer, 1);
}

enum outcome execute_outs(struct cpu *cpu, const struct op *op)
{
    struct string_transfer transfer;
    uint32_t value = 0;
    begin_string(cpu, op, RSI, &transfer);
    if (!port_permitted(cpu, transfer.port, transfer.size)) /* even for a count of 0 */
        return op_fault(cpu, op);
    if (transfer.count == 0)
        return op_end_block(cpu, op);
    if (!string_permitted(cpu, &transfer, ACCESS_READ) ||
        !cpu_read_slow(cpu, transfer.linear, &value, transfer.size) ||
        !cpu_port_write(cpu, transfer.port, transfer.size, value))
        return op_fault(cpu, op);
    return end_string(cpu, op, &transfer, 1);
}
