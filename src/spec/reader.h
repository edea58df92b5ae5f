// SPDX-License-Identifier: Apache-2.0
/*
 * How the decoder reads: an object of the specification is a table of its properties (struct field)
 * in a struct form, and the section files are little more than these tables.
 *
 *     static const struct field rlimit_fields[] = {
 *         WORD(struct spec_rlimit, resource, "type", spec_rlimit_types, .flags = FIELD_REQUIRED),
 *         FIELD(struct spec_rlimit, soft, "soft", .flags = FIELD_REQUIRED),
 *         ...
 *
 * FIELD() chooses what is read by the type of the member it fills, so that a table cannot disagree
 * with the struct. JSON null means "absent", as do empty optional strings: programs in Go, which is
 * most callers, write both for what they did not set. Properties that no table names are ignored
 * (runtime-spec config.md, "Extensibility").
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "spec/decode.h"
#include "spec/value.h"

struct reader {
    struct arena *arena;
    struct spec_problems *problems;
    const struct spec *spec; /* as far as it is decoded */
};

/* A value and the way to it, on the stack of the functions that went there. */
struct node {
    const struct reader *reader;
    const struct node *parent; /* NULL: the document */
    const char *name;          /* of a member; NULL: element `index` of an array */
    size_t index;
    struct json_object *value; /* NULL for null, as json-c has it */
};

void node_error(const struct node *node, const char *format, ...) PRINTF_LIKE(2, 3);
void node_warning(const struct node *node, const char *format, ...) PRINTF_LIKE(2, 3);

/* About a member that is not there, or is there only in part. */
void member_error(const struct node *object, const char *name, const char *format, ...)
    PRINTF_LIKE(3, 4);
void member_warning(const struct node *object, const char *name, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* A member of an object; false when it is absent, null, or the object is none. */
bool node_member(const struct node *object, const char *name, struct node *member);

struct node node_element(const struct node *array, size_t index);

/* "a string", "an array" ... and false with an error when the value is not of this type. */
bool node_is(const struct node *node, enum json_type type);

/* A word of the specification and what it stands for; tables end with a NULL name. */
struct word {
    const char *name;
    uint64_t value;
};

const struct word *word_find(const struct word *words, const char *name);

/* The string's word; without one NULL, and an error that lists what there is. */
const struct word *node_word(const struct node *node, const struct word *words);

/* The integer within [minimum, maximum]; false with an error otherwise. */
bool node_integer(const struct node *node, int64_t minimum, uint64_t maximum, int64_t *value);

/* The string, or NULL with an error. */
const char *node_text(const struct node *node);

enum {
    FIELD_REQUIRED = 1,       /* a string must not be empty, an array have an element */
    FIELD_ZERO_IS_ABSENT = 2, /* numbers: what callers in Go write for "not set" */
};

struct field;
typedef void field_reader(const struct node *node, const struct field *field, void *target);

/* An object of the specification. */
struct form {
    size_t size; /* of the struct that holds it; 0: the one of the object around it */
    const struct field *fields;
    size_t field_count;
    size_t key_offset; /* of maps: the const char * that gets the key */
    /*
     * What holds between the fields, NULL for none: asked when all of them are right, so that one
     * mistake does not give two errors, or also when some are not.
     */
    void (*check)(const struct node *node, void *target);
    void (*check_always)(const struct node *node, void *target);
    /* of arrays and maps: two elements that must not be in one; NULL: all may be */
    bool (*same)(const void *one, const void *other);
};

struct field {
    const char *name;
    field_reader *read;
    size_t offset, size;
    size_t count_offset; /* of arrays and maps: the size_t member */
    unsigned flags;
    int64_t minimum; /* with maximum, when `ranged`; else all that the type holds */
    uint64_t maximum;
    bool ranged;
    const struct word *words;
    const struct form *form;
    void (*check_text)(const struct node *node, const char *text); /* each string */
};

#define MEMBER(type, member)   (((type *)0)->member)
#define PLACE(type, member)    .offset = offsetof(type, member), .size = sizeof(MEMBER(type, member))
#define RANGE(lowest, highest) .ranged = true, .minimum = (lowest), .maximum = (highest)
#define FORM(struct_type, ...)                                                                     \
    {                                                                                              \
        .size = sizeof(struct_type), __VA_ARGS__                                                   \
    }
#define FIELDS(table) .fields = (table), .field_count = ARRAY_LENGTH(table)

#define READER_OF(value)                                                                           \
    _Generic((value),                                                                              \
        const char *: read_text,                                                                   \
        const char *const *: read_text_array,                                                      \
        const uint32_t *: read_u32_array,                                                          \
        bool: read_bool,                                                                           \
        uint16_t: read_u16,                                                                        \
        uint32_t: read_u32,                                                                        \
        uint64_t: read_u64,                                                                        \
        int: read_i32,                                                                             \
        int64_t: read_i64,                                                                         \
        struct spec_bool: read_optional_bool,                                                      \
        struct spec_u16: read_optional_u16,                                                        \
        struct spec_u32: read_optional_u32,                                                        \
        struct spec_u64: read_optional_u64,                                                        \
        struct spec_i64: read_optional_i64)

#define FIELD(type, member, json_name, ...)                                                        \
    {                                                                                              \
        .name = json_name, .read = READER_OF(MEMBER(type, member)), PLACE(type, member),           \
        __VA_ARGS__                                                                                \
    }

/* One word, or an array of words whose values are or-ed; the member is an integer of any size. */
#define WORD(type, member, json_name, table, ...)                                                  \
    {                                                                                              \
        .name = json_name, .read = read_word, PLACE(type, member), .words = table, __VA_ARGS__     \
    }
#define WORD_SET(type, member, json_name, table, ...)                                              \
    {                                                                                              \
        .name = json_name, .read = read_word_set, PLACE(type, member), .words = table, __VA_ARGS__ \
    }

/* An object whose fields are in the same struct; one that gets its own, pointed to by the member.
 */
#define SECTION(json_name, section_form, ...)                                                      \
    {                                                                                              \
        .name = json_name, .read = read_section, .form = section_form, __VA_ARGS__                 \
    }
#define OBJECT(type, member, json_name, object_form, ...)                                          \
    {                                                                                              \
        .name = json_name, .read = read_object, PLACE(type, member), .form = object_form,          \
        __VA_ARGS__                                                                                \
    }

/* An array of objects, and an object of objects with free keys. */
#define ARRAY(type, member, count_member, json_name, element_form, ...)                            \
    {                                                                                              \
        .name = json_name, .read = read_array, PLACE(type, member),                                \
        .count_offset = offsetof(type, count_member), .form = element_form, __VA_ARGS__            \
    }
#define MAP(type, member, count_member, json_name, element_form, ...)                              \
    {                                                                                              \
        .name = json_name, .read = read_map, PLACE(type, member),                                  \
        .count_offset = offsetof(type, count_member), .form = element_form, __VA_ARGS__            \
    }

/* An object of strings with free keys, into struct spec_key_value. */
#define TEXT_MAP(type, member, count_member, json_name, ...)                                       \
    {                                                                                              \
        .name = json_name, .read = read_text_map, PLACE(type, member),                             \
        .count_offset = offsetof(type, count_member), __VA_ARGS__                                  \
    }

#define CUSTOM(json_name, function, ...)                                                           \
    {                                                                                              \
        .name = json_name, .read = function, __VA_ARGS__                                           \
    }

/* Fill `target`, which is zeroed, from an object. */
void read_form(const struct node *node, const struct form *form, void *target);

field_reader read_text, read_text_array, read_u32_array, read_bool, read_u16, read_u32, read_u64,
    read_i32, read_i64, read_optional_bool, read_optional_u16, read_optional_u32, read_optional_u64,
    read_optional_i64, read_word, read_word_set, read_section, read_object, read_array, read_map,
    read_text_map;

/* For .check_text. */
void check_absolute(const struct node *node, const char *text);
void check_single_line(const struct node *node, const char *text);
void check_interface_name(const struct node *node, const char *text);
