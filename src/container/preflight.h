// SPDX-License-Identifier: Apache-2.0
/*
 * Whether this host can do what a specification asks, found out before anything has been created.
 * Each error names the field and the missing feature:
 * "linux.timeOffsets: this kernel has no time namespaces (CONFIG_TIME_NS)".
 */
#pragma once

#include "base/error.h"
#include "base/log.h"
#include "spec/spec.h"

int preflight_check(const struct spec *spec, const struct log *log, struct error *error);

/* The part that concerns a process's labels: for `exec`, whose process is not the container's. */
int preflight_check_labels(const struct spec_process *process, struct error *error);
