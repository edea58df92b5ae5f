// SPDX-License-Identifier: Apache-2.0
/* System instructions: what their files share. Each function named execute_* is an op (op.h). */
#pragma once

#include "core/x86/interpreter/descriptor.h"
#include "core/x86/interpreter/op.h"

/* The bits of RFLAGS that exist. */
#define RFLAGS_WRITABLE                                                                            \
    (RFLAGS_ARITHMETIC | RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_RF | \
     RFLAGS_VM | RFLAGS_AC | RFLAGS_VIF | RFLAGS_VIP | RFLAGS_ID)

static inline unsigned io_privilege_level(const struct cpu *cpu)
{
    return (unsigned)(cpu->state.rflags >> RFLAGS_IOPL_SHIFT & 3);
}

static inline enum outcome op_raise(struct cpu *cpu, const struct op *op, unsigned vector)
{
    cpu_raise(cpu, vector);
    return op_fault(cpu, op);
}

/* Ends the block after a change of the level, flags or segments (not of paging). */
static inline enum outcome op_end_level(struct cpu *cpu, const struct op *op)
{
    cpu_level_changed(cpu);
    return op_end_block(cpu, op);
}

/* RIP of the next instruction as it is saved: cut to the code size. */
uint64_t saved_next_rip(const struct cpu *cpu, const struct op *op);

/* CR3 is about to be `cr3` under PAE paging: loads the PDPTE registers. False: #GP(0). */
bool control_load_pdptes(struct cpu *cpu, uint64_t cr3);

/* UMIP and the like: SGDT, SIDT, SLDT, SMSW, STR at CPL > 0. False: #GP(0). */
bool user_may_read_system(struct cpu *cpu);

/* The bit of CPUID (leaf, subleaf 0; register 0 to 3: EAX to EDX). */
bool cpuid_bit(const struct cpu *cpu, uint32_t leaf, unsigned register_index, unsigned bit);

/* Flat segments that SYSCALL and SYSENTER load without looking at descriptors. */
void load_flat_code(struct cpu *cpu, uint16_t selector, unsigned privilege, bool long_mode);
void load_flat_stack(struct cpu *cpu, uint16_t selector, unsigned privilege);

uint64_t guest_tsc(const struct cpu *cpu);

#define SYSTEM_OPS(OP)                                                                             \
    OP(ARPL, arpl)                                                                                 \
    OP(CALL_FAR, call_far)                                                                         \
    OP(CLAC, clac)                                                                                 \
    OP(CLFLUSH, clflush)                                                                           \
    OP(CLFLUSHOPT, clflush)                                                                        \
    OP(CLI, cli)                                                                                   \
    OP(CLTS, clts)                                                                                 \
    OP(CLWB, clflush)                                                                              \
    OP(CPUID, cpuid)                                                                               \
    OP(HLT, hlt)                                                                                   \
    OP(IN, in)                                                                                     \
    OP(INS, ins)                                                                                   \
    OP(INT, int)                                                                                   \
    OP(INT1, int1)                                                                                 \
    OP(INT3, int3)                                                                                 \
    OP(INTO, into)                                                                                 \
    OP(INVD, invd)                                                                                 \
    OP(INVLPG, invlpg)                                                                             \
    OP(INVPCID, invpcid)                                                                           \
    OP(IRET, iret)                                                                                 \
    OP(JMP_FAR, jmp_far)                                                                           \
    OP(LAR, lar)                                                                                   \
    OP(LDS, load_far_pointer)                                                                      \
    OP(LES, load_far_pointer)                                                                      \
    OP(LFS, load_far_pointer)                                                                      \
    OP(LGS, load_far_pointer)                                                                      \
    OP(LSS, load_far_pointer)                                                                      \
    OP(LFENCE, fence)                                                                              \
    OP(LGDT, lgdt)                                                                                 \
    OP(LIDT, lidt)                                                                                 \
    OP(LLDT, lldt)                                                                                 \
    OP(LMSW, lmsw)                                                                                 \
    OP(LSL, lsl)                                                                                   \
    OP(LTR, ltr)                                                                                   \
    OP(MFENCE, fence)                                                                              \
    OP(MONITOR, monitor)                                                                           \
    OP(MOV_CONTROL, mov_control)                                                                   \
    OP(MOV_DEBUG, mov_debug)                                                                       \
    OP(MOV_SEGMENT, mov_segment)                                                                   \
    OP(MWAIT, mwait)                                                                               \
    OP(OUT, out)                                                                                   \
    OP(OUTS, outs)                                                                                 \
    OP(POPF, popf)                                                                                 \
    OP(POP_SEGMENT, pop_segment)                                                                   \
    OP(PREFETCH, nothing)                                                                          \
    OP(PREFETCHW, nothing)                                                                         \
    OP(PUSHF, pushf)                                                                               \
    OP(PUSH_SEGMENT, push_segment)                                                                 \
    OP(RDFSBASE, rdfsbase)                                                                         \
    OP(RDGSBASE, rdgsbase)                                                                         \
    OP(RDMSR, rdmsr)                                                                               \
    OP(RDPID, rdpid)                                                                               \
    OP(RDPMC, rdpmc)                                                                               \
    OP(RDRAND, rdrand)                                                                             \
    OP(RDSEED, rdseed)                                                                             \
    OP(RDTSC, rdtsc)                                                                               \
    OP(RDTSCP, rdtscp)                                                                             \
    OP(RET_FAR, ret_far)                                                                           \
    OP(RSM, undefined)                                                                             \
    OP(SFENCE, fence)                                                                              \
    OP(SGDT, sgdt)                                                                                 \
    OP(SIDT, sidt)                                                                                 \
    OP(SLDT, sldt)                                                                                 \
    OP(SMSW, smsw)                                                                                 \
    OP(STAC, stac)                                                                                 \
    OP(STI, sti)                                                                                   \
    OP(STR, str)                                                                                   \
    OP(SWAPGS, swapgs)                                                                             \
    OP(SYSCALL, syscall)                                                                           \
    OP(SYSENTER, sysenter)                                                                         \
    OP(SYSEXIT, sysexit)                                                                           \
    OP(SYSRET, sysret)                                                                             \
    OP(UD0, undefined)                                                                             \
    OP(UD1, undefined)                                                                             \
    OP(UD2, undefined)                                                                             \
    OP(VERR, verr)                                                                                 \
    OP(VERW, verw)                                                                                 \
    OP(VMCALL, vmcall)                                                                             \
    OP(VMMCALL, vmcall)                                                                            \
    OP(WBINVD, invd)                                                                               \
    OP(WRFSBASE, wrfsbase)                                                                         \
    OP(WRGSBASE, wrgsbase)                                                                         \
    OP(WRMSR, wrmsr)                                                                               \
    OP(XGETBV, xgetbv)                                                                             \
    OP(XSETBV, xsetbv)

op_execute execute_arpl, execute_call_far, execute_clac, execute_clflush, execute_cli, execute_clts,
    execute_cpuid, execute_hlt, execute_in, execute_ins, execute_int, execute_int1, execute_int3,
    execute_into, execute_invd, execute_invlpg, execute_invpcid, execute_iret, execute_jmp_far,
    execute_lar, execute_load_far_pointer, execute_fence, execute_lgdt, execute_lidt, execute_lldt,
    execute_lmsw, execute_lsl, execute_ltr, execute_monitor, execute_mov_control, execute_mov_debug,
    execute_mov_segment, execute_mwait, execute_out, execute_outs, execute_popf,
    execute_pop_segment, execute_nothing, execute_pushf, execute_push_segment, execute_rdfsbase,
    execute_rdgsbase, execute_rdmsr, execute_rdpid, execute_rdpmc, execute_rdrand, execute_rdseed,
    execute_rdtsc, execute_rdtscp, execute_ret_far, execute_undefined, execute_sgdt, execute_sidt,
    execute_sldt, execute_smsw, execute_stac, execute_sti, execute_str, execute_swapgs,
    execute_syscall, execute_sysenter, execute_sysexit, execute_sysret, execute_verr, execute_verw,
    execute_vmcall, execute_wrfsbase, execute_wrgsbase, execute_wrmsr, execute_xgetbv,
    execute_xsetbv, execute_privileged;
