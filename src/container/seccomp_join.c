// SPDX-License-Identifier: Apache-2.0
/*
 * Several filters, one program:
 *
 *     load the architecture
 *     is it A?  no: skip 1        (x32: skip 3)
 *                                 (x32: load the number; is its bit 30 set? no: skip 1)
 *     go to the part of A
 *     ... the same for the next ...
 *     kill
 *     the part of A ...
 *
 * A part decides every call itself and ends in returns, so nothing comes back. x86_64 and x32 calls
 * bear the same architecture (AUDIT_ARCH_X86_64) and differ by a bit of the number
 * (__X32_SYSCALL_BIT), so x32 is asked for before x86_64.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>

#include "container/seccomp_program.h"

#define X32_BIT 0x40000000U

enum { DISPATCH_SIZE = 3, X32_DISPATCH_SIZE = 5 };

struct writer {
    struct sock_filter *next;
};

static void emit(struct writer *writer, uint16_t code, uint8_t on_true, uint8_t on_false,
                 uint32_t k)
{
    *writer->next++ = (struct sock_filter)BPF_JUMP(code, k, on_true, on_false);
}

static void load(struct writer *writer, size_t offset)
{
    emit(writer, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static bool is_x32(const struct seccomp_part *part)
{
    return part->architecture == SCMP_ARCH_X32;
}

static size_t dispatch_size(const struct seccomp_part *part)
{
    return is_x32(part) ? X32_DISPATCH_SIZE : DISPATCH_SIZE;
}

/* libseccomp's number for an architecture is the kernel's, but for x32, which it tells apart. */
static uint32_t audit_architecture(const struct seccomp_part *part)
{
    return is_x32(part) ? AUDIT_ARCH_X86_64 : part->architecture;
}

/* `distance`: from the end of this piece to the part. */
static void emit_dispatch(struct writer *writer, const struct seccomp_part *part, size_t distance)
{
    load(writer, offsetof(struct seccomp_data, arch));
    emit(writer, BPF_JMP | BPF_JEQ | BPF_K, 0, is_x32(part) ? 3 : 1, audit_architecture(part));
    if (is_x32(part)) {
        load(writer, offsetof(struct seccomp_data, nr));
        emit(writer, BPF_JMP | BPF_JSET | BPF_K, 0, 1, X32_BIT);
    }
    emit(writer, BPF_JMP | BPF_JA, 0, 0, (uint32_t)distance);
}

/* Where part i lies in the order of asking: x32 first, then the others as they come. */
static size_t order(const struct seccomp_part *parts, size_t count, const struct seccomp_part **out)
{
    size_t placed = 0;
    for (int x32 = 1; x32 >= 0; x32--)
        for (size_t i = 0; i < count; i++)
            if (is_x32(&parts[i]) == (x32 == 1))
                out[placed++] = &parts[i];
    return placed;
}

static size_t total_size(const struct seccomp_part *parts, size_t count)
{
    size_t total = 1;
    for (size_t i = 0; i < count; i++)
        total += dispatch_size(&parts[i]) + parts[i].count;
    return total;
}

int seccomp_join(const struct seccomp_part *parts, size_t count, struct seccomp_compiled *compiled,
                 struct error *error)
{
    const struct seccomp_part *ordered[32];
    size_t total = total_size(parts, count);
    if (total > BPF_MAXINSNS || count > sizeof(ordered) / sizeof(ordered[0]))
        return error_set(error, E2BIG,
                         "linux.seccomp: the filter has %zu instructions, the kernel takes %d",
                         total, BPF_MAXINSNS);
    order(parts, count, ordered);
    size_t dispatch = 0;
    for (size_t i = 0; i < count; i++)
        dispatch += dispatch_size(ordered[i]);
    struct writer writer = { .next = compiled->instructions };
    size_t start = dispatch + 1;
    for (size_t i = 0; i < count; i++) {
        size_t end = (size_t)(writer.next - compiled->instructions) + dispatch_size(ordered[i]);
        emit_dispatch(&writer, ordered[i], start - end);
        start += ordered[i]->count;
    }
    emit(&writer, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_THREAD);
    for (size_t i = 0; i < count; i++) {
        memcpy(writer.next, ordered[i]->instructions,
               ordered[i]->count * sizeof(struct sock_filter));
        writer.next += ordered[i]->count;
    }
    compiled->count = total;
    return 0;
}
