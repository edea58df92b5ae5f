// SPDX-License-Identifier: Apache-2.0
/* What `exec` is to run: the container's own process document with the caller's changes. */
#pragma once

#include "base/error.h"
#include "instance/instance.h"

/*
 * Validate the request against the container's specification, as strictly as a config.json. The
 * result holds only `process`; freed with spec_free. NULL on failure.
 */
struct spec *exec_process_decode(const struct instance_exec_request *request,
                                 const struct spec *container, struct error *error);
