// SPDX-License-Identifier: Apache-2.0
/*
 * One virtual machine in this process: its memory, its chips, an engine, a thread for each vCPU,
 * and the event loop. See platform.h for threads and locks.
 *
 *      vm_open      memory and the platform; consoles and back ends can be made over them
 *      vm_build     engine, chips, kernel
 *      vm_run       until it has ended; what ended it
 *      vm_reset     another machine in its place, for another vm_run
 *      vm_close
 */
#pragma once

#include "core/engine.h"
#include "core/machine/machine.h"
#include "vm/memory.h"
#include "vm/platform.h"
#include "vm/vcpu.h"

struct vm_request {
    enum machine_kind kind;
    const struct engine *engine;
    enum cpu_model cpu_model;
    uint64_t memory; /* bytes */
    unsigned vcpu_count;
    const char *kernel, *initrd; /* paths; initrd NULL: none */
    const char *command_line;
    const struct log *log;
};

/* What a machine is wired to; made after vm_open, over its platform. */
struct vm_devices {
    struct platform_block *disks[MACHINE_DISKS];
    unsigned disk_count;
    struct platform_net *nets[MACHINE_NETS];
    unsigned net_count;
    struct platform_console *serial_lines[MACHINE_SERIAL_LINES];
    struct machine_console consoles[MACHINE_CONSOLES];
    unsigned console_count;
    struct platform_share *shares[MACHINE_SHARES];
    unsigned share_count;
};

enum vm_end {
    VM_END_NONE,
    VM_END_POWER_OFF,
    VM_END_RESET,
    VM_END_PANICKED,     /* the guest's kernel says so */
    VM_END_TRIPLE_FAULT, /* the processor has shut down */
    VM_END_ENGINE_FAILED,
    VM_END_STOPPED, /* vm_stop */
};

struct vm {
    struct platform platform;
    struct vm_memory memory;
    struct vm_request request;
    struct machine *machine;
    void *engine;
    struct vm_vcpu *vcpus[MACHINE_VCPUS];
    unsigned vcpus_made;
    enum vm_end end;
    bool stopping, pausing;
    unsigned parked;        /* vCPU threads that stand still */
    pthread_cond_t settled; /* parked has changed */
    uint64_t tsc_start;     /* host TSC at which the guest's is 0 */
    uint64_t paused_tsc;    /* host TSC when it began to stand still */
    uint64_t started;       /* host time of the first vcpu_run */
};

int vm_open(struct vm *vm, const struct vm_request *request, struct error *error);
int vm_build(struct vm *vm, const struct vm_devices *devices, struct error *error);

/* After vm_run: a new machine over the same memory, consoles and back ends, as after power-up, for
 * the next vm_run. No back end may have a request of the old one left; its timers are forgotten. */
int vm_reset(struct vm *vm, const struct vm_devices *devices, struct error *error);

/* Starts the vCPUs and waits in the event loop; -1 only when threads cannot be made. */
int vm_run(struct vm *vm, enum vm_end *end, struct error *error);
void vm_close(struct vm *vm);

/* With the machine's lock held: the machine ends, for this reason unless there is one already. */
void vm_stop(struct vm *vm, enum vm_end end);

/* With the machine's lock held: vCPUs and guest time stand still, or go on. Pausing waits until
 * every vCPU has left the engine. */
void vm_pause(struct vm *vm);
void vm_resume(struct vm *vm);
