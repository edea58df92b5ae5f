// SPDX-License-Identifier: Apache-2.0
#include "core/machine/boot_params.h"

#include "core/memory/copy.h"

#define CAN_USE_HEAP   0x80
#define LOADER_UNKNOWN 0xff

static void describe_memory(const struct memory_map *map, struct boot_params *params)
{
    for (unsigned i = 0; i < map->count; i++)
        params->e820[i] =
            (struct e820_entry){ map->entries[i].base, map->entries[i].size, map->entries[i].type };
    params->e820_count = (uint8_t)map->count;
}

void boot_complete_header(struct setup_header *header, gpa_t initrd, uint64_t initrd_length)
{
    header->loader_type = LOADER_UNKNOWN;
    header->load_flags |= CAN_USE_HEAP;
    header->heap_end = 0xfe00;
    header->code32_start = BOOT_KERNEL_LOWEST;
    header->command_line_address = BOOT_COMMAND_LINE_ADDRESS;
    header->initrd_address = (uint32_t)initrd;
    header->initrd_size = (uint32_t)initrd_length;
    header->video_mode = 0xffff; /* as it is */
}

/* boot_params is too large for the stack of a freestanding caller, so it is made in place. */
enum boot_problem boot_write_params(const struct boot_context *context,
                                    const struct setup_header *header, uint32_t header_length)
{
    struct boot_params *params = (struct boot_params *)(void *)guest_slice(
        context->memory, BOOT_PARAMS_ADDRESS, sizeof(*params));
    if (!params)
        return BOOT_KERNEL_TOO_LARGE;
    if (header_length > sizeof(*header))
        header_length = sizeof(*header);
    fill_bytes(params, 0, sizeof(*params));
    copy_bytes(params->header, header, header_length);
    params->acpi_rsdp = context->acpi_rsdp;
    describe_memory(context->map, params);
    guest_written(context->memory, BOOT_PARAMS_ADDRESS, sizeof(*params));
    return BOOT_OK;
}
