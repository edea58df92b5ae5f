// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "core/x86/instruction.h"
#include "core/x86/registers.h"
#include "mode.h"

static void check_operand(const struct instruction *instruction, const struct operand *operand)
{
    static const uint8_t counts[] = {
        [REGISTER_GENERAL] = 16, [REGISTER_HIGH_BYTE] = 4, [REGISTER_SEGMENT] = 6,
        [REGISTER_CONTROL] = 9,  [REGISTER_DEBUG] = 8,     [REGISTER_X87] = 8,
        [REGISTER_MMX] = 8,      [REGISTER_XMM] = 16,
    };
    PROMISE(operand->kind > OPERAND_NONE && operand->kind <= OPERAND_STRING_DESTINATION);
    PROMISE(operand->size <= 512);
    if (operand->kind == OPERAND_REGISTER) {
        PROMISE(operand->register_class <= REGISTER_XMM && operand->size);
        PROMISE(operand->index < counts[operand->register_class]);
        PROMISE(instruction->code_size == CODE_64 || operand->index < 8);
    }
    if (operand->kind == OPERAND_IMMEDIATE || operand->kind == OPERAND_RELATIVE)
        PROMISE(operand->index < 2);
}

static void check_memory(const struct memory_operand *memory)
{
    PROMISE(memory->segment <= SEGMENT_GS);
    PROMISE(memory->base <= RIP_BASE || memory->base == NO_REGISTER);
    PROMISE(memory->index <= R15 || memory->index == NO_REGISTER);
    PROMISE(memory->scale == 1 || memory->scale == 2 || memory->scale == 4 || memory->scale == 8);
}

static void check(const struct instruction *instruction, size_t available)
{
    PROMISE(instruction->length && instruction->length <= available);
    PROMISE(instruction->length <= INSTRUCTION_MAX_LENGTH);
    PROMISE(instruction->mnemonic > MNEMONIC_INVALID && instruction->mnemonic < MNEMONIC_COUNT);
    PROMISE(instruction->feature > FEATURE_NONE && instruction->feature < FEATURE_COUNT);
    PROMISE(instruction->operand_count <= INSTRUCTION_MAX_OPERANDS);
    for (unsigned i = 0; i < instruction->operand_count; i++)
        check_operand(instruction, &instruction->operands[i]);
    check_memory(&instruction->memory);
}

/* The first byte chooses the mode. The bytes are copied so that reading too far is seen. */
void fuzz_decoder(const uint8_t *data, size_t size)
{
    if (!size)
        return;
    enum code_size code_size = data[0] % 3;
    uint8_t bytes[INSTRUCTION_MAX_LENGTH];
    size_t available = size - 1 < sizeof(bytes) ? size - 1 : sizeof(bytes);
    uint8_t *end = bytes + sizeof(bytes);
    memcpy(end - available, data + 1, available);
    struct instruction instruction, again;
    if (instruction_decode(end - available, available, code_size, &instruction) != DECODE_OK)
        return;
    check(&instruction, available);
    PROMISE(instruction_decode(end - available, instruction.length, code_size, &again) ==
            DECODE_OK);
    PROMISE(!memcmp(&instruction, &again, sizeof(again)));
    PROMISE(instruction_decode(end - available, instruction.length - 1, code_size, &again) ==
            DECODE_TRUNCATED);
}
