// SPDX-License-Identifier: Apache-2.0
/*
 * Task switches (SDM volume 3, 8.3). What can be refused in the old task is checked first; then its
 * state is saved and the new one's loaded; faults of the new task's selectors are faults of the new
 * task (step 14).
 */
#include "core/x86/interpreter/task_switch.h"

#include "core/x86/instruction.h"
#include "core/x86/interpreter/stack_frame.h"
#include "core/x86/interpreter/system.h"

#define TSS_32_LIMIT 0x67u
#define TSS_16_LIMIT 0x2bu
#define DR7_LOCAL    UINT64_C(0x55) /* L0 to L3 */

/* Figure 8-2. */
struct tss_32 {
    uint32_t link;
    uint32_t stacks[3][2];
    uint32_t cr3;
    uint32_t eip, eflags, general[8], segments[6];
    uint32_t ldt;
    uint16_t debug_trap, io_map;
};

/* Figure 8-10. */
struct __attribute__((packed)) tss_16 {
    uint16_t link;
    uint16_t stacks[3][2];
    uint16_t ip, flags, general[8], segments[4];
    uint16_t ldt;
};

_Static_assert(sizeof(struct tss_32) == TSS_32_LIMIT + 1, "figure 8-2");
_Static_assert(sizeof(struct tss_16) == TSS_16_LIMIT + 1, "figure 8-10");

static bool type_is_32_bit(unsigned type)
{
    return type & 8;
}

bool task_stack(struct cpu *cpu, unsigned privilege, bool external, uint16_t *selector,
                uint32_t *pointer)
{
    const struct segment *tr = &cpu->state.tr;
    bool wide = type_is_32_bit(tr->attributes);
    unsigned offset = wide ? 4 + 8 * privilege : 2 + 4 * privilege;
    unsigned size = wide ? 6 : 4;
    uint16_t words[3] = { 0 };
    if (offset + size - 1 > tr->limit)
        return raise_selector(cpu, EXCEPTION_TS, tr->selector, external);
    if (!cpu_read_system(cpu, tr->base + offset, words, size))
        return false;
    *selector = words[wide ? 2 : 1];
    *pointer = wide ? words[0] | (uint32_t)words[1] << 16 : words[0];
    return true;
}

/* The new task, whatever the size of its TSS. */
struct task {
    struct descriptor descriptor;
    uint16_t selector;
    bool wide;
    bool debug_trap;
    struct tss_32 tss;
};

static bool find_task(struct cpu *cpu, const struct task_request *request, struct task *task)
{
    bool back = request->reason == TASK_BY_IRET;
    unsigned vector = back ? EXCEPTION_TS : EXCEPTION_GP;
    uint16_t selector = task->selector = request->selector;
    if (selector_is_null(selector) || selector & SELECTOR_TI)
        return raise_selector(cpu, vector, selector, request->external);
    if (!descriptor_read(cpu, selector, vector, request->external, &task->descriptor))
        return false;
    unsigned type = descriptor_type(&task->descriptor);
    unsigned wanted = back ? SYSTEM_TSS_16_BUSY : SYSTEM_TSS_16;
    if (!descriptor_is_system(&task->descriptor) || (type & ~8u) != wanted)
        return raise_selector(cpu, vector, selector, request->external);
    if (!descriptor_present(&task->descriptor))
        return raise_selector(cpu, EXCEPTION_NP, selector, request->external);
    task->wide = type_is_32_bit(type);
    if (descriptor_limit(&task->descriptor) < (task->wide ? TSS_32_LIMIT : TSS_16_LIMIT))
        return raise_selector(cpu, EXCEPTION_TS, selector, request->external);
    return true;
}

static bool read_task(struct cpu *cpu, struct task *task)
{
    gva_t base = descriptor_base(&task->descriptor);
    if (task->wide) {
        bool done = cpu_read_system(cpu, base, &task->tss, sizeof(task->tss));
        task->debug_trap = task->tss.debug_trap & 1;
        return done;
    }
    struct tss_16 tss;
    if (!cpu_read_system(cpu, base, &tss, sizeof(tss)))
        return false;
    task->tss = (struct tss_32){ .eip = tss.ip, .eflags = tss.flags, .ldt = tss.ldt };
    /* The upper halves of the registers are undefined (8.6); ones, as the hardware has them. */
    for (unsigned i = 0; i < 8; i++)
        task->tss.general[i] = tss.general[i] | 0xffff0000;
    for (unsigned i = 0; i < 4; i++)
        task->tss.segments[i] = tss.segments[i];
    task->debug_trap = false;
    return true;
}

static bool save_32(struct cpu *cpu, uint32_t eip, uint32_t eflags)
{
    struct {
        uint32_t eip, eflags, general[8], segments[6];
    } image = { .eip = eip, .eflags = eflags };
    for (unsigned i = 0; i < 8; i++)
        image.general[i] = (uint32_t)cpu->state.general[i];
    for (unsigned i = 0; i < 6; i++)
        image.segments[i] = cpu->state.segments[i].selector;
    gva_t address = cpu->state.tr.base + offsetof(struct tss_32, eip);
    return cpu_write_system(cpu, address, &image, sizeof(image));
}

static bool save_16(struct cpu *cpu, uint32_t eip, uint32_t eflags)
{
    struct {
        uint16_t ip, flags, general[8], segments[4];
    } image = { .ip = (uint16_t)eip, .flags = (uint16_t)eflags };
    for (unsigned i = 0; i < 8; i++)
        image.general[i] = (uint16_t)cpu->state.general[i];
    for (unsigned i = 0; i < 4; i++)
        image.segments[i] = cpu->state.segments[i].selector;
    gva_t address = cpu->state.tr.base + offsetof(struct tss_16, ip);
    return cpu_write_system(cpu, address, &image, sizeof(image));
}

static bool save_old_task(struct cpu *cpu, const struct task_request *request)
{
    uint64_t eflags = cpu_rflags(cpu) | (request->resume ? RFLAGS_RF : 0);
    if (request->reason == TASK_BY_IRET)
        eflags &= ~RFLAGS_NT;
    if (type_is_32_bit(cpu->state.tr.attributes))
        return save_32(cpu, (uint32_t)request->return_rip, (uint32_t)eflags);
    return save_16(cpu, (uint32_t)request->return_rip, (uint32_t)eflags);
}

/* Busy bits of both, and the link by which IRET comes back. */
static bool mark_tasks(struct cpu *cpu, const struct task_request *request, struct task *task)
{
    bool nested = request->reason == TASK_BY_CALL || request->reason == TASK_BY_EVENT;
    uint16_t old_selector = cpu->state.tr.selector;
    if (nested) {
        if (!cpu_write_system(cpu, descriptor_base(&task->descriptor), &old_selector, 2))
            return false;
    } else {
        struct descriptor old;
        if (!descriptor_read(cpu, old_selector, EXCEPTION_TS, request->external, &old) ||
            !descriptor_clear(cpu, &old, SYSTEM_TSS_BUSY_BIT))
            return false;
    }
    if (request->reason != TASK_BY_IRET &&
        !descriptor_set(cpu, &task->descriptor, SYSTEM_TSS_BUSY_BIT))
        return false;
    if (nested)
        task->tss.eflags |= (uint32_t)RFLAGS_NT;
    return true;
}

static bool load_address_space(struct cpu *cpu, const struct task *task)
{
    if (!task->wide || !(cpu->state.cr0 & CR0_PG) || cpu->state.cr3 == task->tss.cr3)
        return true;
    if (cpu->state.cr4 & CR4_PAE && !control_load_pdptes(cpu, task->tss.cr3))
        return false;
    cpu->state.cr3 = task->tss.cr3;
    tlb_flush_not_global(cpu);
    return true;
}

/* Selectors without their hidden parts, so that a fault in the new task can be taken. */
static void load_registers(struct cpu *cpu, const struct task *task)
{
    struct cpu_state *state = &cpu->state;
    const struct tss_32 *tss = &task->tss;
    bool virtual_8086 = task->wide && tss->eflags & RFLAGS_VM;
    unsigned privilege = virtual_8086 ? 3 : tss->segments[SEGMENT_CS] & SELECTOR_RPL;
    state->tr = segment_from_descriptor(task->selector, &task->descriptor);
    state->tr.attributes |= SYSTEM_TSS_BUSY_BIT;
    state->rip = tss->eip;
    cpu_set_rflags(cpu, tss->eflags & RFLAGS_WRITABLE);
    for (unsigned i = 0; i < 8; i++)
        state->general[i] = tss->general[i];
    for (unsigned i = 0; i < 6; i++)
        state->segments[i] = segment_null((uint16_t)tss->segments[i], privilege);
    state->ldtr = segment_null((uint16_t)tss->ldt, 0);
    state->cr0 |= CR0_TS;
    state->dr[7] &= ~DR7_LOCAL;
    cpu_mode_changed(cpu);
}

static bool load_ldt(struct cpu *cpu, bool external)
{
    struct descriptor descriptor;
    uint16_t selector = cpu->state.ldtr.selector;
    if (selector_is_null(selector))
        return true;
    if (selector & SELECTOR_TI)
        return raise_selector(cpu, EXCEPTION_TS, selector, external);
    if (!descriptor_read(cpu, selector, EXCEPTION_TS, external, &descriptor))
        return false;
    if (!descriptor_is_system(&descriptor) || descriptor_type(&descriptor) != SYSTEM_LDT ||
        !descriptor_present(&descriptor))
        return raise_selector(cpu, EXCEPTION_TS, selector, external);
    cpu->state.ldtr = segment_from_descriptor(selector, &descriptor);
    return true;
}

static bool load_code(struct cpu *cpu, bool external)
{
    struct descriptor code;
    uint16_t selector = cpu->state.segments[SEGMENT_CS].selector;
    unsigned privilege = selector & SELECTOR_RPL;
    if (selector_is_null(selector))
        return raise_selector(cpu, EXCEPTION_TS, selector, external);
    if (!descriptor_read(cpu, selector, EXCEPTION_TS, external, &code))
        return false;
    unsigned dpl = descriptor_dpl(&code);
    bool permitted = descriptor_is_conforming(&code) ? dpl <= privilege : dpl == privilege;
    if (!descriptor_is_code(&code) || !permitted)
        return raise_selector(cpu, EXCEPTION_TS, selector, external);
    if (!descriptor_present(&code))
        return raise_selector(cpu, EXCEPTION_NP, selector, external);
    if (!descriptor_set(cpu, &code, SEGMENT_TYPE_ACCESSED))
        return false;
    cpu->state.segments[SEGMENT_CS] = segment_from_descriptor(selector, &code);
    return true;
}

static bool load_data(struct cpu *cpu, unsigned segment)
{
    uint16_t selector = cpu->state.segments[segment].selector;
    if (segment_load(cpu, segment, selector))
        return true;
    /* The same checks as by MOV, but what is wrong with the selector is the TSS's fault. */
    if (!cpu->exit_pending && cpu->exception.vector == EXCEPTION_GP)
        cpu->exception.vector = EXCEPTION_TS;
    return false;
}

static bool load_segments(struct cpu *cpu, bool external)
{
    static const uint8_t data[] = { SEGMENT_ES, SEGMENT_DS, SEGMENT_FS, SEGMENT_GS };
    struct segment *segments = cpu->state.segments;
    if (!load_ldt(cpu, external))
        return false;
    if (in_virtual_8086_mode(cpu)) {
        for (unsigned i = 0; i < 6; i++)
            segment_load_real(cpu, i, segments[i].selector);
        return true;
    }
    uint16_t ss = segments[SEGMENT_SS].selector;
    unsigned privilege = segments[SEGMENT_CS].selector & SELECTOR_RPL;
    if (!load_code(cpu, external) ||
        !stack_segment_load(cpu, ss, privilege, EXCEPTION_TS, external, &segments[SEGMENT_SS]))
        return false;
    for (unsigned i = 0; i < 4; i++)
        if (!load_data(cpu, data[i]))
            return false;
    return true;
}

static bool push_error_code(struct cpu *cpu, const struct task_request *request, bool wide)
{
    struct stack_frame stack;
    if (!request->has_error_code)
        return true;
    stack_frame_current(cpu, &stack);
    if (!stack_frame_push(cpu, &stack, request->error_code, wide ? 4 : 2))
        return false;
    stack_frame_commit(cpu, &stack);
    return true;
}

bool task_switch(struct cpu *cpu, const struct task_request *request)
{
    struct task task;
    if (!find_task(cpu, request, &task) || !read_task(cpu, &task) || !save_old_task(cpu, request) ||
        !mark_tasks(cpu, request, &task) || !load_address_space(cpu, &task))
        return false;
    load_registers(cpu, &task);
    if (task.debug_trap) {
        cpu->debug_trap |= DR6_BT;
        cpu_attend(cpu, ATTENTION_STEP);
    }
    bool done = load_segments(cpu, request->external);
    cpu_mode_changed(cpu);
    return done && push_error_code(cpu, request, task.wide);
}
