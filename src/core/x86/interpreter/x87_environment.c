// SPDX-License-Identifier: Apache-2.0
/*
 * FNSTENV, FLDENV, FNSAVE, FRSTOR: the x87 state in the layouts of SDM volume 1, figures 8-9 to
 * 8-12. CPUID says that the selectors of the last instruction and operand are not kept (leaf 7
 * EBX bit 13), so they are 0, and in the layouts of real mode the pointers are the offsets.
 */
#include "core/memory/copy.h"
#include "core/x86/interpreter/host_execute.h"

#define X87_REGISTERS     8
#define X87_REGISTER_SIZE 10
#define X87_REGISTER_STEP 16 /* in the XSAVE area */
#define STATE_LARGEST     108

enum x87_tag { TAG_VALID, TAG_ZERO, TAG_SPECIAL, TAG_EMPTY };

/* The fields, one a word of the layout. */
struct environment {
    uint32_t words[7];
};

static enum x87_tag tag_of_value(const uint8_t *bytes)
{
    uint64_t significand = *(const uint64_t *)(const void *)bytes;
    unsigned exponent = *(const uint16_t *)(const void *)(bytes + 8) & 0x7fff;
    if (exponent == 0 && significand == 0)
        return TAG_ZERO;
    if (exponent == 0 || exponent == 0x7fff || !(significand >> 63))
        return TAG_SPECIAL;
    return TAG_VALID;
}

/* The XSAVE area has one bit a register: not empty. Both count physical registers; the values lie
 * there in the order of the stack. */
static uint16_t full_tags(struct cpu *cpu)
{
    unsigned top = *xsave_16(cpu, XSAVE_FSW) >> 11 & 7, tags = 0;
    for (unsigned i = 0; i < X87_REGISTERS; i++) {
        unsigned tag = TAG_EMPTY;
        if (cpu->state.xsave[XSAVE_FTW] >> i & 1)
            tag = tag_of_value(cpu->state.xsave + XSAVE_ST + ((i - top) & 7) * X87_REGISTER_STEP);
        tags |= tag << 2 * i;
    }
    return (uint16_t)tags;
}

static uint8_t abridged_tags(uint32_t tags)
{
    unsigned abridged = 0;
    for (unsigned i = 0; i < X87_REGISTERS; i++)
        abridged |= (tags >> 2 * i & 3) != TAG_EMPTY ? 1u << i : 0;
    return (uint8_t)abridged;
}

static bool is_real_layout(const struct cpu *cpu)
{
    return !(cpu->state.cr0 & CR0_PE) || cpu->state.rflags & RFLAGS_VM;
}

static bool is_16_bit_layout(unsigned size)
{
    return size == 14 || size == 94;
}

/* After vector_store. */
static struct environment read_environment(struct cpu *cpu, bool words_of_16)
{
    uint32_t fip = *xsave_32(cpu, XSAVE_FIP), fdp = *xsave_32(cpu, XSAVE_FDP);
    uint32_t fop = *xsave_16(cpu, XSAVE_FOP);
    struct environment environment = { { *xsave_16(cpu, XSAVE_FCW), *xsave_16(cpu, XSAVE_FSW),
                                         full_tags(cpu), fip, 0, fdp, 0 } };
    uint32_t *words = environment.words;
    if (is_real_layout(cpu)) {
        uint32_t high = words_of_16 ? 0xf : 0xffff;
        words[3] &= 0xffff;
        words[4] = (fip >> 16 & high) << 12 | fop;
        words[5] &= 0xffff;
        words[6] = (fdp >> 16 & high) << 12;
    } else if (!words_of_16) {
        words[4] = fop << 16;
    }
    if (!words_of_16) { /* the upper halves that hold nothing are stored as ones */
        for (unsigned i = 0; i < 3; i++)
            words[i] |= 0xffff0000;
        if (!is_real_layout(cpu))
            words[6] |= 0xffff0000;
    }
    return environment;
}

static void write_environment(struct cpu *cpu, const struct environment *environment,
                              bool words_of_16)
{
    const uint32_t *words = environment->words;
    uint32_t fip = words[3], fdp = words[5], fop = 0;
    if (is_real_layout(cpu)) {
        fip = (words[3] & 0xffff) | (words[4] >> 12 & 0xffff) << 16;
        fdp = (words[5] & 0xffff) | (words[6] >> 12 & 0xffff) << 16;
        fop = words[4] & 0x7ff;
    } else if (!words_of_16) {
        fop = words[4] >> 16 & 0x7ff;
    }
    *xsave_16(cpu, XSAVE_FCW) = (uint16_t)words[0];
    *xsave_16(cpu, XSAVE_FSW) = (uint16_t)words[1];
    *xsave_16(cpu, XSAVE_FTW) = abridged_tags(words[2]);
    *xsave_64(cpu, XSAVE_FIP) = fip;
    *xsave_64(cpu, XSAVE_FDP) = fdp;
    *xsave_16(cpu, XSAVE_FOP) = (uint16_t)fop;
    *xsave_64(cpu, XSAVE_XSTATE_BV) |= XCR0_X87;
}

static void pack_environment(const struct environment *environment, bool words_of_16,
                             uint8_t *bytes)
{
    for (unsigned i = 0; i < 7; i++) {
        if (words_of_16)
            ((uint16_t *)(void *)bytes)[i] = (uint16_t)environment->words[i];
        else
            ((uint32_t *)(void *)bytes)[i] = environment->words[i];
    }
}

static struct environment unpack_environment(const uint8_t *bytes, bool words_of_16)
{
    struct environment environment;
    for (unsigned i = 0; i < 7; i++)
        environment.words[i] = words_of_16 ? ((const uint16_t *)(const void *)bytes)[i]
                                           : ((const uint32_t *)(const void *)bytes)[i];
    return environment;
}

/* The physical registers stay where they are while the top of the stack moves. */
static void turn_stack(struct cpu *cpu, unsigned top)
{
    uint8_t registers[X87_REGISTERS * X87_REGISTER_STEP], *area = cpu->state.xsave + XSAVE_ST;
    unsigned distance = top - (*xsave_16(cpu, XSAVE_FSW) >> 11);
    copy_bytes(registers, area, sizeof(registers));
    for (unsigned i = 0; i < X87_REGISTERS; i++)
        copy_bytes(area + i * X87_REGISTER_STEP,
                   registers + ((i + distance) % X87_REGISTERS) * X87_REGISTER_STEP,
                   X87_REGISTER_STEP);
}

/* FNSTENV and FNSAVE: what is stored; the registers follow the environment. */
static OUT_OF_LINE bool store(struct cpu *cpu, const struct op *op, unsigned size)
{
    alignas(8) uint8_t bytes[STATE_LARGEST];
    bool words_of_16 = is_16_bit_layout(size);
    unsigned place = words_of_16 ? 14 : 28;
    vector_store(cpu);
    struct environment environment = read_environment(cpu, words_of_16);
    pack_environment(&environment, words_of_16, bytes);
    for (unsigned i = 0; place < size; place += X87_REGISTER_SIZE, i++)
        copy_bytes(bytes + place, cpu->state.xsave + XSAVE_ST + i * X87_REGISTER_STEP,
                   X87_REGISTER_SIZE);
    return operand_store(cpu, op, bytes, size);
}

static OUT_OF_LINE bool load(struct cpu *cpu, const struct op *op, unsigned size)
{
    alignas(8) uint8_t bytes[STATE_LARGEST];
    bool words_of_16 = is_16_bit_layout(size);
    unsigned place = words_of_16 ? 14 : 28;
    if (!operand_load(cpu, op, bytes, size))
        return false;
    struct environment environment = unpack_environment(bytes, words_of_16);
    vector_store(cpu);
    turn_stack(cpu, environment.words[1] >> 11);
    write_environment(cpu, &environment, words_of_16);
    for (unsigned i = 0; place < size; place += X87_REGISTER_SIZE, i++)
        copy_bytes(cpu->state.xsave + XSAVE_ST + i * X87_REGISTER_STEP, bytes + place,
                   X87_REGISTER_SIZE);
    vector_reload(cpu);
    return true;
}

static enum outcome execute_load(struct cpu *cpu, const struct op *op)
{
    if (!host_prepare(cpu, op->instruction) || !load(cpu, op, op->instruction->operands[0].size))
        return op_fault(cpu, op);
    NEXT_OP(cpu, op);
}

static enum outcome execute_fnstenv(struct cpu *cpu, const struct op *op)
{
    if (!host_prepare_no_wait(cpu, op->instruction) ||
        !store(cpu, op, op->instruction->operands[0].size))
        return op_fault(cpu, op);
    vector_set_fcw(cpu, cpu->vector.fcw | FCW_MASKS);
    NEXT_OP(cpu, op);
}

static enum outcome execute_fnsave(struct cpu *cpu, const struct op *op)
{
    if (!host_prepare_no_wait(cpu, op->instruction) ||
        !store(cpu, op, op->instruction->operands[0].size))
        return op_fault(cpu, op);
    vector_initialize_x87(cpu);
    NEXT_OP(cpu, op);
}

op_execute *lower_x87_environment(const struct instruction *instruction)
{
    switch (instruction->mnemonic) {
    case MNEMONIC_FLDENV:
    case MNEMONIC_FRSTOR:
        return execute_load;
    case MNEMONIC_FNSTENV:
        return execute_fnstenv;
    case MNEMONIC_FNSAVE:
        return execute_fnsave;
    default:
        return NULL;
    }
}
