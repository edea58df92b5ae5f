// SPDX-License-Identifier: Apache-2.0
#include "core/machine/elf.h"

#include "core/memory/copy.h"

#define MAGIC          0x464c457fu
#define CLASS_32       1
#define CLASS_64       2
#define LITTLE_ENDIAN  1
#define MACHINE_386    3
#define MACHINE_X86_64 62
#define MOST_SEGMENTS  64

struct header_32 {
    uint32_t magic;
    uint8_t class, data, rest[10];
    uint16_t type, machine;
    uint32_t version, entry, program_headers, section_headers, flags;
    uint16_t header_size, program_header_size, program_header_count;
} __attribute__((packed));

struct header_64 {
    uint32_t magic;
    uint8_t class, data, rest[10];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, program_headers, section_headers;
    uint32_t flags;
    uint16_t header_size, program_header_size, program_header_count;
} __attribute__((packed));

struct program_header_32 {
    uint32_t type, offset, virtual_address, physical_address, file_size, memory_size, flags,
        alignment;
};

struct program_header_64 {
    uint32_t type, flags;
    uint64_t offset, virtual_address, physical_address, file_size, memory_size, alignment;
};

bool elf_recognizes(const struct boot_image *image)
{
    uint32_t magic;
    if (image->length < sizeof(struct header_64))
        return false;
    copy_bytes(&magic, image->bytes, sizeof(magic));
    return magic == MAGIC;
}

static bool is_for_x86(uint8_t class, uint8_t data, uint16_t machine)
{
    return data == LITTLE_ENDIAN && ((class == CLASS_32 && machine == MACHINE_386) ||
                                     (class == CLASS_64 && machine == MACHINE_X86_64));
}

static void read_32(const uint8_t *bytes, struct elf_segment *segment)
{
    struct program_header_32 header;
    copy_bytes(&header, bytes, sizeof(header));
    *segment = (struct elf_segment){ header.type,      header.offset,      header.physical_address,
                                     header.file_size, header.memory_size, header.alignment };
}

static void read_64(const uint8_t *bytes, struct elf_segment *segment)
{
    struct program_header_64 header;
    copy_bytes(&header, bytes, sizeof(header));
    *segment = (struct elf_segment){ header.type,      header.offset,      header.physical_address,
                                     header.file_size, header.memory_size, header.alignment };
}

void elf_segment(const struct elf_file *file, unsigned index, struct elf_segment *segment)
{
    const uint8_t *bytes = file->image->bytes + file->table + (uint64_t)index * file->entry_size;
    if (file->wide)
        read_64(bytes, segment);
    else
        read_32(bytes, segment);
}

static bool read_header(const struct boot_image *image, struct elf_file *file)
{
    struct header_32 narrow;
    struct header_64 wide;
    copy_bytes(&narrow, image->bytes, sizeof(narrow));
    copy_bytes(&wide, image->bytes, sizeof(wide));
    if (!is_for_x86(narrow.class, narrow.data, narrow.machine))
        return false;
    file->image = image;
    file->wide = narrow.class == CLASS_64;
    file->table = file->wide ? wide.program_headers : narrow.program_headers;
    file->entry = file->wide ? wide.entry : narrow.entry;
    file->count = file->wide ? wide.program_header_count : narrow.program_header_count;
    file->entry_size = file->wide ? wide.program_header_size : narrow.program_header_size;
    size_t least = file->wide ? sizeof(struct program_header_64) : sizeof(struct program_header_32);
    return file->entry_size >= least && file->count > 0 && file->count <= MOST_SEGMENTS &&
           file->table <= image->length &&
           (uint64_t)file->count * file->entry_size <= image->length - file->table;
}

enum boot_problem elf_open(const struct boot_image *image, struct elf_file *file)
{
    if (!elf_recognizes(image))
        return BOOT_NO_KERNEL;
    if (!read_header(image, file))
        return BOOT_KERNEL_MALFORMED;
    for (unsigned i = 0; i < file->count; i++) {
        struct elf_segment segment;
        elf_segment(file, i, &segment);
        if (segment.offset > image->length || segment.file_size > image->length - segment.offset)
            return BOOT_KERNEL_TRUNCATED;
    }
    return BOOT_OK;
}
