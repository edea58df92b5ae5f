// SPDX-License-Identifier: Apache-2.0
/* The software engine: needs nothing of the host but an x86-64 processor. */
#pragma once

#include "core/engine.h"

extern const struct engine hosted_engine;
