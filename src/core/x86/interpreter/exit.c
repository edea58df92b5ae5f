// SPDX-License-Identifier: Apache-2.0
/*
 * Exits whose answer the instruction takes when it is executed again. Each access is looked for in
 * `replay` first; accesses come in the same order each time, so the n-th asked for is the n-th
 * recorded.
 */
#include "core/x86/interpreter/exit.h"

#include "core/memory/copy.h"
#include "core/x86/interpreter/memory_page.h"

static enum replay_kind exit_kind(const struct vm_exit *exit)
{
    switch (exit->reason) {
    case VM_EXIT_IO:
        return REPLAY_PORT;
    case VM_EXIT_MSR:
        return REPLAY_MSR;
    case VM_EXIT_HYPERCALL:
        return REPLAY_HYPERCALL;
    default:
        return REPLAY_MMIO;
    }
}

static bool exit_is_answered(const struct vm_exit *exit)
{
    return exit->reason == VM_EXIT_IO || exit->reason == VM_EXIT_MMIO ||
           exit->reason == VM_EXIT_MSR || exit->reason == VM_EXIT_HYPERCALL;
}

void cpu_exit_answered(struct cpu *cpu)
{
    const struct vm_exit *exit = cpu->exit;
    struct replay *replay = &cpu->replay;
    if (!cpu->exit_pending)
        return;
    cpu->exit_pending = false;
    if (!exit_is_answered(exit) || replay->count == REPLAY_ACCESSES)
        return;
    bool hypercall = exit->reason == VM_EXIT_HYPERCALL;
    struct replay_access *access = &replay->accesses[replay->count++];
    access->kind = (uint8_t)exit_kind(exit);
    access->value = hypercall ? exit->hypercall.result : exit->value;
    access->refused = exit->reason == VM_EXIT_MSR && exit->msr.refused;
}

const struct replay_access *replay_next(struct cpu *cpu, enum replay_kind kind)
{
    struct replay *replay = &cpu->replay;
    if (replay->next == replay->count || replay->accesses[replay->next].kind != kind)
        return NULL;
    return &replay->accesses[replay->next++];
}

bool cpu_exit(struct cpu *cpu, const struct vm_exit *exit)
{
    *cpu->exit = *exit;
    if (cpu->replay.count == REPLAY_ACCESSES)
        *cpu->exit = (struct vm_exit){ .reason = VM_EXIT_FAIL,
                                       .fail.reason = "an instruction of too many accesses" };
    cpu->exit_pending = true;
    return false;
}

bool cpu_port_read(struct cpu *cpu, uint16_t port, unsigned size, uint32_t *value)
{
    const struct replay_access *done = replay_next(cpu, REPLAY_PORT);
    if (!done)
        return cpu_exit(
            cpu, &(struct vm_exit){ .reason = VM_EXIT_IO, .size = (uint8_t)size, .io.port = port });
    *value = (uint32_t)done->value;
    return true;
}

bool cpu_port_write(struct cpu *cpu, uint16_t port, unsigned size, uint32_t value)
{
    if (replay_next(cpu, REPLAY_PORT))
        return true;
    return cpu_exit(cpu, &(struct vm_exit){ .reason = VM_EXIT_IO,
                                            .write = true,
                                            .size = (uint8_t)size,
                                            .io.port = port,
                                            .value = value });
}

bool mmio_read(struct cpu *cpu, gpa_t address, uint8_t *bytes, unsigned size)
{
    for (unsigned done = 0; done < size;) {
        unsigned part = size - done < 8 ? size - done : 8;
        const struct replay_access *access = replay_next(cpu, REPLAY_MMIO);
        if (!access)
            return cpu_exit(cpu, &(struct vm_exit){ .reason = VM_EXIT_MMIO,
                                                    .size = (uint8_t)part,
                                                    .mmio.address = address + done });
        copy_bytes(bytes + done, &access->value, part);
        done += part;
    }
    return true;
}

bool mmio_write(struct cpu *cpu, gpa_t address, const uint8_t *bytes, unsigned size)
{
    for (unsigned done = 0; done < size;) {
        unsigned part = size - done < 8 ? size - done : 8;
        uint64_t value = 0;
        copy_bytes(&value, bytes + done, part);
        if (!replay_next(cpu, REPLAY_MMIO))
            return cpu_exit(cpu, &(struct vm_exit){ .reason = VM_EXIT_MMIO,
                                                    .write = true,
                                                    .size = (uint8_t)part,
                                                    .mmio.address = address + done,
                                                    .value = value });
        done += part;
    }
    return true;
}
