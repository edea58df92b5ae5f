// SPDX-License-Identifier: Apache-2.0
/*
 * Section headers of ELF (elf(5)). The file comes from a package that was verified, or from a
 * person; all offsets are checked all the same.
 */
#include "image/module_info.h"

#include <elf.h>
#include <fcntl.h>
#include <stdint.h>

#include "base/io.h"

enum { MODULE_LIMIT = 64 << 20 };

struct section {
    uint64_t name, offset, size;
};

struct file {
    const char *data;
    size_t length;
    bool has_64_bits;
    uint64_t sections, section_size, section_count, names;
};

/* NULL where it does not lie inside of the file. */
static const void *part(const struct file *file, uint64_t offset, uint64_t size)
{
    if (offset > file->length || size > file->length - offset)
        return NULL;
    return file->data + offset;
}

#define READ_HEADER(file, type)                                                                    \
    do {                                                                                           \
        type header;                                                                               \
        const void *start = part(file, 0, sizeof(header));                                         \
        if (!start)                                                                                \
            return false;                                                                          \
        memcpy(&header, start, sizeof(header));                                                    \
        (file)->sections = header.e_shoff;                                                         \
        (file)->section_size = header.e_shentsize;                                                 \
        (file)->section_count = header.e_shnum;                                                    \
        (file)->names = header.e_shstrndx;                                                         \
    } while (0)

static bool read_header(struct file *file)
{
    const unsigned char *identity = part(file, 0, EI_NIDENT);
    if (!identity || memcmp(identity, ELFMAG, SELFMAG) != 0)
        return false;
    file->has_64_bits = identity[EI_CLASS] == ELFCLASS64;
    if (file->has_64_bits)
        READ_HEADER(file, Elf64_Ehdr);
    else
        READ_HEADER(file, Elf32_Ehdr);
    return true;
}

#define READ_SECTION(start, type, section)                                                         \
    do {                                                                                           \
        type header;                                                                               \
        memcpy(&header, start, sizeof(header));                                                    \
        *(section) = (struct section){ header.sh_name, header.sh_offset, header.sh_size };         \
    } while (0)

static bool read_section(const struct file *file, uint64_t index, struct section *section)
{
    uint64_t size = file->has_64_bits ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
    if (index >= file->section_count || file->section_size < size)
        return false;
    const void *start = part(file, file->sections + index * file->section_size, size);
    if (!start)
        return false;
    if (file->has_64_bits)
        READ_SECTION(start, Elf64_Shdr, section);
    else
        READ_SECTION(start, Elf32_Shdr, section);
    return true;
}

static bool find_section(const struct file *file, const char *name, struct section *found)
{
    struct section names;
    if (!read_section(file, file->names, &names))
        return false;
    for (uint64_t i = 0; read_section(file, i, found); i++) {
        if (found->name >= names.size)
            continue;
        const char *text = part(file, names.offset + found->name, strlen(name) + 1);
        if (text && memcmp(text, name, strlen(name) + 1) == 0)
            return true;
    }
    return false;
}

static void add_values(const char *text, size_t length, const char *key, struct string_list *values)
{
    size_t key_length = strlen(key);
    if (length <= key_length || memcmp(text, key, key_length) != 0 || text[key_length] != '=')
        return;
    AUTO_FREE char *value = string_copy_n(text + key_length + 1, length - key_length - 1);
    AUTO_STRINGS char **parts = string_split(value, ",");
    for (char **each = parts; *each; each++)
        string_list_add(values, *each);
}

int module_info(const char *path, const char *key, struct string_list *values, struct error *error)
{
    struct section section;
    struct file file = { 0 };
    AUTO_FREE char *data = read_file_at(AT_FDCWD, path, MODULE_LIMIT, &file.length, error);
    file.data = data;
    if (!data)
        return -1;
    if (!read_header(&file) || !find_section(&file, ".modinfo", &section))
        return error_set(error, 0, "%s is no kernel module", path);
    const char *info = part(&file, section.offset, section.size);
    if (!info)
        return error_set(error, 0, "%s is no kernel module: it is cut off", path);
    for (uint64_t at = 0; at < section.size;) {
        size_t length = strnlen(info + at, section.size - at);
        add_values(info + at, length, key, values);
        at += length + 1;
    }
    return 0;
}
