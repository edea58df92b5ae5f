// SPDX-License-Identifier: Apache-2.0
#include "core/machine/boot_pvh.h"

#include "core/machine/elf_load.h"
#include "core/memory/copy.h"

#define NOTE_PHYS32_ENTRY 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
#define START_MAGIC       0x336ec578u
#define START_VERSION     1
#define PLATFORM_LIMIT    (UINT64_C(1) << 32)

/* Xen's public/arch-x86/hvm/start_info.h */
struct start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, command_line, rsdp, memory_map;
    uint32_t memory_map_count, reserved;
};

struct module {
    uint64_t address, size, command_line, reserved;
};

struct map_entry {
    uint64_t address, size;
    uint32_t type, reserved;
};

#define MODULES_ADDRESS    (BOOT_START_INFO_ADDRESS + 0x100)
#define MEMORY_MAP_ADDRESS (BOOT_START_INFO_ADDRESS + 0x200)

bool boot_pvh_recognizes(const struct boot_image *kernel)
{
    return elf_recognizes(kernel);
}

/* -- The note -- */

struct note {
    uint32_t name_size, description_size, type;
};

static uint64_t padded(uint64_t size)
{
    return (size + 3) & ~UINT64_C(3);
}

static bool is_entry_note(const struct note *note, const uint8_t *name)
{
    return note->type == NOTE_PHYS32_ENTRY && note->name_size == 4 && equal_bytes(name, "Xen", 4) &&
           (note->description_size == 4 || note->description_size == 8);
}

/* Look through one segment of notes; 0 when the entry is not among them. */
static uint64_t entry_in_notes(const uint8_t *bytes, uint64_t length)
{
    struct note note;
    uint64_t entry = 0;
    while (length >= sizeof(note)) {
        copy_bytes(&note, bytes, sizeof(note));
        uint64_t name = padded(note.name_size), description = padded(note.description_size);
        uint64_t size = sizeof(note) + name + description;
        if (size > length)
            return 0;
        if (is_entry_note(&note, bytes + sizeof(note))) {
            copy_bytes(&entry, bytes + sizeof(note) + name, note.description_size);
            return entry;
        }
        bytes += size;
        length -= size;
    }
    return 0;
}

/* decode: all segments are there, and one of them names the entry. */
static enum boot_problem decode(const struct boot_image *kernel, struct elf_file *file,
                                uint64_t *entry)
{
    enum boot_problem problem = elf_open(kernel, file);
    if (problem != BOOT_OK)
        return problem;
    *entry = 0;
    for (unsigned i = 0; i < file->count; i++) {
        struct elf_segment segment;
        elf_segment(file, i, &segment);
        if (segment.type == ELF_NOTE && !*entry)
            *entry = entry_in_notes(kernel->bytes + segment.offset, segment.file_size);
    }
    if (!*entry)
        return BOOT_KERNEL_NO_ENTRY;
    return *entry < PLATFORM_LIMIT ? BOOT_OK : BOOT_KERNEL_MALFORMED;
}

/* -- What the kernel is told -- */

static void write_start_info(const struct boot_context *context, gpa_t initrd)
{
    const struct guest_memory *memory = context->memory;
    uint64_t initrd_length = context->request->initrd.length;
    const struct start_info info = {
        .magic = START_MAGIC,
        .version = START_VERSION,
        .module_count = initrd_length > 0,
        .modules = initrd_length > 0 ? MODULES_ADDRESS : 0,
        .command_line = BOOT_COMMAND_LINE_ADDRESS,
        .rsdp = context->acpi_rsdp,
        .memory_map = MEMORY_MAP_ADDRESS,
        .memory_map_count = context->map->count,
    };
    const struct module module = { .address = initrd, .size = initrd_length };
    boot_write(memory, BOOT_START_INFO_ADDRESS, &info, sizeof(info));
    boot_write(memory, MODULES_ADDRESS, &module, sizeof(module));
    for (unsigned i = 0; i < context->map->count; i++) {
        const struct memory_map_entry *from = &context->map->entries[i];
        const struct map_entry entry = { from->base, from->size, from->type, 0 };
        boot_write(memory, MEMORY_MAP_ADDRESS + i * sizeof(entry), &entry, sizeof(entry));
    }
}

enum boot_problem boot_pvh(const struct boot_context *context, struct cpu_state *state)
{
    struct elf_file file;
    uint64_t entry;
    gpa_t initrd = 0, end = 0;
    enum boot_problem problem = decode(&context->request->kernel, &file, &entry);
    if (problem == BOOT_OK)
        problem = elf_load(context, &file, entry, &end);
    if (problem == BOOT_OK && context->request->initrd.length > 0)
        problem = boot_place_initrd(context, end, PLATFORM_LIMIT, &initrd);
    if (problem == BOOT_OK)
        problem = boot_place_command_line(context, BOOT_COMMAND_LINE_ROOM - 1);
    if (problem != BOOT_OK)
        return problem;
    write_start_info(context, initrd);
    boot_enter_protected_mode(context, entry, state);
    state->general[RBX] = BOOT_START_INFO_ADDRESS;
    return BOOT_OK;
}
