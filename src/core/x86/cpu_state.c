// SPDX-License-Identifier: Apache-2.0
/* What a processor holds after power-up, reset, INIT and a startup IPI (SDM volume 3, 10.1). */
#include "core/x86/cpu_state.h"

#include "core/memory/copy.h"

#define RESET_DATA_ATTRIBUTES 0x93 /* present, writable, accessed */
#define RESET_CODE_ATTRIBUTES 0x9b
#define RESET_LDT_ATTRIBUTES  0x82
#define RESET_TSS_ATTRIBUTES  0x8b /* busy */
#define RESET_PAT             UINT64_C(0x0007040600070406)

/* Offsets in the XSAVE area and what FNINIT and reset leave there (volume 1, 13.4.1; table 10-1).
 */
#define XSAVE_FCW   0
#define XSAVE_FTW   4 /* abridged: bit set, register in use */
#define XSAVE_MXCSR 24
#define RESET_FCW   0x40
#define RESET_MXCSR 0x1f80
#define MISC_ENABLE UINT64_C(1) /* fast strings */

static void reset_segments(struct cpu_state *state)
{
    for (unsigned i = 0; i < 6; i++)
        state->segments[i] =
            (struct segment){ .limit = 0xffff, .attributes = RESET_DATA_ATTRIBUTES };
    state->segments[SEGMENT_CS] = (struct segment){
        .selector = 0xf000, .base = 0xffff0000, .limit = 0xffff, .attributes = RESET_CODE_ATTRIBUTES
    };
    state->ldtr = (struct segment){ .limit = 0xffff, .attributes = RESET_LDT_ATTRIBUTES };
    state->tr = (struct segment){ .limit = 0xffff, .attributes = RESET_TSS_ATTRIBUTES };
    state->gdtr = state->idtr = (struct descriptor_table){ .limit = 0xffff };
}

/* What reset and INIT have in common. */
static void reset_common(struct cpu_state *state, uint32_t family_model_stepping)
{
    for (unsigned i = 0; i < 16; i++)
        state->general[i] = 0;
    state->general[RDX] = family_model_stepping;
    state->rip = 0xfff0;
    state->rflags = RFLAGS_ONE;
    reset_segments(state);
    state->cr2 = state->cr3 = state->cr4 = state->efer = 0;
    for (unsigned i = 0; i < 8; i++)
        state->dr[i] = 0;
    state->dr[6] = DR6_INITIAL;
    state->dr[7] = DR7_INITIAL;
    for (unsigned i = 0; i < 4; i++)
        state->pdpte[i] = 0;
    state->interrupt_shadow = state->nmi_blocked = state->nmi_pending = state->halted = false;
}

void cpu_state_reset(struct cpu_state *state, uint32_t family_model_stepping)
{
    fill_bytes(state, 0, sizeof(*state));
    reset_common(state, family_model_stepping);
    state->cr0 = CR0_CD | CR0_NW | CR0_ET;
    state->xcr0 = XCR0_X87;
    state->pat = RESET_PAT;
    state->misc_enable = MISC_ENABLE;
    state->xsave[XSAVE_FCW] = RESET_FCW;
    state->xsave[XSAVE_FTW] = 0xff;
    state->xsave[XSAVE_MXCSR] = RESET_MXCSR & 0xff;
    state->xsave[XSAVE_MXCSR + 1] = RESET_MXCSR >> 8;
}

void cpu_state_init(struct cpu_state *state, uint32_t family_model_stepping)
{
    /* Caches, x87, SSE, AVX, the TSC and the MSRs but EFER stay as they were. */
    uint64_t cache_control = state->cr0 & (CR0_CD | CR0_NW);
    reset_common(state, family_model_stepping);
    state->cr0 = cache_control | CR0_ET;
}

void cpu_state_startup(struct cpu_state *state, uint8_t vector)
{
    state->segments[SEGMENT_CS] = (struct segment){ .selector = (uint16_t)(vector << 8),
                                                    .base = (uint64_t)vector << 12,
                                                    .limit = 0xffff,
                                                    .attributes = RESET_CODE_ATTRIBUTES };
    state->rip = 0;
    state->halted = false;
}
