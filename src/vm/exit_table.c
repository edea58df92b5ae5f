// SPDX-License-Identifier: Apache-2.0
/* What becomes of each reason to leave the engine: a short handler a reason. */
#include "vm/vm.h"

typedef void exit_handler(struct vm_vcpu *vcpu, struct vm_exit *exit);
typedef void machine_handler(struct machine *machine, unsigned vcpu, struct vm_exit *exit);

static void ask_machine(struct vm_vcpu *vcpu, struct vm_exit *exit, machine_handler *handler)
{
    struct vm *vm = vcpu->vm;
    pthread_mutex_lock(&vm->platform.lock);
    handler(vm->machine, vcpu->index, exit);
    pthread_mutex_unlock(&vm->platform.lock);
}

static void end_machine(struct vm_vcpu *vcpu, enum vm_end end)
{
    pthread_mutex_lock(&vcpu->vm->platform.lock);
    vm_stop(vcpu->vm, end);
    pthread_mutex_unlock(&vcpu->vm->platform.lock);
}

/* The run loop looks at what the host wanted. */
static void exit_kicked(struct vm_vcpu *vcpu, struct vm_exit *exit)
{
    (void)vcpu;
    (void)exit;
}

static void exit_io(struct vm_vcpu *vcpu, struct vm_exit *exit)
{
    ask_machine(vcpu, exit, machine_io);
}

static void exit_mmio(struct vm_vcpu *vcpu, struct vm_exit *exit)
{
    ask_machine(vcpu, exit, machine_mmio);
}

static void exit_msr(struct vm_vcpu *vcpu, struct vm_exit *exit)
{
    ask_machine(vcpu, exit, machine_msr);
}

static void exit_hypercall(struct vm_vcpu *vcpu, struct vm_exit *exit)
{
    ask_machine(vcpu, exit, machine_hypercall);
}

static void exit_halt(struct vm_vcpu *vcpu, struct vm_exit *exit)
{
    (void)exit;
    vm_vcpu_wait(vcpu);
}

static void exit_shutdown(struct vm_vcpu *vcpu, struct vm_exit *exit)
{
    if (vcpu->vm->platform.log->level >= LOG_LEVEL_DEBUG)
        vm_dump(vcpu, exit);
    end_machine(vcpu, VM_END_TRIPLE_FAULT);
}

static void exit_fail(struct vm_vcpu *vcpu, struct vm_exit *exit)
{
    vm_dump(vcpu, exit);
    end_machine(vcpu, VM_END_ENGINE_FAILED);
}

static exit_handler *const handlers[VM_EXIT_REASONS] = {
    [VM_EXIT_KICKED] = exit_kicked,       [VM_EXIT_IO] = exit_io,     [VM_EXIT_MMIO] = exit_mmio,
    [VM_EXIT_HYPERCALL] = exit_hypercall, [VM_EXIT_MSR] = exit_msr,   [VM_EXIT_HALT] = exit_halt,
    [VM_EXIT_SHUTDOWN] = exit_shutdown,   [VM_EXIT_FAIL] = exit_fail,
};

void vm_exit_handle(struct vm_vcpu *vcpu, struct vm_exit *exit)
{
    exit_handler *handler = exit->reason < VM_EXIT_REASONS ? handlers[exit->reason] : NULL;
    (handler ? handler : exit_fail)(vcpu, exit);
}
