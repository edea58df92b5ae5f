// SPDX-License-Identifier: Apache-2.0
#include "core/x86/interpreter/vector_registers.h"

#include "core/memory/copy.h"
#include "core/x86/interpreter/thunk.h"

enum vector_host vector_host_detect(void)
{
    uint32_t eax = 1, ebx, ecx, edx, low, high;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
    if (!(ecx >> 27 & 1)) /* OSXSAVE */
        return VECTOR_HOST_FXSAVE;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low & XCR0_AVX ? VECTOR_HOST_AVX : VECTOR_HOST_XSAVE;
}

static void save_area(const struct cpu *cpu, uint8_t *area)
{
    if (cpu->thunks->host == VECTOR_HOST_FXSAVE) {
        __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
        *(uint64_t *)(void *)&area[XSAVE_XSTATE_BV] = XCR0_X87 | XCR0_SSE;
        return;
    }
    __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(7), "d"(0) : "memory");
}

static void load_area(const struct cpu *cpu, const uint8_t *area)
{
    if (cpu->thunks->host == VECTOR_HOST_FXSAVE)
        __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
    else
        __asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(7), "d"(0) : "memory");
}

static void update_ready(struct cpu *cpu)
{
    bool x87 = (cpu->vector.fcw & FCW_MASKS) == FCW_MASKS;
    bool sse = cpu->vector.mxcsr_masks == MXCSR_MASKS;
    cpu->vector.ready =
        cpu->vector_loaded ? (x87 ? VECTOR_READY_X87 : 0) | (sse ? VECTOR_READY_SSE : 0) : 0;
}

/* Components in their initial state stand for it whatever their bytes are (SDM volume 1, 13.6). */
static void write_initial_components(struct cpu *cpu)
{
    uint64_t present = *xsave_64(cpu, XSAVE_XSTATE_BV);
    if (!(present & XCR0_X87)) {
        fill_bytes(cpu->state.xsave, 0, XSAVE_MXCSR);
        fill_bytes(cpu->state.xsave + XSAVE_ST, 0, XSAVE_XMM - XSAVE_ST);
        *xsave_16(cpu, XSAVE_FCW) = FCW_INITIAL;
    }
    if (!(present & XCR0_SSE))
        fill_bytes(cpu->state.xsave + XSAVE_XMM, 0, 256);
    if (!(present & XCR0_AVX))
        fill_bytes(cpu->state.xsave + XSAVE_YMM_HIGH, 0, XSAVE_YMM_HIGH_SIZE);
}

/* The header is ours to vouch for: a bad one would fault on the host. */
static void load_registers(struct cpu *cpu)
{
    struct vector_control *control = &cpu->vector;
    *xsave_64(cpu, XSAVE_XSTATE_BV) &= XCR0_X87 | XCR0_SSE | XCR0_AVX;
    if (cpu->thunks->host != VECTOR_HOST_AVX)
        *xsave_64(cpu, XSAVE_XSTATE_BV) &= XCR0_X87 | XCR0_SSE;
    fill_bytes(cpu->state.xsave + XSAVE_XCOMP_BV, 0, 56);
    write_initial_components(cpu);
    control->fcw = (*xsave_16(cpu, XSAVE_FCW) & FCW_WRITABLE) | FCW_FIXED;
    control->fop = *xsave_16(cpu, XSAVE_FOP) & 0x7ff;
    control->fip = *xsave_64(cpu, XSAVE_FIP);
    control->fdp = *xsave_64(cpu, XSAVE_FDP);
    control->mxcsr_masks = *xsave_32(cpu, XSAVE_MXCSR) & MXCSR_MASKS;
    *xsave_16(cpu, XSAVE_FCW) = control->fcw | FCW_MASKS;
    *xsave_16(cpu, XSAVE_FSW) &= (uint16_t)~FSW_SUMMARY;
    *xsave_32(cpu, XSAVE_MXCSR) = (*xsave_32(cpu, XSAVE_MXCSR) & MXCSR_WRITABLE) | MXCSR_MASKS;
    load_area(cpu, cpu->state.xsave);
    cpu->vector_loaded = true;
    update_ready(cpu);
}

void vector_load(struct cpu *cpu)
{
    if (cpu->vector_loaded)
        return;
    cpu->vector.host_fcw = host_fcw();
    cpu->vector.host_mxcsr = host_mxcsr();
    load_registers(cpu);
}

static uint16_t with_summary(const struct cpu *cpu, uint16_t fsw)
{
    bool unmasked = fsw & ~cpu->vector.fcw & FSW_EXCEPTIONS;
    return (uint16_t)((fsw & ~FSW_SUMMARY) | (unmasked ? FSW_SUMMARY : 0));
}

/* Is the x87 state the initial one, as the guest sees it? The host's registers say it of theirs. */
static bool x87_initial(const struct vector_control *control)
{
    return control->fcw == FCW_INITIAL && !control->fip && !control->fdp && !control->fop;
}

void vector_store(struct cpu *cpu)
{
    const struct vector_control *control = &cpu->vector;
    if (!cpu->vector_loaded) {
        write_initial_components(cpu);
        return;
    }
    fill_bytes(cpu->state.xsave + XSAVE_HEADER, 0, 64);
    save_area(cpu, cpu->state.xsave);
    if (!x87_initial(control))
        *xsave_64(cpu, XSAVE_XSTATE_BV) |= XCR0_X87;
    if (vector_mxcsr(cpu) != MXCSR_INITIAL)
        *xsave_64(cpu, XSAVE_XSTATE_BV) |= XCR0_SSE;
    *xsave_16(cpu, XSAVE_FCW) = control->fcw;
    *xsave_16(cpu, XSAVE_FSW) = with_summary(cpu, *xsave_16(cpu, XSAVE_FSW));
    *xsave_16(cpu, XSAVE_FOP) = control->fop;
    *xsave_64(cpu, XSAVE_FIP) = control->fip;
    *xsave_64(cpu, XSAVE_FDP) = control->fdp;
    *xsave_32(cpu, XSAVE_MXCSR) =
        (*xsave_32(cpu, XSAVE_MXCSR) & ~MXCSR_MASKS) | control->mxcsr_masks;
    *xsave_32(cpu, XSAVE_MXCSR_MASK) = MXCSR_WRITABLE;
}

void vector_reload(struct cpu *cpu)
{
    if (cpu->vector_loaded)
        load_registers(cpu);
    else
        vector_load(cpu);
}

/* What the calling convention asks for: x87 registers empty, the control words as they were. */
void cpu_vector_unload(struct cpu *cpu)
{
    if (!cpu->vector_loaded)
        return;
    vector_store(cpu);
    cpu->vector_loaded = false;
    update_ready(cpu);
    __asm__ volatile("fninit");
    set_host_fcw(cpu->vector.host_fcw);
    set_host_mxcsr(cpu->vector.host_mxcsr);
    if (cpu->thunks->host == VECTOR_HOST_AVX)
        __asm__ volatile("vzeroupper");
}

void vector_backup(struct cpu *cpu, struct vector_backup *backup)
{
    fill_bytes(backup->area + XSAVE_HEADER, 0, 64);
    save_area(cpu, backup->area);
    copy_bytes(backup->general, cpu->state.general, sizeof(backup->general));
    backup->control = cpu->vector;
    backup->flags = cpu->flags;
}

void vector_restore(struct cpu *cpu, const struct vector_backup *backup)
{
    load_area(cpu, backup->area);
    copy_bytes(cpu->state.general, backup->general, sizeof(backup->general));
    cpu->vector = backup->control;
    cpu->flags = backup->flags;
}

void vector_set_fcw(struct cpu *cpu, uint16_t fcw)
{
    cpu->vector.fcw = (fcw & FCW_WRITABLE) | FCW_FIXED;
    set_host_fcw(cpu->vector.fcw | FCW_MASKS);
    update_ready(cpu);
}

void vector_initialize_x87(struct cpu *cpu)
{
    __asm__ volatile("fninit");
    cpu->vector.fip = cpu->vector.fdp = cpu->vector.fop = 0;
    vector_set_fcw(cpu, FCW_INITIAL);
}

uint16_t vector_fsw(const struct cpu *cpu)
{
    return with_summary(cpu, host_fsw());
}

uint32_t vector_mxcsr(const struct cpu *cpu)
{
    return (host_mxcsr() & ~MXCSR_MASKS) | cpu->vector.mxcsr_masks;
}

void vector_set_mxcsr(struct cpu *cpu, uint32_t mxcsr)
{
    cpu->vector.mxcsr_masks = mxcsr & MXCSR_MASKS;
    set_host_mxcsr(mxcsr | MXCSR_MASKS);
    update_ready(cpu);
}
