// SPDX-License-Identifier: Apache-2.0
/*
 * A processor of the interpreter with 2 MiB of memory, ready to run a few instructions in one of
 * the modes. Guest code stands in the test that it belongs to (GUEST_CODE). All pages are mapped to
 * themselves, for users too. Each vector leads to a HLT of its own: the guest stops there, and
 * guest_vector says at which.
 *
 *   0x1000 GDT    0x2000 IDT    0x3000 TSS    0x8000-0xb000 page tables    0x10000 code
 *   below 0x20000 stack    below 0x28000 stack of CPL 0    0x30000 data    0x40000 handlers
 */
#pragma once

#include "fake_platform.h"

#include "core/x86/interpreter/interpreter.h"
#include "core/x86/interpreter/op.h"

#define GUEST_MEMORY   (UINT64_C(2) << 20)
#define GUEST_GDT      UINT64_C(0x1000)
#define GUEST_IDT      UINT64_C(0x2000)
#define GUEST_TSS      UINT64_C(0x3000)
#define GUEST_PML4     UINT64_C(0x8000)
#define GUEST_PDPT     UINT64_C(0x9000)
#define GUEST_PD       UINT64_C(0xa000)
#define GUEST_PT       UINT64_C(0xb000)
#define GUEST_CODE_AT  UINT64_C(0x10000)
#define GUEST_STACK    UINT64_C(0x20000)
#define GUEST_STACK_0  UINT64_C(0x28000)
#define GUEST_DATA     UINT64_C(0x30000)
#define GUEST_HANDLERS UINT64_C(0x40000)
#define HANDLER_SIZE   16
#define NO_MEMORY_AT   UINT64_C(0x200000) /* MMIO */

/* Selectors of the GDT. The order of the user's is what SYSRET wants. */
enum guest_selector {
    KERNEL_CODE = 0x08, /* 64-bit, or 32-bit in a 32-bit guest */
    KERNEL_DATA = 0x10,
    KERNEL_CODE_32 = 0x18,
    KERNEL_CODE_16 = 0x20,
    USER_CODE_32 = 0x28,
    USER_DATA = 0x30,
    USER_CODE = 0x38, /* as KERNEL_CODE */
    TASK = 0x40,      /* 16 bytes in a 64-bit guest */
    DATA_16 = 0x50,   /* 64 KiB at 0x30000 */
    FREE_SELECTOR = 0x60,
};

#define GUEST_CODE(name, bits, text)                                                               \
    extern const uint8_t name[], name##_end[];                                                     \
    __asm__(".pushsection .rodata\n.code" #bits "\n.intel_syntax noprefix\n" #name ":\n" text      \
            "\n" #name "_end:\n.att_syntax\n.code64\n.popsection")

enum guest_mode { GUEST_16, GUEST_32, GUEST_64 };

struct tiny_guest {
    struct platform platform;
    struct guest_memory memory;
    uint8_t *host;
    struct frame *frames;
    struct cpuid_table cpuid;
    struct interpreter *interpreter;
    struct cpu *cpu;
    struct vm_exit exit;
    int next_vector; /* what the interrupt controller has; -1 none */
    uint64_t task_priority;
};

static inline void *guest_at(struct tiny_guest *guest, gpa_t address)
{
    return guest->host + address;
}

static inline uint64_t guest_u64(struct tiny_guest *guest, gpa_t address)
{
    uint64_t value;
    memcpy(&value, guest_at(guest, address), sizeof(value));
    return value;
}

static inline uint32_t guest_u32(struct tiny_guest *guest, gpa_t address)
{
    return (uint32_t)guest_u64(guest, address);
}

static inline uint16_t guest_u16(struct tiny_guest *guest, gpa_t address)
{
    return (uint16_t)guest_u64(guest, address);
}

static inline void guest_put(struct tiny_guest *guest, gpa_t address, uint64_t value, unsigned size)
{
    memcpy(guest_at(guest, address), &value, size);
    guest_written(&guest->memory, address, size);
}

/* A descriptor: base, limit in its own granularity, access rights with the flags above (SDM volume
 * 3, figure 3-8): bits 7:0 and 15:12. */
static inline uint64_t guest_descriptor(uint32_t base, uint32_t limit, uint16_t rights)
{
    return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)(rights & 0xff) << 40 |
           (uint64_t)(limit >> 16 & 0xf) << 48 | (uint64_t)(rights >> 12) << 52 |
           (uint64_t)(base >> 24) << 56;
}

static inline void guest_set_descriptor(struct tiny_guest *guest, unsigned selector,
                                        uint64_t descriptor)
{
    guest_put(guest, GUEST_GDT + (selector & ~7u), descriptor, 8);
}

/* A gate; `rights` is P, DPL, type. */
static inline uint64_t guest_gate(uint16_t selector, uint32_t offset, uint8_t rights)
{
    return (offset & 0xffff) | (uint64_t)selector << 16 | (uint64_t)rights << 40 |
           (uint64_t)(offset >> 16) << 48;
}

static inline uint64_t guest_handler(unsigned vector)
{
    return GUEST_HANDLERS + (uint64_t)vector * HANDLER_SIZE;
}

static inline bool guest_is_64_bit(const struct tiny_guest *guest)
{
    return guest->cpu->state.efer & EFER_LMA;
}

static inline void guest_set_gate(struct tiny_guest *guest, unsigned vector, uint64_t low)
{
    unsigned size = guest_is_64_bit(guest) ? 16 : 8;
    guest_put(guest, GUEST_IDT + (uint64_t)vector * size, low, 8);
    if (size == 16)
        guest_put(guest, GUEST_IDT + (uint64_t)vector * size + 8, 0, 8);
}

static inline uint64_t *guest_page_entry(struct tiny_guest *guest, gva_t linear)
{
    return (uint64_t *)guest_at(guest, GUEST_PT) + (linear >> FRAME_SHIFT);
}

static inline void guest_fill_gdt(struct tiny_guest *guest, bool long_mode)
{
    uint16_t code = long_mode ? 0xa09b : 0xc09b;
    guest_set_descriptor(guest, KERNEL_CODE, guest_descriptor(0, 0xfffff, code));
    guest_set_descriptor(guest, KERNEL_DATA, guest_descriptor(0, 0xfffff, 0xc093));
    guest_set_descriptor(guest, KERNEL_CODE_32, guest_descriptor(0, 0xfffff, 0xc09b));
    guest_set_descriptor(guest, KERNEL_CODE_16, guest_descriptor(0, 0xffff, 0x009b));
    guest_set_descriptor(guest, USER_CODE_32, guest_descriptor(0, 0xfffff, 0xc0fb));
    guest_set_descriptor(guest, USER_DATA, guest_descriptor(0, 0xfffff, 0xc0f3));
    guest_set_descriptor(guest, USER_CODE, guest_descriptor(0, 0xfffff, code | 0x60));
    guest_set_descriptor(guest, TASK, guest_descriptor(GUEST_TSS, 0xfff, 0x008b));
    guest_set_descriptor(guest, DATA_16, guest_descriptor(GUEST_DATA, 0xffff, 0x0093));
}

static inline struct segment guest_segment(struct tiny_guest *guest, uint16_t selector)
{
    uint64_t low = guest_u64(guest, GUEST_GDT + (selector & ~7u));
    uint32_t limit = (uint32_t)((low & 0xffff) | (low >> 32 & 0xf0000));
    uint16_t attributes = (uint16_t)(low >> 40 & 0xf0ff);
    if (attributes & SEGMENT_GRANULAR)
        limit = limit << 12 | 0xfff;
    return (struct segment){ .base = (low >> 16 & 0xffffff) | (low >> 56) << 24,
                             .limit = limit,
                             .selector = selector,
                             .attributes = attributes };
}

/* As if at `selector`: CS, with its RPL the CPL; the other segments fit. */
static inline void guest_set_level(struct tiny_guest *guest, uint16_t code, uint16_t data)
{
    struct cpu_state *state = &guest->cpu->state;
    for (unsigned i = 0; i < 6; i++)
        state->segments[i] = guest_segment(guest, i == SEGMENT_CS ? code : data);
    cpu_level_changed(guest->cpu);
}

static inline void guest_user(struct tiny_guest *guest)
{
    guest_set_level(guest, USER_CODE | 3, USER_DATA | 3);
}

static inline void guest_map_all(struct tiny_guest *guest)
{
    guest_put(guest, GUEST_PML4, GUEST_PDPT | 7, 8);
    guest_put(guest, GUEST_PDPT, GUEST_PD | 7, 8);
    guest_put(guest, GUEST_PD, GUEST_PT | 7, 8);
    for (gpa_t page = 0; page < GUEST_MEMORY; page += FRAME_SIZE)
        *guest_page_entry(guest, page) = page | 7;
}

static inline void guest_enter_protected(struct tiny_guest *guest, bool long_mode)
{
    struct cpu_state *state = &guest->cpu->state;
    guest_fill_gdt(guest, long_mode);
    guest_map_all(guest);
    state->cr0 = CR0_PE | CR0_WP | CR0_NE | CR0_ET | (long_mode ? CR0_PG : 0);
    state->cr4 = long_mode ? CR4_PAE | CR4_PGE : 0;
    state->cr3 = GUEST_PML4;
    state->efer = long_mode ? EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE : 0;
    state->gdtr = (struct descriptor_table){ .base = GUEST_GDT, .limit = 0xfff };
    state->idtr = (struct descriptor_table){ .base = GUEST_IDT, .limit = 0xfff };
    state->tr = guest_segment(guest, TASK);
    state->ldtr = (struct segment){ .attributes = SEGMENT_UNUSABLE };
    for (unsigned vector = 0; vector < 256; vector++)
        guest_set_gate(guest, vector,
                       guest_gate(KERNEL_CODE, (uint32_t)guest_handler(vector), 0x8e));
    if (long_mode) {
        guest_put(guest, GUEST_TSS + 4, GUEST_STACK_0, 8);
    } else {
        guest_put(guest, GUEST_TSS + 4, GUEST_STACK_0, 4);
        guest_put(guest, GUEST_TSS + 8, KERNEL_DATA, 2);
    }
    guest_set_level(guest, KERNEL_CODE, KERNEL_DATA);
}

static inline void guest_enter_real(struct tiny_guest *guest)
{
    struct cpu_state *state = &guest->cpu->state;
    for (unsigned vector = 0; vector < 256; vector++)
        guest_put(guest, vector * 4, (GUEST_HANDLERS >> 4) << 16 | vector * HANDLER_SIZE, 4);
    state->idtr = (struct descriptor_table){ .limit = 0x3ff };
    state->segments[SEGMENT_CS].selector = GUEST_CODE_AT >> 4;
    state->segments[SEGMENT_CS].base = GUEST_CODE_AT;
}

static inline int guest_acknowledge(void *context)
{
    struct tiny_guest *guest = context;
    int vector = guest->next_vector;
    guest->next_vector = -1;
    return vector;
}

static inline uint64_t guest_read_priority(void *context)
{
    return ((struct tiny_guest *)context)->task_priority;
}

static inline void guest_write_priority(void *context, uint64_t value)
{
    ((struct tiny_guest *)context)->task_priority = value;
}

static inline struct tiny_guest *guest_create(enum guest_mode mode)
{
    struct tiny_guest *guest = calloc(1, sizeof(*guest));
    const char *why;
    guest->host = aligned_alloc(FRAME_SIZE, GUEST_MEMORY);
    memset(guest->host, 0, GUEST_MEMORY);
    guest->frames = calloc(GUEST_MEMORY / FRAME_SIZE, sizeof(*guest->frames));
    guest->next_vector = -1;
    guest_memory_add(&guest->memory, 0, GUEST_MEMORY, guest->host, guest->frames, false);
    memset(guest->host + GUEST_HANDLERS, 0xf4 /* HLT */, 256 * HANDLER_SIZE);
    cpuid_table_build(&guest->cpuid,
                      &(struct cpuid_request){ .model = CPU_MODEL_MAX, .vcpu_count = 1 });
    struct vcpu_request request = { .platform = &guest->platform,
                                    .memory = &guest->memory,
                                    .cpuid = &guest->cpuid,
                                    .count = 1,
                                    .interrupts = { guest_acknowledge, guest_read_priority,
                                                    guest_write_priority, guest } };
    guest->interpreter = interpreter_create(&guest->platform, &guest->memory, 1, &why);
    assert_non_null(guest->interpreter);
    guest->cpu = interpreter_cpu_create(guest->interpreter, &request, &why);
    assert_non_null(guest->cpu);
    cpu_state_reset(&guest->cpu->state, 0);
    if (mode == GUEST_16)
        guest_enter_real(guest);
    else
        guest_enter_protected(guest, mode == GUEST_64);
    guest->cpu->state.general[RSP] = mode == GUEST_16 ? 0x8000 : GUEST_STACK;
    guest->cpu->state.rip = mode == GUEST_16 ? 0 : GUEST_CODE_AT;
    cpu_set_rflags(guest->cpu, 0);
    cpu_state_loaded(guest->cpu);
    guest->cpu->exit = &guest->exit;
    return guest;
}

static inline void guest_destroy(struct tiny_guest *guest)
{
    interpreter_cpu_destroy(guest->cpu);
    fake_platform_free(&guest->platform);
    free(guest->host);
    free(guest->frames);
    free(guest);
}

static inline enum vm_exit_reason guest_continue(struct tiny_guest *guest)
{
    interpreter_run(guest->cpu, &guest->exit);
    return guest->exit.reason;
}

/* Runs the code until something happens: most end with HLT, or in a handler. */
#define guest_run(guest, code)                                                                     \
    (memcpy(guest_at(guest, GUEST_CODE_AT), code, (size_t)(code##_end - code)),                    \
     guest_written(&(guest)->memory, GUEST_CODE_AT, (uint64_t)(code##_end - code)),                \
     guest_continue(guest))

/* The vector in whose handler the guest stopped; -1: elsewhere. */
static inline int guest_vector(struct tiny_guest *guest)
{
    uint64_t rip = guest->cpu->state.segments[SEGMENT_CS].base * !guest_is_64_bit(guest) +
                   guest->cpu->state.rip;
    if (guest->exit.reason != VM_EXIT_HALT || rip - GUEST_HANDLERS >= 256 * HANDLER_SIZE)
        return -1;
    return (int)((rip - GUEST_HANDLERS) / HANDLER_SIZE);
}

static inline int guest_set_up_64(void **state)
{
    *state = guest_create(GUEST_64);
    return 0;
}

static inline int guest_set_up_32(void **state)
{
    *state = guest_create(GUEST_32);
    return 0;
}

static inline int guest_set_up_16(void **state)
{
    *state = guest_create(GUEST_16);
    return 0;
}

static inline int guest_tear_down(void **state)
{
    guest_destroy(*state);
    return 0;
}

#define TEST_64(name) cmocka_unit_test_setup_teardown(name, guest_set_up_64, guest_tear_down)
#define TEST_32(name) cmocka_unit_test_setup_teardown(name, guest_set_up_32, guest_tear_down)
#define TEST_16(name) cmocka_unit_test_setup_teardown(name, guest_set_up_16, guest_tear_down)
