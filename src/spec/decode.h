// SPDX-License-Identifier: Apache-2.0
/*
 * config.json -> struct spec: one pass over the whole document that collects every problem with its
 * JSON path and changes nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "spec/spec.h"

/* What a decode found: "linux.resources.cpu.shares: 1 is out of range (2 to 262144)". */
struct spec_problem {
    char *path; /* "" is the document itself */
    char *message;
};

struct spec_problems {
    struct spec_problem *errors, *warnings;
    size_t error_count, warning_count;
};

void spec_problems_free(struct spec_problems *problems);
#define AUTO_PROBLEMS __attribute__((cleanup(spec_problems_free)))

/* All errors as one line, "N errors: path: message; path: message; ...", into `error`. Returns -1.
 */
int spec_problems_to_error(const struct spec_problems *problems, const char *file,
                           struct error *error);

/* Decode a whole config.json. NULL when problems->error_count > 0. */
struct spec *spec_decode(const char *text, size_t length, struct spec_problems *problems);

/* Read and decode a file below dirfd; the error lists every problem. Warnings go to `problems`. */
struct spec *spec_load(int dirfd, const char *path, struct spec_problems *problems,
                       struct error *error);

/* A struct spec that holds only `process` (from a process.json document), freed with spec_free. */
struct spec *spec_decode_process(const char *text, size_t length, struct spec_problems *problems);

/* A struct spec that holds only `resources` (from the document that `update --resources` reads). */
struct spec *spec_decode_resources(const char *text, size_t length, struct spec_problems *problems);
