// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Print the nanoseconds an instruction of the .text section of a 64-bit ELF file. */
int decoder_bench(const char *path);
