// SPDX-License-Identifier: Apache-2.0
#include "spec/spec.h"

#include <json-c/json.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/string.h"

void spec_free(struct spec *spec)
{
    if (!spec)
        return;
    json_object_put(spec->document);
    arena_free(spec->arena);
    free(spec);
}
