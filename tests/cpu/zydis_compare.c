// SPDX-License-Identifier: Apache-2.0
#include "zydis_compare.h"

#include <stdio.h>

#include "core/x86/mnemonic.h"

/* What no CPU model of ours offers is switched off: its encodings are the NOPs they once were. */
void zydis_decoder_init(ZydisDecoder *decoder, enum code_size code_size)
{
    static const struct {
        ZydisMachineMode mode;
        ZydisStackWidth stack;
    } modes[] = {
        [CODE_16] = { ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16 },
        [CODE_32] = { ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32 },
        [CODE_64] = { ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64 },
    };
    static const ZydisDecoderMode off[] = { ZYDIS_DECODER_MODE_MPX, ZYDIS_DECODER_MODE_CET,
                                            ZYDIS_DECODER_MODE_WBNOINVD,
                                            ZYDIS_DECODER_MODE_CLDEMOTE };
    ZydisDecoderInit(decoder, modes[code_size].mode, modes[code_size].stack);
    for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++)
        ZydisDecoderEnableMode(decoder, off[i], ZYAN_FALSE);
}

void compare_decode(struct comparison *comparison, const ZydisDecoder *decoder)
{
    comparison->status = instruction_decode(comparison->bytes, comparison->available,
                                            comparison->code_size, &comparison->ours);
    ZydisDecoderContext context;
    ZyanStatus status = ZydisDecoderDecodeInstruction(decoder, &context, comparison->bytes,
                                                      comparison->available, &comparison->zydis);
    comparison->zydis_accepts = ZYAN_SUCCESS(status);
    comparison->zydis_needs_more = status == ZYDIS_STATUS_NO_MORE_DATA;
    if (comparison->status == DECODE_OK && comparison->zydis_accepts)
        ZydisDecoderDecodeOperands(decoder, &context, &comparison->zydis, comparison->operands,
                                   comparison->zydis.operand_count);
}

struct named_register {
    uint8_t class, index;
};

/* In our terms; class 0xff: a register that we never name. */
static struct named_register translate(ZydisRegister value)
{
    if (value >= ZYDIS_REGISTER_AH && value <= ZYDIS_REGISTER_BH)
        return (struct named_register){ REGISTER_HIGH_BYTE, value - ZYDIS_REGISTER_AH };
    if (value >= ZYDIS_REGISTER_SPL && value <= ZYDIS_REGISTER_R15B)
        return (struct named_register){ REGISTER_GENERAL, value - ZYDIS_REGISTER_SPL + 4 };
    static const uint8_t classes[] = {
        [ZYDIS_REGCLASS_GPR8] = REGISTER_GENERAL,    [ZYDIS_REGCLASS_GPR16] = REGISTER_GENERAL,
        [ZYDIS_REGCLASS_GPR32] = REGISTER_GENERAL,   [ZYDIS_REGCLASS_GPR64] = REGISTER_GENERAL,
        [ZYDIS_REGCLASS_X87] = REGISTER_X87,         [ZYDIS_REGCLASS_MMX] = REGISTER_MMX,
        [ZYDIS_REGCLASS_XMM] = REGISTER_XMM,         [ZYDIS_REGCLASS_YMM] = REGISTER_XMM,
        [ZYDIS_REGCLASS_SEGMENT] = REGISTER_SEGMENT, [ZYDIS_REGCLASS_CONTROL] = REGISTER_CONTROL,
        [ZYDIS_REGCLASS_DEBUG] = REGISTER_DEBUG,
    };
    ZydisRegisterClass class = ZydisRegisterGetClass(value);
    if (class == ZYDIS_REGCLASS_INVALID || class >= sizeof(classes) || class == ZYDIS_REGCLASS_ZMM)
        return (struct named_register){ 0xff, 0 };
    return (struct named_register){ classes[class], ZydisRegisterGetId(value) };
}

static unsigned register_size(const struct comparison *comparison, ZydisRegister value)
{
    ZydisRegisterClass class = ZydisRegisterGetClass(value);
    if (class == ZYDIS_REGCLASS_CONTROL || class == ZYDIS_REGCLASS_DEBUG)
        return comparison->code_size == CODE_64 ? 8 : 4;
    return ZydisRegisterGetWidth(comparison->zydis.machine_mode, value) / 8;
}

static bool same_register(const struct comparison *comparison, const struct operand *ours,
                          const ZydisDecodedOperand *theirs)
{
    struct named_register name = translate(theirs->reg.value);
    return ours->kind == OPERAND_REGISTER && name.class == ours->register_class &&
           name.index == ours->index && register_size(comparison, theirs->reg.value) == ours->size;
}

static uint8_t memory_register(ZydisRegister value)
{
    if (value == ZYDIS_REGISTER_NONE)
        return NO_REGISTER;
    if (value == ZYDIS_REGISTER_RIP || value == ZYDIS_REGISTER_EIP)
        return RIP_BASE;
    return translate(value).index;
}

static bool same_address(const struct comparison *comparison, const ZydisDecodedOperand *theirs)
{
    const struct memory_operand *memory = &comparison->ours.memory;
    uint8_t index = memory_register(theirs->mem.index);
    if (comparison->ours.mnemonic == MNEMONIC_XLAT)
        index = NO_REGISTER; /* AL: an operand of its own with us */
    if (memory_register(theirs->mem.base) != memory->base || index != memory->index)
        return false;
    if (index != NO_REGISTER && theirs->mem.scale != memory->scale)
        return false;
    if ((theirs->mem.type == ZYDIS_MEMOP_TYPE_VSIB) != memory->vector_index)
        return false;
    uint64_t difference = theirs->mem.disp.value ^ memory->displacement;
    /* An absolute address is unsigned with us. */
    if (memory->base == NO_REGISTER && index == NO_REGISTER && comparison->ours.address_size < 8)
        difference &= (UINT64_C(1) << (8 * comparison->ours.address_size)) - 1;
    return !difference;
}

static bool same_memory(const struct comparison *comparison, const struct operand *ours,
                        const ZydisDecodedOperand *theirs)
{
    if (theirs->mem.type == ZYDIS_MEMOP_TYPE_AGEN)
        return ours->kind == OPERAND_MEMORY && same_address(comparison, theirs);
    if (ours->size && ours->access && theirs->size != ours->size * 8)
        return false;
    if (ours->kind == OPERAND_STRING_DESTINATION)
        return theirs->mem.segment == ZYDIS_REGISTER_ES && memory_register(theirs->mem.base) == 7;
    return ours->kind == OPERAND_MEMORY && same_address(comparison, theirs) &&
           theirs->mem.segment ==
               (ZydisRegister)(ZYDIS_REGISTER_ES + comparison->ours.memory.segment);
}

static bool same_immediate(const struct comparison *comparison, const struct operand *ours,
                           const ZydisDecodedOperand *theirs)
{
    if (ours->kind != (theirs->imm.is_relative ? OPERAND_RELATIVE : OPERAND_IMMEDIATE))
        return false;
    uint64_t difference = comparison->ours.immediate[ours->index] ^ theirs->imm.value.u;
    unsigned size = comparison->ours.operand_size;
    if (size < 8)
        difference &= (UINT64_C(1) << (8 * size)) - 1;
    return !difference;
}

static bool same_operand(const struct comparison *comparison, const struct operand *ours,
                         const ZydisDecodedOperand *theirs)
{
    const struct instruction *instruction = &comparison->ours;
    switch (theirs->type) {
    case ZYDIS_OPERAND_TYPE_REGISTER:
        return same_register(comparison, ours, theirs);
    case ZYDIS_OPERAND_TYPE_MEMORY:
        return same_memory(comparison, ours, theirs);
    case ZYDIS_OPERAND_TYPE_IMMEDIATE:
        return same_immediate(comparison, ours, theirs);
    case ZYDIS_OPERAND_TYPE_POINTER:
        return ours->kind == OPERAND_FAR &&
               (uint64_t)instruction->immediate[0] == theirs->ptr.offset &&
               (uint64_t)instruction->immediate[1] == theirs->ptr.segment;
    default:
        return false;
    }
}

static bool same_access(const struct operand *ours, const ZydisDecodedOperand *theirs)
{
    bool reads = theirs->actions & ZYDIS_OPERAND_ACTION_MASK_READ;
    bool writes = theirs->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
    if (theirs->type == ZYDIS_OPERAND_TYPE_MEMORY && theirs->mem.type != ZYDIS_MEMOP_TYPE_MEM &&
        theirs->mem.type != ZYDIS_MEMOP_TYPE_VSIB)
        return ours->access == 0;
    return reads == !!(ours->access & ACCESS_READ) && writes == !!(ours->access & ACCESS_WRITE);
}

static const char *find_hidden(const struct comparison *comparison, const struct operand *ours)
{
    for (unsigned i = 0; i < comparison->zydis.operand_count; i++)
        if (same_operand(comparison, ours, &comparison->operands[i]) &&
            same_access(ours, &comparison->operands[i]))
            return NULL;
    return "implicit operand";
}

static const char *compare_operands(const struct comparison *comparison)
{
    const struct instruction *instruction = &comparison->ours;
    unsigned visible = 0;
    for (unsigned i = 0; i < instruction->operand_count; i++) {
        const struct operand *ours = &instruction->operands[i];
        if (ours->implicit) {
            const char *difference = find_hidden(comparison, ours);
            if (difference)
                return difference;
            continue;
        }
        if (visible == comparison->zydis.operand_count_visible)
            return "number of operands";
        const ZydisDecodedOperand *theirs = &comparison->operands[visible++];
        if (!same_operand(comparison, ours, theirs))
            return "operand";
        if (!same_access(ours, theirs))
            return "access";
    }
    return visible == comparison->zydis.operand_count_visible ? NULL : "number of operands";
}

static const char *compare_prefixes(const struct comparison *comparison)
{
    const struct instruction *ours = &comparison->ours;
    const ZydisDecodedInstruction *zydis = &comparison->zydis;
    if (!(ours->prefixes & PREFIX_LOCK) != !(zydis->attributes & ZYDIS_ATTRIB_HAS_LOCK))
        return "lock";
    if (!(ours->prefixes & PREFIX_VEX) != !(zydis->attributes & ZYDIS_ATTRIB_HAS_VEX))
        return "VEX";
    if (zydis->attributes & ZYDIS_ATTRIB_HAS_VEX &&
        ours->vector_length != (zydis->raw.vex.L ? 32 : 16))
        return "VEX.L";
    if (!(ours->prefixes & PREFIX_REP) &&
        zydis->attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE))
        return "rep";
    if (!(ours->prefixes & PREFIX_REPNE) && zydis->attributes & ZYDIS_ATTRIB_HAS_REPNE)
        return "repne";
    return zydis->address_width == ours->address_size * 8 ? NULL : "address size";
}

const char *compare_find(const struct comparison *comparison)
{
    if (comparison->status == DECODE_TRUNCATED || comparison->zydis_needs_more)
        return comparison->status == DECODE_TRUNCATED && comparison->zydis_needs_more
                   ? NULL
                   : "truncation";
    if ((comparison->status == DECODE_OK) != comparison->zydis_accepts)
        return comparison->zydis_accepts ? "Zydis accepts it" : "we accept it";
    if (!comparison->zydis_accepts)
        return NULL;
    if (comparison->ours.length != comparison->zydis.length)
        return "length";
    const char *difference = compare_prefixes(comparison);
    if (!difference)
        difference = compare_operands(comparison);
    return difference ? difference : compare_properties(comparison);
}

static void print_ours(const struct comparison *comparison)
{
    static const char *const statuses[] = { "ok", "truncated", "invalid", "too long" };
    const struct instruction *ours = &comparison->ours;
    const struct memory_operand *memory = &ours->memory;
    printf("  openvirt: %s, length %u", statuses[comparison->status], ours->length);
    if (comparison->status == DECODE_OK)
        printf(", mnemonic %u, operand size %u, address size %u, prefixes %#x", ours->mnemonic,
               ours->operand_size, ours->address_size, ours->prefixes);
    putchar('\n');
    for (unsigned i = 0; comparison->status == DECODE_OK && i < ours->operand_count; i++)
        printf("    kind %u class %u index %u size %u access %u%s\n", ours->operands[i].kind,
               ours->operands[i].register_class, ours->operands[i].index, ours->operands[i].size,
               ours->operands[i].access, ours->operands[i].implicit ? " implicit" : "");
    if (comparison->status == DECODE_OK)
        printf("    memory: segment %u base %u index %u scale %u displacement %#llx; immediates "
               "%#llx %#llx\n",
               memory->segment, memory->base, memory->index, memory->scale,
               (unsigned long long)memory->displacement, (unsigned long long)ours->immediate[0],
               (unsigned long long)ours->immediate[1]);
}

static void print_zydis_operand(const ZydisDecodedOperand *operand)
{
    printf("    type %d visibility %d size %u actions %#x", operand->type, operand->visibility,
           operand->size, operand->actions);
    if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER)
        printf(" %s", ZydisRegisterGetString(operand->reg.value));
    if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY)
        printf(" segment %s type %d base %s index %s scale %u displacement %#llx",
               ZydisRegisterGetString(operand->mem.segment), operand->mem.type,
               operand->mem.base ? ZydisRegisterGetString(operand->mem.base) : "-",
               operand->mem.index ? ZydisRegisterGetString(operand->mem.index) : "-",
               operand->mem.scale, (unsigned long long)operand->mem.disp.value);
    if (operand->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
        printf(" %#llx", (unsigned long long)operand->imm.value.u);
    putchar('\n');
}

void compare_print(const struct comparison *comparison)
{
    printf("  %d-bit:", 16 << comparison->code_size);
    for (size_t i = 0; i < comparison->available; i++)
        printf(" %02x", comparison->bytes[i]);
    putchar('\n');
    print_ours(comparison);
    printf("  Zydis: %s\n", comparison->zydis_accepts ? "ok" : "refused");
    if (!comparison->zydis_accepts)
        return;
    printf("    %s, ISA set %s, length %u, operand width %u, address width %u\n",
           ZydisMnemonicGetString(comparison->zydis.mnemonic),
           ZydisISASetGetString(comparison->zydis.meta.isa_set), comparison->zydis.length,
           comparison->zydis.operand_width, comparison->zydis.address_width);
    if (comparison->status == DECODE_OK)
        for (unsigned i = 0; i < comparison->zydis.operand_count; i++)
            print_zydis_operand(&comparison->operands[i]);
}
