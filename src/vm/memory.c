// SPDX-License-Identifier: Apache-2.0
#include "vm/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MIB (UINT64_C(1) << 20)

int vm_memory_check(uint64_t size, struct error *error)
{
    struct sysinfo host;
    if (size < MACHINE_MEMORY_LEAST || size > MACHINE_MEMORY_MOST || size % MIB)
        return error_set(error, 0,
                         "memory of %" PRIu64 " MiB: a virtual machine has %" PRIu64
                         " MiB to %" PRIu64 " GiB, in whole MiB",
                         size / MIB, MACHINE_MEMORY_LEAST / MIB, MACHINE_MEMORY_MOST >> 30);
    if (sysinfo(&host) == 0 && size > (uint64_t)host.totalram * host.mem_unit)
        return error_set(error, 0, "memory of %" PRIu64 " MiB: this host has %" PRIu64 " MiB",
                         size / MIB, (uint64_t)host.totalram * host.mem_unit / MIB);
    return 0;
}

static void *map_frames(uint64_t size)
{
    size_t bytes = size / FRAME_SIZE * sizeof(struct frame);
    void *address = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return address == MAP_FAILED ? NULL : address;
}

static int map(struct vm_memory *memory, struct error *error)
{
    memory->fd = memfd_create("openvirt-guest-memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memory->fd < 0 || ftruncate(memory->fd, (off_t)memory->size) < 0)
        return error_set(error, errno, "make the guest's memory of %" PRIu64 " MiB",
                         memory->size / MIB);
    /* It stays as long as it is mapped: nobody who shares it makes us fault. */
    fcntl(memory->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    void *host =
        mmap(NULL, memory->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, memory->fd, 0);
    memory->host = host == MAP_FAILED ? NULL : host;
    memory->frames = memory->host ? map_frames(memory->size) : NULL;
    if (!memory->frames)
        return error_set(error, errno, "map the guest's memory of %" PRIu64 " MiB",
                         memory->size / MIB);
    /* What the guest holds is not for core files. */
    madvise(memory->host, memory->size, MADV_DONTDUMP);
    return 0;
}

static int add_slots(struct vm_memory *memory, const struct machine_memory_range *ranges,
                     unsigned count, struct error *error)
{
    uint64_t offset = 0;
    for (unsigned i = 0; i < count; i++) {
        if (guest_memory_add(&memory->guest, ranges[i].base, ranges[i].size, memory->host + offset,
                             memory->frames + offset / FRAME_SIZE, ranges[i].read_only) < 0)
            return error_set(error, 0, "the memory map at %#" PRIx64 " overlaps itself",
                             ranges[i].base);
        offset += ranges[i].size;
    }
    return 0;
}

int vm_memory_open(struct vm_memory *memory, uint64_t size, struct error *error)
{
    struct machine_memory_range ranges[MACHINE_MEMORY_RANGES];
    *memory = (struct vm_memory){ .fd = -1 };
    if (vm_memory_check(size, error) < 0)
        return -1;
    unsigned count = machine_memory_map(size, ranges);
    if (count == 0)
        return error_set(error, 0, "no memory map for %" PRIu64 " MiB", size / MIB);
    for (unsigned i = 0; i < count; i++)
        memory->size += ranges[i].size;
    if (map(memory, error) == 0 && add_slots(memory, ranges, count, error) == 0)
        return 0;
    vm_memory_close(memory);
    return -1;
}

void vm_memory_close(struct vm_memory *memory)
{
    if (memory->host)
        munmap(memory->host, memory->size);
    if (memory->frames)
        munmap(memory->frames, memory->size / FRAME_SIZE * sizeof(struct frame));
    cleanup_close(&memory->fd);
    *memory = (struct vm_memory){ .fd = -1 };
}

void vm_memory_clear(struct vm_memory *memory)
{
    if (madvise(memory->host, memory->size, MADV_REMOVE) < 0)
        memset(memory->host, 0, memory->size);
    madvise(memory->frames, memory->size / FRAME_SIZE * sizeof(struct frame), MADV_DONTNEED);
}
