// SPDX-License-Identifier: Apache-2.0
/* JSON on standard output, indented for people. */
#pragma once

#include <stdio.h>

struct json_object;

/* Prints it with a newline behind; the reference stays the caller's. */
void json_print(FILE *output, struct json_object *object);
