// SPDX-License-Identifier: Apache-2.0
/*
 * Boots a kernel in the software engine, without images, root disks and instances, and connects its
 * first serial line to our standard streams. For those who work on the machine itself.
 *
 *      boot-kernel [--debug] [--disk FILE]... [--overlay FILE]... [--net]
 *                  pc|micro KERNEL INITRD|- APPEND MEMORY_MIB CPUS
 *
 * --overlay: what is written to the disk is thrown away. --net: a user-mode network, where 10.0.2.2
 * leads to the host.
 *
 * Exit status: 0 power-off, 3 reset, 4 panic, 5 triple fault, 6 engine failure.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>

#include "base/string.h"
#include "block/block.h"
#include "engine/hosted/hosted.h"
#include "net/net.h"
#include "vm/console.h"
#include "vm/vm.h"

static const struct {
    int status;
    const char *text;
} ends[] = {
    [VM_END_NONE] = { 2, "nothing" },
    [VM_END_POWER_OFF] = { 0, "power-off" },
    [VM_END_RESET] = { 3, "reset" },
    [VM_END_PANICKED] = { 4, "panic" },
    [VM_END_TRIPLE_FAULT] = { 5, "triple fault" },
    [VM_END_ENGINE_FAILED] = { 6, "engine failure" },
    [VM_END_STOPPED] = { 2, "stopped" },
};

static int complain(const struct error *error)
{
    fprintf(stderr, "boot-kernel: %s\n", error->message);
    return 1;
}

struct disk {
    const char *path;
    bool overlay;
    struct platform_block *block;
    struct event_source source;
};

struct wishes {
    struct vm_request request;
    struct disk disks[MACHINE_DISKS];
    unsigned disk_count;
    bool net;
};

static void disk_ready(void *context, uint32_t events)
{
    (void)events;
    block_complete(((struct disk *)context)->block);
}

static int open_disk(struct disk *disk, const struct vm_request *request, struct event_loop *loop,
                     struct error *error)
{
    const struct block_options options = { .path = disk->path,
                                           .overlay_directory = disk->overlay ? "/tmp" : NULL,
                                           .log = request->log };
    disk->block = block_open(&options, error);
    if (!disk->block)
        return -1;
    disk->source = (struct event_source){
        .fd = block_event_fd(disk->block), .events = EPOLLIN, .ready = disk_ready, .context = disk
    };
    return event_loop_add(loop, &disk->source, error);
}

static int open_devices(struct wishes *wishes, struct vm *vm, struct vm_devices *devices,
                        struct error *error)
{
    for (unsigned i = 0; i < wishes->disk_count; i++) {
        if (open_disk(&wishes->disks[i], &wishes->request, &vm->platform.loop, error) < 0)
            return -1;
        devices->disks[devices->disk_count++] = wishes->disks[i].block;
    }
    const struct net_options options = { .kind = NET_USER,
                                         .address = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 },
                                         .host_loopback = true,
                                         .loop = &vm->platform.loop,
                                         .log = wishes->request.log };
    if (!wishes->net)
        return 0;
    devices->nets[0] = net_open(&options, error);
    devices->net_count = 1;
    return devices->nets[0] ? 0 : -1;
}

static int boot(struct wishes *wishes)
{
    static struct vm vm;
    static struct fd_console console;
    AUTO_ERROR struct error error = { 0 };
    enum vm_end end;
    struct vm_devices devices = { .serial_lines = { &console.console } };
    if (vm_open(&vm, &wishes->request, &error) < 0 ||
        open_devices(wishes, &vm, &devices, &error) < 0 ||
        fd_console_open(&console, &vm.platform, STDIN_FILENO, STDOUT_FILENO, &error) < 0 ||
        vm_build(&vm, &devices, &error) < 0 || vm_run(&vm, &end, &error) < 0)
        return complain(&error);
    uint64_t milliseconds = (host_nanoseconds() - vm.started) / 1000000;
    fd_console_close(&console);
    net_close(devices.nets[0]);
    for (unsigned i = 0; i < wishes->disk_count; i++)
        block_close(wishes->disks[i].block);
    vm_close(&vm);
    fprintf(stderr, "boot-kernel: first instruction at %lu ns\n", vm.started);
    fprintf(stderr, "boot-kernel: %s after %lu ms\n", ends[end].text, milliseconds);
    return ends[end].status;
}

static int usage(void)
{
    fprintf(stderr, "usage: boot-kernel [--debug] [--disk FILE]... [--overlay FILE]... [--net]\n"
                    "                   pc|micro KERNEL INITRD|- APPEND MEMORY_MIB CPUS\n");
    return 2;
}

/* What comes before the machine; false: nonsense. */
static bool take_options(int argc, char **argv, struct wishes *wishes, struct log *log)
{
    static const struct option options[] = { { "debug", no_argument, NULL, 'D' },
                                             { "disk", required_argument, NULL, 'd' },
                                             { "overlay", required_argument, NULL, 'o' },
                                             { "net", no_argument, NULL, 'n' },
                                             { 0 } };
    int option;
    while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        if (option == 'D')
            log->level = LOG_LEVEL_DEBUG;
        else if (option == 'n')
            wishes->net = true;
        else if (option == '?' || wishes->disk_count == MACHINE_DISKS)
            return false;
        else
            wishes->disks[wishes->disk_count++] =
                (struct disk){ .path = optarg, .overlay = option == 'o' };
    }
    return argc - optind == 6;
}

int main(int argc, char **argv)
{
    struct log log = LOG_TO_STDERR;
    struct wishes wishes = { 0 };
    if (!take_options(argc, argv, &wishes, &log))
        return usage();
    char **words = argv + optind;
    wishes.request = (struct vm_request){
        .kind = string_equal(words[0], "micro") ? MACHINE_MICRO : MACHINE_PC,
        .engine = &engine_hosted,
        .cpu_model = CPU_MODEL_MAX,
        .memory = strtoull(words[4], NULL, 10) << 20,
        .vcpu_count = (unsigned)atoi(words[5]),
        .kernel = words[1],
        .initrd = string_equal(words[2], "-") ? NULL : words[2],
        .command_line = words[3],
        .log = &log,
    };
    return boot(&wishes);
}
