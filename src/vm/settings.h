// SPDX-License-Identifier: Apache-2.0
/*
 * What a specification asks of a virtual machine, checked. Kernel, initrd and root disk are in the
 * `vm` section as the runtime specification has them (config-vm.md); what it has no place for is in
 * `vm.hypervisor.parameters`, a word each:
 *
 *      memory=BYTES     guest memory; else linux.resources.memory.limit less what the monitor needs
 *      cpus=N           virtual CPUs
 *      engine=auto|hosted
 *      cpu=x86-64|x86-64-v2|x86-64-v3|max
 *      network=none|user|user=host-loopback|tap=NAME
 *      publish=[ADDRESS:]HOST:GUEST[/tcp|/udp]   any number
 *      disk=PATH[:ro]                            any number
 *      volumes=9p|disk  how directories of the host get into the guest
 *      init=PATH        the image's own init takes the machine over; process.args is not run
 */
#pragma once

#include "base/error.h"
#include "base/string.h"
#include "core/machine/machine.h"
#include "net/net.h"
#include "spec/spec.h"
#include "vm/limits.h"

enum { VM_MOST_FORWARDS = 64 };

struct engine;

struct vm_disk {
    const char *path;
    bool read_only;
};

struct vm_settings {
    enum machine_kind machine;
    uint64_t memory;
    bool has_memory; /* it was said */
    unsigned vcpu_count;
    const struct engine *engine;
    enum cpu_model cpu_model;
    const char *kernel, *initrd; /* initrd NULL: none */
    const char *root_disk;       /* NULL: none */
    struct vm_disk disks[MACHINE_DISKS - 1];
    unsigned disk_count;
    enum net_kind network;
    bool host_loopback; /* the user network's 10.0.2.2 leads to the host's 127.0.0.1 */
    const char *tap;
    struct net_forward forwards[VM_MOST_FORWARDS];
    size_t forward_count;
    bool volumes_by_9p;       /* else as disks with a copy */
    const char *init;         /* NULL: process.args of the specification */
    struct string_list words; /* the parameters, taken apart */
};

/* Nothing is made. Strings are the specification's, or `settings` own. */
int vm_settings_decode(const struct spec *spec, enum machine_kind machine,
                       struct vm_settings *settings, struct error *error);
void vm_settings_free(struct vm_settings *settings);
#define AUTO_VM_SETTINGS __attribute__((cleanup(vm_settings_free)))

/* "auto" or the name of one; NULL with the error set. */
const struct engine *vm_engine_find(const char *name, struct error *error);
