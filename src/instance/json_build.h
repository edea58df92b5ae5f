// SPDX-License-Identifier: Apache-2.0
/* The few moves with which JSON documents are put together here. */
#pragma once

#include "base/json.h"

static inline void json_add(struct json_object *object, const char *key, struct json_object *value)
{
    json_object_object_add(object, key, value);
}

/* A NULL text adds nothing. */
static inline void json_add_string(struct json_object *object, const char *key, const char *text)
{
    if (text)
        json_object_object_add(object, key, json_object_new_string(text));
}

/* `strings` is NULL-terminated; NULL is an empty array. */
static inline struct json_object *json_string_array(const char *const *strings)
{
    struct json_object *array = json_object_new_array();
    for (; strings && *strings; strings++)
        json_object_array_add(array, json_object_new_string(*strings));
    return array;
}

/* The text of a member, NULL where it is missing or no string. Lives as long as the object. */
static inline const char *json_string_member(struct json_object *object, const char *key)
{
    struct json_object *member = json_object_object_get(object, key);
    return json_object_is_type(member, json_type_string) ? json_object_get_string(member) : NULL;
}
