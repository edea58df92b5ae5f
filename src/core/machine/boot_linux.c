// SPDX-License-Identifier: Apache-2.0
/*
 * A bzImage is a boot sector and setup code, which we do not run, followed by a 32-bit program that
 * unpacks the kernel. The setup header, at 1F1H of both file and boot_params, says what it needs.
 * It is copied once, checked, completed, and handed over.
 */
#include "core/machine/boot_linux.h"

#include "core/machine/boot_params.h"
#include "core/memory/copy.h"

#define OLDEST_VERSION 0x0206 /* cmdline_size */
#define SECTOR         512u

/* The kernel as it was found: header copied, protected-mode part bound. */
struct linux_image {
    struct setup_header header;
    uint32_t header_length;
    const uint8_t *code;
    uint64_t code_length;
};

static bool read_header(const struct boot_image *kernel, struct linux_image *image)
{
    if (kernel->length < SETUP_HEADER_OFFSET + sizeof(image->header))
        return false;
    copy_bytes(&image->header, kernel->bytes + SETUP_HEADER_OFFSET, sizeof(image->header));
    return image->header.magic == SETUP_HEADER_MAGIC && image->header.boot_flag == 0xaa55;
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
    if (header->version < OLDEST_VERSION || !(header->load_flags & LOAD_FLAG_HIGH))
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
    image->header_length = 0x202 + (header->jump >> 8) - SETUP_HEADER_OFFSET;
    if (image->header_length > SETUP_HEADER_MAXIMUM)
        image->header_length = SETUP_HEADER_MAXIMUM;
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
    boot_complete_header(&image->header, initrd, request->initrd.length);
    return boot_write_params(context, &image->header, image->header_length);
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
