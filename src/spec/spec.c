// SPDX-License-Identifier: Apache-2.0
#include "spec/spec.h"

#include <json-c/json.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/string.h"

const char *spec_annotation(const struct spec *spec, const char *key)
{
    for (size_t i = 0; i < spec->annotation_count; i++)
        if (string_equal(spec->annotations[i].key, key))
            return spec->annotations[i].value;
    return NULL;
}

void spec_free(struct spec *spec)
{
    if (!spec)
        return;
    json_object_put(spec->document);
    arena_free(spec->arena);
    free(spec);
}
