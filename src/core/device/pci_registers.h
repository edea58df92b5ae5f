// SPDX-License-Identifier: Apache-2.0
/* Configuration space of a PCI function (PCI Local Bus Specification 3.0, 6.1, 6.2, 6.8.2). */
#pragma once

#define PCI_VENDOR_ID           0x00
#define PCI_DEVICE_ID           0x02
#define PCI_COMMAND             0x04
#define PCI_STATUS              0x06
#define PCI_REVISION_ID         0x08
#define PCI_CLASS_CODE          0x09 /* 3 bytes: programming interface, subclass, class */
#define PCI_CACHE_LINE_SIZE     0x0c
#define PCI_LATENCY_TIMER       0x0d
#define PCI_HEADER_TYPE         0x0e
#define PCI_BASE_ADDRESS        0x10
#define PCI_SUBSYSTEM_VENDOR_ID 0x2c
#define PCI_SUBSYSTEM_ID        0x2e
#define PCI_CAPABILITIES        0x34
#define PCI_INTERRUPT_LINE      0x3c
#define PCI_INTERRUPT_PIN       0x3d
#define PCI_HEADER_SIZE         0x40

#define PCI_HEADER_MULTIFUNCTION 0x80

#define PCI_COMMAND_IO                0x0001u
#define PCI_COMMAND_MEMORY            0x0002u
#define PCI_COMMAND_MASTER            0x0004u
#define PCI_COMMAND_PARITY            0x0040u
#define PCI_COMMAND_SERR              0x0100u
#define PCI_COMMAND_INTERRUPT_DISABLE 0x0400u

#define PCI_STATUS_INTERRUPT    0x0008u
#define PCI_STATUS_CAPABILITIES 0x0010u
#define PCI_STATUS_ERRORS       0xf900u /* parity and abort bits, cleared by writing 1 */

#define PCI_BASE_ADDRESS_IO 0x1u

#define PCI_CAPABILITY_MSIX    0x11
#define PCI_MSIX_CONTROL       2
#define PCI_MSIX_TABLE         4
#define PCI_MSIX_PENDING       8
#define PCI_MSIX_ENABLE        0x8000u
#define PCI_MSIX_FUNCTION_MASK 0x4000u
#define PCI_MSIX_VECTOR_MASKED 0x1u
