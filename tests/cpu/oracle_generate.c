// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "byte_strings.h"
#include "core/x86/mnemonic.h"
#include "oracle.h"

/* What cannot be asked of the CPU at user level of an operating system. */
static const uint16_t not_asked[] = {
    /* would enter the operating system or the hypervisor below it */
    MNEMONIC_SYSCALL,
    MNEMONIC_SYSENTER,
    MNEMONIC_INT,
    MNEMONIC_VMCALL,
    MNEMONIC_VMMCALL,
    /* answer from the host's processor, clock or chance */
    MNEMONIC_CPUID,
    MNEMONIC_RDTSC,
    MNEMONIC_RDTSCP,
    MNEMONIC_RDPMC,
    MNEMONIC_RDPID,
    MNEMONIC_RDRAND,
    MNEMONIC_RDSEED,
    /* depend on XCR0, where the host has more than we offer */
    MNEMONIC_XGETBV,
    MNEMONIC_XSAVE,
    MNEMONIC_XSAVEC,
    MNEMONIC_XSAVEOPT,
    MNEMONIC_XRSTOR,
    /* hidden by the host's CR4.UMIP */
    MNEMONIC_SGDT,
    MNEMONIC_SIDT,
    MNEMONIC_SLDT,
    MNEMONIC_SMSW,
    MNEMONIC_STR,
};

enum { PAGE = 0x1000, WALK_POSITIONS = (16 * 4 + 96) * 65536 };

static bool is_asked(const struct oracle_guest *guest, const struct instruction *instruction)
{
    if (!oracle_guest_offers(guest, instruction->feature))
        return false;
    for (size_t i = 0; i < sizeof(not_asked) / sizeof(not_asked[0]); i++)
        if (instruction->mnemonic == not_asked[i])
            return false;
    /* A jump to itself never ends. */
    return instruction->operands[0].kind != OPERAND_RELATIVE || instruction->immediate[0] >= 0 ||
           instruction->immediate[0] < -(int64_t)instruction->length;
}

static void draw_instruction(struct random_source *random, const struct oracle_guest *guest,
                             enum code_size code_size, struct oracle_case *test,
                             struct instruction *instruction)
{
    uint8_t bytes[BYTE_STRING_LENGTH];
    do {
        struct byte_walk walk = { random_below(random, WALK_POSITIONS) };
        if (random_below(random, 4))
            byte_walk_next(&walk, random, bytes);
        else
            byte_string_random(random, bytes);
    } while (instruction_decode(bytes, INSTRUCTION_MAX_LENGTH, code_size, instruction) !=
                 DECODE_OK ||
             !is_asked(guest, instruction));
    test->length = instruction->length;
    memset(test->code, 0, sizeof(test->code));
    memcpy(test->code, bytes, instruction->length);
}

static uint64_t draw_value(struct random_source *random)
{
    static const uint64_t edges[] = { 0,
                                      1,
                                      UINT64_MAX,
                                      INT8_MAX,
                                      INT16_MAX,
                                      INT32_MAX,
                                      INT64_MAX,
                                      UINT8_MAX,
                                      UINT16_MAX,
                                      UINT32_MAX,
                                      UINT64_C(1) << 63,
                                      UINT64_C(1) << 31,
                                      UINT64_C(1) << 15,
                                      UINT64_C(1) << 7 };
    uint64_t value = random_next(random);
    switch (random_below(random, 6)) {
    case 0:
        return value & 0xff;
    case 1:
        return edges[random_below(random, sizeof(edges) / sizeof(edges[0]))];
    case 2:
        return DATA_BASE + value % DATA_TOTAL;
    case 3:
        return (uint32_t)value;
    default:
        return value;
    }
}

/* Where a memory operand shall be: mostly where it works, else where it just does or does not. */
static uint64_t draw_address(struct random_source *random)
{
    unsigned back = random_below(random, 40);
    switch (random_below(random, 24)) {
    case 0:
    case 1:
    case 2:
        return DATA_BASE + PAGE - back;
    case 3:
        return DATA_BASE + DATA_SIZE - back;
    case 4:
        return DATA_BASE + DATA_SIZE + random_below(random, PAGE);
    case 5:
        return DATA_BASE + DATA_TOTAL - back;
    case 6:
        return DATA_BASE - back;
    case 7:
        return (UINT64_C(1) << 47) - back;
    case 8:
        return UINT64_C(0xffff900000000000) + back;
    case 9:
        return random_next(random);
    case 10:
    case 11:
    case 12:
    case 13:
        return DATA_BASE + 0x100 + random_below(random, DATA_SIZE - 0x400);
    default:
        return DATA_BASE + 0x100 + random_below(random, (DATA_SIZE - 0x400) / 64) * 64;
    }
}

/* Put a displacement into the bytes: the four that hold the old one. */
static void patch_displacement(struct oracle_case *test, const struct instruction *instruction,
                               uint32_t displacement)
{
    uint32_t old = instruction->memory.displacement;
    for (unsigned i = 1; i + 4 <= test->length; i++)
        if (!memcmp(test->code + i, &old, 4)) {
            memcpy(test->code + i, &displacement, 4);
            return;
        }
}

/* Spread small numbers over the index of a gather. */
static void set_vector_index(struct random_source *random, struct oracle_case *test,
                             const struct instruction *instruction)
{
    unsigned index = instruction->memory.index;
    bool quadwords = instruction->opcode & 1;
    uint64_t *low = &test->xsave[(160 + 16 * index) / 8],
             *high = &test->xsave[(576 + 16 * index) / 8];
    for (unsigned i = 0; i < 2; i++) {
        low[i] = random_below(random, 64);
        high[i] = random_below(random, 64);
        if (!quadwords) {
            low[i] |= (uint64_t)random_below(random, 64) << 32;
            high[i] |= (uint64_t)random_below(random, 64) << 32;
        }
    }
}

static uint64_t segment_base(const struct oracle_case *test, unsigned segment)
{
    if (segment == SEGMENT_FS && !test->fs)
        return test->fs_base;
    return segment == SEGMENT_GS && !test->gs ? test->gs_base : 0;
}

/* Choose base and index so that the memory operand is at a drawn address. */
static void aim(struct random_source *random, struct oracle_case *test,
                const struct instruction *instruction)
{
    const struct memory_operand *memory = &instruction->memory;
    uint64_t target = draw_address(random) - segment_base(test, memory->segment);
    uint64_t wanted = target - memory->displacement;
    if (memory->vector_index)
        set_vector_index(random, test, instruction);
    if (memory->base == RIP_BASE) {
        patch_displacement(test, instruction, target - oracle_rip(test) - test->length);
    } else if (memory->base == NO_REGISTER && memory->index == NO_REGISTER) {
        if (instruction->has_modrm || instruction->address_size != 2)
            patch_displacement(test, instruction, target);
    } else if (memory->base == NO_REGISTER) {
        if (!memory->vector_index)
            test->general[memory->index] = wanted / memory->scale;
    } else if (memory->index == NO_REGISTER || memory->vector_index) {
        test->general[memory->base] = wanted;
    } else if (memory->index == memory->base) {
        test->general[memory->base] = wanted / (1 + memory->scale);
    } else {
        test->general[memory->base] = wanted - test->general[memory->index] * memory->scale;
    }
}

static void draw_registers(struct random_source *random, struct oracle_case *test)
{
    for (unsigned i = 0; i < 16; i++)
        test->general[i] = draw_value(random);
    test->general[RSP] = random_below(random, 4)
                             ? DATA_BASE + 0x400 + 8 * random_below(random, 0x300)
                             : draw_address(random);
    if (random_below(random, 2))
        test->general[RBP] = DATA_BASE + 0x400 + random_below(random, 0x1800);
    test->rflags = RFLAGS_ONE | RFLAGS_IF | (random_next(random) & RFLAGS_ARITHMETIC);
    if (!random_below(random, 4))
        test->rflags |= RFLAGS_DF;
    if (!random_below(random, 32))
        test->rflags |= RFLAGS_AC;
    if (!random_below(random, 32))
        test->rflags |= RFLAGS_TF;
}

/* MXCSR, or the x87 control word: mostly all exceptions masked. */
static uint16_t draw_masks(struct random_source *random, unsigned shift)
{
    uint16_t masks = random_below(random, 8) ? 0x3f : random_next(random) & 0x3f;
    return masks << shift;
}

static uint64_t draw_vector(struct random_source *random)
{
    uint64_t value = random_next(random);
    double number = (double)(int64_t)value / (UINT64_C(1) << (value & 63));
    float pair[2] = { (float)number, (float)(int32_t)value };
    switch (random_below(random, 8)) {
    case 0:
        return value & 0xff;
    case 1:
    case 2:
        memcpy(&value, &number, 8);
        return value;
    case 3:
    case 4:
        memcpy(&value, pair, 8);
        return value;
    case 5:
        return (value & 1 ? UINT64_C(0x7ff0000000000000) : 0) | (value & 0x800000000000000f);
    default:
        return value;
    }
}

/* The significand of a number has its highest bit set; all exponents are near that of 1. */
static void draw_x87(struct random_source *random, uint8_t *area)
{
    uint16_t control = 0x40 | draw_masks(random, 0) | (random_next(random) & 0xf00);
    uint16_t status = (random_next(random) & 0x7800) | (random_next(random) & control & 0x3f);
    if (!(control & 0x300))
        control |= 0x300;
    memcpy(area, &control, 2);
    memcpy(area + 2, &status, 2);
    area[4] = random_below(random, 2) ? random_next(random) : 0xff;
    for (unsigned i = 0; i < 8; i++) {
        uint64_t significand = random_next(random);
        uint16_t exponent = random_next(random);
        if (random_below(random, 4)) {
            significand |= UINT64_C(1) << 63;
            exponent = 0x3fff - 70 + random_below(random, 140) + (random_next(random) & 0x8000);
        }
        memcpy(area + 32 + 16 * i, &significand, 8);
        memcpy(area + 40 + 16 * i, &exponent, 2);
    }
}

static void draw_vectors(struct random_source *random, struct oracle_case *test)
{
    uint8_t *area = (uint8_t *)test->xsave;
    memset(area, 0, XSAVE_SIZE);
    draw_x87(random, area);
    uint32_t mxcsr = draw_masks(random, 7) | (random_next(random) & 0x607f);
    if (!random_below(random, 8))
        mxcsr |= 0x8000;
    memcpy(area + 24, &mxcsr, 4);
    area[28] = area[29] = 0xff;
    for (unsigned i = 160 / 8; i < 416 / 8; i++)
        test->xsave[i] = draw_vector(random);
    for (unsigned i = 576 / 8; i < XSAVE_SIZE / 8; i++)
        test->xsave[i] = draw_vector(random);
    test->xsave[XSAVE_HEADER / 8] = XCR0_X87 | XCR0_SSE | XCR0_AVX;
}

static void draw_segments(struct random_source *random, struct oracle_case *test)
{
    bool long_mode = test->code_size == CODE_64;
    test->ds = test->es = long_mode ? 0 : SELECTOR_USER_DATA;
    test->fs = test->gs = long_mode || !random_below(random, 16) ? 0 : SELECTOR_USER_DATA;
    test->fs_base =
        long_mode && random_below(random, 2) ? DATA_BASE + random_below(random, 4096) : 0;
    test->gs_base = long_mode && random_below(random, 2) ? random_below(random, 4096) : 0;
}

static bool is_string(const struct instruction *instruction)
{
    for (unsigned i = 0; i < instruction->operand_count; i++)
        if (instruction->operands[i].kind == OPERAND_STRING_DESTINATION)
            return true;
    return instruction->mnemonic == MNEMONIC_LODS || instruction->mnemonic == MNEMONIC_OUTS;
}

static void draw_offset(struct random_source *random, struct oracle_case *test)
{
    test->offset = random_below(random, CODE_SIZE - 32);
    if (!random_below(random, 16)) /* across the pages, or out of them */
        test->offset = (random_below(random, 4) ? PAGE : CODE_SIZE) - 1 - random_below(random, 15);
}

void oracle_generate(struct random_source *random, const struct oracle_guest *guest,
                     uint64_t data_seed, int code_size, struct oracle_case *test)
{
    struct instruction instruction;
    test->code_size = code_size;
    test->data_seed = data_seed;
    draw_instruction(random, guest, code_size, test, &instruction);
    draw_offset(random, test);
    draw_registers(random, test);
    draw_vectors(random, test);
    draw_segments(random, test);
    if (is_string(&instruction)) {
        test->general[RCX] =
            random_below(random, 16) ? random_below(random, 48) : draw_value(random);
        test->general[RDI] = draw_address(random);
    }
    aim(random, test, &instruction);
    if (code_size != CODE_64)
        for (unsigned i = 0; i < 16; i++)
            test->general[i] = i < 8 ? (uint32_t)test->general[i] : 0;
}
