// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest/text.h"

enum { HOME_SIZE = 4096 };

/* Add the home directory that /etc/passwd gives a user; "/" where it gives none. */
void home_of(uint32_t uid, struct text *home);
