// SPDX-License-Identifier: Apache-2.0
#include "vm/platform.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { ALLOCATION_ALIGNMENT = 64, LOG_BURST = 32 };
#define LOG_INTERVAL UINT64_C(1000000000)

/* Small ones come from the C library, code memory has two mappings. */
struct allocation {
    struct allocation *next;
    void *address;
    struct code_memory code;
};

static struct allocation *new_allocation(struct platform *platform)
{
    struct allocation *allocation = calloc(1, sizeof(*allocation));
    if (!allocation)
        return NULL;
    allocation->next = platform->allocations;
    platform->allocations = allocation;
    return allocation;
}

void *platform_allocate(struct platform *platform, size_t size)
{
    struct allocation *allocation = new_allocation(platform);
    size_t rounded = (size + ALLOCATION_ALIGNMENT - 1) & ~(size_t)(ALLOCATION_ALIGNMENT - 1);
    if (!allocation || rounded < size)
        return NULL;
    allocation->address = aligned_alloc(ALLOCATION_ALIGNMENT, rounded);
    if (allocation->address)
        memset(allocation->address, 0, rounded);
    return allocation->address;
}

static void *map_code(int fd, size_t size, int protection)
{
    void *address = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
    return address == MAP_FAILED ? NULL : address;
}

int platform_allocate_code(struct platform *platform, size_t size, struct code_memory *memory)
{
    struct allocation *allocation = new_allocation(platform);
    AUTO_CLOSE int fd = memfd_create("openvirt-code", MFD_CLOEXEC);
    if (!allocation || fd < 0 || ftruncate(fd, (off_t)size) < 0)
        return -ENOMEM;
    allocation->code.size = size;
    allocation->code.writable = map_code(fd, size, PROT_READ | PROT_WRITE);
    allocation->code.executable = map_code(fd, size, PROT_READ | PROT_EXEC);
    *memory = allocation->code;
    return memory->writable && memory->executable ? 0 : -ENOMEM;
}

static void free_allocation(struct allocation *allocation)
{
    free(allocation->address);
    if (allocation->code.writable)
        munmap(allocation->code.writable, allocation->code.size);
    if (allocation->code.executable)
        munmap((void *)(uintptr_t)allocation->code.executable, allocation->code.size);
    free(allocation);
}

void platform_free_all(struct platform *platform)
{
    platform->timers.first = NULL;
    while (platform->allocations) {
        struct allocation *next = platform->allocations->next;
        free_allocation(platform->allocations);
        platform->allocations = next;
    }
}

void platform_memory_discard(struct platform *platform, uint8_t *address, size_t length)
{
    (void)platform;
    if (madvise(address, length, MADV_REMOVE) < 0)
        memset(address, 0, length); /* it must read as zeroes whatever the host's memory is */
}

void platform_random(struct platform *platform, uint8_t *bytes, size_t length)
{
    (void)platform;
    while (length) {
        ssize_t count = getrandom(bytes, length, 0);
        if (count < 0 && errno != EINTR)
            abort(); /* a guest must not take what was there before for random */
        if (count > 0) {
            bytes += count;
            length -= (size_t)count;
        }
    }
}

static bool may_log(struct platform *platform)
{
    struct log_limit *limit = &platform->log_limit;
    uint64_t now = host_nanoseconds();
    for (; limit->credit < LOG_BURST && now - limit->refilled >= LOG_INTERVAL;
         limit->refilled += LOG_INTERVAL)
        limit->credit++;
    if (limit->credit == LOG_BURST)
        limit->refilled = now;
    if (limit->credit == 0) {
        limit->dropped++;
        return false;
    }
    limit->credit--;
    return true;
}

void platform_log(struct platform *platform, enum platform_log_level level, const char *format, ...)
{
    static const enum log_level levels[] = {
        [PLATFORM_LOG_ERROR] = LOG_LEVEL_ERROR,
        [PLATFORM_LOG_WARNING] = LOG_LEVEL_WARNING,
        [PLATFORM_LOG_DEBUG] = LOG_LEVEL_DEBUG,
    };
    char line[512];
    va_list arguments;
    if (levels[level] > platform->log->level || !may_log(platform))
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (platform->log_limit.dropped) {
        log_write(platform->log, levels[level], "%s (%u lines before it were dropped)", line,
                  platform->log_limit.dropped);
        platform->log_limit.dropped = 0;
        return;
    }
    log_write(platform->log, levels[level], "%s", line);
}

int platform_open(struct platform *platform, const struct log *log, struct error *error)
{
    *platform = (struct platform){
        .log = log,
        .log_limit = { .credit = LOG_BURST, .refilled = host_nanoseconds() },
        .timers = { .source = { .fd = -1 } },
    };
    pthread_mutex_init(&platform->lock, NULL);
    clock_open(&platform->clock);
    if (event_loop_open(&platform->loop, &platform->lock, error) < 0)
        return -1;
    if (timers_open(platform, error) == 0)
        return 0;
    platform_close(platform);
    return -1;
}

void platform_close(struct platform *platform)
{
    platform_free_all(platform);
    timers_close(platform);
    event_loop_close(&platform->loop);
    pthread_mutex_destroy(&platform->lock);
}
