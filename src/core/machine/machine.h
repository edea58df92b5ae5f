// SPDX-License-Identifier: Apache-2.0
/*
 * What a guest finds when it wakes: memory map, buses, chips, firmware tables and the boot
 * protocol. The host of a machine goes through it in this order:
 *
 *      machine_memory_map      which slots of guest memory to make
 *      engine->create          over that memory
 *      machine_create          chips, wired; CPUID
 *      engine->vcpu_create     with machine_cpuid(); interrupts that end in machine_acknowledge
 *      machine_boot            kernel, initrd and tables into memory, first state of vCPU 0
 *      vcpu_set_state          vCPU 0 gets that state; the others that of machine_waiting_state
 *      vcpu_run ...            VM_EXIT_IO -> machine_io, and so on
 *
 * Two machines: `pc` (i440FX, PIIX, everything emulated: the guest cannot know) and `micro`
 * (virtio and the KVM interface). Both boot a bzImage by the Linux/x86 boot protocol and an ELF
 * kernel with a PVH note by that (boot_linux.h, boot_pvh.h).
 *
 * Lock (platform.h): every function is called with the machine's lock held, except those that are
 * called before the first vCPU runs. What platform_allocate gave is freed by the platform: there is
 * no machine_destroy. A reset is the host's: it makes a new machine.
 */
#pragma once

#include "core/engine.h"
#include "core/machine/boot.h"
#include "core/memory/guest_memory.h"
#include "core/platform.h"
#include "core/x86/cpuid_table.h"

struct machine;
struct pci_function;
struct virtio_device;

enum machine_kind { MACHINE_PC, MACHINE_MICRO };

#define MACHINE_VCPUS         32
#define MACHINE_DISKS         4 /* pc: primary master, primary slave, secondary master, ... */
#define MACHINE_NETS          4
#define MACHINE_SERIAL_LINES  4 /* COM1 to COM4 */
#define MACHINE_CONSOLES      4 /* ports of the virtio console */
#define MACHINE_SHARES        8 /* 9p */
#define MACHINE_MEMORY_RANGES 4
#define MACHINE_MEMORY_LEAST  (UINT64_C(16) << 20)
#define MACHINE_MEMORY_MOST   (UINT64_C(256) << 30)

struct machine_memory_range {
    gpa_t base;
    uint64_t size;
    bool read_only;
};

/* The slots to give to guest_memory_add, in this order (the busiest first): `size` bytes of memory
 * and the firmware's area below 1 MiB. How many; 0: `size` is not between the least and the most,
 * or no multiple of 1 MiB. */
unsigned machine_memory_map(uint64_t size,
                            struct machine_memory_range ranges[MACHINE_MEMORY_RANGES]);

/* A named port of the virtio console (machine `micro`); the first is the guest's hvc0. */
struct machine_console {
    const char *name;
    struct platform_console *console;
};

struct machine_request {
    enum machine_kind kind;
    struct guest_memory *memory; /* slots as machine_memory_map said; stays the caller's */
    unsigned vcpu_count;
    enum cpu_model cpu_model;
    /* pc: IDE disks and e1000; micro: virtio-blk and virtio-net. */
    struct platform_block *disks[MACHINE_DISKS];
    unsigned disk_count;
    struct platform_net *nets[MACHINE_NETS];
    unsigned net_count;
    struct platform_console *serial_lines[MACHINE_SERIAL_LINES]; /* NULL: that port is not there */
    /* The rest is of machine `micro`. */
    struct machine_console consoles[MACHINE_CONSOLES];
    unsigned console_count;
    struct platform_share *shares[MACHINE_SHARES]; /* 9p */
    unsigned share_count;
    struct platform_vsock *vsock; /* NULL: none */
    uint64_t guest_cid;           /* of vsock */
};

/* NULL with `*why` (static text). */
struct machine *machine_create(struct platform *platform, const struct machine_request *request,
                               const char **why);

const struct cpuid_table *machine_cpuid(const struct machine *machine);
/* struct vcpu_request: hypercalls. */
bool machine_has_hypercalls(const struct machine *machine);

/* Plug one more function into the PCI bus, before machine_boot. -1: no slot is left. */
int machine_plug(struct machine *machine, struct pci_function *function);

/* Write kernel, initrd and tables into memory; the state that vCPU 0 starts with. */
enum boot_problem machine_boot(struct machine *machine, const struct boot_request *request,
                               struct cpu_state *state);

/* What the other vCPUs wait with for INIT and SIPI. */
void machine_waiting_state(const struct machine *machine, struct cpu_state *state);

/* -- Exits: they leave the answer in `exit` -- */

void machine_io(struct machine *machine, unsigned vcpu, struct vm_exit *exit);
void machine_mmio(struct machine *machine, unsigned vcpu, struct vm_exit *exit);
void machine_msr(struct machine *machine, unsigned vcpu, struct vm_exit *exit);
void machine_hypercall(struct machine *machine, unsigned vcpu, struct vm_exit *exit);

/* -- struct interrupt_source: the host wraps these, taking the lock around them -- */

int machine_acknowledge(struct machine *machine, unsigned vcpu);
uint64_t machine_read_task_priority(struct machine *machine, unsigned vcpu);
void machine_write_task_priority(struct machine *machine, unsigned vcpu, uint64_t value);

/* Is there something that machine_acknowledge would give? */
bool machine_interrupt_pending(struct machine *machine, unsigned vcpu);

/* -- From outside -- */

/* Press the power button once: a guest with ACPI shuts itself down. */
void machine_power_button(struct machine *machine);
/* The balloon of machine `micro`; NULL: none. */
struct virtio_device *machine_balloon(struct machine *machine);
/* An NMI to every vCPU, as from the button of a server. */
void machine_nmi(struct machine *machine);
