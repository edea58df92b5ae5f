// SPDX-License-Identifier: Apache-2.0
/*
 * What the machine is, for programs that ask the firmware (SMBIOS Reference Specification, DSP0134
 * 2.8): BIOS, system, enclosure, processors, memory. Nothing in it tells of virtualization: a
 * machine that is to be found out says so in CPUID.
 */
#pragma once

#include "core/machine/memory_map.h"

struct smbios_request {
    unsigned vcpu_count;
    uint64_t memory_size;
    uint64_t processor_identity; /* CPUID leaf 1: EAX, and EDX in the high half */
    uint32_t megahertz;
};

#define SMBIOS_ROOM 0x1000u

/* Write entry point and table at `base`, which is aligned to 16 bytes, lies in F0000H to FFFFFH and
 * has SMBIOS_ROOM bytes. False: it does not fit. */
bool smbios_write(const struct guest_memory *memory, gpa_t base,
                  const struct smbios_request *request);
