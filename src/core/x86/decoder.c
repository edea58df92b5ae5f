// SPDX-License-Identifier: Apache-2.0
/*
 * Prefixes, opcode, ModR/M: SDM volume 2, chapter 2. The opcode maps are in decoder_table_*.c.
 *
 *     prefixes [REX | VEX] opcode [ModR/M [SIB] [displacement]] [immediates]
 */
#include "core/x86/decoder_state.h"

enum prefix_class {
    NO_PREFIX,
    PREFIX_CLASS_LOCK,
    PREFIX_CLASS_REPEAT,
    PREFIX_CLASS_OPERAND,
    PREFIX_CLASS_ADDRESS,
    PREFIX_CLASS_REX,
    PREFIX_CLASS_SEGMENT, /* plus enum segment_index */
};

static const uint8_t prefix_classes[256] = {
    [0x26] = PREFIX_CLASS_SEGMENT + 0,     [0x2e] = PREFIX_CLASS_SEGMENT + 1,
    [0x36] = PREFIX_CLASS_SEGMENT + 2,     [0x3e] = PREFIX_CLASS_SEGMENT + 3,
    [0x40 ... 0x4f] = PREFIX_CLASS_REX,    [0x64] = PREFIX_CLASS_SEGMENT + 4,
    [0x65] = PREFIX_CLASS_SEGMENT + 5,     [0x66] = PREFIX_CLASS_OPERAND,
    [0x67] = PREFIX_CLASS_ADDRESS,         [0xf0] = PREFIX_CLASS_LOCK,
    [0xf2 ... 0xf3] = PREFIX_CLASS_REPEAT,
};

/* In 64-bit mode only FS and GS count; the others neither act nor take an earlier FS or GS away. */
static void take_segment(struct decoder *decoder, unsigned segment)
{
    decoder->instruction->prefixes |= PREFIX_SEGMENT;
    if (decoder->code_size != CODE_64 || segment >= 4)
        decoder->segment = segment;
}

static void take_prefix(struct decoder *decoder, uint8_t class, uint8_t byte)
{
    struct instruction *instruction = decoder->instruction;
    switch (class) {
    case PREFIX_CLASS_LOCK:
        instruction->prefixes |= PREFIX_LOCK;
        break;
    case PREFIX_CLASS_REPEAT:
        decoder->repeat = byte;
        break;
    case PREFIX_CLASS_OPERAND:
        instruction->prefixes |= PREFIX_OPERAND_SIZE;
        break;
    case PREFIX_CLASS_ADDRESS:
        instruction->prefixes |= PREFIX_ADDRESS_SIZE;
        break;
    default:
        take_segment(decoder, class - PREFIX_CLASS_SEGMENT);
    }
}

/* Up to the first byte of the opcode. REX counts only right before that (SDM 2, 2.2.1). */
static bool decode_prefixes(struct decoder *decoder)
{
    uint8_t rex = 0;
    while (decoder->position < decoder->limit) {
        uint8_t byte = decoder->bytes[decoder->position];
        uint8_t class = prefix_classes[byte];
        if (class == NO_PREFIX || (class == PREFIX_CLASS_REX && decoder->code_size != CODE_64)) {
            decoder->rex = rex & 15;
            decoder->instruction->prefixes |= rex ? PREFIX_REX : 0;
            return true;
        }
        decoder->position++;
        rex = class == PREFIX_CLASS_REX ? byte : 0;
        if (!rex)
            take_prefix(decoder, class, byte);
    }
    return false;
}

static uint8_t find_address_size(const struct decoder *decoder)
{
    static const uint8_t sizes[][2] = { { 2, 4 }, { 4, 2 }, { 8, 4 } };
    return sizes[decoder->code_size][!!(decoder->instruction->prefixes & PREFIX_ADDRESS_SIZE)];
}

static uint8_t find_operand_size(const struct decoder *decoder, unsigned rules)
{
    bool prefix = decoder->instruction->prefixes & PREFIX_OPERAND_SIZE &&
                  decoder->instruction->mandatory_prefix != 0x66;
    if (rules & RULE_BYTE)
        return 1;
    if (rules & RULE_NATIVE)
        return decoder->code_size == CODE_64 ? 8 : 4;
    if (decoder->code_size != CODE_64)
        return (decoder->code_size == CODE_32) != prefix ? 4 : 2;
    if (rules & RULE_FORCE_64 || decoder->rex & REX_W)
        return rules & RULE_PORT ? 4 : 8;
    if (prefix)
        return 2;
    return rules & RULE_DEFAULT_64 ? 8 : 4;
}

/* VEX C4 and C5: in 16- and 32-bit modes only where LES and LDS could have no memory operand. */
static bool is_vex(const struct decoder *decoder, uint8_t byte)
{
    return (byte & 0xfe) == 0xc4 &&
           (decoder->code_size == CODE_64 ||
            (decoder_has(decoder, 1) && decoder->bytes[decoder->position] >= 0xc0));
}

/* SDM 2, 2.3.5: the bits R, X, B and vvvv are stored inverted. */
static enum decode_status decode_vex(struct decoder *decoder, bool long_form)
{
    static const uint8_t implied[4] = { 0, 0x66, 0xf3, 0xf2 };
    struct instruction *instruction = decoder->instruction;
    if (!decoder_has(decoder, long_form ? 3 : 2))
        return decoder_shortage(decoder);
    if (instruction->prefixes & (PREFIX_LOCK | PREFIX_OPERAND_SIZE | PREFIX_REX) || decoder->repeat)
        return DECODE_INVALID;
    uint8_t first = decoder->bytes[decoder->position++];
    uint8_t last = first;
    instruction->map = MAP_0F;
    decoder->rex = first & 0x80 ? 0 : REX_R;
    if (long_form) {
        last = decoder->bytes[decoder->position++];
        instruction->map = first & 0x1f;
        decoder->rex = ~first >> 5 & 7;
        instruction->rex_w = last >> 7;
        decoder->rex |= instruction->rex_w ? REX_W : 0;
    }
    instruction->prefixes |= PREFIX_VEX;
    decoder->vvvv = ~last >> 3 & 15;
    instruction->vex_register = decoder->vvvv;
    if (decoder->code_size != CODE_64) {
        decoder->rex &= REX_W;
        instruction->vex_register &= 7; /* but all four bits must be set where none is meant */
    }
    instruction->vector_length = last & 4 ? 32 : 16;
    instruction->mandatory_prefix = implied[last & 3];
    instruction->opcode = decoder->bytes[decoder->position++];
    return DECODE_OK;
}

static const struct opcode *vex_row(const struct instruction *instruction)
{
    static const struct opcode nothing;
    switch (instruction->map) {
    case MAP_0F:
        return &opcodes_vex_0f[instruction->opcode];
    case MAP_0F38:
        return &opcodes_vex_0f38[instruction->opcode];
    case MAP_0F3A:
        return &opcodes_vex_0f3a[instruction->opcode];
    default:
        return &nothing;
    }
}

/* After 0F. */
static enum decode_status decode_escape(struct decoder *decoder, const struct opcode **row)
{
    struct instruction *instruction = decoder->instruction;
    if (!decoder_has(decoder, 1))
        return decoder_shortage(decoder);
    uint8_t byte = decoder->bytes[decoder->position++];
    instruction->map = MAP_0F;
    if (byte == 0x38 || byte == 0x3a) {
        if (!decoder_has(decoder, 1))
            return decoder_shortage(decoder);
        instruction->map = byte == 0x38 ? MAP_0F38 : MAP_0F3A;
        byte = decoder->bytes[decoder->position++];
    }
    instruction->opcode = byte;
    if (instruction->map == MAP_0F)
        *row = opcodes_0f[byte].kind ? &opcodes_0f[byte] : &opcodes_0f_simd[byte];
    else
        *row = instruction->map == MAP_0F38 ? &opcodes_0f38[byte] : &opcodes_0f3a[byte];
    return DECODE_OK;
}

static enum decode_status decode_opcode(struct decoder *decoder, const struct opcode **row)
{
    struct instruction *instruction = decoder->instruction;
    if (!decode_prefixes(decoder))
        return decoder_shortage(decoder);
    uint8_t byte = decoder->bytes[decoder->position++];
    instruction->rex_w = decoder->rex >> 3;
    if (byte == 0x0f)
        return decode_escape(decoder, row);
    if (is_vex(decoder, byte)) {
        enum decode_status status = decode_vex(decoder, byte == 0xc4);
        *row = vex_row(instruction);
        return status;
    }
    instruction->map = MAP_PRIMARY;
    instruction->opcode = byte;
    *row = (byte & 0xf8) == 0xd8 ? &opcodes_x87[byte & 7] : &opcodes_primary[byte];
    return DECODE_OK;
}

static enum decode_status take_modrm(struct decoder *decoder)
{
    struct instruction *instruction = decoder->instruction;
    if (instruction->has_modrm)
        return DECODE_OK;
    if (!decoder_has(decoder, 1))
        return decoder_shortage(decoder);
    instruction->modrm = decoder->bytes[decoder->position++];
    instruction->has_modrm = true;
    return DECODE_OK;
}

/* F3 and F2 are nearer to the opcode than 66 (SDM 2, 2.1.2); then they no longer repeat. */
static unsigned select_prefix(struct decoder *decoder)
{
    struct instruction *instruction = decoder->instruction;
    if (!(instruction->prefixes & PREFIX_VEX))
        instruction->mandatory_prefix = decoder->repeat ? decoder->repeat
                                        : instruction->prefixes & PREFIX_OPERAND_SIZE ? 0x66
                                                                                      : 0;
    return mandatory_prefix_code(instruction->mandatory_prefix);
}

static unsigned select_repeat(struct decoder *decoder)
{
    decoder->instruction->mandatory_prefix = decoder->repeat;
    return decoder->repeat == 0xf3 ? 1 : decoder->repeat == 0xf2 ? 2 : 0;
}

static unsigned select_row(struct decoder *decoder, enum opcode_kind kind)
{
    const struct instruction *instruction = decoder->instruction;
    switch (kind) {
    case OPCODE_BY_REG:
        return instruction->modrm >> 3 & 7;
    case OPCODE_BY_RM:
        return instruction->modrm & 7;
    case OPCODE_BY_MOD:
        return instruction->modrm >= 0xc0;
    case OPCODE_BY_PREFIX:
        return select_prefix(decoder);
    case OPCODE_BY_REPEAT:
        return select_repeat(decoder);
    case OPCODE_BY_REX_B:
        return decoder->rex & REX_B;
    case OPCODE_BY_MODE:
        return decoder->code_size == CODE_64;
    case OPCODE_BY_W:
        return instruction->rex_w;
    case OPCODE_BY_L:
        return instruction->vector_length == 32;
    default:
        return 0;
    }
}

/* From a row of the map to the row of the instruction. */
static enum decode_status find_instruction(struct decoder *decoder, const struct opcode **row)
{
    while ((*row)->kind != OPCODE_INSTRUCTION) {
        if ((*row)->kind == OPCODE_INVALID)
            return DECODE_INVALID;
        if ((*row)->kind <= OPCODE_BY_MOD) {
            enum decode_status status = take_modrm(decoder);
            if (status != DECODE_OK)
                return status;
        }
        *row = (*row)->rows + select_row(decoder, (*row)->kind);
    }
    return DECODE_OK;
}

static bool rules_hold(const struct decoder *decoder, const struct opcode *row)
{
    const struct instruction *instruction = decoder->instruction;
    unsigned rules = row->rules;
    unsigned broken = decoder->code_size == CODE_64 ? RULE_NOT_64 : RULE_ONLY_64;
    if (instruction->prefixes & PREFIX_VEX) {
        broken |= instruction->rex_w ? RULE_W0 : RULE_W1;
        broken |= instruction->vector_length == 32 ? RULE_L0 : RULE_L1;
    }
    if (rules & broken)
        return false;
    /* LOCK needs an instruction that knows it and a destination in memory. */
    return !(instruction->prefixes & PREFIX_LOCK) ||
           (row->flags & INSTRUCTION_LOCKABLE && instruction->modrm < 0xc0);
}

/* Destination, index and mask: two alike raise #UD (VPGATHERDD in SDM volume 2). */
static bool gather_registers_differ(const struct instruction *instruction)
{
    unsigned destination = instruction->operands[0].index, mask = instruction->operands[2].index;
    unsigned index = instruction->memory.index;
    return destination != mask && destination != index && mask != index;
}

static enum decode_status decode_row(struct decoder *decoder, const struct opcode *row)
{
    struct instruction *instruction = decoder->instruction;
    instruction->mnemonic = row->mnemonic;
    instruction->feature = row->feature;
    instruction->flags = row->flags;
    instruction->operand_size = find_operand_size(decoder, row->rules);
    if (row->rules & RULE_MODRM) {
        if (row->rules & RULE_REGISTER)
            instruction->modrm |= 0xc0;
        if (instruction->modrm < 0xc0) {
            enum decode_status status = decode_memory(decoder, row->rules & RULE_VSIB);
            if (status != DECODE_OK)
                return status;
        }
    }
    enum decode_status status = decode_operands(decoder, row);
    if (status != DECODE_OK)
        return status;
    if (decoder->vvvv && !decoder->vvvv_used)
        return DECODE_INVALID;
    return row->rules & RULE_VSIB && !gather_registers_differ(instruction) ? DECODE_INVALID
                                                                           : DECODE_OK;
}

static enum decode_status decode(struct decoder *decoder)
{
    struct instruction *instruction = decoder->instruction;
    const struct opcode *row;
    enum decode_status status = decode_opcode(decoder, &row);
    if (status != DECODE_OK)
        return status;
    instruction->address_size = find_address_size(decoder);
    status = find_instruction(decoder, &row);
    if (status != DECODE_OK)
        return status;
    if (row->rules & RULE_MODRM) {
        status = take_modrm(decoder);
        if (status != DECODE_OK)
            return status;
    }
    if (!rules_hold(decoder, row))
        return DECODE_INVALID;
    if (decoder->repeat && decoder->repeat != instruction->mandatory_prefix)
        instruction->prefixes |= decoder->repeat == 0xf3 ? PREFIX_REP : PREFIX_REPNE;
    return decode_row(decoder, row);
}

enum decode_status instruction_decode(const uint8_t *bytes, size_t available,
                                      enum code_size code_size, struct instruction *instruction)
{
    *instruction = (struct instruction){
        .code_size = code_size,
        .memory = { .segment = SEGMENT_DS, .base = NO_REGISTER, .index = NO_REGISTER, .scale = 1 },
    };
    struct decoder decoder = {
        .bytes = bytes,
        .instruction = instruction,
        .limit = available < INSTRUCTION_MAX_LENGTH ? available : INSTRUCTION_MAX_LENGTH,
        .code_size = code_size,
        .segment = NO_REGISTER,
    };
    enum decode_status status = decode(&decoder);
    instruction->length = decoder.position;
    return status;
}
