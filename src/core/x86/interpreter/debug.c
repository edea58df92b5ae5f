// SPDX-License-Identifier: Apache-2.0
/* Single step, breakpoints and alignment checks (SDM volume 3, chapter 18). */
#include "core/x86/interpreter/descriptor.h"
#include "core/x86/interpreter/exit.h"

#define DR7_ENABLED UINT64_C(0xff)

enum breakpoint_type { BREAK_EXECUTE, BREAK_WRITE, BREAK_IO, BREAK_ACCESS };

static bool breakpoint_enabled(const struct cpu_state *state, unsigned index)
{
    return state->dr[7] >> 2 * index & 3;
}

static enum breakpoint_type breakpoint_type(const struct cpu_state *state, unsigned index)
{
    return state->dr[7] >> (16 + 4 * index) & 3;
}

/* LEN: 1, 2, 8, 4 bytes, aligned so (18.2.5). */
static unsigned breakpoint_length(const struct cpu_state *state, unsigned index)
{
    static const uint8_t lengths[] = { 1, 2, 8, 4 };
    return lengths[state->dr[7] >> (18 + 4 * index) & 3];
}

bool debug_wanted(const struct cpu *cpu)
{
    const struct cpu_state *state = &cpu->state;
    return state->rflags & (RFLAGS_TF | RFLAGS_RF) || state->interrupt_shadow ||
           state->dr[7] & DR7_ENABLED || cpu->debug_trap;
}

static bool raise_debug(struct cpu *cpu, uint64_t bits)
{
    cpu_raise(cpu, EXCEPTION_DB);
    cpu->exception.address = bits;
    return false;
}

bool debug_before_instruction(struct cpu *cpu)
{
    struct cpu_state *state = &cpu->state;
    uint64_t hits = 0, pending = cpu->debug_trap;
    if (pending && !state->interrupt_shadow) { /* of a task switch: before the task's first one */
        cpu->debug_trap = 0;
        return raise_debug(cpu, pending);
    }
    bool resume = state->rflags & RFLAGS_RF;
    gva_t linear =
        cpu->long_mode ? state->rip : (uint32_t)(state->segments[SEGMENT_CS].base + state->rip);
    for (unsigned i = 0; i < 4; i++)
        if (breakpoint_enabled(state, i) && breakpoint_type(state, i) == BREAK_EXECUTE &&
            state->dr[i] == linear)
            hits |= UINT64_C(1) << i;
    if (hits && !resume)
        return raise_debug(cpu, hits);
    /* RF holds for one instruction; a fault in it sets the saved RF by itself. */
    state->rflags &= ~RFLAGS_RF;
    return true;
}

bool debug_after_instruction(struct cpu *cpu, bool stepping, bool shadow)
{
    if (shadow)
        cpu->state.interrupt_shadow = false;
    else if (cpu->state.interrupt_shadow)
        return true; /* traps wait until after the next instruction (6.8.3) */
    uint64_t bits = cpu->debug_trap | (stepping ? DR6_BS : 0);
    cpu->debug_trap = 0;
    return !bits || raise_debug(cpu, bits);
}

static bool overlaps(gva_t left, unsigned left_size, gva_t right, unsigned right_size)
{
    return left - right < right_size || right - left < left_size;
}

static void note_access(struct cpu *cpu, gva_t linear, unsigned size, bool write)
{
    const struct cpu_state *state = &cpu->state;
    for (unsigned i = 0; i < 4; i++) {
        unsigned length = breakpoint_length(state, i);
        enum breakpoint_type type = breakpoint_type(state, i);
        bool wanted = type == BREAK_ACCESS || (type == BREAK_WRITE && write);
        if (breakpoint_enabled(state, i) && wanted &&
            overlaps(state->dr[i] & ~(uint64_t)(length - 1), length, linear, size))
            cpu->debug_trap |= UINT64_C(1) << i;
    }
}

/* SDM volume 3, table 6-7. Vectors of 16 bytes and more are aligned by rules of their own. */
static unsigned alignment_of(unsigned size)
{
    switch (size) {
    case 10: /* double extended precision */
        return 8;
    case 14: /* FSTENV, FSAVE by operand size */
    case 94:
        return 2;
    case 28:
    case 108:
        return 4;
    default:
        return size < 16 && !(size & (size - 1)) ? size : 1;
    }
}

bool debug_check_access(struct cpu *cpu, gva_t linear, unsigned size, bool write)
{
    bool aligned = (linear & (alignment_of(size) - 1)) == 0;
    bool checked =
        cpu->privilege_level == 3 && cpu->state.cr0 & CR0_AM && cpu->state.rflags & RFLAGS_AC;
    if (checked && !aligned)
        return cpu_raise_error(cpu, EXCEPTION_AC, 0);
    if (cpu->state.dr[7] & DR7_ENABLED)
        note_access(cpu, linear, size, write);
    return true;
}

void debug_note_port(struct cpu *cpu, uint16_t port, unsigned size)
{
    const struct cpu_state *state = &cpu->state;
    if (!(state->cr4 & CR4_DE))
        return;
    for (unsigned i = 0; i < 4; i++) {
        unsigned length = breakpoint_length(state, i);
        if (breakpoint_enabled(state, i) && breakpoint_type(state, i) == BREAK_IO &&
            overlaps(state->dr[i] & ~(uint64_t)(length - 1), length, port, size))
            cpu->debug_trap |= UINT64_C(1) << i;
    }
}
