// SPDX-License-Identifier: Apache-2.0
#include "image/oci_json.h"

#include "base/json.h"

/* A member of the type that is wanted. NULL and 0: it is absent, or null as Go writes it. */
static int get_member(struct json_object *object, const char *what, const char *name,
                      enum json_type type, struct json_object **member, struct error *error)
{
    *member = NULL;
    if (!json_object_is_type(object, json_type_object))
        return error_set(error, 0, "%s: not an object", what);
    if (!json_object_object_get_ex(object, name, member) || !*member)
        return 0;
    if (!json_object_is_type(*member, type))
        return error_set(error, 0, "%s.%s: must be of type %s", what, name,
                         json_type_to_name(type));
    return 0;
}

static int missing(const char *what, const char *name, struct error *error)
{
    return error_set(error, 0, "%s.%s: is missing", what, name);
}

int oci_json_string(struct json_object *object, const char *what, const char *name, bool required,
                    const char **string, struct error *error)
{
    struct json_object *member;
    *string = NULL;
    if (get_member(object, what, name, json_type_string, &member, error) < 0)
        return -1;
    if (!member)
        return required ? missing(what, name, error) : 0;
    *string = json_object_get_string(member);
    return 0;
}

int oci_json_size(struct json_object *object, const char *what, const char *name, uint64_t *size,
                  struct error *error)
{
    struct json_object *member;
    if (get_member(object, what, name, json_type_int, &member, error) < 0)
        return -1;
    if (!member)
        return missing(what, name, error);
    /* Both views saturate: a negative number shows in the first, one above 2^63-1 in the second. */
    int64_t value = json_object_get_int64(member);
    if (value < 0 || json_object_get_uint64(member) > INT64_MAX)
        return error_set(error, 0, "%s.%s: is not a size", what, name);
    *size = (uint64_t)value;
    return 0;
}

int oci_json_object(struct json_object *object, const char *what, const char *name,
                    struct json_object **member, struct error *error)
{
    return get_member(object, what, name, json_type_object, member, error);
}

int oci_json_array(struct json_object *object, const char *what, const char *name, bool required,
                   size_t limit, struct json_object **array, struct error *error)
{
    if (get_member(object, what, name, json_type_array, array, error) < 0)
        return -1;
    if (!*array)
        return required ? missing(what, name, error) : 0;
    if (json_object_array_length(*array) > limit)
        return error_set(error, 0, "%s.%s: has %zu elements, %zu are allowed", what, name,
                         json_object_array_length(*array), limit);
    return 0;
}

int oci_json_strings(struct json_object *object, const char *what, const char *name, size_t limit,
                     struct string_list *list, struct error *error)
{
    struct json_object *array;
    if (oci_json_array(object, what, name, false, limit, &array, error) < 0)
        return -1;
    for (size_t i = 0; array && i < json_object_array_length(array); i++) {
        struct json_object *item = json_object_array_get_idx(array, i);
        if (!json_object_is_type(item, json_type_string))
            return error_set(error, 0, "%s.%s[%zu]: must be a string", what, name, i);
        string_list_add(list, json_object_get_string(item));
    }
    return 0;
}
