// SPDX-License-Identifier: Apache-2.0
/*
 * A number of 64 bits that tells data apart: it finds damage and names files. It is no defence
 * against somebody who chooses the data.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * FNV-1a over words of 64 bits. Each step maps the numbers one to one, so data that differs in one
 * word only never has the same sum. `length` is a multiple of 8; `seed` is 0 or the sum of what
 * comes before.
 */
uint64_t checksum(const void *data, size_t length, uint64_t seed);
