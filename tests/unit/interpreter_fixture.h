// SPDX-License-Identifier: Apache-2.0
/*
 * Tiny guests: bytes of code at GUEST_CODE in 4 MiB of memory, in one of three modes, run until
 * they halt or leave otherwise. Long mode maps all memory to itself with pages of 4 KiB, whose
 * entries guest_pte() hands out.
 */
#pragma once

#include "fake_platform.h"

#include "core/x86/interpreter/interpreter.h"
#include "core/x86/interpreter/op.h"
#include "engine/hosted/hosted.h"

#define GUEST_MEMORY (4u << 20)
#define GUEST_TABLES 0x3f0000u /* PML4, PDPT, 2 page directories, 2 page tables */
#define GUEST_CODE   0x10000u
#define GUEST_STACK  0x20000u
#define GUEST_DATA   0x30000u
#define GUEST_VCPUS  2
#define PTE_PRESENT  1u
#define PTE_WRITABLE 2u
#define PTE_USER     4u
#define SEGMENT_CODE64                                                                             \
    (0xbu | SEGMENT_CODE_OR_DATA | SEGMENT_PRESENT | SEGMENT_LONG | SEGMENT_GRANULAR)
#define SEGMENT_CODE32                                                                             \
    (0xbu | SEGMENT_CODE_OR_DATA | SEGMENT_PRESENT | SEGMENT_BIG | SEGMENT_GRANULAR)
#define SEGMENT_CODE16 (0xbu | SEGMENT_CODE_OR_DATA | SEGMENT_PRESENT)
#define SEGMENT_DATA32                                                                             \
    (0x3u | SEGMENT_CODE_OR_DATA | SEGMENT_PRESENT | SEGMENT_BIG | SEGMENT_GRANULAR)
#define SEGMENT_DATA16 (0x3u | SEGMENT_CODE_OR_DATA | SEGMENT_PRESENT)

enum guest_mode { GUEST_REAL, GUEST_FLAT32, GUEST_LONG };

struct guest {
    struct platform platform;
    struct guest_memory memory;
    struct frame frames[GUEST_MEMORY / FRAME_SIZE];
    uint8_t *ram;
    struct cpuid_table cpuid;
    void *engine;
    struct vcpu *vcpus[GUEST_VCPUS];
    struct cpu *cpu; /* vcpus[0] */
    struct vm_exit exit;
    int vector; /* what acknowledge answers next; -1: nothing */
};

static inline int guest_acknowledge(void *context)
{
    struct guest *guest = context;
    int vector = guest->vector;
    guest->vector = -1;
    return vector;
}

static inline uint64_t *guest_pte(struct guest *guest, uint64_t linear)
{
    return (uint64_t *)(guest->ram + GUEST_TABLES + 0x4000) + (linear >> FRAME_SHIFT);
}

static inline void guest_map(struct guest *guest)
{
    uint64_t *tables = (uint64_t *)(guest->ram + GUEST_TABLES);
    const uint64_t flags = PTE_PRESENT | PTE_WRITABLE | PTE_USER;
    tables[0] = (GUEST_TABLES + 0x1000) | flags;
    tables[512] = (GUEST_TABLES + 0x2000) | flags;
    tables[1024] = (GUEST_TABLES + 0x4000) | flags;
    tables[1025] = (GUEST_TABLES + 0x5000) | flags;
    for (unsigned i = 0; i < GUEST_MEMORY / FRAME_SIZE; i++)
        *guest_pte(guest, (uint64_t)i << FRAME_SHIFT) = (uint64_t)i << FRAME_SHIFT | flags;
}

static inline struct segment guest_segment(uint16_t selector, uint16_t attributes)
{
    bool big = attributes & SEGMENT_GRANULAR;
    return (struct segment){ .limit = big ? UINT32_MAX : 0xffff,
                             .selector = selector,
                             .attributes = attributes };
}

static inline struct cpu_state guest_state(enum guest_mode mode)
{
    static const uint16_t code[] = { SEGMENT_CODE16, SEGMENT_CODE32, SEGMENT_CODE64 };
    struct cpu_state state = { .rip = GUEST_CODE, .rflags = RFLAGS_ONE, .cr0 = CR0_ET };
    uint16_t data = mode == GUEST_REAL ? SEGMENT_DATA16 : SEGMENT_DATA32;
    for (unsigned i = 0; i < 6; i++)
        state.segments[i] = guest_segment(mode == GUEST_REAL ? 0 : 0x10, data);
    state.segments[SEGMENT_CS] = guest_segment(mode == GUEST_REAL ? 0 : 8, code[mode]);
    state.general[RSP] = GUEST_STACK;
    state.idtr.limit = 0xffff;
    state.xcr0 = XCR0_X87;
    if (mode == GUEST_REAL) {
        state.segments[SEGMENT_CS].base = GUEST_CODE;
        state.segments[SEGMENT_CS].selector = GUEST_CODE >> 4;
        state.rip = 0;
        state.general[RSP] = 0x8000;
        return state;
    }
    state.cr0 |= CR0_PE;
    if (mode == GUEST_LONG) {
        state.cr0 |= CR0_PG | CR0_WP;
        state.cr3 = GUEST_TABLES;
        state.cr4 = CR4_PAE | CR4_OSFXSR;
        state.efer = EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE;
    }
    return state;
}

static inline struct guest *guest_new(enum guest_mode mode)
{
    struct guest *guest = calloc(1, sizeof(*guest));
    const char *why = NULL;
    guest->ram = aligned_alloc(FRAME_SIZE, GUEST_MEMORY);
    memset(guest->ram, 0, GUEST_MEMORY);
    guest->vector = -1;
    memset(guest->cpuid.features, 0xff, sizeof(guest->cpuid.features));
    assert_int_equal(
        guest_memory_add(&guest->memory, 0, GUEST_MEMORY, guest->ram, guest->frames, false), 0);
    guest_map(guest);
    guest->engine = engine_hosted.create(&guest->platform, &guest->memory, GUEST_VCPUS, &why);
    assert_non_null(guest->engine);
    for (unsigned i = 0; i < GUEST_VCPUS; i++) {
        struct vcpu_request request = { .platform = &guest->platform,
                                        .memory = &guest->memory,
                                        .cpuid = &guest->cpuid,
                                        .index = i,
                                        .count = GUEST_VCPUS,
                                        .interrupts = { .acknowledge = guest_acknowledge,
                                                        .context = guest } };
        guest->vcpus[i] = engine_hosted.vcpu_create(guest->engine, &request, &why);
        assert_non_null(guest->vcpus[i]);
        struct cpu_state state = guest_state(mode);
        assert_int_equal(engine_hosted.vcpu_set_state(guest->vcpus[i], &state), 0);
    }
    guest->cpu = (struct cpu *)guest->vcpus[0];
    return guest;
}

static inline void guest_free(struct guest *guest)
{
    for (unsigned i = 0; i < GUEST_VCPUS; i++)
        engine_hosted.vcpu_destroy(guest->vcpus[i]);
    engine_hosted.destroy(guest->engine);
    fake_platform_free(&guest->platform);
    free(guest->ram);
    free(guest);
}

static inline void guest_put(struct guest *guest, gpa_t address, const void *bytes, size_t length)
{
    assert_true(guest_write(&guest->memory, address, bytes, length));
}

static inline enum vm_exit_reason guest_run(struct guest *guest)
{
    engine_hosted.vcpu_run(guest->vcpus[0], &guest->exit);
    return guest->exit.reason;
}

/* Assembled code: NAME and NAME_end are its bounds. */
#define ASSEMBLE(name, bits, text)                                                                 \
    extern const uint8_t name[], name##_end[];                                                     \
    __asm__(".pushsection .rodata\n.code" #bits "\n.intel_syntax noprefix\n" #name ":\n" text      \
            "\n" #name "_end:\n.att_syntax\n.code64\n.popsection")

#define guest_load(guest, name) guest_put(guest, GUEST_CODE, name, (size_t)(name##_end - name))

/* Runs assembled code, which ends with HLT; RIP is behind that then. */
#define guest_execute(guest, name)                                                                 \
    do {                                                                                           \
        guest_load(guest, name);                                                                   \
        assert_int_equal(guest_run(guest), VM_EXIT_HALT);                                          \
        assert_int_equal((guest)->cpu->state.rip % GUEST_CODE, name##_end - name);                 \
        (guest)->cpu->state.halted = false;                                                        \
    } while (0)

static inline uint64_t guest_register(const struct guest *guest, enum general_register which)
{
    return guest->cpu->state.general[which];
}

static inline void guest_restart(struct guest *guest, uint64_t rip)
{
    guest->cpu->state.rip = rip;
    guest->cpu->state.halted = false;
}

/* A table of 256 interrupt gates in long mode; each leads to a HLT of its own at GUEST_HANDLERS +
 * 16 * vector. */
#define GUEST_GDT      0x8000u
#define GUEST_IDT      0x9000u
#define GUEST_HANDLERS 0x40000u
#define GUEST_HANDLER  16u

static inline void guest_set_gates(struct guest *guest)
{
    const uint64_t gdt[] = { 0, UINT64_C(0x00af9b000000ffff), UINT64_C(0x00cf93000000ffff) };
    guest_put(guest, GUEST_GDT, gdt, sizeof(gdt));
    memset(guest->ram + GUEST_HANDLERS, 0xf4, 256 * GUEST_HANDLER);
    for (unsigned vector = 0; vector < 256; vector++) {
        uint64_t target = GUEST_HANDLERS + vector * GUEST_HANDLER;
        uint64_t gate[2] = {
            (target & 0xffff) | 8u << 16 | UINT64_C(0x8e) << 40 | target >> 16 << 48, 0
        };
        guest_put(guest, GUEST_IDT + 16 * vector, gate, sizeof(gate));
    }
    guest->cpu->state.gdtr = (struct descriptor_table){ GUEST_GDT, sizeof(gdt) - 1 };
    guest->cpu->state.idtr = (struct descriptor_table){ GUEST_IDT, 0xfff };
}

/* The vector at whose handler the guest halted; -1: elsewhere. */
static inline int guest_handler(const struct guest *guest)
{
    uint64_t offset = guest->cpu->state.rip - 1 - GUEST_HANDLERS;
    return offset % GUEST_HANDLER == 0 && offset < 256 * GUEST_HANDLER
               ? (int)(offset / GUEST_HANDLER)
               : -1;
}

/* What a handler finds on its stack: RIP of what was interrupted, if it had an error code. */
static inline uint64_t guest_interrupted_rip(const struct guest *guest, bool error_code)
{
    uint64_t rip;
    assert_true(guest_read(&guest->memory, guest_register(guest, RSP) + 8 * error_code, &rip, 8));
    return rip;
}
