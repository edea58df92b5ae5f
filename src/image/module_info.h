// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "base/string.h"

/*
 * What a kernel module (an ELF file, of 32 or 64 bits) says about itself in its section .modinfo:
 * "key=value" texts. Adds the values of `key`, each cut at the commas, to `values`.
 */
int module_info(const char *path, const char *key, struct string_list *values, struct error *error);
