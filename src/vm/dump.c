// SPDX-License-Identifier: Apache-2.0
/*
 * An exit that nobody handles is a bug, of the engine or of the guest: everything that tells which
 * is written once, in one piece. The text holds what the guest's registers and code hold, so it
 * goes to whoever runs the machine and nowhere else.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/string.h"
#include "core/x86/page_walk.h"
#include "vm/vm.h"

enum { CODE_BYTES = 32, STACK_WORDS = 8 };

static const char *const reasons[VM_EXIT_REASONS] = {
    [VM_EXIT_KICKED] = "kicked",
    [VM_EXIT_IO] = "port",
    [VM_EXIT_MMIO] = "mmio",
    [VM_EXIT_MSR] = "msr",
    [VM_EXIT_HYPERCALL] = "hypercall",
    [VM_EXIT_HALT] = "hlt",
    [VM_EXIT_SHUTDOWN] = "triple fault",
    [VM_EXIT_FAIL] = "the engine cannot go on",
};

static void add_reason(char **text, const struct vm_vcpu *vcpu, const struct vm_exit *exit)
{
    string_append(text, "vCPU %u: %s", vcpu->index,
                  exit->reason < VM_EXIT_REASONS ? reasons[exit->reason] : "unknown exit");
    if (exit->reason == VM_EXIT_FAIL)
        string_append(text, ": %s (%#" PRIx64 ")", exit->fail.reason ? exit->fail.reason : "",
                      exit->fail.detail);
    string_append(text, "\n");
}

static void add_general(char **text, const struct cpu_state *state)
{
    static const char names[16][4] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                       "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15" };
    for (unsigned i = 0; i < 16; i++)
        string_append(text, "  %-3s %016" PRIx64 "%s", names[i], state->general[i],
                      i % 4 == 3 ? "\n" : "");
    string_append(text, "  rip %016" PRIx64 "  rflags %08" PRIx64 "%s%s%s\n", state->rip,
                  state->rflags, state->halted ? "  halted" : "",
                  state->interrupt_shadow ? "  interrupt shadow" : "",
                  state->nmi_blocked ? "  NMI blocked" : "");
}

static void add_segment(char **text, const char *name, const struct segment *segment)
{
    string_append(text, "  %-4s %04x  base %016" PRIx64 "  limit %08x  attributes %04x\n", name,
                  segment->selector, segment->base, segment->limit, segment->attributes);
}

static void add_system(char **text, const struct cpu_state *state)
{
    static const char names[6][3] = { "es", "cs", "ss", "ds", "fs", "gs" };
    for (unsigned i = 0; i < 6; i++)
        add_segment(text, names[i], &state->segments[i]);
    add_segment(text, "ldtr", &state->ldtr);
    add_segment(text, "tr", &state->tr);
    string_append(text,
                  "  gdtr %016" PRIx64 " %04x  idtr %016" PRIx64 " %04x\n"
                  "  cr0 %08" PRIx64 "  cr2 %016" PRIx64 "  cr3 %016" PRIx64 "  cr4 %08" PRIx64
                  "\n  efer %04" PRIx64 "  xcr0 %" PRIx64 "  dr6 %08" PRIx64 "  dr7 %08" PRIx64
                  "  kernel gs base %016" PRIx64 "\n",
                  state->gdtr.base, state->gdtr.limit, state->idtr.base, state->idtr.limit,
                  state->cr0, state->cr2, state->cr3, state->cr4, state->efer, state->xcr0,
                  state->dr[6], state->dr[7], state->kernel_gs_base);
}

static bool read_linear(const struct vm *vm, const struct paging *paging, gva_t linear, void *bytes,
                        uint64_t length)
{
    uint32_t error_code;
    struct page_translation translation;
    return page_walk(paging, &vm->memory.guest, linear, PAGE_ACCESS_PROBE, &translation,
                     &error_code) &&
           guest_read(&vm->memory.guest, translation.physical, bytes, length);
}

static void add_code(char **text, const struct vm *vm, const struct paging *paging, gva_t linear)
{
    string_append(text, "  code at %016" PRIx64 ":", linear);
    for (unsigned i = 0; i < CODE_BYTES; i++) {
        uint8_t byte;
        if (!read_linear(vm, paging, linear + i, &byte, 1)) {
            string_append(text, " (not mapped)");
            break;
        }
        string_append(text, " %02x", byte);
    }
    string_append(text, "\n");
}

static void add_stack(char **text, const struct vm *vm, const struct paging *paging, gva_t linear)
{
    string_append(text, "  stack at %016" PRIx64 ":", linear);
    for (unsigned i = 0; i < STACK_WORDS; i++) {
        uint64_t word;
        if (!read_linear(vm, paging, linear + i * sizeof(word), &word, sizeof(word))) {
            string_append(text, " (not mapped)");
            break;
        }
        string_append(text, " %" PRIx64, word);
    }
    string_append(text, "\n");
}

static void add_walk(char **text, const struct vm *vm, const struct paging *paging, gva_t linear)
{
    struct page_walk_step steps[4];
    unsigned count = page_walk_trace(paging, &vm->memory.guest, linear, steps);
    string_append(text, "  page walk of %016" PRIx64 ":", linear);
    for (unsigned i = 0; i < count; i++)
        string_append(text, " level %u [%" PRIx64 "] = %016" PRIx64, steps[i].level,
                      steps[i].address, steps[i].entry);
    string_append(text, count ? "\n" : " no paging\n");
}

static unsigned physical_address_bits(const struct vm *vm)
{
    const struct cpuid_entry *entry = cpuid_find(machine_cpuid(vm->machine), 0x80000008, 0);
    unsigned bits = entry ? entry->eax & 0xff : 0;
    return bits >= 32 && bits <= 52 ? bits : 36;
}

void vm_dump(struct vm_vcpu *vcpu, const struct vm_exit *exit)
{
    struct vm *vm = vcpu->vm;
    struct cpu_state state;
    struct paging paging;
    AUTO_FREE char *text = NULL;
    vcpu->engine_vcpu->engine->vcpu_get_state(vcpu->engine_vcpu, &state);
    paging_from_state(&paging, &state, physical_address_bits(vm));
    gva_t code = state.segments[SEGMENT_CS].base + state.rip;
    add_reason(&text, vcpu, exit);
    add_general(&text, &state);
    add_system(&text, &state);
    add_code(&text, vm, &paging, code);
    add_stack(&text, vm, &paging, state.segments[SEGMENT_SS].base + state.general[RSP]);
    add_walk(&text, vm, &paging, code);
    if (state.cr2)
        add_walk(&text, vm, &paging, state.cr2);
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
        if (*line)
            log_error(vm->platform.log, "%s", line);
}
