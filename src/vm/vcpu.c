// SPDX-License-Identifier: Apache-2.0
#include "vm/vcpu.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/number.h"
#include "base/string.h"
#include "vm/vm.h"

/* -- With the machine's lock held -- */

void vm_vcpu_attend(struct vm_vcpu *vcpu)
{
    atomic_store(&vcpu->attention, true);
    pthread_cond_signal(&vcpu->wake);
    vcpu->engine_vcpu->engine->vcpu_kick(vcpu->engine_vcpu);
}

static void signal_interrupt(struct vm_vcpu *vcpu, unsigned vector)
{
    (void)vector;
    vcpu->woken = true;
    vcpu->engine_vcpu->engine->vcpu_interrupt(vcpu->engine_vcpu);
    pthread_cond_signal(&vcpu->wake);
}

static void signal_nmi(struct vm_vcpu *vcpu, unsigned vector)
{
    (void)vector;
    vcpu->woken = true;
    vcpu->engine_vcpu->engine->vcpu_nmi(vcpu->engine_vcpu);
    pthread_cond_signal(&vcpu->wake);
}

static void signal_init(struct vm_vcpu *vcpu, unsigned vector)
{
    (void)vector;
    vcpu->init_pending = true;
    vcpu->startup_pending = false;
    vm_vcpu_attend(vcpu);
}

/* SDM volume 3, 9.4.4: one that does not wait for it ignores a SIPI. */
static void signal_startup(struct vm_vcpu *vcpu, unsigned vector)
{
    if (!vcpu->waits_for_startup && !vcpu->init_pending)
        return;
    vcpu->startup_pending = true;
    vcpu->startup_vector = (uint8_t)vector;
    vm_vcpu_attend(vcpu);
}

static void signal_kick(struct vm_vcpu *vcpu, unsigned vector)
{
    (void)vector;
    vcpu->kicked = true;
    pthread_cond_signal(&vcpu->wake);
}

void platform_vcpu_signal(struct platform *platform, unsigned index, enum vcpu_signal signal,
                          unsigned vector)
{
    static void (*const handlers[])(struct vm_vcpu *, unsigned) = {
        [VCPU_SIGNAL_INTERRUPT] = signal_interrupt, [VCPU_SIGNAL_NMI] = signal_nmi,
        [VCPU_SIGNAL_INIT] = signal_init,           [VCPU_SIGNAL_STARTUP] = signal_startup,
        [VCPU_SIGNAL_KICK] = signal_kick,
    };
    struct vm *vm = platform->vm;
    if (index < vm->vcpus_made)
        handlers[signal](vm->vcpus[index], vector);
}

uint64_t platform_vcpu_stolen(struct platform *platform, unsigned index)
{
    char text[64];
    uint64_t waited = 0;
    struct vm *vm = platform->vm;
    const struct vm_vcpu *vcpu = index < vm->vcpus_made ? vm->vcpus[index] : NULL;
    if (!vcpu || vcpu->schedule_statistics_fd < 0)
        return 0;
    ssize_t length = pread(vcpu->schedule_statistics_fd, text, sizeof(text) - 1, 0);
    if (length <= 0)
        return 0;
    text[length] = '\0';
    /* Documentation/scheduler/sched-stats.rst: time on the CPU, time waiting for one, ... */
    return sscanf(text, "%*u %lu", &waited) == 1 ? waited : 0;
}

/* -- The vCPU's own thread -- */

static uint32_t signature(const struct vm_vcpu *vcpu)
{
    const struct cpuid_entry *entry = cpuid_find(machine_cpuid(vcpu->vm->machine), 1, 0);
    return entry ? entry->eax : 0;
}

static void change_state(struct vm_vcpu *vcpu,
                         void (*change)(struct vm_vcpu *vcpu, struct cpu_state *state))
{
    struct cpu_state state;
    const struct engine *engine = vcpu->engine_vcpu->engine;
    engine->vcpu_get_state(vcpu->engine_vcpu, &state);
    change(vcpu, &state);
    engine->vcpu_set_state(vcpu->engine_vcpu, &state);
}

static void take_init(struct vm_vcpu *vcpu, struct cpu_state *state)
{
    cpu_state_init(state, signature(vcpu));
}

static void take_startup(struct vm_vcpu *vcpu, struct cpu_state *state)
{
    cpu_state_startup(state, vcpu->startup_vector);
}

static void take_tsc(struct vm_vcpu *vcpu, struct cpu_state *state)
{
    state->tsc_offset -= vcpu->tsc_stood_still;
    vcpu->tsc_stood_still = 0;
}

static void end_halt(struct vm_vcpu *vcpu, struct cpu_state *state)
{
    (void)vcpu;
    state->halted = false;
}

/* HLT: until an interrupt, or something else for this thread to do. */
void vm_vcpu_wait(struct vm_vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    pthread_mutex_lock(&vm->platform.lock);
    while (!vcpu->woken && !vcpu->kicked && !atomic_load(&vcpu->attention))
        pthread_cond_wait(&vcpu->wake, &vm->platform.lock);
    vcpu->woken = false;
    if (vcpu->kicked) {
        vcpu->kicked = false;
        change_state(vcpu, end_halt);
    }
    pthread_mutex_unlock(&vm->platform.lock);
}

/* Stand still while the machine is paused. */
static void park(struct vm_vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    vm->parked++;
    pthread_cond_broadcast(&vm->settled);
    while (vm->pausing && !vm->stopping)
        pthread_cond_wait(&vcpu->wake, &vm->platform.lock);
    vm->parked--;
}

static void open_schedule_statistics(struct vm_vcpu *vcpu)
{
    char path[48];
    snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat", gettid());
    if (vcpu->schedule_statistics_fd < 0)
        vcpu->schedule_statistics_fd = open(path, O_RDONLY | O_CLOEXEC);
}

/* Whatever the flags say, until there is nothing left but to run; false: the machine ends. */
static bool attend(struct vm_vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    pthread_mutex_lock(&vm->platform.lock);
    open_schedule_statistics(vcpu);
    for (;;) {
        atomic_store(&vcpu->attention, false);
        if (vm->stopping)
            break;
        if (vm->pausing) {
            park(vcpu);
        } else if (vcpu->tsc_stood_still) {
            change_state(vcpu, take_tsc);
        } else if (vcpu->init_pending && vcpu->index == 0) {
            vm_stop(vm, VM_END_RESET); /* the bootstrap processor goes to the reset vector */
        } else if (vcpu->init_pending) {
            vcpu->init_pending = false;
            change_state(vcpu, take_init);
            vcpu->waits_for_startup = true;
        } else if (vcpu->startup_pending) {
            vcpu->startup_pending = vcpu->waits_for_startup = false;
            change_state(vcpu, take_startup);
        } else if (vcpu->waits_for_startup) {
            pthread_cond_wait(&vcpu->wake, &vm->platform.lock);
        } else {
            break;
        }
    }
    bool goes_on = !vm->stopping;
    pthread_mutex_unlock(&vm->platform.lock);
    return goes_on;
}

static void *thread_main(void *context)
{
    struct vm_vcpu *vcpu = context;
    const struct engine *engine = vcpu->engine_vcpu->engine;
    char name[16];
    snprintf(name, sizeof(name), "vcpu%u", vcpu->index);
    pthread_setname_np(pthread_self(), name);
    for (;;) {
        struct vm_exit exit;
        if (atomic_load_explicit(&vcpu->attention, memory_order_acquire) && !attend(vcpu))
            return NULL;
        do {
            engine->vcpu_run(vcpu->engine_vcpu, &exit);
            vm_exit_handle(vcpu, &exit);
        } while (!atomic_load_explicit(&vcpu->attention, memory_order_acquire));
    }
}

/* -- Making one -- */

static int acknowledge(void *context)
{
    struct vm_vcpu *vcpu = context;
    pthread_mutex_lock(&vcpu->vm->platform.lock);
    int vector = machine_acknowledge(vcpu->vm->machine, vcpu->index);
    pthread_mutex_unlock(&vcpu->vm->platform.lock);
    return vector;
}

static uint64_t read_task_priority(void *context)
{
    struct vm_vcpu *vcpu = context;
    pthread_mutex_lock(&vcpu->vm->platform.lock);
    uint64_t priority = machine_read_task_priority(vcpu->vm->machine, vcpu->index);
    pthread_mutex_unlock(&vcpu->vm->platform.lock);
    return priority;
}

static void write_task_priority(void *context, uint64_t value)
{
    struct vm_vcpu *vcpu = context;
    pthread_mutex_lock(&vcpu->vm->platform.lock);
    machine_write_task_priority(vcpu->vm->machine, vcpu->index, value);
    pthread_mutex_unlock(&vcpu->vm->platform.lock);
}

static int set_first_state(struct vm_vcpu *vcpu, const struct cpu_state *state, struct error *error)
{
    struct cpu_state first;
    if (state)
        first = *state;
    else
        machine_waiting_state(vcpu->vm->machine, &first);
    first.tsc_offset = 0 - vcpu->vm->tsc_start;
    vcpu->waits_for_startup = !state;
    if (vcpu->engine_vcpu->engine->vcpu_set_state(vcpu->engine_vcpu, &first) < 0)
        return error_set(error, 0, "the engine refuses the first state of vCPU %u", vcpu->index);
    return 0;
}

int vm_vcpu_make(struct vm *vm, unsigned index, const struct cpu_state *state, struct error *error)
{
    const char *why = "there is no memory left";
    struct vm_vcpu *vcpu = allocate(1, sizeof(*vcpu));
    *vcpu = (struct vm_vcpu){ .vm = vm, .index = index, .schedule_statistics_fd = -1 };
    atomic_store(&vcpu->attention, true);
    pthread_cond_init(&vcpu->wake, NULL);
    vm->vcpus[index] = vcpu;
    vm->vcpus_made = index + 1;
    struct vcpu_request request = {
        .platform = &vm->platform,
        .memory = &vm->memory.guest,
        .cpuid = machine_cpuid(vm->machine),
        .index = index,
        .count = vm->request.vcpu_count,
        .interrupts = { acknowledge, read_task_priority, write_task_priority, vcpu },
        .hypercalls = machine_has_hypercalls(vm->machine),
    };
    vcpu->engine_vcpu = vm->request.engine->vcpu_create(vm->engine, &request, &why);
    if (!vcpu->engine_vcpu)
        return error_set(error, 0, "make vCPU %u: %s", index, why);
    return set_first_state(vcpu, state, error);
}

/* All signals are for the event loop's thread, but those that an instruction causes. */
int vm_vcpu_start(struct vm_vcpu *vcpu, struct error *error)
{
    sigset_t held, previous;
    sigfillset(&held);
    sigdelset(&held, SIGSEGV);
    sigdelset(&held, SIGBUS);
    sigdelset(&held, SIGFPE);
    sigdelset(&held, SIGILL);
    sigdelset(&held, SIGTRAP);
    pthread_sigmask(SIG_SETMASK, &held, &previous);
    int result = pthread_create(&vcpu->thread, NULL, thread_main, vcpu);
    pthread_sigmask(SIG_SETMASK, &previous, NULL);
    if (result != 0)
        return error_set(error, result, "start the thread of vCPU %u", vcpu->index);
    vcpu->thread_runs = true;
    return 0;
}

void vm_vcpu_join(struct vm_vcpu *vcpu)
{
    if (vcpu->thread_runs)
        pthread_join(vcpu->thread, NULL);
    vcpu->thread_runs = false;
}

void vm_vcpu_free(struct vm_vcpu *vcpu)
{
    if (vcpu->engine_vcpu)
        vcpu->engine_vcpu->engine->vcpu_destroy(vcpu->engine_vcpu);
    if (vcpu->schedule_statistics_fd >= 0)
        close(vcpu->schedule_statistics_fd);
    pthread_cond_destroy(&vcpu->wake);
    free(vcpu);
}
