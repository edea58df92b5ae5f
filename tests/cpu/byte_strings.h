// SPDX-License-Identifier: Apache-2.0
/*
 * Byte strings that reach every row of the opcode maps: the walk takes each opcode and ModR/M byte
 * under every combination of the prefixes that matter to it; the others are drawn at random.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "random_source.h"

enum { BYTE_STRING_LENGTH = 24 };

struct byte_walk {
    uint32_t position;
};

/* The next string of the walk; false at its end. Bytes after ModR/M are random. */
bool byte_walk_next(struct byte_walk *walk, struct random_source *random, uint8_t *bytes);

void byte_string_random(struct random_source *random, uint8_t *bytes);

/* Change a little of what is there. */
void byte_string_mutate(struct random_source *random, uint8_t *bytes);
