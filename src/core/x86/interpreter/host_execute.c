// SPDX-License-Identifier: Apache-2.0
#include "core/x86/interpreter/host_execute.h"

#include "core/memory/copy.h"
#include "core/x86/interpreter/address.h"

bool host_execute_create(struct cpu *cpu, struct platform *platform)
{
    struct thunk_cache *cache = platform_allocate(platform, sizeof(*cache));
    if (!cache || platform_allocate_code(platform, THUNK_MEMORY, &cache->code) != 0)
        return false;
    cache->used = THUNK_PASSING_END;
    cache->host = vector_host_detect();
    cpu->thunks = cache;
    return true;
}

/* -- May it execute as it is? -- */

static inline bool ready_general(const struct cpu *cpu)
{
    (void)cpu;
    return true;
}

static inline bool ready_sse(const struct cpu *cpu)
{
    return !((cpu->state.cr0 & (CR0_EM | CR0_TS)) | (~cpu->state.cr4 & CR4_OSFXSR)) &&
           cpu->vector.ready & VECTOR_READY_SSE;
}

static inline bool ready_avx(const struct cpu *cpu)
{
    return !((cpu->state.cr0 & CR0_TS) | (~cpu->state.cr4 & CR4_OSXSAVE) |
             (~cpu->state.xcr0 & (XCR0_SSE | XCR0_AVX))) &&
           cpu->vector.ready & VECTOR_READY_SSE;
}

static inline bool ready_x87(const struct cpu *cpu)
{
    return !(cpu->state.cr0 & (CR0_EM | CR0_TS)) && cpu->vector.ready & VECTOR_READY_X87;
}

#define ready_mmx ready_x87

/* -- The quick way -- */

static inline void call_thunk(struct cpu *cpu, const struct op *op, void *memory)
{
    ((thunk_function *)(uintptr_t)op->immediate)(cpu, memory);
}

/* In ops of ours: the size of the memory operand, and what must not be set in its address. */
#define op_size(op)      ((op)->source)
#define op_alignment(op) ((op)->destination)

void host_memory_fault(struct cpu *cpu, const struct instruction *instruction)
{
    if (instruction->memory.segment == SEGMENT_SS && cpu->exception.non_canonical)
        cpu->exception.vector = EXCEPTION_SS;
}

static enum outcome execute_slow(struct cpu *cpu, const struct op *op)
{
    if (!host_execute_slow(cpu, op)) {
        host_memory_fault(cpu, op->instruction);
        return op_fault(cpu, op);
    }
    NEXT_OP(cpu, op);
}

static inline void note_nothing(struct cpu *cpu, const struct op *op)
{
    (void)cpu, (void)op;
}

/* Pointers of the last x87 instruction other than a control instruction (SDM volume 1, 8.1.8). */
static inline void note_x87(struct cpu *cpu, const struct op *op)
{
    const struct instruction *instruction = op->instruction;
    cpu->vector.fip = op_rip(cpu, op);
    cpu->vector.fop = (uint16_t)((instruction->opcode & 7) << 8 | instruction->modrm);
}

static inline void note_x87_memory(struct cpu *cpu, const struct op *op)
{
    note_x87(cpu, op);
    cpu->vector.fdp = address_offset(cpu, op);
}

#define DEFINE_REGISTER(class, note)                                                               \
    static enum outcome execute_##class##_register(struct cpu *cpu, const struct op *op)           \
    {                                                                                              \
        if (__builtin_expect(!ready_##class(cpu), 0))                                              \
            return execute_slow(cpu, op);                                                          \
        note(cpu, op);                                                                             \
        call_thunk(cpu, op, NULL);                                                                 \
        NEXT_OP(cpu, op);                                                                          \
    }

#define DEFINE_MEMORY(form, class, note, direction, tag, access)                                   \
    static enum outcome execute_##class##_##direction##_##form(struct cpu *cpu,                    \
                                                               const struct op *op)                \
    {                                                                                              \
        gva_t linear;                                                                              \
        if (__builtin_expect(!ready_##class(cpu), 0))                                              \
            return execute_slow(cpu, op);                                                          \
        if (!address_##form(cpu, op, op_size(op), access, &linear))                                \
            return op_memory_fault(cpu, op);                                                       \
        const struct tlb_entry *entry = tlb_lookup(cpu, linear);                                   \
        if (__builtin_expect(                                                                      \
                linear - entry->tag > FRAME_SIZE - op_size(op) || linear & op_alignment(op), 0))   \
            return execute_slow(cpu, op);                                                          \
        note(cpu, op);                                                                             \
        call_thunk(cpu, op, (void *)(linear + entry->addend));                                     \
        NEXT_OP(cpu, op);                                                                          \
    }

#define DEFINE_LOAD(form, class, note)  DEFINE_MEMORY(form, class, note, load, read, ACCESS_READ)
#define DEFINE_STORE(form, class, note) DEFINE_MEMORY(form, class, note, store, write, ACCESS_WRITE)

#define DEFINE_CLASS(class, note, note_memory)                                                     \
    DEFINE_REGISTER(class, note)                                                                   \
    FOR_EACH_ADDRESS_FORM(DEFINE_LOAD, class, note_memory)                                         \
    FOR_EACH_ADDRESS_FORM(DEFINE_STORE, class, note_memory)

DEFINE_CLASS(sse, note_nothing, note_nothing)
DEFINE_CLASS(avx, note_nothing, note_nothing)
DEFINE_CLASS(x87, note_x87, note_x87_memory)
DEFINE_CLASS(mmx, note_nothing, note_nothing)
DEFINE_REGISTER(general, note_nothing)
FOR_EACH_ADDRESS_FORM(DEFINE_LOAD, general, note_nothing)

#define LOAD_ROW(form, class)  execute_##class##_load_##form,
#define STORE_ROW(form, class) execute_##class##_store_##form,
#define CLASS_ROW(class)                                                                           \
    {                                                                                              \
        execute_##class##_register, { FOR_EACH_ADDRESS_FORM(LOAD_ROW, class) },                    \
        {                                                                                          \
            FOR_EACH_ADDRESS_FORM(STORE_ROW, class)                                                \
        }                                                                                          \
    }

static const struct {
    op_execute *on_registers, *load[ADDRESS_FORMS], *store[ADDRESS_FORMS];
} quick[HOST_CLASSES] = {
    [HOST_GENERAL] = { execute_general_register, { FOR_EACH_ADDRESS_FORM(LOAD_ROW, general) } },
    [HOST_SSE] = CLASS_ROW(sse),
    [HOST_AVX] = CLASS_ROW(avx),
    [HOST_X87] = CLASS_ROW(x87),
    [HOST_MMX] = CLASS_ROW(mmx),
};

/* -- Lowering -- */

static bool has_register(const struct instruction *instruction, enum register_class class)
{
    for (unsigned i = 0; i < instruction->operand_count; i++)
        if (instruction->operands[i].kind == OPERAND_REGISTER &&
            instruction->operands[i].register_class == class)
            return true;
    return false;
}

enum host_class host_class_of(const struct instruction *instruction)
{
    if (instruction->flags & INSTRUCTION_X87)
        return HOST_X87;
    switch (instruction->mnemonic) {
    case MNEMONIC_ADCX ... MNEMONIC_TZCNT:
        return HOST_GENERAL;
    case MNEMONIC_EMMS:
        return HOST_MMX;
    default:
        break;
    }
    if (instruction->prefixes & PREFIX_VEX)
        return HOST_AVX;
    if (!has_register(instruction, REGISTER_MMX))
        return HOST_SSE;
    return has_register(instruction, REGISTER_XMM) ? HOST_SSE_MMX : HOST_MMX;
}

const struct operand *host_memory_operand(const struct instruction *instruction)
{
    for (unsigned i = 0; i < instruction->operand_count; i++)
        if (instruction->operands[i].kind == OPERAND_MEMORY)
            return &instruction->operands[i];
    return NULL;
}

static enum outcome execute_undefined(struct cpu *cpu, const struct op *op)
{
    cpu_raise(cpu, EXCEPTION_UD);
    return op_fault(cpu, op);
}

static bool is_offered(const struct cpu *cpu, const struct instruction *instruction)
{
    return cpuid_has(cpu->cpuid, instruction->feature) &&
           (host_class_of(instruction) != HOST_AVX || cpuid_has(cpu->cpuid, FEATURE_AVX));
}

/* VEX needs protected mode, and outside 64-bit mode it is asked about each time. */
static bool is_quick(const struct instruction *instruction)
{
    return instruction->code_size == CODE_64 || !(instruction->prefixes & PREFIX_VEX);
}

static op_execute *lower_generic(struct cpu *cpu, const struct instruction *instruction,
                                 struct op *op)
{
    struct thunk_code code;
    thunk_encode(instruction, &code);
    op->immediate = (int64_t)(uintptr_t)thunk_find(cpu->thunks, &code);
    const struct operand *memory = host_memory_operand(instruction);
    enum address_form form = ADDRESS_ANY;
    if (memory) {
        form = lower_address(cpu, instruction, op);
        op_size(op) = (uint8_t)memory->size;
        op_alignment(op) =
            instruction->flags & INSTRUCTION_ALIGNED ? (uint8_t)(memory->size - 1) : 0;
    }
    enum host_class class = host_class_of(instruction);
    if (!op->immediate || !is_quick(instruction) || class == HOST_SSE_MMX)
        return execute_slow;
    if (!memory)
        return quick[class].on_registers;
    return memory->access & ACCESS_WRITE ? quick[class].store[form] : quick[class].load[form];
}

static op_execute *lower_own(const struct instruction *instruction)
{
    static op_execute *(*const lower[])(const struct instruction *) = {
        lower_x87_control, lower_x87_environment, lower_xsave, lower_masked, lower_vector_zero
    };
    op_execute *execute = NULL;
    for (unsigned i = 0; i < sizeof(lower) / sizeof(lower[0]) && !execute; i++)
        execute = lower[i](instruction);
    return execute;
}

op_execute *lower_host_executed(struct cpu *cpu, const struct instruction *instruction,
                                struct op *op)
{
    op_execute *own = lower_own(instruction);
    if (!own && !(instruction->flags & INSTRUCTION_HOST_EXECUTED))
        return NULL;
    if (!is_offered(cpu, instruction))
        return execute_undefined;
    return own ? own : lower_generic(cpu, instruction, op);
}

/* -- The slow way -- */

/* VEX in real-address and virtual-8086 mode (SDM volume 2, 2.3.1). */
static bool vex_permitted(struct cpu *cpu, const struct instruction *instruction)
{
    if (instruction->prefixes & PREFIX_VEX &&
        (!(cpu->state.cr0 & CR0_PE) || cpu->state.rflags & RFLAGS_VM))
        return cpu_raise(cpu, EXCEPTION_UD);
    return true;
}

/* With CR0.NE = 0 a PC would raise IRQ 13; no system that we run does that any more. */
static bool x87_may_go_on(struct cpu *cpu)
{
    return cpu->vector.ready & VECTOR_READY_X87 || !(vector_fsw(cpu) & FSW_SUMMARY) ||
           cpu_raise(cpu, EXCEPTION_MF);
}

bool host_prepare(struct cpu *cpu, const struct instruction *instruction)
{
    enum host_class class = host_class_of(instruction);
    if (!vex_permitted(cpu, instruction))
        return false;
    if (class == HOST_GENERAL)
        return true;
    if (!cpu_vector_permitted(cpu, instruction))
        return false;
    vector_load(cpu);
    return class == HOST_SSE || class == HOST_AVX || x87_may_go_on(cpu);
}

bool host_prepare_no_wait(struct cpu *cpu, const struct instruction *instruction)
{
    if (!vex_permitted(cpu, instruction) || !cpu_vector_permitted(cpu, instruction))
        return false;
    vector_load(cpu);
    return true;
}

static thunk_function *thunk_of(struct cpu *cpu, const struct op *op)
{
    if (op->immediate)
        return (thunk_function *)(uintptr_t)op->immediate;
    struct thunk_code code;
    thunk_encode(op->instruction, &code);
    return thunk_passing(cpu->thunks, &code);
}

static bool call_slow(struct cpu *cpu, const struct op *op, void *memory)
{
    thunk_function *thunk = thunk_of(cpu, op);
    enum host_class class = host_class_of(op->instruction);
    if (class == HOST_X87)
        note_x87(cpu, op);
    if (class == HOST_X87 && !(cpu->vector.ready & VECTOR_READY_X87)) {
        host_call_unmasked_x87(cpu, thunk, memory);
        return true;
    }
    if (class != HOST_GENERAL && class != HOST_X87 && !(cpu->vector.ready & VECTOR_READY_SSE))
        return host_call_unmasked_sse(cpu, thunk, memory);
    thunk(cpu, memory);
    return true;
}

/* With exceptions unmasked an x87 store may store nothing. Two executions over different bytes
 * tell. */
static bool call_and_look(struct cpu *cpu, const struct op *op, uint8_t *operand, unsigned size,
                          const struct vector_backup *backup)
{
    static const uint8_t fillings[] = { 0x00, 0xff };
    for (unsigned i = 0; i < 2; i++) {
        if (i > 0)
            vector_restore(cpu, backup);
        fill_bytes(operand, fillings[i], size);
        call_slow(cpu, op, operand);
        for (unsigned j = 0; j < size; j++)
            if (operand[j] != fillings[i])
                return true;
    }
    return false;
}

/* The operand may turn out not to be writable, or be a device that is asked by an exit: then the
 * instruction has not happened. */
static bool store_slow(struct cpu *cpu, const struct op *op, gva_t linear, unsigned size)
{
    struct vector_backup backup;
    alignas(64) uint8_t operand[64];
    bool stored = true;
    vector_backup(cpu, &backup);
    if (host_class_of(op->instruction) == HOST_X87 && !(cpu->vector.ready & VECTOR_READY_X87))
        stored = call_and_look(cpu, op, operand, size, &backup);
    else if (!call_slow(cpu, op, operand))
        return false;
    if (!stored)
        return true;
    if (cpu_write_slow(cpu, linear, operand, size))
        return true;
    vector_restore(cpu, &backup);
    return false;
}

static bool load_slow(struct cpu *cpu, const struct op *op, gva_t linear, unsigned size)
{
    alignas(64) uint8_t operand[64];
    return cpu_read_slow(cpu, linear, operand, size) && call_slow(cpu, op, operand);
}

OUT_OF_LINE bool host_execute_slow(struct cpu *cpu, const struct op *op)
{
    const struct instruction *instruction = op->instruction;
    const struct operand *memory = host_memory_operand(instruction);
    if (!host_prepare(cpu, instruction))
        return false;
    if (!memory)
        return call_slow(cpu, op, NULL);
    gva_t linear;
    if (!operand_linear(cpu, op, memory->size, memory->access, &linear))
        return false;
    if (instruction->flags & INSTRUCTION_ALIGNED && linear & (memory->size - 1u))
        return cpu_raise_error(cpu, EXCEPTION_GP, 0);
    bool done = memory->access & ACCESS_WRITE ? store_slow(cpu, op, linear, memory->size)
                                              : load_slow(cpu, op, linear, memory->size);
    if (done && host_class_of(instruction) == HOST_X87)
        cpu->vector.fdp = operand_offset(cpu, op);
    return done;
}
