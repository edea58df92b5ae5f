// SPDX-License-Identifier: Apache-2.0
/* Decoding a block: bytes -> instructions -> ops. */
#include "core/memory/copy.h"
#include "core/x86/interpreter/block.h"
#include "core/x86/interpreter/integer.h"
#include "core/x86/interpreter/interpreter.h"

struct builder {
    struct cpu *cpu;
    struct block_cache *cache;
    unsigned count, length; /* so far: instructions, bytes */
    bool step;              /* no more than one instruction */
    bool ended;             /* its last op leaves the block */
};

static enum outcome execute_undefined(struct cpu *cpu, const struct op *op)
{
    cpu_raise(cpu, EXCEPTION_UD);
    return op_fault(cpu, op);
}

/* Longer than 15 bytes (SDM volume 3, 6.15, #GP). */
static enum outcome execute_too_long(struct cpu *cpu, const struct op *op)
{
    cpu_raise_error(cpu, EXCEPTION_GP, 0);
    return op_fault(cpu, op);
}

static enum outcome execute_unknown(struct cpu *cpu, const struct op *op)
{
    cpu->exit->reason = VM_EXIT_FAIL;
    cpu->exit->fail.reason = "an instruction that the interpreter does not know";
    cpu->exit->fail.detail = op->instruction->mnemonic;
    cpu->exit_pending = true;
    return op_fault(cpu, op);
}

static enum outcome execute_next_block(struct cpu *cpu, const struct op *op)
{
    return block_jump(cpu, op_rip(cpu, op));
}

static enum outcome execute_next_block_32(struct cpu *cpu, const struct op *op)
{
    return block_jump(cpu, (uint32_t)op_rip(cpu, op));
}

/* Does the guest's CPUID announce it? */
static bool announced(const struct cpu *cpu, const struct instruction *instruction)
{
    switch (instruction->feature) {
    case FEATURE_BASE:
    case FEATURE_PREFETCHW: /* a NOP without */
        return true;
    case FEATURE_LAHF64:
        return cpu->code_size != CODE_64 || cpuid_has(cpu->cpuid, FEATURE_LAHF64);
    default:
        return cpuid_has(cpu->cpuid, instruction->feature);
    }
}

/* TZCNT and LZCNT are BSF and BSR with a prefix that older processors do not mind. */
static void take_for_older(const struct cpu *cpu, struct instruction *instruction)
{
    if (cpuid_has(cpu->cpuid, instruction->feature))
        return;
    if (instruction->mnemonic == MNEMONIC_TZCNT)
        instruction->mnemonic = MNEMONIC_BSF;
    else if (instruction->mnemonic == MNEMONIC_LZCNT)
        instruction->mnemonic = MNEMONIC_BSR;
    else
        return;
    instruction->feature = FEATURE_BASE;
    instruction->flags &= (uint8_t)~INSTRUCTION_HOST_EXECUTED;
}

/* *ends: nothing may follow in the block, for all we know. */
static op_execute *lower(struct cpu *cpu, const struct instruction *instruction, struct op *op,
                         bool *ends)
{
    op_execute *execute;
    *ends = false;
    if (!announced(cpu, instruction))
        return execute_undefined;
    if (instruction->flags & INSTRUCTION_HOST_EXECUTED) {
        execute = lower_host_executed(cpu, instruction, op);
        if (execute)
            return execute;
    }
    execute = lower_integer(cpu, instruction, op);
    if (execute)
        return execute;
    execute = lower_host_executed(cpu, instruction, op);
    if (execute)
        return execute;
    *ends = true;
    execute = lower_system(cpu, instruction, op);
    return execute ? execute : execute_unknown;
}

static struct op *add_op(struct builder *builder, unsigned length)
{
    struct op *op = &builder->cache->ops[builder->count];
    *op = (struct op){ .offset = (uint16_t)builder->length, .length = (uint8_t)length };
    return op;
}

static bool never_falls_through(const struct instruction *instruction)
{
    switch (instruction->mnemonic) {
    case MNEMONIC_JCC:
    case MNEMONIC_JCXZ:
    case MNEMONIC_LOOP:
    case MNEMONIC_LOOPE:
    case MNEMONIC_LOOPNE:
        return false;
    case MNEMONIC_POPF:
        return true;
    default:
        return instruction->flags & INSTRUCTION_BRANCH;
    }
}

static void add_instruction(struct builder *builder)
{
    struct instruction *instruction = &builder->cache->instructions[builder->count];
    struct op *op = add_op(builder, instruction->length);
    bool ends;
    take_for_older(builder->cpu, instruction);
    op->instruction = instruction;
    op->execute = lower(builder->cpu, instruction, op, &ends);
    builder->ended = ends || never_falls_through(instruction);
    builder->length += instruction->length;
    if (op->execute != execute_nop || builder->step)
        builder->count++;
}

/* The op that raises what the bytes deserve. */
static void add_fault(struct builder *builder, op_execute *execute, unsigned length)
{
    add_op(builder, length)->execute = execute;
    builder->count++;
    builder->length += length ? length : 1;
    builder->ended = true;
}

static void add_decoded(struct builder *builder, enum decode_status status)
{
    unsigned length = builder->cache->instructions[builder->count].length;
    if (status == DECODE_OK)
        add_instruction(builder);
    else
        add_fault(builder, status == DECODE_INVALID ? execute_undefined : execute_too_long, length);
}

/* Behind the last instruction there is always an op, for those that go on where flow seemed to end
 * (not all instructions that may change the mode do). */
static void add_last_op(struct builder *builder)
{
    struct op *op = add_op(builder, 0);
    op->execute = builder->cpu->code_size == CODE_64 ? execute_next_block : execute_next_block_32;
    builder->count++;
}

static void *allocate(struct block_cache *cache, size_t size)
{
    void *memory = cache->arena + cache->used;
    cache->used += (size + 15) & ~(size_t)15;
    return memory;
}

/* The decoded instructions that ops still refer to move out of the scratch area. */
static void keep_instructions(struct block_cache *cache, struct block *block)
{
    for (unsigned i = 0; i < block->op_count; i++) {
        struct op *op = &block->ops[i];
        if (!op->instruction)
            continue;
        struct instruction *kept = allocate(cache, sizeof(*kept));
        *kept = *op->instruction;
        op->instruction = kept;
    }
}

#define BLOCK_MAX_SIZE                                                                             \
    (sizeof(struct block) + 64 + (BLOCK_OPS + 1) * sizeof(struct op) +                             \
     BLOCK_OPS * (sizeof(struct instruction) + 16))

static struct block *finish(struct builder *builder, const struct block *place)
{
    struct block_cache *cache = builder->cache;
    add_last_op(builder);
    struct block *block = allocate(cache, sizeof(*block) + builder->count * sizeof(struct op));
    *block = *place;
    block->length = (uint16_t)builder->length;
    block->op_count = (uint16_t)builder->count;
    copy_bytes(block->ops, cache->ops, builder->count * sizeof(struct op));
    keep_instructions(cache, block);
    return block;
}

static struct builder begin(struct cpu *cpu)
{
    if (cpu->blocks->used + BLOCK_MAX_SIZE > BLOCK_CACHE_SIZE) {
        block_cache_reset(cpu->blocks);
        cpu->block = NULL;
    }
    return (struct builder){ .cpu = cpu, .cache = cpu->blocks };
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

struct block *block_build(struct cpu *cpu, const uint8_t *bytes, gpa_t physical,
                          struct frame *frame, uint32_t mode)
{
    struct builder builder = begin(cpu);
    struct block place = { .physical = physical, .frame = frame, .mode = mode };
    unsigned most = mode & BLOCK_MODE_STEP ? 1 : BLOCK_OPS;
    unsigned start = physical & FRAME_MASK;
    builder.step = most == 1;

    while (!builder.ended && builder.count < most && start + builder.length < FRAME_SIZE) {
        unsigned position = start + builder.length;
        unsigned available = least(FRAME_SIZE - position, INSTRUCTION_MAX_LENGTH);
        code_watch_lines(cpu, frame, code_lines(position, available));
        if (builder.length == 0)
            place.version = atomic_load(&frame->version);
        enum decode_status status =
            instruction_decode(bytes + builder.length, available, cpu->code_size,
                               &cpu->blocks->instructions[builder.count]);
        if (status == DECODE_TRUNCATED)
            break;
        add_decoded(&builder, status);
    }
    return builder.length > 0 ? finish(&builder, &place) : NULL;
}

struct block *block_build_across(struct cpu *cpu, const uint8_t *bytes, struct block *place,
                                 const uint8_t *second)
{
    struct builder builder = begin(cpu);
    uint8_t joined[INSTRUCTION_MAX_LENGTH];
    unsigned first_part = FRAME_SIZE - (place->physical & FRAME_MASK);
    unsigned second_part = INSTRUCTION_MAX_LENGTH - first_part;

    code_watch_lines(cpu, place->frame, code_lines(place->physical & FRAME_MASK, first_part));
    code_watch_lines(cpu, place->second_frame, code_lines(0, second_part));
    place->version = atomic_load(&place->frame->version);
    place->second_version = atomic_load(&place->second_frame->version);
    copy_bytes(joined, bytes, first_part);
    copy_bytes(joined + first_part, second, second_part);
    enum decode_status status =
        instruction_decode(joined, sizeof(joined), cpu->code_size, &cpu->blocks->instructions[0]);
    if (status == DECODE_TRUNCATED)
        status = DECODE_TOO_LONG;
    add_decoded(&builder, status);
    return finish(&builder, place);
}
