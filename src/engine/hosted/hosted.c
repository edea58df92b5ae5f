// SPDX-License-Identifier: Apache-2.0
#include "engine/hosted/hosted.h"

#include "core/x86/interpreter/interpreter.h"

static void *hosted_create(struct platform *platform, struct guest_memory *memory,
                           unsigned vcpu_count, const char **why)
{
    return interpreter_create(platform, memory, vcpu_count, why);
}

/* Its memory goes with the machine's. */
static void hosted_destroy(void *engine)
{
    (void)engine;
}

static struct cpu *cpu_of(struct vcpu *vcpu)
{
    return (struct cpu *)vcpu;
}

static struct vcpu *hosted_vcpu_create(void *engine, const struct vcpu_request *request,
                                       const char **why)
{
    struct cpu *cpu = interpreter_cpu_create(engine, request, why);
    if (!cpu)
        return NULL;
    cpu->vcpu.engine = &engine_hosted;
    return &cpu->vcpu;
}

static void hosted_vcpu_destroy(struct vcpu *vcpu)
{
    interpreter_cpu_destroy(cpu_of(vcpu));
}

static void hosted_vcpu_run(struct vcpu *vcpu, struct vm_exit *exit)
{
    interpreter_run(cpu_of(vcpu), exit);
}

static void hosted_vcpu_get_state(struct vcpu *vcpu, struct cpu_state *state)
{
    interpreter_get_state(cpu_of(vcpu), state);
}

static int hosted_vcpu_set_state(struct vcpu *vcpu, const struct cpu_state *state)
{
    return interpreter_set_state(cpu_of(vcpu), state);
}

static void hosted_vcpu_kick(struct vcpu *vcpu)
{
    cpu_attend(cpu_of(vcpu), ATTENTION_KICK);
}

static void hosted_vcpu_interrupt(struct vcpu *vcpu)
{
    cpu_attend(cpu_of(vcpu), ATTENTION_INTERRUPT);
}

static void hosted_vcpu_nmi(struct vcpu *vcpu)
{
    cpu_attend(cpu_of(vcpu), ATTENTION_NMI);
}

/* An NMI needs no IF. */
static bool hosted_vcpu_interruptible(struct vcpu *vcpu)
{
    const struct cpu_state *state = &cpu_of(vcpu)->state;
    return !state->interrupt_shadow && (state->rflags & RFLAGS_IF || !state->nmi_blocked);
}

const struct engine engine_hosted = {
    .name = "hosted",
    .create = hosted_create,
    .destroy = hosted_destroy,
    .vcpu_create = hosted_vcpu_create,
    .vcpu_destroy = hosted_vcpu_destroy,
    .vcpu_run = hosted_vcpu_run,
    .vcpu_get_state = hosted_vcpu_get_state,
    .vcpu_set_state = hosted_vcpu_set_state,
    .vcpu_kick = hosted_vcpu_kick,
    .vcpu_interrupt = hosted_vcpu_interrupt,
    .vcpu_nmi = hosted_vcpu_nmi,
    .vcpu_interruptible = hosted_vcpu_interruptible,
};
