// SPDX-License-Identifier: Apache-2.0
/* `ps ID`: the processes of one instance. */
#pragma once

#include <stdio.h>

#include "cli/output_format.h"
#include "instance/instance.h"

/*
 * OUTPUT_JSON: the pids on the host as an array, as containerd reads them. Else what ps(1) prints
 * for them; `ps_options` (NULL-terminated) are its own, none of them: "-ef".
 */
int print_processes(const struct host *host, const char *id, enum output_format format,
                    const char *const *ps_options, FILE *output, struct error *error);
