// SPDX-License-Identifier: Apache-2.0
#include "fuzz_platform.h"
#include "../fake_timers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint64_t fuzz_take(struct fuzz_input *input, unsigned size)
{
    uint64_t value = 0;
    unsigned taken = size < input->left ? size : (unsigned)input->left;
    memcpy(&value, input->bytes, taken);
    input->bytes += taken;
    input->left -= taken;
    return value;
}

uint64_t fuzz_value(struct fuzz_input *input, unsigned size)
{
    static const uint64_t interesting[] = { 0, 1, UINT64_MAX, 0x80000000, 0xffff, 0x1000, 0x200 };
    uint8_t choice = (uint8_t)fuzz_take(input, 1);
    if (choice < sizeof(interesting) / sizeof(interesting[0]))
        return interesting[choice];
    return fuzz_take(input, size);
}

void fuzz_machine_open(struct fuzz_machine *machine)
{
    *machine =
        (struct fuzz_machine){ .ram = calloc(1, FUZZ_MEMORY_SIZE), .rom = calloc(1, FRAME_SIZE) };
    machine->frames = calloc(FUZZ_MEMORY_SIZE / FRAME_SIZE + 1, sizeof(struct frame));
    PROMISE(machine->ram && machine->rom && machine->frames);
    guest_memory_add(&machine->memory, 0, FUZZ_MEMORY_SIZE, machine->ram, machine->frames, false);
    guest_memory_add(&machine->memory, FUZZ_ROM_BASE, FRAME_SIZE, machine->rom,
                     machine->frames + FUZZ_MEMORY_SIZE / FRAME_SIZE, true);
}

void fuzz_machine_close(struct fuzz_machine *machine)
{
    for (unsigned i = 0; i < FRAME_SIZE; i++)
        PROMISE(machine->rom[i] == 0);
    free(machine->ram);
    free(machine->rom);
    free(machine->frames);
}

void fuzz_fill_memory(struct fuzz_machine *machine, struct fuzz_input *input)
{
    uint32_t address = (uint32_t)fuzz_take(input, 2) << 2 & (FUZZ_MEMORY_SIZE - 1);
    size_t length = fuzz_take(input, 1);
    if (length > input->left)
        length = input->left;
    if (length > FUZZ_MEMORY_SIZE - address)
        length = FUZZ_MEMORY_SIZE - address;
    memcpy(machine->ram + address, input->bytes, length);
    input->bytes += length;
    input->left -= length;
}

void fuzz_config_write(struct pci_function *function, struct fuzz_input *input)
{
    unsigned offset = (unsigned)fuzz_take(input, 1) & 0xfc;
    pci_config_write(function, offset, 4, (uint32_t)fuzz_value(input, 4));
}

/* -- Time -- */

static struct platform_timer *due_timer(const struct platform *platform)
{
    struct platform_timer *timer = platform->timers;
    while (timer && timer->deadline > platform->clock)
        timer = timer->next;
    return timer;
}

/* Timers that are due; those that arm themselves for the past again get no more than so many. */
void fuzz_advance(struct platform *platform, uint64_t nanoseconds)
{
    platform->clock += nanoseconds;
    for (unsigned i = 0; i < 64; i++) {
        struct platform_timer *timer = due_timer(platform);
        if (!timer)
            return;
        platform_timer_cancel(platform, timer);
        timer->expired(timer->context);
    }
}

uint64_t platform_wall_clock(struct platform *platform)
{
    return UINT64_C(1700000000000000000) + platform->clock;
}

uint64_t platform_tsc_frequency(struct platform *platform)
{
    (void)platform;
    return 1000000000;
}

/* -- Memory, processors, events -- */

void *platform_allocate(struct platform *platform, size_t size)
{
    PROMISE(platform->allocation_count < FUZZ_ALLOCATIONS);
    void *memory = aligned_alloc(64, (size + 63) & ~(size_t)63);
    PROMISE(memory);
    platform->allocations[platform->allocation_count++] = memory;
    return memset(memory, 0, size);
}

void fuzz_platform_free(struct platform *platform)
{
    for (unsigned i = 0; i < platform->allocation_count; i++)
        free(platform->allocations[i]);
    platform->allocation_count = 0;
}

void platform_memory_discard(struct platform *platform, uint8_t *address, size_t length)
{
    (void)platform;
    memset(address, 0, length);
}

void platform_vcpu_signal(struct platform *platform, unsigned vcpu, enum vcpu_signal signal,
                          unsigned vector)
{
    (void)platform, (void)signal;
    PROMISE(vcpu < 2 && vector < 256);
}

uint64_t platform_vcpu_stolen(struct platform *platform, unsigned vcpu)
{
    (void)platform, (void)vcpu;
    return 0;
}

void platform_machine_event(struct platform *platform, enum machine_event event)
{
    (void)platform, (void)event;
}

void platform_random(struct platform *platform, uint8_t *bytes, size_t length)
{
    (void)platform;
    memset(bytes, 4, length);
}

void platform_log(struct platform *platform, enum platform_log_level level, const char *format, ...)
{
    (void)platform, (void)level, (void)format;
}

/* -- Consoles -- */

size_t platform_console_write(struct platform_console *console, const uint8_t *bytes, size_t length)
{
    volatile uint8_t sum = 0;
    if (length > console->accepts)
        length = console->accepts;
    for (size_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + bytes[i]); /* that they are there */
    console->accepts -= length;
    return length;
}

void platform_console_set_receiver(struct platform_console *console,
                                   struct platform_console_receiver receiver)
{
    console->receiver = receiver;
}

void platform_console_ready(struct platform_console *console)
{
    (void)console;
}

/* -- Disks -- */

void fuzz_block_open(struct platform_block *block, uint64_t size)
{
    *block = (struct platform_block){ .bytes = calloc(1, size), .size = size };
    PROMISE(block->bytes);
}

void fuzz_block_close(struct platform_block *block)
{
    free(block->bytes);
}

static void move(const struct platform_block *block, const struct block_request *request)
{
    uint64_t done = 0;
    for (unsigned i = 0; i < request->slice_count; i++) {
        const struct slice *slice = &request->slices[i];
        uint8_t *bytes = block->bytes + request->offset + done;
        PROMISE(slice->length <= request->length - done);
        if (request->operation == BLOCK_READ)
            memcpy(slice->address, bytes, slice->length);
        else
            memcpy(bytes, slice->address, slice->length);
        done += slice->length;
    }
    PROMISE(done == request->length);
}

static void execute(struct platform_block *block, struct block_request *request)
{
    bool data = request->operation == BLOCK_READ || request->operation == BLOCK_WRITE;
    if (request->operation != BLOCK_FLUSH)
        PROMISE(request->offset <= block->size && request->length <= block->size - request->offset);
    if (data)
        move(block, request);
    request->done(request, block->fail ? -EIO : 0);
}

void fuzz_block_complete(struct platform_block *block)
{
    struct block_request *request = block->held;
    block->held = NULL;
    while (request) {
        struct block_request *next = request->next;
        execute(block, request);
        request = next;
    }
}

void platform_block_submit(struct platform_block *block, struct block_request *request)
{
    if (!block->hold) {
        execute(block, request);
        return;
    }
    for (const struct block_request *other = block->held; other; other = other->next)
        PROMISE(other != request); /* it is ours until it is done */
    request->next = block->held;
    block->held = request;
}

uint64_t platform_block_size(const struct platform_block *block)
{
    return block->size;
}

bool platform_block_read_only(const struct platform_block *block)
{
    (void)block;
    return false;
}

const char *platform_block_serial(const struct platform_block *block)
{
    (void)block;
    return "fuzz";
}

/* -- Networks -- */

void platform_net_send(struct platform_net *net, const struct slice *slices, unsigned slice_count)
{
    uint8_t sum = 0;
    for (unsigned i = 0; i < slice_count; i++)
        for (size_t j = 0; j < slices[i].length; j++)
            sum ^= slices[i].address[j]; /* all of it can be read */
    net->frames += 1 + (sum & 0);
}

void platform_net_set_receiver(struct platform_net *net, struct platform_net_receiver receiver)
{
    net->receiver = receiver;
}

void platform_net_ready(struct platform_net *net)
{
    (void)net;
}

const uint8_t *platform_net_address(const struct platform_net *net)
{
    static const uint8_t address[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
    (void)net;
    return address;
}
