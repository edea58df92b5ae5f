// SPDX-License-Identifier: Apache-2.0
#include "vm/vm.h"

#include <errno.h>

#include "base/cleanup.h"
#include "vm/boot_file.h"
#include "vm/console.h"

int vm_open(struct vm *vm, const struct vm_request *request, struct error *error)
{
    *vm = (struct vm){ .request = *request, .memory = { .fd = -1 } };
    if (request->vcpu_count < 1 || request->vcpu_count > MACHINE_VCPUS)
        return error_set(error, 0, "%u vCPUs: a virtual machine has 1 to %d", request->vcpu_count,
                         MACHINE_VCPUS);
    if (platform_open(&vm->platform, request->log, error) < 0)
        return -1;
    vm->platform.vm = vm;
    pthread_cond_init(&vm->settled, NULL);
    if (vm_memory_open(&vm->memory, request->memory, error) == 0)
        return 0;
    platform_close(&vm->platform);
    return -1;
}

static int make_machine(struct vm *vm, const struct vm_devices *devices, struct error *error)
{
    const char *why = "there is no memory left";
    const struct vm_request *request = &vm->request;
    vm->engine =
        request->engine->create(&vm->platform, &vm->memory.guest, request->vcpu_count, &why);
    if (!vm->engine)
        return error_set(error, 0, "engine %s: %s", request->engine->name, why);
    struct machine_request machine = {
        .kind = request->kind,
        .memory = &vm->memory.guest,
        .vcpu_count = request->vcpu_count,
        .cpu_model = request->cpu_model,
        .disk_count = devices->disk_count,
        .net_count = devices->net_count,
        .console_count = devices->console_count,
        .share_count = devices->share_count,
    };
    for (unsigned i = 0; i < devices->disk_count; i++)
        machine.disks[i] = devices->disks[i];
    for (unsigned i = 0; i < devices->net_count; i++)
        machine.nets[i] = devices->nets[i];
    for (unsigned i = 0; i < MACHINE_SERIAL_LINES; i++)
        machine.serial_lines[i] = devices->serial_lines[i];
    for (unsigned i = 0; i < devices->console_count; i++)
        machine.consoles[i] = devices->consoles[i];
    for (unsigned i = 0; i < devices->share_count; i++)
        machine.shares[i] = devices->shares[i];
    vm->machine = machine_create(&vm->platform, &machine, &why);
    return vm->machine ? 0 : error_set(error, 0, "make the machine: %s", why);
}

/* Which of the files a problem is with. */
static const char *file_to_blame(const struct vm_request *request, enum boot_problem problem)
{
    if (problem == BOOT_INITRD_TOO_LARGE)
        return request->initrd;
    return problem == BOOT_COMMAND_LINE_TOO_LONG ? request->command_line : request->kernel;
}

static int load_kernel(struct vm *vm, struct cpu_state *state, struct error *error)
{
    const struct vm_request *request = &vm->request;
    AUTO_BOOT_FILE struct boot_file kernel = { 0 };
    AUTO_BOOT_FILE struct boot_file initrd = { 0 };
    if (boot_file_open(&kernel, "kernel", request->kernel, error) < 0 ||
        (request->initrd && boot_file_open(&initrd, "initrd", request->initrd, error) < 0))
        return -1;
    struct boot_request boot = {
        .kernel = kernel.image,
        .initrd = initrd.image,
        .command_line = request->command_line ? request->command_line : "",
    };
    enum boot_problem problem = machine_boot(vm->machine, &boot, state);
    if (problem == BOOT_OK)
        return 0;
    return error_set(error, 0, "boot %s: %s", file_to_blame(request, problem),
                     boot_problem_text(problem));
}

int vm_build(struct vm *vm, const struct vm_devices *devices, struct error *error)
{
    struct cpu_state state;
    if (make_machine(vm, devices, error) < 0 || load_kernel(vm, &state, error) < 0)
        return -1;
    vm->tsc_start = host_tsc();
    for (unsigned i = 0; i < vm->request.vcpu_count; i++)
        if (vm_vcpu_make(vm, i, i == 0 ? &state : NULL, error) < 0)
            return -1;
    return 0;
}

static void free_machine(struct vm *vm)
{
    for (unsigned i = 0; i < vm->vcpus_made; i++)
        vm_vcpu_free(vm->vcpus[i]);
    if (vm->engine)
        vm->request.engine->destroy(vm->engine);
    vm->vcpus_made = 0;
    vm->engine = NULL;
    vm->machine = NULL;
    platform_free_all(&vm->platform);
}

/* Nobody may find the old machine behind a back end while the new one is made. */
static void forget_machine(const struct vm_devices *devices)
{
    const struct platform_net_receiver nobody = { 0 };
    for (unsigned i = 0; i < devices->net_count; i++)
        platform_net_set_receiver(devices->nets[i], nobody);
    for (unsigned i = 0; i < MACHINE_SERIAL_LINES; i++)
        if (devices->serial_lines[i])
            console_forget_receiver(devices->serial_lines[i]);
    for (unsigned i = 0; i < devices->console_count; i++)
        console_forget_receiver(devices->consoles[i].console);
}

int vm_reset(struct vm *vm, const struct vm_devices *devices, struct error *error)
{
    pthread_mutex_lock(&vm->platform.lock);
    forget_machine(devices);
    free_machine(vm);
    vm_memory_clear(&vm->memory);
    vm->end = VM_END_NONE;
    vm->stopping = false;
    event_loop_rearm(&vm->platform.loop);
    int result = vm_build(vm, devices, error);
    vm->paused_tsc = vm->tsc_start; /* if it stands still, the new one has done so from the start */
    pthread_mutex_unlock(&vm->platform.lock);
    return result;
}

void vm_stop(struct vm *vm, enum vm_end end)
{
    if (vm->end == VM_END_NONE)
        vm->end = end;
    vm->stopping = true;
    for (unsigned i = 0; i < vm->vcpus_made; i++)
        vm_vcpu_attend(vm->vcpus[i]);
    pthread_cond_broadcast(&vm->settled);
    event_loop_stop(&vm->platform.loop);
}

void platform_machine_event(struct platform *platform, enum machine_event event)
{
    static const enum vm_end ends[] = {
        [MACHINE_POWER_OFF] = VM_END_POWER_OFF,
        [MACHINE_RESET] = VM_END_RESET,
        [MACHINE_SLEEP] = VM_END_POWER_OFF, /* nothing wakes it: there is no sleep to offer */
        [MACHINE_PANICKED] = VM_END_PANICKED,
    };
    vm_stop(platform->vm, ends[event]);
}

static void stop_and_join(struct vm *vm)
{
    pthread_mutex_lock(&vm->platform.lock);
    vm_stop(vm, VM_END_STOPPED);
    pthread_mutex_unlock(&vm->platform.lock);
    for (unsigned i = 0; i < vm->vcpus_made; i++)
        vm_vcpu_join(vm->vcpus[i]);
}

int vm_run(struct vm *vm, enum vm_end *end, struct error *error)
{
    int result = 0;
    vm->started = host_nanoseconds();
    for (unsigned i = 0; i < vm->vcpus_made && result == 0; i++)
        result = vm_vcpu_start(vm->vcpus[i], error);
    if (result == 0)
        event_loop_run(&vm->platform.loop);
    stop_and_join(vm);
    *end = vm->end;
    return result;
}

void vm_close(struct vm *vm)
{
    free_machine(vm);
    platform_close(&vm->platform);
    vm_memory_close(&vm->memory);
    pthread_cond_destroy(&vm->settled);
}

void vm_pause(struct vm *vm)
{
    if (vm->pausing || vm->stopping)
        return;
    vm->pausing = true;
    for (unsigned i = 0; i < vm->vcpus_made; i++)
        vm_vcpu_attend(vm->vcpus[i]);
    while (vm->parked < vm->vcpus_made && !vm->stopping)
        pthread_cond_wait(&vm->settled, &vm->platform.lock);
    clock_stop(&vm->platform.clock);
    vm->paused_tsc = host_tsc();
    timers_clock_changed(&vm->platform);
}

void vm_resume(struct vm *vm)
{
    if (!vm->pausing)
        return;
    uint64_t stood_still = host_tsc() - vm->paused_tsc;
    vm->pausing = false;
    clock_start(&vm->platform.clock);
    timers_clock_changed(&vm->platform);
    for (unsigned i = 0; i < vm->vcpus_made; i++) {
        vm->vcpus[i]->tsc_stood_still += stood_still;
        vm_vcpu_attend(vm->vcpus[i]);
    }
}
