// SPDX-License-Identifier: Apache-2.0
#include "core/x86/interpreter/interpreter.h"

#include "core/memory/copy.h"
#include "core/platform.h"
#include "core/x86/interpreter/block.h"
#include "core/x86/interpreter/host_execute.h"

struct interpreter *interpreter_create(struct platform *platform, struct guest_memory *memory,
                                       unsigned vcpu_count, const char **why)
{
    struct interpreter *interpreter =
        platform_allocate(platform, sizeof(*interpreter) + vcpu_count * sizeof(struct code_watch));
    if (!interpreter) {
        *why = "there is no memory for the interpreter";
        return NULL;
    }
    interpreter->platform = platform;
    interpreter->memory = memory;
    interpreter->vcpu_count = vcpu_count;
    return interpreter;
}

struct cpu *interpreter_cpu_create(struct interpreter *interpreter,
                                   const struct vcpu_request *request, const char **why)
{
    if (request->index >= interpreter->vcpu_count || interpreter->watches[request->index].cpu) {
        *why = "there is no such processor, or it is there already";
        return NULL;
    }
    struct cpu *cpu = platform_allocate(request->platform, sizeof(*cpu));
    struct block_cache *blocks = platform_allocate(request->platform, sizeof(*blocks));
    if (!cpu || !blocks || !host_execute_create(cpu, request->platform)) {
        *why = "there is no memory for a processor of the interpreter";
        return NULL;
    }
    block_cache_reset(blocks);
    cpu->vcpu.index = request->index;
    cpu->blocks = blocks;
    cpu->interpreter = interpreter;
    cpu->memory = request->memory;
    cpu->cpuid = request->cpuid;
    cpu->request = *request;
    cpu->vector_under_way = NO_VECTOR;
    cpu_set_rflags(cpu, 0);
    cpu_state_loaded(cpu);
    interpreter->watches[request->index].cpu = cpu;
    return cpu;
}

void interpreter_cpu_destroy(struct cpu *cpu)
{
    cpu->interpreter->watches[cpu->vcpu.index].cpu = NULL;
}

void interpreter_get_state(struct cpu *cpu, struct cpu_state *state)
{
    cpu_vector_unload(cpu);
    copy_bytes(state, &cpu->state, sizeof(*state));
    state->rflags = cpu_rflags(cpu);
}

int interpreter_set_state(struct cpu *cpu, const struct cpu_state *state)
{
    cpu_vector_unload(cpu);
    copy_bytes(&cpu->state, state, sizeof(*state));
    cpu_set_rflags(cpu, state->rflags);
    cpu->exit_pending = false;
    cpu->vector_under_way = NO_VECTOR;
    cpu->debug_trap = 0;
    replay_end(cpu);
    cpu_state_loaded(cpu);
    return 0;
}
