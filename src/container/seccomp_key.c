// SPDX-License-Identifier: Apache-2.0
/*
 * Numbers are words of 64 bits, strings end in a zero byte, lists begin with their count: read from
 * the front there is one way to understand it, so that no two filters have the same key.
 */
#include "container/seccomp_key.h"

#include <elf.h>
#include <link.h>
#include <seccomp.h>
#include <stdlib.h>

#include "base/checksum.h"
#include "base/string.h"

/* A member that is added belongs into the key, unless it is no part of the program. */
_Static_assert(sizeof(struct spec_seccomp) == 64, "see add_seccomp()");
_Static_assert(sizeof(struct spec_seccomp_rule) == 40, "see add_rule()");
_Static_assert(sizeof(struct spec_seccomp_argument) == 32, "see add_argument()");

struct writer {
    char *bytes;
    size_t length, capacity;
};

static void add_bytes(struct writer *writer, const void *bytes, size_t length)
{
    if (writer->length + length > writer->capacity) {
        writer->capacity = 2 * (writer->length + length) + 8192;
        writer->bytes = reallocate(writer->bytes, writer->capacity, 1);
    }
    memcpy(writer->bytes + writer->length, bytes, length);
    writer->length += length;
}

static void add_number(struct writer *writer, uint64_t number)
{
    add_bytes(writer, &number, sizeof(number));
}

static void add_strings(struct writer *writer, const char *const *strings)
{
    size_t count = 0;
    while (strings && strings[count])
        count++;
    add_number(writer, count);
    for (size_t i = 0; i < count; i++)
        add_bytes(writer, strings[i], strlen(strings[i]) + 1);
}

static void add_optional(struct writer *writer, const struct spec_u32 *number)
{
    add_number(writer, number->set);
    add_number(writer, number->set ? number->value : 0);
}

static void add_argument(struct writer *writer, const struct spec_seccomp_argument *argument)
{
    add_number(writer, argument->index);
    add_number(writer, argument->value);
    add_number(writer, argument->value_two);
    add_number(writer, argument->op);
}

static void add_rule(struct writer *writer, const struct spec_seccomp_rule *rule)
{
    add_strings(writer, rule->names);
    add_number(writer, rule->action);
    add_optional(writer, &rule->errno_return);
    add_number(writer, rule->argument_count);
    for (size_t i = 0; i < rule->argument_count; i++)
        add_argument(writer, &rule->arguments[i]);
}

static void add_seccomp(struct writer *writer, const struct spec_seccomp *seccomp)
{
    add_number(writer, seccomp->default_action);
    add_optional(writer, &seccomp->default_errno_return);
    add_strings(writer, seccomp->architectures);
    add_number(writer, seccomp->rule_count);
    for (size_t i = 0; i < seccomp->rule_count; i++)
        add_rule(writer, &seccomp->rules[i]);
}

static size_t padded(size_t length, size_t alignment)
{
    return (length + alignment - 1) & ~(alignment - 1);
}

/* The build id among the notes of a segment, elf(5); its length, 0 where there is none. */
static size_t find_build_id(const char *notes, size_t size, size_t alignment, const char **id)
{
    ElfW(Nhdr) note;
    while (size >= sizeof(note)) {
        memcpy(&note, notes, sizeof(note));
        size_t description = padded(sizeof(note) + note.n_namesz, alignment);
        size_t end = padded(description + note.n_descsz, alignment);
        if (description + note.n_descsz > size)
            return 0;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof(ELF_NOTE_GNU) &&
            memcmp(notes + sizeof(note), ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0) {
            *id = notes + description;
            return note.n_descsz;
        }
        if (end > size)
            return 0;
        notes += end;
        size -= end;
    }
    return 0;
}

struct builder {
    struct writer *writer;
    size_t objects;
    bool program_is_known;
};

/* Called for the program first, then for each of its shared objects. */
static int add_object(struct dl_phdr_info *object, size_t size, void *context)
{
    (void)size;
    struct builder *builder = context;
    size_t length = 0;
    const char *id = NULL;
    for (int i = 0; i < object->dlpi_phnum && length == 0; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        if (header->p_type == PT_NOTE)
            length = find_build_id((const char *)(object->dlpi_addr + header->p_vaddr),
                                   header->p_memsz, header->p_align == 8 ? 8 : 4, &id);
    }
    add_number(builder->writer, length);
    add_bytes(builder->writer, id, length);
    if (builder->objects++ == 0)
        builder->program_is_known = length > 0;
    return 0;
}

static int add_builder(struct writer *writer, struct error *error)
{
    struct builder builder = { .writer = writer };
    const struct scmp_version *version = seccomp_version();
    add_number(writer, version->major);
    add_number(writer, version->minor);
    add_number(writer, version->micro);
    dl_iterate_phdr(add_object, &builder);
    add_number(writer, builder.objects);
    return builder.program_is_known ? 0 : error_set(error, 0, "the program has no build id");
}

int seccomp_key_make(const struct spec_seccomp *seccomp, struct seccomp_key *key,
                     struct error *error)
{
    static const uint64_t zero;
    struct writer writer = { 0 };
    add_number(&writer, seccomp_arch_native());
    add_seccomp(&writer, seccomp);
    int result = add_builder(&writer, error);
    add_bytes(&writer, &zero, padded(writer.length, sizeof(zero)) - writer.length);
    *key = (struct seccomp_key){ .bytes = writer.bytes,
                                 .length = writer.length,
                                 .sum = checksum(writer.bytes, writer.length, 0) };
    return result;
}

void seccomp_key_free(struct seccomp_key *key)
{
    free(key->bytes);
    *key = (struct seccomp_key){ 0 };
}
