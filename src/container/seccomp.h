// SPDX-License-Identifier: Apache-2.0
/*
 * linux.seccomp: the filter of system calls, by libseccomp.
 *
 * Generating the BPF of a usual profile (400 names on three architectures) takes longer than all
 * the mounts of a container. It therefore happens in the parent while the child works: the program
 * lies in shared memory that is made before the clone, the parent fills it, and the child loads it
 * once it has been told (over the sync socket) that it is there.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/log.h"
#include "spec/seccomp.h"

struct seccomp_program;

/* Room for a compiled filter, shared with the children made after this. */
struct seccomp_program *seccomp_program_new(const struct spec_seccomp *seccomp,
                                            struct error *error);
void seccomp_program_free(struct seccomp_program *program); /* NULL is fine */

static inline void seccomp_program_cleanup(struct seccomp_program **program)
{
    seccomp_program_free(*program);
}
#define AUTO_SECCOMP_PROGRAM __attribute__((cleanup(seccomp_program_cleanup)))

/*
 * Compile the filter. A system call that libseccomp does not know is left out with a message for
 * debugging, as other runtimes do: profiles name calls of kernels to come.
 */
int seccomp_compile(const struct spec_seccomp *seccomp, struct seccomp_program *program,
                    const struct log *log, struct error *error);

/* Whether a rule or the default asks for a listener (SCMP_ACT_NOTIFY). */
bool seccomp_wants_listener(const struct spec_seccomp *seccomp);

/* The SECCOMP_FILTER_FLAG_* with which it is loaded. */
unsigned long seccomp_flags(const struct spec_seccomp *seccomp);

/* The kernel's part of the preflight: actions and flags that it must know. */
int seccomp_check(const struct spec_seccomp *seccomp, struct error *error);

/*
 * Install the filter on the calling process. `listener_fd` (may be NULL when no listener is
 * wanted) gets the notification descriptor as soon as the kernel has made it: it is the address of
 * an atomic integer that another thread may watch.
 */
int seccomp_install(const struct seccomp_program *program, _Atomic int *listener_fd,
                    struct error *error);
