// SPDX-License-Identifier: Apache-2.0
/* Members of image-spec's JSON objects, type-checked; `what` is the object's place for messages. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/string.h"

struct json_object;

/* NULL for an absent or null member unless it is required. The string lives with the object. */
int oci_json_string(struct json_object *object, const char *what, const char *name, bool required,
                    const char **string, struct error *error);

/* A required byte count, 0 to 2^63-1. */
int oci_json_size(struct json_object *object, const char *what, const char *name, uint64_t *size,
                  struct error *error);

/* The member, or NULL for an absent or null one; an error when it is of another type. */
int oci_json_object(struct json_object *object, const char *what, const char *name,
                    struct json_object **member, struct error *error);

/* An array of at most `limit`; `required` as above. */
int oci_json_array(struct json_object *object, const char *what, const char *name, bool required,
                   size_t limit, struct json_object **array, struct error *error);

/* Append the strings of an array member (absent: none). */
int oci_json_strings(struct json_object *object, const char *what, const char *name, size_t limit,
                     struct string_list *list, struct error *error);
