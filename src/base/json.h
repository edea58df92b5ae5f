// SPDX-License-Identifier: Apache-2.0
/* JSON as RFC 8259 has it, strictly: what json-c would forgive is an error here. */
#pragma once

#include <json-c/json.h>

#include "base/error.h"

/*
 * Parse one document. Refused: duplicate keys (json-c would keep the last one), numbers that do not
 * fit 64 bits, comments, trailing text, nesting deeper than 64, strings with NUL or invalid UTF-8.
 * Returns a reference that the caller puts (json_object_put), or NULL.
 */
struct json_object *json_parse(const char *text, size_t length, struct error *error);

/* The same from a file below dirfd, of at most 16 MiB. */
struct json_object *json_parse_file(int dirfd, const char *path, struct error *error);

/* Serialise without added blanks, slashes unescaped. The caller frees. */
char *json_text(struct json_object *object);

static inline void json_cleanup(struct json_object **object)
{
    json_object_put(*object);
}

#define AUTO_JSON __attribute__((cleanup(json_cleanup)))
