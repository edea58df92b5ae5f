// SPDX-License-Identifier: Apache-2.0
/* Exits with an answer, as the files of the system side ask for them. */
#pragma once

#include "core/x86/interpreter/cpu.h"

/* The next access of this instruction if it was made already; NULL: it must be asked for. */
const struct replay_access *replay_next(struct cpu *cpu, enum replay_kind kind);

/* Hands `*exit` to the caller of vcpu_run; false, so that `return cpu_exit(...)` reads well. */
bool cpu_exit(struct cpu *cpu, const struct vm_exit *exit);

/* I/O breakpoints (CR4.DE). */
void debug_note_port(struct cpu *cpu, uint16_t port, unsigned size);
