// SPDX-License-Identifier: Apache-2.0
/*
 * Numbers as people and files write them. The whole text must be the number: no blanks, no sign
 * where none belongs, nothing behind it. What does not fit the type is an error (ERANGE).
 */
#pragma once

#include <stdint.h>

/* Decimal. 0, or -1 with errno EINVAL or ERANGE. */
int parse_uint64(const char *text, uint64_t *value);
int parse_uint32(const char *text, uint32_t *value);
int parse_int64(const char *text, int64_t *value);

/* Bytes with an optional unit b, k, m, g, t (powers of 1024, either case, optional trailing b or
 * iB). */
int parse_size(const char *text, uint64_t *bytes);

/* A signal by number, or by name with or without SIG, as "SIGRTMIN+3". The number, or -1. */
int parse_signal(const char *text);
