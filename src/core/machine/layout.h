// SPDX-License-Identifier: Apache-2.0
/*
 * Where things are in physical memory:
 *
 *      0                  memory, 640 KiB; the last KiB is the firmware's (EBDA)
 *      A0000H             video memory and option ROMs of a display that is not there
 *      E0000H             firmware: its tables
 *      100000H            memory up to 3 GiB
 *      C0000000H          PCI memory
 *      FEC00000H          I/O APIC, HPET, local APICs, and reserved from there on
 *      100000000H         the rest of memory
 */
#pragma once

#define LOW_MEMORY_END   0x000a0000u
#define EBDA_BASE        0x0009fc00u
#define FIRMWARE_BASE    0x000e0000u
#define SMBIOS_BASE      0x000f0000u
#define HIGH_MEMORY_BASE 0x00100000u
#define PCI_MEMORY_BASE  0xc0000000u
#define PCI_MEMORY_LAST  0xfebfffffu
#define CHIPSET_BASE     0xfec00000u
#define FAR_MEMORY_BASE  UINT64_C(0x100000000)

#define PCI_PORTS_BASE        0xc000u
#define POWER_MANAGEMENT_BASE 0x600u
