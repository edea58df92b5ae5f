// SPDX-License-Identifier: Apache-2.0
/*
 * The interpreter as an engine sees it, and what the vCPUs of one machine share.
 *
 * Code that becomes known. Stores go unseen while a vCPU has a frame in its TLB as writable; so
 * when a line of a frame is marked that had no mark (guest_memory.h), all vCPUs drop those entries
 * before the code is read: the decoder asks each vCPU that runs (`requested`, ATTENTION_TLB) and
 * waits until it has done so (`acknowledged`) or has left vcpu_run; whoever enters vcpu_run looks
 * first. While it waits it answers what others ask of it, so two decoders do not wait for each
 * other; and nobody holds a lock there.
 */
#pragma once

#include "core/x86/interpreter/cpu.h"

struct code_watch {
    struct cpu *cpu; /* NULL: not created */
    _Atomic bool running;
    _Atomic uint32_t requested, acknowledged;
};

struct interpreter {
    struct platform *platform;
    struct guest_memory *memory;
    unsigned vcpu_count;
    atomic_flag update_lock; /* of locked accesses that are not one of the host (update.h) */
    struct code_watch watches[];
};

struct interpreter *interpreter_create(struct platform *platform, struct guest_memory *memory,
                                       unsigned vcpu_count, const char **why);
struct cpu *interpreter_cpu_create(struct interpreter *interpreter,
                                   const struct vcpu_request *request, const char **why);
void interpreter_cpu_destroy(struct cpu *cpu);

void interpreter_run(struct cpu *cpu, struct vm_exit *exit);

/* By the vCPU's thread, outside of interpreter_run. What an exit left half done is dropped with the
 * state. 0. */
void interpreter_get_state(struct cpu *cpu, struct cpu_state *state);
int interpreter_set_state(struct cpu *cpu, const struct cpu_state *state);

/* -- code_watch.c -- */

/* Mark lines of a frame whose bytes are about to be read as code. */
void code_watch_lines(struct cpu *cpu, struct frame *frame, uint32_t lines);
/* ATTENTION_TLB. */
void code_watch_acknowledge(struct cpu *cpu);
/* Around vcpu_run. */
void code_watch_enter(struct cpu *cpu);
void code_watch_leave(struct cpu *cpu);
