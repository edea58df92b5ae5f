// SPDX-License-Identifier: Apache-2.0
/* From a decoded instruction to its thunk. It always runs in 64-bit mode, whatever mode the guest's
 * instruction was decoded for. */
#include "core/x86/interpreter/thunk.h"

/* Host registers that stand for the guest's where ModR/M or VEX name general ones. */
static const uint8_t field_registers[] = {
    [FIELD_MODRM_REG] = R8,
    [FIELD_MODRM_RM] = R9,
    [FIELD_VEX_VVVV] = R10,
};

static void emit(struct thunk_code *code, unsigned byte)
{
    code->bytes[code->length++] = (uint8_t)byte;
}

static void emit_32(struct thunk_code *code, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        emit(code, value >> 8 * i & 0xff);
}

/* opcode reg, [rdi + offset] */
static void emit_state_access(struct thunk_code *code, unsigned rex, unsigned opcode, unsigned reg,
                              size_t offset)
{
    emit(code, 0x40 | rex | (reg >= R8 ? 4 : 0));
    if (opcode >> 8)
        emit(code, opcode >> 8);
    emit(code, opcode);
    emit(code, 0x80 | (reg & 7) << 3 | RDI);
    emit_32(code, (uint32_t)offset);
}

#define REX_W_BIT        8
#define OPCODE_LOAD      0x8b
#define OPCODE_STORE     0x89
#define OPCODE_LOAD_BYTE 0x0fb6 /* MOVZX */
#define OPCODE_LOAD_WORD 0x0fb7

static size_t general_offset(unsigned index)
{
    return offsetof(struct cpu, state.general) + index * 8;
}

static bool is_general(const struct operand *operand)
{
    return operand->kind == OPERAND_REGISTER && (operand->register_class == REGISTER_GENERAL ||
                                                 operand->register_class == REGISTER_HIGH_BYTE);
}

static unsigned host_register(const struct operand *operand)
{
    return operand->field == FIELD_NONE ? operand->index : field_registers[operand->field];
}

/* What is written only in part, or perhaps not at all (BSF of 0), is loaded first. */
static void emit_load(struct thunk_code *code, const struct operand *operand)
{
    unsigned reg = host_register(operand);
    if (operand->register_class == REGISTER_HIGH_BYTE)
        emit_state_access(code, 0, OPCODE_LOAD_BYTE, reg, general_offset(operand->index) + 1);
    else
        emit_state_access(code, REX_W_BIT, OPCODE_LOAD, reg, general_offset(operand->index));
}

static void emit_store(struct thunk_code *code, unsigned reg, unsigned index)
{
    emit_state_access(code, REX_W_BIT, OPCODE_STORE, reg, general_offset(index));
}

/* The layout of cpu->flags is what LAHF and SETO leave in AX. */
static void emit_load_flags(struct thunk_code *code)
{
    emit_state_access(code, 0, OPCODE_LOAD_WORD, RAX, offsetof(struct cpu, flags));
    emit(code, 0x04), emit(code, 0x7f); /* add al, 0x7f: overflows if AL is 1 */
    emit(code, 0x9e);                   /* sahf */
}

static void emit_store_flags(struct thunk_code *code)
{
    emit(code, 0x9f);                                     /* lahf */
    emit(code, 0x0f), emit(code, 0x90), emit(code, 0xc0); /* seto al */
    emit(code, 0x66);
    emit_state_access(code, 0, OPCODE_STORE, RAX, offsetof(struct cpu, flags));
}

/* Where W is the size of a general register or of what takes its place in memory, it counts in
 * 64-bit mode alone. */
static bool w_is_operand_size(const struct instruction *instruction)
{
    for (unsigned i = 0; i < instruction->operand_count; i++)
        if (is_general(&instruction->operands[i]))
            return true;
    if (instruction->map == MAP_0F)
        return instruction->opcode == 0x2a || instruction->opcode == 0x6e ||
               instruction->opcode == 0x7e;
    return instruction->map == MAP_0F3A &&
           (instruction->opcode == 0x16 || instruction->opcode == 0x22);
}

/* An instruction with its fields as they will be encoded. */
struct encoding {
    bool w, r, b;
    uint8_t vvvv, modrm;
};

static struct encoding encoding_of(const struct instruction *instruction)
{
    struct encoding encoding = {
        .w = instruction->rex_w &&
             (instruction->code_size == CODE_64 || !w_is_operand_size(instruction)),
        .vvvv = instruction->vex_register,
        .modrm = instruction->modrm,
    };
    unsigned fields[4] = { 0, instruction->modrm & 7, instruction->modrm >> 3 & 7,
                           instruction->vex_register };
    for (unsigned i = 0; i < instruction->operand_count; i++) {
        const struct operand *operand = &instruction->operands[i];
        if (operand->kind == OPERAND_REGISTER && operand->field != FIELD_NONE)
            fields[operand->field] = is_general(operand) ? host_register(operand) : operand->index;
    }
    if (instruction->modrm < 0xc0)
        fields[FIELD_MODRM_RM] = RSI;
    encoding.modrm = (uint8_t)((instruction->modrm < 0xc0 ? 0 : 0xc0) |
                               (fields[FIELD_MODRM_REG] & 7) << 3 | (fields[FIELD_MODRM_RM] & 7));
    encoding.r = fields[FIELD_MODRM_REG] >> 3;
    encoding.b = fields[FIELD_MODRM_RM] >> 3;
    encoding.vvvv = (uint8_t)fields[FIELD_VEX_VVVV];
    return encoding;
}

static void emit_vex(struct thunk_code *code, const struct instruction *instruction,
                     const struct encoding *encoding)
{
    emit(code, 0xc4);
    emit(code, (encoding->r ? 0 : 0x80) | 0x40 | (encoding->b ? 0 : 0x20) | instruction->map);
    emit(code, (encoding->w ? 0x80 : 0) | (~encoding->vvvv & 15) << 3 |
                   (instruction->vector_length == 32 ? 4 : 0) |
                   mandatory_prefix_code(instruction->mandatory_prefix));
}

/* CRC32, POPCNT, TZCNT, LZCNT: 66 is the operand size beside F2 or F3. */
static bool needs_operand_size_prefix(const struct instruction *instruction)
{
    return instruction->operand_size == 2 &&
           (instruction->mnemonic == MNEMONIC_CRC32 || instruction->mnemonic == MNEMONIC_POPCNT ||
            instruction->mnemonic == MNEMONIC_TZCNT || instruction->mnemonic == MNEMONIC_LZCNT);
}

static void emit_legacy(struct thunk_code *code, const struct instruction *instruction,
                        const struct encoding *encoding)
{
    if (needs_operand_size_prefix(instruction))
        emit(code, 0x66);
    if (instruction->mandatory_prefix)
        emit(code, instruction->mandatory_prefix);
    unsigned rex = (encoding->w ? 8 : 0) | (encoding->r ? 4 : 0) | (encoding->b ? 1 : 0);
    if (rex)
        emit(code, 0x40 | rex);
    if (instruction->map != MAP_PRIMARY)
        emit(code, 0x0f);
    if (instruction->map == MAP_0F38)
        emit(code, 0x38);
    if (instruction->map == MAP_0F3A)
        emit(code, 0x3a);
}

/* An immediate byte, or the register in its upper half (VBLENDVPS and its like). */
static void emit_immediate(struct thunk_code *code, const struct instruction *instruction)
{
    for (unsigned i = 0; i < instruction->operand_count; i++)
        if (instruction->operands[i].kind == OPERAND_IMMEDIATE)
            emit(code, instruction->immediate[instruction->operands[i].index] & 0xff);
    if (instruction->prefixes & PREFIX_VEX && instruction->map == MAP_0F3A &&
        instruction->opcode - 0x4au < 3)
        emit(code, instruction->operands[instruction->operand_count - 1].index << 4);
}

static void emit_instruction(struct thunk_code *code, const struct instruction *instruction)
{
    struct encoding encoding = encoding_of(instruction);
    if (instruction->prefixes & PREFIX_VEX)
        emit_vex(code, instruction, &encoding);
    else
        emit_legacy(code, instruction, &encoding);
    emit(code, instruction->opcode);
    if (instruction->has_modrm)
        emit(code, encoding.modrm);
    emit_immediate(code, instruction);
}

static void emit_stores(struct thunk_code *code, const struct instruction *instruction)
{
    /* Last to first: of two equal destinations of MULX the first gets its value. */
    for (unsigned i = instruction->operand_count; i-- > 0;) {
        const struct operand *operand = &instruction->operands[i];
        if (is_general(operand) && operand->access & ACCESS_WRITE)
            emit_store(code, host_register(operand), operand->index);
    }
    if (instruction->mnemonic == MNEMONIC_PCMPESTRI)
        emit_store(code, RCX, RCX); /* the index: one operand more than an instruction can list */
}

void thunk_encode(const struct instruction *instruction, struct thunk_code *code)
{
    code->length = 0;
    bool writes_flags = instruction->flags & INSTRUCTION_WRITES_FLAGS;
    if (writes_flags || instruction->flags & INSTRUCTION_READS_FLAGS)
        emit_load_flags(code);
    for (unsigned i = 0; i < instruction->operand_count; i++)
        if (is_general(&instruction->operands[i]))
            emit_load(code, &instruction->operands[i]);
    emit_instruction(code, instruction);
    if (writes_flags)
        emit_store_flags(code);
    emit_stores(code, instruction);
    emit(code, 0xc3); /* ret */
}
