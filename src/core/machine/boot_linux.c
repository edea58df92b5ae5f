// SPDX-License-Identifier: Apache-2.0
/*
 * A bzImage is a boot sector and setup code, which we do not run, followed by a 32-bit program that
 * unpacks the kernel. The setup header, at 1F1H of both file and boot_params, says what it needs.
 * It is copied once, checked, completed, and handed over.
 */
#include "core/machine/boot_linux.h"

#include "core/memory/copy.h"

#define HEADER_OFFSET  0x1f1u
#define HEADER_MAXIMUM (0x290u - HEADER_OFFSET) /* up to edd_mbr_sig_buffer */
#define MAGIC          0x53726448u              /* "HdrS" */
#define OLDEST_VERSION 0x0206                   /* cmdline_size */
#define SECTOR         512u
#define LOADED_HIGH    0x01
#define CAN_USE_HEAP   0x80
#define LOADER_UNKNOWN 0xff

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
    uint8_t padding_3[HEADER_OFFSET - 0x1e9];
    uint8_t header[HEADER_MAXIMUM]; /* 1F1H */
    uint8_t padding_4[0x2d0 - 0x290];
    struct e820_entry e820[128]; /* 2D0H */
    uint8_t padding_5[4096 - 0x2d0 - 128 * 20];
} __attribute__((packed));
_Static_assert(sizeof(struct boot_params) == 4096, "zero-page.rst");

/* The kernel as it was found: header copied, protected-mode part bound. */
struct linux_image {
    struct setup_header header;
    uint32_t header_length;
    const uint8_t *code;
    uint64_t code_length;
};

static bool read_header(const struct boot_image *kernel, struct linux_image *image)
{
    if (kernel->length < HEADER_OFFSET + sizeof(image->header))
        return false;
    copy_bytes(&image->header, kernel->bytes + HEADER_OFFSET, sizeof(image->header));
    return image->header.magic == MAGIC && image->header.boot_flag == 0xaa55;
}

bool boot_linux_recognizes(const struct boot_image *kernel)
{
    struct linux_image image;
    return read_header(kernel, &image);
}

/* decode: everything that may be wrong with the file. */
static enum boot_problem decode(const struct boot_image *kernel, struct linux_image *image)
{
    if (!read_header(kernel, image))
        return BOOT_NO_KERNEL;
    const struct setup_header *header = &image->header;
    if (header->version < OLDEST_VERSION || !(header->load_flags & LOADED_HIGH))
        return BOOT_KERNEL_TOO_OLD;
    uint64_t sectors = header->setup_sectors ? header->setup_sectors : 4;
    uint64_t setup_length = (sectors + 1) * SECTOR;
    if (setup_length >= kernel->length)
        return BOOT_KERNEL_TRUNCATED;
    image->code = kernel->bytes + setup_length;
    image->code_length = kernel->length - setup_length;
    if ((uint64_t)header->system_size * 16 > image->code_length + 16)
        return BOOT_KERNEL_TRUNCATED;
    /* The jump's second byte says where the header ends. */
    image->header_length = 0x202 + (header->jump >> 8) - HEADER_OFFSET;
    if (image->header_length > HEADER_MAXIMUM)
        image->header_length = HEADER_MAXIMUM;
    return BOOT_OK;
}

struct boot_image boot_linux_payload(const struct boot_image *kernel)
{
    struct linux_image image;
    struct boot_image none = { 0 };
    if (decode(kernel, &image) != BOOT_OK || image.header.version < 0x0208 ||
        image.header.payload_offset > image.code_length ||
        image.header.payload_length > image.code_length - image.header.payload_offset)
        return none;
    return (struct boot_image){ image.code + image.header.payload_offset,
                                image.header.payload_length };
}

/* Where the unpacked kernel will end: it moves itself to its preferred address, aligned. */
static gpa_t working_end(const struct linux_image *image)
{
    const struct setup_header *header = &image->header;
    gpa_t end = BOOT_KERNEL_LOWEST + image->code_length;
    if (header->version < 0x020a)
        return end + 4 * image->code_length; /* before init_size: a guess that holds for gzip */
    uint64_t start = header->preferred_address > BOOT_KERNEL_LOWEST ? header->preferred_address
                                                                    : BOOT_KERNEL_LOWEST;
    if (start > UINT32_MAX)
        return UINT64_MAX;
    start += header->initialization_size;
    return start > end ? start : end;
}

static void describe_memory(const struct memory_map *map, struct boot_params *params)
{
    for (unsigned i = 0; i < map->count; i++)
        params->e820[i] =
            (struct e820_entry){ map->entries[i].base, map->entries[i].size, map->entries[i].type };
    params->e820_count = (uint8_t)map->count;
}

static void complete_header(struct setup_header *header, gpa_t initrd, uint64_t initrd_length)
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
static enum boot_problem write_params(const struct boot_context *context,
                                      const struct linux_image *image)
{
    struct boot_params *params = (struct boot_params *)(void *)guest_slice(
        context->memory, BOOT_PARAMS_ADDRESS, sizeof(*params));
    if (!params)
        return BOOT_KERNEL_TOO_LARGE;
    fill_bytes(params, 0, sizeof(*params));
    uint32_t known = image->header_length < sizeof(image->header) ? image->header_length
                                                                  : (uint32_t)sizeof(image->header);
    copy_bytes(params->header, &image->header, known);
    params->acpi_rsdp = context->acpi_rsdp;
    describe_memory(context->map, params);
    guest_written(context->memory, BOOT_PARAMS_ADDRESS, sizeof(*params));
    return BOOT_OK;
}

static enum boot_problem place(const struct boot_context *context, struct linux_image *image)
{
    const struct boot_request *request = context->request;
    gpa_t initrd = 0, end = working_end(image);
    enum boot_problem problem = BOOT_OK;
    if (end > memory_map_low_end(context->map) ||
        !boot_write(context->memory, BOOT_KERNEL_LOWEST, image->code, image->code_length))
        return BOOT_KERNEL_TOO_LARGE;
    if (request->initrd.length > 0)
        problem = boot_place_initrd(context, end,
                                    (uint64_t)image->header.initrd_address_maximum + 1, &initrd);
    if (problem == BOOT_OK)
        problem = boot_place_command_line(context, image->header.command_line_size);
    if (problem != BOOT_OK)
        return problem;
    complete_header(&image->header, initrd, request->initrd.length);
    return write_params(context, image);
}

enum boot_problem boot_linux(const struct boot_context *context, struct cpu_state *state)
{
    struct linux_image image;
    enum boot_problem problem = decode(&context->request->kernel, &image);
    if (problem == BOOT_OK)
        problem = place(context, &image);
    if (problem != BOOT_OK)
        return problem;
    boot_enter_protected_mode(context, BOOT_KERNEL_LOWEST, state);
    state->general[RSI] = BOOT_PARAMS_ADDRESS;
    return BOOT_OK;
}
