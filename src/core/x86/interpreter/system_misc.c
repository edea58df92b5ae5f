// SPDX-License-Identifier: Apache-2.0
/* HLT, the TLB's and caches' instructions, hypercalls, XCR0. */
#include "core/x86/interpreter/exit.h"
#include "core/x86/interpreter/memory_page.h"
#include "core/x86/interpreter/system.h"

#define XSAVE_LEAF 0xd

enum outcome execute_undefined(struct cpu *cpu, const struct op *op)
{
    return op_raise(cpu, op, EXCEPTION_UD);
}

enum outcome execute_privileged(struct cpu *cpu, const struct op *op)
{
    return op_raise(cpu, op, EXCEPTION_GP);
}

enum outcome execute_nothing(struct cpu *cpu, const struct op *op)
{
    NEXT_OP(cpu, op);
}

enum outcome execute_fence(struct cpu *cpu, const struct op *op)
{
    atomic_thread_fence(memory_order_seq_cst);
    NEXT_OP(cpu, op);
}

enum outcome execute_hlt(struct cpu *cpu, const struct op *op)
{
    cpu->state.halted = true;
    return op_end_block(cpu, op);
}

/* Nothing of the guest's is cached that memory does not show. */
enum outcome execute_invd(struct cpu *cpu, const struct op *op)
{
    NEXT_OP(cpu, op);
}

/* Faults as a load of a byte does (volume 2, CLFLUSH); an MMIO register is not read for it. */
enum outcome execute_clflush(struct cpu *cpu, const struct op *op)
{
    struct page page;
    gva_t linear;
    if (!operand_linear(cpu, op, 1, ACCESS_READ, &linear) ||
        !page_find(cpu, cpu->access_mode, linear, false, &page)) {
        if (op->instruction->memory.segment == SEGMENT_SS && cpu->exception.non_canonical)
            cpu->exception.vector = EXCEPTION_SS;
        return op_fault(cpu, op);
    }
    NEXT_OP(cpu, op);
}

/* In 64-bit mode a non-canonical address is no fault (volume 2, INVLPG), so only the base counts.
 */
enum outcome execute_invlpg(struct cpu *cpu, const struct op *op)
{
    unsigned segment = op->instruction->memory.segment;
    uint64_t linear = operand_offset(cpu, op);
    if (cpu->code_size != CODE_64)
        linear = (uint32_t)(linear + cpu->state.segments[segment].base);
    else if (segment >= SEGMENT_FS)
        linear += cpu->state.segments[segment].base;
    tlb_flush_page(cpu, linear);
    return op_end_block(cpu, op);
}

enum invpcid_type { INVPCID_ADDRESS, INVPCID_CONTEXT, INVPCID_ALL, INVPCID_ALL_NOT_GLOBAL };

/* The TLB holds one PCID's entries at a time: all types but one address empty it. */
enum outcome execute_invpcid(struct cpu *cpu, const struct op *op)
{
    uint64_t type, descriptor[2];
    if (!operand_read(cpu, op, 0, &type) || !operand_load(cpu, op, descriptor, sizeof(descriptor)))
        return op_fault(cpu, op);
    bool pcid = type <= INVPCID_CONTEXT;
    if (type > INVPCID_ALL_NOT_GLOBAL || descriptor[0] >> 12 ||
        (pcid && descriptor[0] && !(cpu->state.cr4 & CR4_PCIDE)) ||
        (type == INVPCID_ADDRESS && !is_canonical(descriptor[1])))
        return op_raise(cpu, op, EXCEPTION_GP);
    if (type == INVPCID_ADDRESS)
        tlb_flush_page(cpu, descriptor[1]);
    else if (type == INVPCID_ALL)
        tlb_flush(cpu);
    else
        tlb_flush_not_global(cpu);
    return op_end_block(cpu, op);
}

/* A processor may always leave MWAIT at once; a guest that waits so loops. */
enum outcome execute_monitor(struct cpu *cpu, const struct op *op)
{
    if (cpu->privilege_level != 0)
        return op_raise(cpu, op, EXCEPTION_UD);
    if (cpu->state.general[RCX])
        return op_raise(cpu, op, EXCEPTION_GP);
    NEXT_OP(cpu, op);
}

enum outcome execute_mwait(struct cpu *cpu, const struct op *op)
{
    if (cpu->privilege_level != 0)
        return op_raise(cpu, op, EXCEPTION_UD);
    return op_end_block(cpu, op);
}

/* The convention of the paravirtual interface that is announced: number in RAX, arguments in RBX,
 * RCX, RDX, RSI, result in RAX. */
enum outcome execute_vmcall(struct cpu *cpu, const struct op *op)
{
    uint64_t *general = cpu->state.general;
    uint64_t mask = cpu->code_size == CODE_64 ? ~UINT64_C(0) : UINT32_MAX;
    if (!cpu->request.hypercalls)
        return op_raise(cpu, op, EXCEPTION_UD);
    if (cpu->privilege_level != 0) { /* KVM answers programs with -EPERM */
        general[RAX] = ~UINT64_C(0) & mask;
        return op_end_block(cpu, op);
    }
    const struct replay_access *answer = replay_next(cpu, REPLAY_HYPERCALL);
    if (!answer) {
        cpu_exit(cpu, &(struct vm_exit){
                          .reason = VM_EXIT_HYPERCALL,
                          .hypercall = { .number = general[RAX] & mask,
                                         .arguments = { general[RBX] & mask, general[RCX] & mask,
                                                        general[RDX] & mask, general[RSI] & mask,
                                                        general[RDI] & mask } } });
        return op_fault(cpu, op);
    }
    general[RAX] = answer->value & mask;
    return op_end_block(cpu, op);
}

enum outcome execute_xgetbv(struct cpu *cpu, const struct op *op)
{
    uint64_t *general = cpu->state.general;
    uint32_t index = (uint32_t)general[RCX];
    if (!(cpu->state.cr4 & CR4_OSXSAVE))
        return op_raise(cpu, op, EXCEPTION_UD);
    /* 1: XCR0 without what is in its initial state (volume 1, 13.2); the whole will do. */
    const struct cpuid_entry *xsave = cpuid_find(cpu->cpuid, XSAVE_LEAF, 1);
    bool in_use = index == 1 && xsave && xsave->eax & 1u << 2;
    if (index != 0 && !in_use)
        return op_raise(cpu, op, EXCEPTION_GP);
    general[RAX] = (uint32_t)cpu->state.xcr0;
    general[RDX] = cpu->state.xcr0 >> 32;
    NEXT_OP(cpu, op);
}

static bool xcr0_permitted(const struct cpu *cpu, uint64_t value)
{
    const struct cpuid_entry *xsave = cpuid_find(cpu->cpuid, XSAVE_LEAF, 0);
    uint64_t offered = xsave ? xsave->eax | (uint64_t)xsave->edx << 32 : 0;
    if (value & ~offered || !(value & XCR0_X87))
        return false;
    return !(value & XCR0_AVX) || value & XCR0_SSE;
}

enum outcome execute_xsetbv(struct cpu *cpu, const struct op *op)
{
    const uint64_t *general = cpu->state.general;
    uint64_t value = (uint32_t)general[RAX] | general[RDX] << 32;
    if (!(cpu->state.cr4 & CR4_OSXSAVE))
        return op_raise(cpu, op, EXCEPTION_UD);
    if (cpu->privilege_level != 0 || (uint32_t)general[RCX] != 0 || !xcr0_permitted(cpu, value))
        return op_raise(cpu, op, EXCEPTION_GP);
    cpu->state.xcr0 = value;
    return op_end_block(cpu, op);
}
