// SPDX-License-Identifier: Apache-2.0
/*
 * The run loop: what happens between blocks. In the order of SDM volume 3, table 6-2: the trap of
 * the instruction before, NMI, interrupts, code breakpoints; then the instruction and its faults.
 */
#include "core/x86/interpreter/block.h"
#include "core/x86/interpreter/interpreter.h"

static bool leave(struct cpu *cpu, enum vm_exit_reason reason)
{
    cpu->exit->reason = reason;
    cpu->exit_pending = true;
    return false;
}

/* An event or fault is being delivered. False: leave vcpu_run. */
static bool deliver_exception(struct cpu *cpu)
{
    return cpu_deliver_exception(cpu) || !cpu->exit_pending;
}

static bool deliver_vector(struct cpu *cpu, unsigned vector)
{
    cpu->state.halted = false;
    cpu->vector_under_way = (int16_t)vector;
    if (!cpu_deliver_interrupt(cpu, vector))
        return false;
    cpu->vector_under_way = NO_VECTOR;
    replay_end(cpu);
    return true;
}

static bool deliver_nmi(struct cpu *cpu)
{
    cpu->state.nmi_pending = false;
    cpu->state.nmi_blocked = true;
    return deliver_vector(cpu, EXCEPTION_NMI);
}

/* The controller may have more to deliver: it is asked again when IF is set next. */
static bool deliver_interrupt(struct cpu *cpu)
{
    cpu_vector_unload(cpu);
    int vector = cpu->request.interrupts.acknowledge(cpu->request.interrupts.context);
    if (vector < 0) {
        cpu->interrupt_waiting = false;
        return true;
    }
    return deliver_vector(cpu, (unsigned)vector);
}

static bool take_attention(struct cpu *cpu)
{
    uint32_t bits = atomic_load(&cpu->attention) & ~(uint32_t)ATTENTION_STEP;
    if (!bits)
        return true;
    atomic_fetch_and(&cpu->attention, ~bits);
    if (bits & ATTENTION_TLB)
        code_watch_acknowledge(cpu);
    if (bits & ATTENTION_INTERRUPT)
        cpu->interrupt_waiting = true;
    if (bits & ATTENTION_NMI)
        cpu->state.nmi_pending = true;
    return !(bits & ATTENTION_KICK) || leave(cpu, VM_EXIT_KICKED);
}

/* False: leave vcpu_run. */
static bool take_events(struct cpu *cpu)
{
    struct cpu_state *state = &cpu->state;
    if (cpu->vector_under_way != NO_VECTOR)
        return deliver_vector(cpu, (unsigned)cpu->vector_under_way);
    if (cpu->replay.count > 0) /* an instruction is half done */
        return true;
    if (!take_attention(cpu))
        return false;
    if (state->interrupt_shadow)
        return true;
    if (state->nmi_pending && !state->nmi_blocked)
        return deliver_nmi(cpu);
    if (cpu->interrupt_waiting && state->rflags & RFLAGS_IF && !deliver_interrupt(cpu))
        return false;
    return !state->halted || leave(cpu, VM_EXIT_HALT);
}

static enum outcome run_block(struct cpu *cpu, bool step)
{
    struct block *block = block_find(cpu, step);
    return block ? block_enter(cpu, block, cpu->state.rip) : OUTCOME_FAULT;
}

static bool after_fault(struct cpu *cpu)
{
    if (cpu->exit_pending)
        return false;
    if (!deliver_exception(cpu))
        return false;
    replay_end(cpu);
    return true;
}

/* With TF, breakpoints, an interrupt shadow or the answer of an exit. */
static bool run_instruction(struct cpu *cpu)
{
    bool stepping = cpu->state.rflags & RFLAGS_TF, shadow = cpu->state.interrupt_shadow;
    cpu_attend(cpu, ATTENTION_STEP);
    replay_begin(cpu);
    if (cpu->replay.count == 0 && !debug_before_instruction(cpu))
        return after_fault(cpu);
    if (run_block(cpu, true) == OUTCOME_FAULT)
        return after_fault(cpu);
    replay_end(cpu);
    return debug_after_instruction(cpu, stepping, shadow) || after_fault(cpu);
}

static bool run_blocks(struct cpu *cpu)
{
    if (debug_wanted(cpu) || cpu->replay.count > 0)
        return run_instruction(cpu);
    if (atomic_load_explicit(&cpu->attention, memory_order_relaxed) & ATTENTION_STEP)
        atomic_fetch_and(&cpu->attention, ~(uint32_t)ATTENTION_STEP);
    return run_block(cpu, false) == OUTCOME_CONTINUE || after_fault(cpu);
}

void interpreter_run(struct cpu *cpu, struct vm_exit *exit)
{
    cpu->exit = exit;
    cpu_exit_answered(cpu);
    cpu->exit_pending = false;
    cpu->stack_floor = (uintptr_t)__builtin_frame_address(0) - BLOCK_CHAIN_STACK;
    code_watch_enter(cpu);
    while (take_events(cpu) && run_blocks(cpu))
        continue;
    cpu_vector_unload(cpu);
    code_watch_leave(cpu);
}
