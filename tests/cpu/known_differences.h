// SPDX-License-Identifier: Apache-2.0
/* Where core/x86 and Zydis are meant to differ, each with its reason. */
#pragma once

#include "zydis_compare.h"

/* Why this difference is meant; NULL if it is not. */
const char *known_difference(const struct comparison *comparison, const char *difference);
