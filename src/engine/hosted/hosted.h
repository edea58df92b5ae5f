// SPDX-License-Identifier: Apache-2.0
/* The software engine: an ordinary process executes the guest, without any support of a kernel. */
#pragma once

#include "core/engine.h"

extern const struct engine engine_hosted;
