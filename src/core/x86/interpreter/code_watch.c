// SPDX-License-Identifier: Apache-2.0
#include "core/x86/interpreter/block.h"
#include "core/x86/interpreter/interpreter.h"

static struct code_watch *own_watch(struct cpu *cpu)
{
    return &cpu->interpreter->watches[cpu->vcpu.index];
}

void code_watch_acknowledge(struct cpu *cpu)
{
    struct code_watch *watch = own_watch(cpu);
    uint32_t requested = atomic_load(&watch->requested);
    if (requested == atomic_load_explicit(&watch->acknowledged, memory_order_relaxed))
        return;
    tlb_protect_code(cpu);
    atomic_store(&watch->acknowledged, requested);
}

/* Whoever finds `running` false may rely on our coming by here before the next store: both sides
 * store, then load, sequentially consistent. */
void code_watch_enter(struct cpu *cpu)
{
    atomic_store(&own_watch(cpu)->running, true);
    code_watch_acknowledge(cpu);
}

void code_watch_leave(struct cpu *cpu)
{
    atomic_store(&own_watch(cpu)->running, false);
}

static void wait_for(struct cpu *cpu, struct code_watch *other, uint32_t request)
{
    while (atomic_load(&other->running) &&
           (int32_t)(atomic_load(&other->acknowledged) - request) < 0) {
        code_watch_acknowledge(cpu);
        __builtin_ia32_pause();
    }
}

static void ask_others(struct cpu *cpu)
{
    struct interpreter *interpreter = cpu->interpreter;
    for (unsigned i = 0; i < interpreter->vcpu_count; i++) {
        struct code_watch *other = &interpreter->watches[i];
        if (i == cpu->vcpu.index || !other->cpu)
            continue;
        uint32_t request = atomic_fetch_add(&other->requested, 1) + 1;
        cpu_attend(other->cpu, ATTENTION_TLB);
        wait_for(cpu, other, request);
    }
}

void code_watch_lines(struct cpu *cpu, struct frame *frame, uint32_t lines)
{
    if ((atomic_load(&frame->code_lines) & lines) == lines)
        return;
    if (atomic_fetch_or(&frame->code_lines, lines) != 0)
        return;
    tlb_protect_frame(cpu, frame);
    ask_others(cpu);
}

static enum outcome leave_stale_block(struct cpu *cpu, const struct op *op)
{
    cpu->state.rip = op_rip(cpu, op);
    return OUTCOME_CONTINUE;
}

/* A stale block is not entered again, so its ops may be changed under its own feet: whichever comes
 * next leaves it. */
void cpu_code_written(struct cpu *cpu)
{
    struct block *block = cpu->block;
    if (!block || block_valid(block))
        return;
    for (unsigned i = 0; i < block->op_count; i++)
        block->ops[i].execute = leave_stale_block;
    cpu->block = NULL;
}
