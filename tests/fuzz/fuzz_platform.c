// SPDX-License-Identifier: Apache-2.0
#include "fuzz_platform.h"

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

uint64_t platform_clock(struct platform *platform)
{
    return platform->clock;
}

void platform_timer_cancel(struct platform *platform, struct platform_timer *timer)
{
    for (struct platform_timer **at = &platform->timers; *at; at = &(*at)->next)
        if (*at == timer) {
            *at = timer->next;
            break;
        }
    timer->armed = false;
}

void platform_timer_arm(struct platform *platform, struct platform_timer *timer, uint64_t deadline)
{
    platform_timer_cancel(platform, timer);
    timer->deadline = deadline;
    timer->armed = true;
    timer->next = platform->timers;
    platform->timers = timer;
}

/* Each timer that is due once: one that arms itself again has its turn the next time. */
void fuzz_advance(struct platform *platform, uint64_t nanoseconds)
{
    struct platform_timer *due = platform->timers;
    platform->timers = NULL;
    platform->clock += nanoseconds;
    while (due) {
        struct platform_timer *timer = due;
        due = timer->next;
        timer->armed = false;
        if (timer->deadline > platform->clock)
            platform_timer_arm(platform, timer, timer->deadline);
        else
            timer->expired(timer->context);
    }
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
