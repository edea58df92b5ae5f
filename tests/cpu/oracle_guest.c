// SPDX-License-Identifier: Apache-2.0
/*
 * A machine without devices, in long mode, whose user level is laid out as Linux's. Every exception
 * gate leads to a HLT of its own in ring 0: where the processor halts is the vector, and the stack
 * has the rest.
 *
 *     physical  0        page tables, descriptor tables, TSS, gates, ring 0 stack: KERNEL_BASE
 *               0x20000  the code pages
 *               0x30000  the data pages
 */
#include <sched.h>
#include <string.h>

#include "../unit/fake_platform.h"
#include "engine/hosted/hosted.h"
#include "oracle.h"

#define KERNEL_BASE     UINT64_C(0xffff800000000000)
#define KERNEL_SIZE     0x10000
#define CODE_PHYSICAL   0x20000
#define DATA_PHYSICAL   0x30000
#define PHYSICAL_SIZE   0x40000
#define TABLES_PHYSICAL 0x10000 /* page tables from here */

/* Offsets from KERNEL_BASE and physical addresses alike. */
enum { GDT = 0x1000, IDT = 0x2000, TSS = 0x3000, GATES = 0x4000, STACK_TOP = 0x6000 };

#define PAGE_PRESENT    UINT64_C(1)
#define PAGE_WRITABLE   UINT64_C(2)
#define PAGE_USER       UINT64_C(4)
#define PAGE_ACCESSED   UINT64_C(0x60) /* and dirty */
#define PAGE_NO_EXECUTE (UINT64_C(1) << 63)

enum { VECTORS = 32 };

struct oracle_guest {
    struct platform platform;
    struct guest_memory memory;
    struct cpuid_table cpuid;
    struct vcpu *vcpu;
    struct cpu_state initial, state;
    uint64_t next_table, data_seed;
    volatile unsigned runs, watched_run;
    uint8_t before[DATA_SIZE];
    _Alignas(4096) uint8_t ram[PHYSICAL_SIZE];
    struct frame frames[PHYSICAL_SIZE / FRAME_SIZE];
};

static uint64_t *table_entry(struct oracle_guest *guest, uint64_t table, uint64_t linear,
                             unsigned level)
{
    return (uint64_t *)(guest->ram + table) + (linear >> (12 + 9 * level) & 511);
}

static void map_page(struct oracle_guest *guest, uint64_t linear, uint64_t physical, uint64_t flags)
{
    uint64_t table = TABLES_PHYSICAL;
    for (unsigned level = 3; level; level--) {
        uint64_t *entry = table_entry(guest, table, linear, level);
        if (!*entry) {
            *entry = guest->next_table | PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER | PAGE_ACCESSED;
            guest->next_table += FRAME_SIZE;
        }
        table = *entry & ~UINT64_C(0xfff);
    }
    *table_entry(guest, table, linear, 0) = physical | flags | PAGE_PRESENT | PAGE_ACCESSED;
}

static void map_pages(struct oracle_guest *guest)
{
    guest->next_table = TABLES_PHYSICAL + FRAME_SIZE;
    for (unsigned i = 0; i < KERNEL_SIZE; i += FRAME_SIZE)
        map_page(guest, KERNEL_BASE + i, i, PAGE_WRITABLE);
    for (unsigned i = 0; i < CODE_SIZE; i += FRAME_SIZE)
        map_page(guest, CODE_BASE + i, CODE_PHYSICAL + i, PAGE_USER);
    for (unsigned i = 0; i < DATA_TOTAL; i += FRAME_SIZE)
        map_page(guest, DATA_BASE + i, DATA_PHYSICAL + i,
                 PAGE_USER | PAGE_NO_EXECUTE | (i < DATA_SIZE ? PAGE_WRITABLE : 0));
    memset(guest->ram + CODE_PHYSICAL, INT3, CODE_SIZE);
    oracle_data_fill(READ_ONLY_SEED, guest->ram + DATA_PHYSICAL + DATA_SIZE,
                     DATA_TOTAL - DATA_SIZE);
}

/* What the CPU says at user level of Linux's own descriptor. */
static uint64_t host_descriptor(unsigned selector)
{
    uint64_t rights, limit;
    bool visible;
    __asm__("lar %2, %0\n\tsetz %1" : "=r"(rights), "=q"(visible) : "r"((uint64_t)selector) : "cc");
    if (!visible)
        return 0;
    __asm__("lsl %1, %0" : "=r"(limit) : "r"((uint64_t)selector) : "cc");
    if (rights & SEGMENT_GRANULAR << 8)
        limit >>= 12;
    return (limit & 0xffff) | (limit & 0xf0000) << 32 | (rights & 0xf0ff00) << 32;
}

/* On one processor, which is that of oracle_native.c. */
static void fill_gdt(struct oracle_guest *guest, int cpu)
{
    cpu_set_t all, one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_getaffinity(0, sizeof(all), &all);
    sched_setaffinity(0, sizeof(one), &one);
    uint64_t *gdt = (uint64_t *)(guest->ram + GDT), tss = KERNEL_BASE + TSS;
    for (unsigned i = 1; i < GDT_ENTRIES; i++)
        gdt[i] = host_descriptor(i * 8 | 3);
    sched_setaffinity(0, sizeof(all), &all);
    gdt[1] = UINT64_C(0x00cf9b000000ffff);
    gdt[2] = UINT64_C(0x00af9b000000ffff);
    gdt[3] = UINT64_C(0x00cf93000000ffff);
    gdt[8] = 0x67 | (tss & 0xffffff) << 16 | UINT64_C(0x8b) << 40 | (tss >> 24 & 0xff) << 56;
    gdt[9] = tss >> 32;
}

static void fill_gates(struct oracle_guest *guest)
{
    uint64_t *idt = (uint64_t *)(guest->ram + IDT), stack = KERNEL_BASE + STACK_TOP;
    for (unsigned vector = 0; vector < VECTORS; vector++) {
        uint64_t gate = KERNEL_BASE + GATES + vector * 16;
        /* Linux lets users execute INT3 and INTO. */
        uint64_t type = vector == EXCEPTION_BP || vector == EXCEPTION_OF ? 0xee : 0x8e;
        idt[vector * 2] = (gate & 0xffff) | 2 * 8 << 16 | type << 40 | (gate & 0xffff0000) << 32;
        idt[vector * 2 + 1] = gate >> 32;
        guest->ram[GATES + vector * 16] = 0xf4;
    }
    memcpy(guest->ram + TSS + 4, &stack, sizeof(stack));
    guest->ram[TSS + 0x66] = 0x68; /* no I/O permission bitmap */
}

static struct segment segment_of(const struct oracle_guest *guest, unsigned selector)
{
    uint64_t descriptor;
    memcpy(&descriptor, guest->ram + GDT + (selector & ~7u), sizeof(descriptor));
    if (!(selector & ~3u))
        return (struct segment){ .selector = selector, .attributes = SEGMENT_UNUSABLE };
    struct segment segment = {
        .selector = selector,
        .limit = (descriptor & 0xffff) | (descriptor >> 32 & 0xf0000),
        .attributes = descriptor >> 40 & 0xf0ff,
    };
    if (segment.attributes & SEGMENT_GRANULAR)
        segment.limit = segment.limit << 12 | 0xfff;
    return segment;
}

static void set_initial_state(struct oracle_guest *guest)
{
    struct cpu_state *state = &guest->initial;
    cpu_state_reset(state, 0x606a6);
    state->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG;
    state->cr4 = CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_FSGSBASE | CR4_OSXSAVE;
    state->efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
    state->xcr0 = XCR0_X87 | XCR0_SSE | XCR0_AVX;
    state->cr3 = TABLES_PHYSICAL;
    state->gdtr = (struct descriptor_table){ KERNEL_BASE + GDT, GDT_ENTRIES * 8 - 1 };
    state->idtr = (struct descriptor_table){ KERNEL_BASE + IDT, VECTORS * 16 - 1 };
    state->tr = (struct segment){
        .base = KERNEL_BASE + TSS, .limit = 0x67, .selector = 8 * 8, .attributes = 0x8b
    };
    state->ldtr = (struct segment){ .attributes = SEGMENT_UNUSABLE };
}

struct oracle_guest *oracle_guest_create(int cpu, const char **why)
{
    struct oracle_guest *guest = aligned_alloc(4096, (sizeof(*guest) + 4095) & ~(size_t)4095);
    if (!guest) {
        *why = "out of memory";
        return NULL;
    }
    memset(guest, 0, sizeof(*guest));
    guest->platform.tsc_frequency = NS_PER_SECOND;
    guest_memory_add(&guest->memory, 0, PHYSICAL_SIZE, guest->ram, guest->frames, false);
    map_pages(guest);
    fill_gdt(guest, cpu);
    fill_gates(guest);
    set_initial_state(guest);
    const struct cpuid_request model = { .model = CPU_MODEL_MAX, .vcpu_count = 1 };
    cpuid_table_build(&guest->cpuid, &model);
    struct vcpu_request request = {
        .platform = &guest->platform, .memory = &guest->memory, .cpuid = &guest->cpuid, .count = 1
    };
    void *engine = engine_hosted.create(&guest->platform, &guest->memory, 1, why);
    if (engine)
        guest->vcpu = engine_hosted.vcpu_create(engine, &request, why);
    return guest->vcpu ? guest : NULL;
}

bool oracle_guest_offers(const struct oracle_guest *guest, unsigned feature)
{
    return cpuid_has(&guest->cpuid, feature);
}

static void put_code(struct oracle_guest *guest, const struct oracle_case *test, bool there)
{
    for (unsigned i = 0; i < test->length && test->offset + i < CODE_SIZE; i++)
        guest->ram[CODE_PHYSICAL + test->offset + i] = there ? test->code[i] : INT3;
    guest_written(&guest->memory, CODE_PHYSICAL + test->offset,
                  test->length < CODE_SIZE - test->offset ? test->length
                                                          : CODE_SIZE - test->offset);
}

static void load_data(struct oracle_guest *guest, const struct oracle_case *test)
{
    if (guest->data_seed == test->data_seed)
        return;
    guest->data_seed = test->data_seed;
    oracle_data_fill(test->data_seed, guest->before, DATA_SIZE);
    memcpy(guest->ram + DATA_PHYSICAL, guest->before, DATA_SIZE);
    guest_written(&guest->memory, DATA_PHYSICAL, DATA_SIZE);
}

static void load(struct oracle_guest *guest, const struct oracle_case *test)
{
    struct cpu_state *state = &guest->state;
    *state = guest->initial;
    memcpy(state->general, test->general, sizeof(state->general));
    memcpy(state->xsave, test->xsave, XSAVE_SIZE);
    state->rip = oracle_rip(test);
    state->segments[SEGMENT_CS] = segment_of(
        guest, test->code_size == CODE_64 ? SELECTOR_USER_CODE_64 : SELECTOR_USER_CODE_32);
    state->segments[SEGMENT_SS] = segment_of(guest, SELECTOR_USER_DATA);
    state->segments[SEGMENT_DS] = segment_of(guest, test->ds);
    state->segments[SEGMENT_ES] = segment_of(guest, test->es);
    state->segments[SEGMENT_FS] = segment_of(guest, test->fs);
    state->segments[SEGMENT_GS] = segment_of(guest, test->gs);
    if (!test->fs)
        state->segments[SEGMENT_FS].base = test->fs_base;
    if (!test->gs)
        state->segments[SEGMENT_GS].base = test->gs_base;
    state->rflags = test->rflags;
    engine_hosted.vcpu_set_state(guest->vcpu, state);
    load_data(guest, test);
    put_code(guest, test, true);
}

static bool has_error_code(unsigned vector)
{
    return UINT32_C(0x60227d00) >> vector & 1; /* DF TS NP SS GP PF AC CP VC SX */
}

static void save(struct oracle_guest *guest, const struct oracle_case *test,
                 struct oracle_result *result)
{
    const struct cpu_state *state = &guest->state;
    uint64_t frame[6] = { 0 };
    result->vector = (state->rip - KERNEL_BASE - GATES) / 16;
    bool error_code = has_error_code(result->vector);
    memcpy(frame + !error_code, guest->ram + (state->general[RSP] - KERNEL_BASE),
           (5 + error_code) * 8);
    memcpy(result->general, state->general, sizeof(result->general));
    result->error_code = frame[0];
    result->rip = frame[1];
    result->cs = frame[2];
    result->rflags = frame[3];
    result->general[RSP] = frame[4];
    result->ss = frame[5];
    result->cr2 = state->cr2;
    result->ds = state->segments[SEGMENT_DS].selector;
    result->es = state->segments[SEGMENT_ES].selector;
    result->fs = state->segments[SEGMENT_FS].selector;
    result->gs = state->segments[SEGMENT_GS].selector;
    result->fs_base = state->segments[SEGMENT_FS].base;
    result->gs_base = state->segments[SEGMENT_GS].base;
    memcpy(result->xsave, state->xsave, XSAVE_SIZE);
    put_code(guest, test, false);
    oracle_data_changes(guest->before, guest->ram + DATA_PHYSICAL, result);
    if (result->changed_end) {
        memcpy(guest->ram + DATA_PHYSICAL + result->changed, guest->before + result->changed,
               result->changed_end - result->changed);
        guest_written(&guest->memory, DATA_PHYSICAL, DATA_SIZE);
    }
}

bool oracle_guest_run(struct oracle_guest *guest, const struct oracle_case *test,
                      struct oracle_result *result, const char **why)
{
    static const char *const names[VM_EXIT_REASONS] = {
        [VM_EXIT_KICKED] = "was kicked",   [VM_EXIT_IO] = "asks for a port",
        [VM_EXIT_MMIO] = "asks for MMIO",  [VM_EXIT_HYPERCALL] = "calls the hypervisor",
        [VM_EXIT_MSR] = "asks for an MSR", [VM_EXIT_SHUTDOWN] = "shut down",
        [VM_EXIT_FAIL] = "failed",
    };
    struct vm_exit exit = { 0 };
    load(guest, test);
    guest->runs++;
    engine_hosted.vcpu_run(guest->vcpu, &exit);
    guest->runs++;
    engine_hosted.vcpu_get_state(guest->vcpu, &guest->state);
    if (exit.reason == VM_EXIT_HALT && guest->state.rip >= KERNEL_BASE) {
        save(guest, test, result);
        return true;
    }
    put_code(guest, test, false);
    guest->data_seed = 0;
    *why = exit.reason == VM_EXIT_FAIL && exit.fail.reason ? exit.fail.reason : names[exit.reason];
    return false;
}

void oracle_guest_watch(struct oracle_guest *guest)
{
    unsigned run = guest->runs;
    if (run % 2 && run == guest->watched_run)
        engine_hosted.vcpu_kick(guest->vcpu);
    guest->watched_run = run;
}
