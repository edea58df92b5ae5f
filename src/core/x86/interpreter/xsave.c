// SPDX-License-Identifier: Apache-2.0
/*
 * FXSAVE, XSAVE and their relatives, MXCSR. state.xsave is brought up to date, what the instruction
 * asks for is copied, and loaded registers are loaded anew (SDM volume 1, 10.5, 13.7 to 13.11).
 */
#include "core/memory/copy.h"
#include "core/x86/interpreter/host_execute.h"
#include "core/x86/interpreter/memory_page.h"

#define XSAVE_ALIGNMENT    64
#define FXSAVE_ALIGNMENT   16
#define XSAVE_COMPACTED    (UINT64_C(1) << 63)
#define XSAVE_REGISTERS_32 8 /* registers outside 64-bit mode, of 16 bytes each */

static unsigned vector_bytes(const struct cpu *cpu)
{
    return cpu->code_size == CODE_64 ? 256 : XSAVE_REGISTERS_32 * 16;
}

/* Without REX.W the upper halves of the pointers are the selectors, which we have not. */
static void narrow_pointers(const struct instruction *instruction, uint8_t *area)
{
    if (instruction->rex_w && instruction->code_size == CODE_64)
        return;
    fill_bytes(area + XSAVE_FIP + 4, 0, 4);
    fill_bytes(area + XSAVE_FDP + 4, 0, 4);
}

static bool area_linear(struct cpu *cpu, const struct op *op, unsigned size, unsigned alignment,
                        unsigned access, gva_t *linear)
{
    return operand_linear(cpu, op, size, access, linear) &&
           (linear_is_canonical(cpu, *linear) || raise_non_canonical(cpu, *linear)) &&
           (!(*linear & (alignment - 1)) || cpu_raise_error(cpu, EXCEPTION_GP, 0));
}

static bool mxcsr_valid(struct cpu *cpu, uint32_t mxcsr)
{
    return !(mxcsr & ~MXCSR_WRITABLE) || cpu_raise_error(cpu, EXCEPTION_GP, 0);
}

/* -- FXSAVE, FXRSTOR -- */

static OUT_OF_LINE bool fxsave(struct cpu *cpu, const struct op *op)
{
    gva_t linear;
    uint8_t area[XSAVE_LEGACY_SIZE];
    unsigned size = XSAVE_XMM + vector_bytes(cpu);
    if (!host_prepare_no_wait(cpu, op->instruction) ||
        !area_linear(cpu, op, XSAVE_LEGACY_SIZE, FXSAVE_ALIGNMENT, ACCESS_WRITE, &linear))
        return false;
    vector_store(cpu);
    copy_bytes(area, cpu->state.xsave, size);
    narrow_pointers(op->instruction, area);
    return cpu_write_slow(cpu, linear, area, size);
}

static OUT_OF_LINE bool fxrstor(struct cpu *cpu, const struct op *op)
{
    gva_t linear;
    alignas(8) uint8_t area[XSAVE_LEGACY_SIZE];
    if (!host_prepare_no_wait(cpu, op->instruction) ||
        !area_linear(cpu, op, XSAVE_LEGACY_SIZE, FXSAVE_ALIGNMENT, ACCESS_READ, &linear) ||
        !cpu_read_slow(cpu, linear, area, XSAVE_LEGACY_SIZE) ||
        !mxcsr_valid(cpu, *(const uint32_t *)(const void *)(area + XSAVE_MXCSR)))
        return false;
    narrow_pointers(op->instruction, area);
    vector_store(cpu);
    copy_bytes(cpu->state.xsave, area, XSAVE_XMM + vector_bytes(cpu));
    *xsave_64(cpu, XSAVE_XSTATE_BV) |= XCR0_X87 | XCR0_SSE;
    vector_reload(cpu);
    return true;
}

/* -- XSAVE, XSAVEOPT, XSAVEC -- */

/* The requested-feature bitmap (SDM volume 1, 13.3). */
static uint64_t requested(const struct cpu *cpu)
{
    return cpu->state.xcr0 & (cpu->state.general[RDX] << 32 | (uint32_t)cpu->state.general[RAX]);
}

static unsigned area_size(uint64_t components)
{
    return components & XCR0_AVX ? XSAVE_SIZE : XSAVE_YMM_HIGH;
}

static bool write_part(struct cpu *cpu, gva_t linear, const uint8_t *area, unsigned offset,
                       unsigned size)
{
    return cpu_write_slow(cpu, linear + offset, area + offset, size);
}

/* `components` of the area go to memory; `mxcsr`: and MXCSR. */
static bool write_components(struct cpu *cpu, const struct op *op, gva_t linear,
                             uint64_t components, bool mxcsr)
{
    alignas(8) uint8_t area[XSAVE_SIZE];
    copy_bytes(area, cpu->state.xsave, XSAVE_SIZE);
    narrow_pointers(op->instruction, area);
    if (components & XCR0_X87 && (!write_part(cpu, linear, area, 0, XSAVE_MXCSR) ||
                                  !write_part(cpu, linear, area, XSAVE_ST, XSAVE_XMM - XSAVE_ST)))
        return false;
    if (mxcsr && !write_part(cpu, linear, area, XSAVE_MXCSR, XSAVE_ST - XSAVE_MXCSR))
        return false;
    if (components & XCR0_SSE && !write_part(cpu, linear, area, XSAVE_XMM, vector_bytes(cpu)))
        return false;
    return !(components & XCR0_AVX) ||
           write_part(cpu, linear, area, XSAVE_YMM_HIGH, vector_bytes(cpu));
}

static bool xsave_prepare(struct cpu *cpu, const struct op *op, uint64_t components, gva_t *linear)
{
    unsigned size = area_size(components);
    if (!host_prepare_no_wait(cpu, op->instruction) ||
        !area_linear(cpu, op, size, XSAVE_ALIGNMENT, ACCESS_WRITE, linear) ||
        !cpu_check_write(cpu, *linear, size))
        return false;
    vector_store(cpu);
    return true;
}

/* XSAVE writes components in their initial state too, XSAVEOPT does not. */
static OUT_OF_LINE bool xsave(struct cpu *cpu, const struct op *op, bool optimized)
{
    gva_t linear;
    uint64_t mask = requested(cpu), present;
    if (!xsave_prepare(cpu, op, mask, &linear) ||
        !cpu_read_slow(cpu, linear + XSAVE_XSTATE_BV, &present, sizeof(present)))
        return false;
    uint64_t in_use = *xsave_64(cpu, XSAVE_XSTATE_BV) & mask;
    present = (present & ~mask) | in_use;
    return write_components(cpu, op, linear, optimized ? in_use : mask,
                            mask & (XCR0_SSE | XCR0_AVX)) &&
           cpu_write_slow(cpu, linear + XSAVE_XSTATE_BV, &present, sizeof(present));
}

/* AVX state is the only one beyond the legacy region, so it lies where the standard form has it. */
static OUT_OF_LINE bool xsavec(struct cpu *cpu, const struct op *op)
{
    gva_t linear;
    uint64_t mask = requested(cpu);
    if (!xsave_prepare(cpu, op, mask, &linear))
        return false;
    uint64_t in_use = *xsave_64(cpu, XSAVE_XSTATE_BV) & mask;
    uint64_t header[2] = { in_use, mask | XSAVE_COMPACTED };
    return write_components(cpu, op, linear, in_use, in_use & XCR0_SSE) &&
           cpu_write_slow(cpu, linear + XSAVE_XSTATE_BV, header, sizeof(header));
}

/* -- XRSTOR -- */

struct restore {
    alignas(64) uint8_t area[XSAVE_SIZE];
    uint64_t mask;   /* what to load or to initialize */
    uint64_t loaded; /* what to load */
    bool mxcsr_loaded;
};

static bool all_zero(const uint8_t *bytes, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (bytes[i])
            return false;
    return true;
}

static bool header_valid(const struct cpu *cpu, const uint8_t *area)
{
    uint64_t present = *(const uint64_t *)(const void *)(area + XSAVE_XSTATE_BV);
    uint64_t form = *(const uint64_t *)(const void *)(area + XSAVE_XCOMP_BV);
    if (!(form & XSAVE_COMPACTED) || !cpuid_has(cpu->cpuid, FEATURE_XSAVEC))
        return !(present & ~cpu->state.xcr0) && all_zero(area + XSAVE_XCOMP_BV, 16);
    form &= ~XSAVE_COMPACTED;
    return !(form & ~cpu->state.xcr0) && !(present & ~form) &&
           all_zero(area + XSAVE_XCOMP_BV + 8, 48);
}

static bool xrstor_read(struct cpu *cpu, gva_t linear, struct restore *restore)
{
    uint8_t *area = restore->area;
    if (!cpu_read_slow(cpu, linear, area, XSAVE_YMM_HIGH))
        return false;
    if (!header_valid(cpu, area))
        return cpu_raise_error(cpu, EXCEPTION_GP, 0);
    bool compacted = area[XSAVE_XCOMP_BV + 7] >> 7;
    restore->loaded = *(const uint64_t *)(const void *)(area + XSAVE_XSTATE_BV) & restore->mask;
    restore->mxcsr_loaded =
        compacted ? restore->loaded & XCR0_SSE : restore->mask & (XCR0_SSE | XCR0_AVX);
    if (restore->loaded & XCR0_AVX &&
        !cpu_read_slow(cpu, linear + XSAVE_YMM_HIGH, area + XSAVE_YMM_HIGH, XSAVE_YMM_HIGH_SIZE))
        return false;
    return !restore->mxcsr_loaded ||
           mxcsr_valid(cpu, *(const uint32_t *)(const void *)(area + XSAVE_MXCSR));
}

/* From the area read, or zeros for the initial state. */
static void take_part(struct cpu *cpu, const struct restore *restore, uint64_t component,
                      unsigned offset, unsigned size)
{
    if (!(restore->mask & component))
        return;
    if (restore->loaded & component)
        copy_bytes(cpu->state.xsave + offset, restore->area + offset, size);
    else
        fill_bytes(cpu->state.xsave + offset, 0, size);
}

static void take_mxcsr(struct cpu *cpu, const struct restore *restore)
{
    if (restore->mxcsr_loaded)
        copy_bytes(cpu->state.xsave + XSAVE_MXCSR, restore->area + XSAVE_MXCSR, 4);
    else if (restore->mask & XCR0_SSE)
        *xsave_32(cpu, XSAVE_MXCSR) = MXCSR_INITIAL;
}

static OUT_OF_LINE bool xrstor(struct cpu *cpu, const struct op *op)
{
    gva_t linear;
    struct restore restore = { .mask = requested(cpu) };
    if (!host_prepare_no_wait(cpu, op->instruction) ||
        !area_linear(cpu, op, area_size(restore.mask), XSAVE_ALIGNMENT, ACCESS_READ, &linear) ||
        !xrstor_read(cpu, linear, &restore))
        return false;
    narrow_pointers(op->instruction, restore.area);
    vector_store(cpu);
    take_part(cpu, &restore, XCR0_X87, 0, XSAVE_MXCSR);
    take_part(cpu, &restore, XCR0_X87, XSAVE_ST, XSAVE_XMM - XSAVE_ST);
    take_part(cpu, &restore, XCR0_SSE, XSAVE_XMM, vector_bytes(cpu));
    take_part(cpu, &restore, XCR0_AVX, XSAVE_YMM_HIGH, vector_bytes(cpu));
    take_mxcsr(cpu, &restore);
    /* Outside 64-bit mode the upper registers stay, so vectors are not initial by being asked. */
    uint64_t initial = restore.mask & ~restore.loaded;
    if (cpu->code_size != CODE_64)
        initial &= XCR0_X87;
    *xsave_64(cpu, XSAVE_XSTATE_BV) = (*xsave_64(cpu, XSAVE_XSTATE_BV) & ~initial) | restore.loaded;
    vector_reload(cpu);
    return true;
}

/* -- MXCSR -- */

static OUT_OF_LINE bool ldmxcsr(struct cpu *cpu, const struct op *op)
{
    uint64_t mxcsr;
    if (!host_prepare_no_wait(cpu, op->instruction) || !operand_read(cpu, op, 0, &mxcsr) ||
        !mxcsr_valid(cpu, (uint32_t)mxcsr))
        return false;
    vector_set_mxcsr(cpu, (uint32_t)mxcsr);
    return true;
}

static OUT_OF_LINE bool stmxcsr(struct cpu *cpu, const struct op *op)
{
    return host_prepare_no_wait(cpu, op->instruction) &&
           operand_write(cpu, op, 0, vector_mxcsr(cpu));
}

/* -- Ops -- */

#define DEFINE_EXECUTE(name, call)                                                                 \
    static enum outcome execute_##name(struct cpu *cpu, const struct op *op)                       \
    {                                                                                              \
        if (!call) {                                                                               \
            host_memory_fault(cpu, op->instruction);                                               \
            return op_fault(cpu, op);                                                              \
        }                                                                                          \
        NEXT_OP(cpu, op);                                                                          \
    }

DEFINE_EXECUTE(fxsave, fxsave(cpu, op))
DEFINE_EXECUTE(fxrstor, fxrstor(cpu, op))
DEFINE_EXECUTE(xsave, xsave(cpu, op, false))
DEFINE_EXECUTE(xsaveopt, xsave(cpu, op, true))
DEFINE_EXECUTE(xsavec, xsavec(cpu, op))
DEFINE_EXECUTE(xrstor, xrstor(cpu, op))
DEFINE_EXECUTE(ldmxcsr, ldmxcsr(cpu, op))
DEFINE_EXECUTE(stmxcsr, stmxcsr(cpu, op))

/* XSAVES and XRSTORS are not here: no CPU model has them (cpuid_features.c). */
op_execute *lower_xsave(const struct instruction *instruction)
{
    switch (instruction->mnemonic) {
    case MNEMONIC_FXSAVE:
        return execute_fxsave;
    case MNEMONIC_FXRSTOR:
        return execute_fxrstor;
    case MNEMONIC_XSAVE:
        return execute_xsave;
    case MNEMONIC_XSAVEOPT:
        return execute_xsaveopt;
    case MNEMONIC_XSAVEC:
        return execute_xsavec;
    case MNEMONIC_XRSTOR:
        return execute_xrstor;
    case MNEMONIC_LDMXCSR:
        return execute_ldmxcsr;
    case MNEMONIC_STMXCSR:
        return execute_stmxcsr;
    default:
        return NULL;
    }
}
