// SPDX-License-Identifier: Apache-2.0
/* process.capabilities (capabilities(7)). Bit n of a set is capability number n. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "spec/process.h"

/*
 * Take what is not in the bounding set out of it, also what this program does not know the name of.
 * Wants CAP_SETPCAP, so it comes before the ids change.
 */
int capabilities_drop_bounding(const struct spec_capabilities *wanted, struct error *error);

/*
 * Set the other four sets. What we do not have ourselves cannot be granted: it is left out with a
 * warning. `kept` is added to the permitted and effective sets.
 */
int capabilities_set(const struct spec_capabilities *wanted, uint64_t kept, const struct log *log,
                     struct error *error);

/* Take away again what capabilities_set() had kept beyond what is wanted. */
int capabilities_give_up(const struct spec_capabilities *wanted, uint64_t kept,
                         struct error *error);
