// SPDX-License-Identifier: Apache-2.0
/* Kernels that nobody vouches for: the input is the file. */
#include <stdlib.h>
#include <string.h>

#include "core/machine/boot_elf.h"
#include "core/machine/boot_linux.h"
#include "core/machine/boot_pvh.h"
#include "mode.h"

#define MEMORY (32u << 20)

struct boot_machine {
    struct guest_memory memory;
    struct memory_map map;
    uint8_t *ram;
    struct frame *frames;
};

static void open_machine(struct boot_machine *m)
{
    *m = (struct boot_machine){ 0 };
    m->ram = calloc(1, MEMORY);
    m->frames = calloc(MEMORY / FRAME_SIZE, sizeof(*m->frames));
    PROMISE(m->ram && m->frames);
    PROMISE(guest_memory_add(&m->memory, 0, MEMORY, m->ram, m->frames, false) == 0);
    memory_map_add(&m->map, 0, 0x9fc00, MEMORY_RAM);
    memory_map_add(&m->map, 0x100000, MEMORY - 0x100000, MEMORY_RAM);
}

void fuzz_boot(const uint8_t *data, size_t size)
{
    static const uint8_t initrd[100] = { 1 };
    struct boot_machine m;
    struct cpu_state state;
    const struct boot_request request = { .kernel = { data, size },
                                          .initrd = { initrd, sizeof(initrd) },
                                          .command_line = "quiet" };
    open_machine(&m);
    const struct boot_context context = { &m.memory, &m.map, &request, 0 };
    if (boot_linux(&context, &state) == BOOT_OK)
        PROMISE(boot_linux_recognizes(&request.kernel) && state.rip == BOOT_KERNEL_LOWEST);
    struct boot_image payload = boot_linux_payload(&request.kernel);
    PROMISE(payload.length == 0 || (payload.bytes >= data && payload.length <= size));
    if (boot_pvh(&context, &state) == BOOT_OK)
        PROMISE(guest_slice(&m.memory, state.rip, 1) && state.rip >= BOOT_KERNEL_LOWEST);
    if (boot_elf(&context, &state) == BOOT_OK)
        PROMISE(guest_slice(&m.memory, state.rip, 1) && state.rip >= BOOT_KERNEL_LOWEST);
    free(m.ram);
    free(m.frames);
}
