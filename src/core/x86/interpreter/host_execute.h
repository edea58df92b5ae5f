// SPDX-License-Identifier: Apache-2.0
/*
 * Instructions that the host executes: x87, MMX, SSE, AVX, and those on general registers that need
 * no memory model of ours. Each has a thunk (thunk.h); the guest's vector registers are in the
 * host's (vector_registers.h).
 *
 * An op has two ways. The quick one asks whether the instruction may execute as it is: registers
 * loaded, exceptions masked, permitted by CR0, CR4 and XCR0, operand aligned and in the TLB.
 * Whatever the answer No comes from, host_execute_slow does the rest: there the checks stand in the
 * order of the SDM, and the operand is a copy.
 */
#pragma once

#include "core/x86/interpreter/op.h"
#include "core/x86/interpreter/thunk.h"

/* What has variables of its own whose addresses it hands out: inlined into an op it would keep the
 * op from ending with a jump (op.h). */
#define OUT_OF_LINE __attribute__((noinline))

/* At set-up of a vCPU: its thunks. False: no memory. */
bool host_execute_create(struct cpu *cpu, struct platform *platform);

/* What an instruction works on, and so what it needs. */
enum host_class {
    HOST_GENERAL, /* general registers */
    HOST_SSE,
    HOST_AVX,
    HOST_X87,
    HOST_MMX,
    HOST_SSE_MMX, /* both: CVTPI2PS, MOVQ2DQ, ... */
    HOST_CLASSES
};
enum host_class host_class_of(const struct instruction *instruction);

/* The memory operand; NULL: none. */
const struct operand *host_memory_operand(const struct instruction *instruction);

/* False: exception or exit filled in, nothing changed. */
bool host_execute_slow(struct cpu *cpu, const struct op *op);
/* After a failed access: #GP for a non-canonical address in the stack segment is #SS. */
void host_memory_fault(struct cpu *cpu, const struct instruction *instruction);

/* Permission, registers loaded, pending x87 exceptions. False: exception filled in. */
bool host_prepare(struct cpu *cpu, const struct instruction *instruction);

/* Execute a thunk while the guest has exceptions unmasked (vector_unmasked.c). False: #XM raised,
 * nothing changed but MXCSR. x87 exceptions do not raise: they become pending. */
bool host_call_unmasked_sse(struct cpu *cpu, thunk_function *thunk, void *memory);
void host_call_unmasked_x87(struct cpu *cpu, thunk_function *thunk, void *memory);

/* The same for those that do not wait for pending x87 exceptions. */
bool host_prepare_no_wait(struct cpu *cpu, const struct instruction *instruction);

/* Of instructions with functions of their own; NULL: `instruction` is none. */
op_execute *lower_x87_control(const struct instruction *instruction);
op_execute *lower_x87_environment(const struct instruction *instruction);
op_execute *lower_xsave(const struct instruction *instruction); /* and MXCSR */
op_execute *lower_masked(const struct instruction *instruction);
op_execute *lower_vector_zero(const struct instruction *instruction);
