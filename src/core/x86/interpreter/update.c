// SPDX-License-Identifier: Apache-2.0
#include "core/x86/interpreter/update.h"

#include "core/x86/interpreter/interpreter.h"

static void lock(struct cpu *cpu)
{
    while (atomic_flag_test_and_set_explicit(&cpu->interpreter->update_lock, memory_order_acquire))
        __builtin_ia32_pause();
}

static void unlock(struct cpu *cpu)
{
    atomic_flag_clear_explicit(&cpu->interpreter->update_lock, memory_order_release);
}

void *update_begin_slow(struct cpu *cpu, gva_t linear, unsigned size)
{
    struct update *update = &cpu->update;
    update->flags = cpu->flags;
    update->linear = linear;
    update->size = (uint8_t)size;
    cpu->exception.vector = EXCEPTION_NONE;
    void *pointer = cpu_pointer_for_update(cpu, linear, size, &update->frame);
    if (pointer) {
        update->kind = update->frame ? UPDATE_CODE : UPDATE_DIRECT;
        return pointer;
    }
    if (cpu->exception.vector != EXCEPTION_NONE || cpu->exit_pending)
        return NULL;
    lock(cpu);
    if (!cpu_read_slow(cpu, linear, update->bounce, size)) {
        unlock(cpu);
        return NULL;
    }
    update->kind = UPDATE_BOUNCE;
    return update->bounce;
}

#define DEFINE_MISSED(bits)                                                                        \
    void *update_begin_missed_##bits(struct cpu *cpu)                                              \
    {                                                                                              \
        return update_begin_slow(cpu, cpu->missed, bits / 8);                                      \
    }

DEFINE_MISSED(8)
DEFINE_MISSED(16)
DEFINE_MISSED(32)
DEFINE_MISSED(64)

bool update_end_slow(struct cpu *cpu)
{
    struct update *update = &cpu->update;
    bool written = true;
    if (update->kind == UPDATE_CODE) {
        cpu_written(cpu, update->frame, update->linear, update->size);
    } else {
        written = cpu_write_slow(cpu, update->linear, update->bounce, update->size);
        unlock(cpu);
    }
    update->kind = UPDATE_DIRECT;
    if (!written)
        cpu->flags = update->flags;
    return written;
}
