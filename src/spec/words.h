// SPDX-License-Identifier: Apache-2.0
/*
 * The words that the decoder knows. `features` lists these same tables, so that what is said to be
 * recognized is what is recognized. Each ends with a NULL name.
 */
#pragma once

#include "spec/reader.h"

extern const struct word spec_hook_points[];
extern const struct word spec_namespace_types[];
extern const struct word spec_capability_names[];
extern const struct word spec_memory_policy_modes[];
extern const struct word spec_memory_policy_flags[];
extern const struct word spec_seccomp_actions[];
extern const struct word spec_seccomp_operators[];
extern const struct word spec_seccomp_architectures[];
extern const struct word spec_seccomp_flags[];

/*
 * Annotations that change what the runtime does, so that a caller may keep users from setting them;
 * one that ends in "." is a prefix.
 */
extern const struct word spec_unsafe_annotations[];
