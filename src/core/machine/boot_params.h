// SPDX-License-Identifier: Apache-2.0
/* What a Linux kernel is handed: boot_params with the setup header in it (Documentation/x86:
 * boot.rst, zero-page.rst). */
#pragma once

#include "core/machine/boot_layout.h"

#define SETUP_HEADER_OFFSET  0x1f1u
#define SETUP_HEADER_MAXIMUM (0x290u - SETUP_HEADER_OFFSET) /* up to edd_mbr_sig_buffer */
#define SETUP_HEADER_MAGIC   0x53726448u                    /* "HdrS" */
#define LOAD_FLAG_HIGH       0x01

struct setup_header { /* from 1F1H on */
    uint8_t setup_sectors;
    uint16_t root_flags;
    uint32_t system_size;
    uint16_t ram_size, video_mode, root_device, boot_flag, jump;
    uint32_t magic;
    uint16_t version;
    uint32_t real_mode_switch;
    uint16_t start_system_segment, kernel_version;
    uint8_t loader_type, load_flags;
    uint16_t setup_move_size;
    uint32_t code32_start, initrd_address, initrd_size, boot_sector_pointer;
    uint16_t heap_end;
    uint8_t loader_version_extension, loader_type_extension;
    uint32_t command_line_address, initrd_address_maximum, kernel_alignment;
    uint8_t relocatable, minimum_alignment;
    uint16_t load_flags_extension;
    uint32_t command_line_size, hardware_subarchitecture;
    uint64_t hardware_subarchitecture_data;
    uint32_t payload_offset, payload_length;
    uint64_t setup_data, preferred_address;
    uint32_t initialization_size, handover_offset, kernel_info_offset;
} __attribute__((packed));
_Static_assert(offsetof(struct setup_header, magic) == 0x202 - 0x1f1, "boot.rst");
_Static_assert(offsetof(struct setup_header, initialization_size) == 0x260 - 0x1f1, "boot.rst");

struct e820_entry {
    uint64_t base, size;
    uint32_t type;
} __attribute__((packed));

struct boot_params { /* zero-page.rst */
    uint8_t screen_info[0x40], apm_info[0x14], padding_1[0x1c];
    uint64_t acpi_rsdp; /* 070H */
    uint8_t padding_2[0x1e8 - 0x78];
    uint8_t e820_count; /* 1E8H */
    uint8_t padding_3[SETUP_HEADER_OFFSET - 0x1e9];
    uint8_t header[SETUP_HEADER_MAXIMUM]; /* 1F1H */
    uint8_t padding_4[0x2d0 - 0x290];
    struct e820_entry e820[128]; /* 2D0H */
    uint8_t padding_5[4096 - 0x2d0 - 128 * 20];
} __attribute__((packed));
_Static_assert(sizeof(struct boot_params) == 4096, "zero-page.rst");

/* Fill in what is the loader's to say. */
void boot_complete_header(struct setup_header *header, gpa_t initrd, uint64_t initrd_length);

/* Write boot_params, with the first `header_length` bytes of the header. */
enum boot_problem boot_write_params(const struct boot_context *context,
                                    const struct setup_header *header, uint32_t header_length);
