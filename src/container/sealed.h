// SPDX-License-Identifier: Apache-2.0
/*
 * Running from a sealed copy of ourselves (CVE-2019-5736): a process that enters a container can be
 * reached from inside through /proc/PID/exe, so that link must not lead to the host's binary.
 */
#pragma once

#include "base/error.h"

/*
 * Return 0 when the process already runs from a sealed memfd; otherwise make one and execute it
 * with the same arguments and environment (this call then does not return), or -1. Call it before
 * anything else: descriptors stay open, memory does not stay.
 */
int sealed_copy_enter(char **argv, struct error *error);

/*
 * The same for one who finds out later that what it does enters a container: it begins again, with
 * the arguments that the kernel knows. Nothing may have been done yet.
 */
int sealed_copy_begin_again(struct error *error);
