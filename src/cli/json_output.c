// SPDX-License-Identifier: Apache-2.0
#include "cli/json_output.h"

#include <json-c/json.h>

void json_print(FILE *output, struct json_object *object)
{
    fprintf(output, "%s\n",
            json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
                                                       JSON_C_TO_STRING_SPACED |
                                                       JSON_C_TO_STRING_NOSLASHESCAPE));
}
