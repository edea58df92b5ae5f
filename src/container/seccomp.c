// SPDX-License-Identifier: Apache-2.0
#include "container/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/string.h"
#include "container/seccomp_program.h"

/* Linux 5.19; not in the headers of Debian 12. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

struct seccomp_program *seccomp_program_new(const struct spec_seccomp *seccomp, struct error *error)
{
    void *memory = mmap(NULL, sizeof(struct seccomp_compiled), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        error_set(error, errno, "linux.seccomp: memory for the filter");
        return NULL;
    }
    struct seccomp_program *program = allocate(1, sizeof(*program));
    program->compiled = memory;
    program->listener = seccomp_wants_listener(seccomp);
    program->flags = seccomp_flags(seccomp);
    return program;
}

void seccomp_program_free(struct seccomp_program *program)
{
    if (!program)
        return;
    munmap(program->compiled, sizeof(*program->compiled));
    free(program);
}

bool seccomp_wants_listener(const struct spec_seccomp *seccomp)
{
    if (seccomp->default_action == SPEC_SECCOMP_NOTIFY)
        return true;
    for (size_t i = 0; i < seccomp->rule_count; i++)
        if (seccomp->rules[i].action == SPEC_SECCOMP_NOTIFY)
            return true;
    return false;
}

unsigned long seccomp_flags(const struct spec_seccomp *seccomp)
{
    unsigned long flags = 0;
    /* No TSYNC: the process has one thread when the filter is loaded, so it holds already. */
    if (seccomp->flag_log)
        flags |= SECCOMP_FILTER_FLAG_LOG;
    if (seccomp->flag_spec_allow)
        flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    if (!seccomp_wants_listener(seccomp))
        return flags;
    flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
    if (seccomp->flag_wait_killable_recv)
        flags |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    return flags;
}

int seccomp_install(const struct seccomp_program *program, _Atomic int *listener_fd,
                    struct error *error)
{
    if (!program->compiled->count)
        return error_set(error, 0, "linux.seccomp: the filter has not been compiled");
    const struct sock_fprog filter = { .len = (unsigned short)program->compiled->count,
                                       .filter = program->compiled->instructions };
    int result = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, program->flags, &filter);
    if (listener_fd && program->listener)
        *listener_fd = result;
    if (result >= 0)
        return 0;
    if (errno == EACCES)
        return error_set(error, errno,
                         "linux.seccomp: load the filter: it needs process.noNewPrivileges or "
                         "CAP_SYS_ADMIN");
    return error_set(error, errno, "linux.seccomp: load the filter");
}
