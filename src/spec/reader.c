// SPDX-License-Identifier: Apache-2.0
#include "spec/reader.h"

#include <inttypes.h>
#include <net/if.h>
#include <string.h>

#include "base/string.h"
#include "spec/problems.h"

struct node node_element(const struct node *array, size_t index)
{
    return (struct node){ .reader = array->reader,
                          .parent = array,
                          .index = index,
                          .value = json_object_array_get_idx(array->value, index) };
}

bool node_member(const struct node *object, const char *name, struct node *member)
{
    struct json_object *value;
    if (!json_object_object_get_ex(object->value, name, &value) || !value)
        return false;
    *member =
        (struct node){ .reader = object->reader, .parent = object, .name = name, .value = value };
    return true;
}

static const char *type_name(enum json_type type)
{
    static const char *const names[] = {
        [json_type_null] = "null",         [json_type_boolean] = "a boolean",
        [json_type_double] = "a fraction", [json_type_int] = "an integer",
        [json_type_object] = "an object",  [json_type_array] = "an array",
        [json_type_string] = "a string",
    };
    return names[type];
}

bool node_is(const struct node *node, enum json_type type)
{
    enum json_type actual = json_object_get_type(node->value);
    if (actual == type)
        return true;
    node_error(node, "must be %s, is %s", type_name(type), type_name(actual));
    return false;
}

const char *node_text(const struct node *node)
{
    return node_is(node, json_type_string) ? json_object_get_string(node->value) : NULL;
}

bool node_integer(const struct node *node, int64_t minimum, uint64_t maximum, int64_t *value)
{
    if (!node_is(node, json_type_int))
        return false;
    /* json-c: what is above INT64_MAX reads as INT64_MAX here, and only there is it unsigned. */
    int64_t number = json_object_get_int64(node->value);
    uint64_t magnitude = number < 0 ? 0 : json_object_get_uint64(node->value);
    if (number < minimum || (number >= 0 && magnitude > maximum)) {
        node_error(node, "%s is out of range (%" PRId64 " to %" PRIu64 ")",
                   json_object_get_string(node->value), minimum, maximum);
        return false;
    }
    *value = number < 0 ? number : (int64_t)magnitude;
    return true;
}

const struct word *word_find(const struct word *words, const char *name)
{
    for (; words->name; words++)
        if (string_equal(words->name, name))
            return words;
    return NULL;
}

const struct word *node_word(const struct node *node, const struct word *words)
{
    const char *text = node_text(node);
    if (!text)
        return NULL;
    const struct word *word = word_find(words, text);
    if (word)
        return word;
    AUTO_FREE char *list = NULL;
    for (word = words; word->name; word++)
        string_append(&list, "%s%s", list ? ", " : "", word->name);
    node_error(node, "unknown value \"%s\" (there is %s)", text, list ? list : "none");
    return NULL;
}

/* The value of an integer field; false when there is nothing to store. */
static bool field_integer(const struct node *node, const struct field *field, int64_t lowest,
                          uint64_t highest, int64_t *value)
{
    int64_t minimum = field->ranged ? field->minimum : lowest;
    uint64_t maximum = field->ranged ? field->maximum : highest;
    if (field->flags & FIELD_ZERO_IS_ABSENT && json_object_is_type(node->value, json_type_int) &&
        json_object_get_int64(node->value) == 0)
        return false;
    return node_integer(node, minimum, maximum, value);
}

#define AT(type, target, field) ((type *)((char *)(target) + (field)->offset))

#define INTEGER_READERS(suffix, type, lowest, highest)                                             \
    void read_##suffix(const struct node *node, const struct field *field, void *target)           \
    {                                                                                              \
        int64_t value;                                                                             \
        if (field_integer(node, field, lowest, highest, &value))                                   \
            *AT(type, target, field) = (type)value;                                                \
    }

#define OPTIONAL_READERS(suffix, type, lowest, highest)                                            \
    void read_optional_##suffix(const struct node *node, const struct field *field, void *target)  \
    {                                                                                              \
        int64_t value;                                                                             \
        if (field_integer(node, field, lowest, highest, &value))                                   \
            *AT(struct spec_##suffix, target, field) =                                             \
                (struct spec_##suffix){ true, (type)value };                                       \
    }

INTEGER_READERS(u16, uint16_t, 0, UINT16_MAX)
INTEGER_READERS(u32, uint32_t, 0, UINT32_MAX)
INTEGER_READERS(u64, uint64_t, 0, UINT64_MAX)
INTEGER_READERS(i32, int32_t, INT32_MIN, INT32_MAX)
INTEGER_READERS(i64, int64_t, INT64_MIN, INT64_MAX)
OPTIONAL_READERS(u16, uint16_t, 0, UINT16_MAX)
OPTIONAL_READERS(u32, uint32_t, 0, UINT32_MAX)
OPTIONAL_READERS(u64, uint64_t, 0, UINT64_MAX)
OPTIONAL_READERS(i64, int64_t, INT64_MIN, INT64_MAX)

void read_bool(const struct node *node, const struct field *field, void *target)
{
    if (node_is(node, json_type_boolean))
        *AT(bool, target, field) = json_object_get_boolean(node->value);
}

void read_optional_bool(const struct node *node, const struct field *field, void *target)
{
    if (node_is(node, json_type_boolean))
        *AT(struct spec_bool, target, field) =
            (struct spec_bool){ true, json_object_get_boolean(node->value) };
}

void read_text(const struct node *node, const struct field *field, void *target)
{
    const char *text = node_text(node);
    if (!text)
        return;
    if (!*text) {
        if (field->flags & FIELD_REQUIRED)
            node_error(node, "must not be empty");
        return;
    }
    if (field->check_text)
        field->check_text(node, text);
    *AT(const char *, target, field) = text;
}

/* Whether it is an array with as many elements as the field wants. */
static bool is_array(const struct node *node, const struct field *field)
{
    if (!node_is(node, json_type_array))
        return false;
    if (field->flags & FIELD_REQUIRED && !json_object_array_length(node->value)) {
        node_error(node, "must not be empty");
        return false;
    }
    return true;
}

void read_text_array(const struct node *node, const struct field *field, void *target)
{
    if (!is_array(node, field))
        return;
    size_t count = json_object_array_length(node->value);
    const char **strings = arena_allocate(node->reader->arena, count + 1, sizeof(*strings));
    for (size_t i = 0; i < count; i++) {
        struct node element = node_element(node, i);
        strings[i] = node_text(&element);
        if (strings[i] && field->check_text)
            field->check_text(&element, strings[i]);
    }
    *AT(const char *const *, target, field) = strings;
}

void read_u32_array(const struct node *node, const struct field *field, void *target)
{
    if (!is_array(node, field))
        return;
    size_t count = json_object_array_length(node->value);
    uint32_t *numbers = arena_allocate(node->reader->arena, count, sizeof(*numbers));
    for (size_t i = 0; i < count; i++) {
        struct node element = node_element(node, i);
        int64_t value;
        if (field_integer(&element, field, 0, UINT32_MAX, &value))
            numbers[i] = (uint32_t)value;
    }
    *AT(const uint32_t *, target, field) = numbers;
    *(size_t *)((char *)target + field->count_offset) = count;
}

static void store_word(const struct field *field, void *target, uint64_t value)
{
    switch (field->size) {
    case sizeof(uint8_t):
        *AT(uint8_t, target, field) = (uint8_t)value;
        break;
    case sizeof(uint32_t):
        *AT(uint32_t, target, field) = (uint32_t)value;
        break;
    default:
        *AT(uint64_t, target, field) = value;
    }
}

void read_word(const struct node *node, const struct field *field, void *target)
{
    bool empty = json_object_is_type(node->value, json_type_string) &&
                 !json_object_get_string_len(node->value);
    if (empty && !(field->flags & FIELD_REQUIRED))
        return;
    const struct word *word = node_word(node, field->words);
    if (word)
        store_word(field, target, word->value);
}

void read_word_set(const struct node *node, const struct field *field, void *target)
{
    if (!is_array(node, field))
        return;
    uint64_t set = 0;
    for (size_t i = 0; i < json_object_array_length(node->value); i++) {
        struct node element = node_element(node, i);
        const struct word *word = node_word(&element, field->words);
        if (word)
            set |= word->value;
    }
    store_word(field, target, set);
}

void read_form(const struct node *node, const struct form *form, void *target)
{
    if (!node_is(node, json_type_object))
        return;
    size_t errors = node->reader->problems->error_count;
    for (const struct field *field = form->fields; field < form->fields + form->field_count;
         field++) {
        struct node member;
        if (node_member(node, field->name, &member))
            field->read(&member, field, target);
        else if (field->flags & FIELD_REQUIRED)
            member_error(node, field->name, "is required");
    }
    if (form->check && errors == node->reader->problems->error_count)
        form->check(node, target);
    if (form->check_always)
        form->check_always(node, target);
}

void read_section(const struct node *node, const struct field *field, void *target)
{
    read_form(node, field->form, target);
}

void read_object(const struct node *node, const struct field *field, void *target)
{
    void *object = arena_allocate(node->reader->arena, 1, field->form->size);
    read_form(node, field->form, object);
    *AT(const void *, target, field) = object;
}

/* `node` is element `index`. */
static void check_distinct(const struct node *node, const struct form *form, const char *elements,
                           size_t index)
{
    for (size_t i = 0; form->same && i < index; i++) {
        if (form->same(elements + i * form->size, elements + index * form->size)) {
            node_error(node, "is the same as element %zu", i);
            return;
        }
    }
}

void read_array(const struct node *node, const struct field *field, void *target)
{
    if (!is_array(node, field))
        return;
    const struct form *form = field->form;
    size_t count = json_object_array_length(node->value);
    char *elements = arena_allocate(node->reader->arena, count, form->size);
    for (size_t i = 0; i < count; i++) {
        struct node element = node_element(node, i);
        read_form(&element, form, elements + i * form->size);
        check_distinct(&element, form, elements, i);
    }
    *AT(const void *, target, field) = elements;
    *(size_t *)((char *)target + field->count_offset) = count;
}

static struct node map_member(const struct node *map, const char *key, struct json_object *value)
{
    struct node member = { .reader = map->reader, .parent = map, .name = key, .value = value };
    if (!*key)
        node_error(map, "an empty key");
    return member;
}

void read_map(const struct node *node, const struct field *field, void *target)
{
    if (!node_is(node, json_type_object))
        return;
    const struct form *form = field->form;
    size_t count = (size_t)json_object_object_length(node->value), index = 0;
    char *elements = arena_allocate(node->reader->arena, count, form->size);
    json_object_object_foreach(node->value, key, value)
    {
        struct node member = map_member(node, key, value);
        *(const char **)(elements + index * form->size + form->key_offset) = key;
        read_form(&member, form, elements + index * form->size);
        check_distinct(&member, form, elements, index++);
    }
    *AT(const void *, target, field) = elements;
    *(size_t *)((char *)target + field->count_offset) = count;
}

void read_text_map(const struct node *node, const struct field *field, void *target)
{
    if (!node_is(node, json_type_object))
        return;
    size_t count = (size_t)json_object_object_length(node->value);
    struct spec_key_value *entries = arena_allocate(node->reader->arena, count, sizeof(*entries));
    *AT(const struct spec_key_value *, target, field) = entries;
    *(size_t *)((char *)target + field->count_offset) = count;
    json_object_object_foreach(node->value, key, value)
    {
        struct node member = map_member(node, key, value);
        *entries = (struct spec_key_value){ key, node_text(&member) };
        if (entries->value && field->check_text)
            field->check_text(&member, entries->value);
        entries++;
    }
}

void check_absolute(const struct node *node, const char *text)
{
    if (*text != '/')
        node_error(node, "\"%s\" must be an absolute path", text);
}

void check_single_line(const struct node *node, const char *text)
{
    if (strchr(text, '\n'))
        node_error(node, "must not hold a newline");
}

/* What dev_valid_name() of the kernel takes (net/core/dev.c), "%d" templates included. */
void check_interface_name(const struct node *node, const char *text)
{
    if (!*text || strlen(text) >= IFNAMSIZ || strpbrk(text, "/: \t\n\v\f\r") ||
        string_equal(text, ".") || string_equal(text, ".."))
        node_error(node, "\"%s\" is not the name of a network interface", text);
}
