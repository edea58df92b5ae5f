// SPDX-License-Identifier: Apache-2.0
/* What the machine is wired to: disks, network, the kernel's console, the control channel. */
#include "base/string.h"
#include "guest/protocol.h"
#include "vm/monitor_state.h"

static void disk_ready(void *context, uint32_t events)
{
    struct monitor_disk *disk = context;
    (void)events;
    block_complete(disk->block);
}

static int add_disk(struct monitor *monitor, const struct block_options *options,
                    struct error *error)
{
    struct vm_devices *devices = &monitor->devices;
    if (devices->disk_count == MACHINE_DISKS)
        return error_set(error, 0, "disk %s: a machine has %d at most", options->path,
                         MACHINE_DISKS);
    struct monitor_disk *disk = &monitor->disks[devices->disk_count];
    disk->block = block_open(options, error);
    if (!disk->block)
        return -1;
    disk->source = (struct event_source){
        .fd = block_event_fd(disk->block), .events = EPOLLIN, .ready = disk_ready, .context = disk
    };
    devices->disks[devices->disk_count++] = disk->block;
    return event_loop_add(&monitor->vm.platform.loop, &disk->source, error);
}

int monitor_add_disk(struct monitor *monitor, const char *path, const char *serial, bool read_only,
                     struct error *error)
{
    const struct block_options options = {
        .path = path,
        .serial = serial,
        .read_only = read_only,
        .log = monitor->request.log,
    };
    return add_disk(monitor, &options, error);
}

static int open_disks(struct monitor *monitor, struct error *error)
{
    const struct vm_settings *settings = monitor->request.settings;
    /* A root that is read-only is so in the guest, once that has made its mount points there. */
    struct block_options root = {
        .path = settings->root_disk,
        .serial = "root",
        .overlay_directory = monitor->request.overlay_directory,
        .log = monitor->request.log,
    };
    if (settings->root_disk && add_disk(monitor, &root, error) < 0)
        return -1;
    for (unsigned i = 0; i < settings->disk_count; i++) {
        const struct vm_disk *disk = &settings->disks[i];
        AUTO_FREE char *serial = string_format("disk%u", i + 1);
        if (monitor_add_disk(monitor, disk->path, serial, disk->read_only, error) < 0)
            return -1;
    }
    return 0;
}

bool monitor_keeps_data(const struct monitor *monitor)
{
    const struct vm_settings *settings = monitor->request.settings;
    for (unsigned i = 0; i < settings->disk_count; i++)
        if (!settings->disks[i].read_only)
            return true;
    return false;
}

/* Locally administered, of one station (IEEE 802): the second hexadecimal digit. */
static int open_network(struct monitor *monitor, struct error *error)
{
    const struct vm_settings *settings = monitor->request.settings;
    struct net_options options = {
        .kind = settings->network,
        .tap = settings->tap,
        .forwards = settings->forwards,
        .forward_count = settings->forward_count,
        .host_loopback = settings->host_loopback,
        .loop = &monitor->vm.platform.loop,
        .log = monitor->request.log,
    };
    if (settings->network == NET_NONE)
        return 0;
    platform_random(&monitor->vm.platform, options.address, sizeof(options.address));
    options.address[0] = (uint8_t)((options.address[0] & ~1) | 2);
    monitor->net = net_open(&options, error);
    if (!monitor->net)
        return -1;
    monitor->devices.nets[monitor->devices.net_count++] = monitor->net;
    return 0;
}

static void add_console(struct vm_devices *devices, const char *name,
                        struct platform_console *console)
{
    devices->consoles[devices->console_count++] = (struct machine_console){ name, console };
}

/*
 * The first serial line is the kernel's console, kept for the case that something goes wrong; with
 * an init of the image it is the person's. The control channel is where boot_files.h says that the
 * guest looks for it.
 */
static int open_consoles(struct monitor *monitor, struct error *error)
{
    struct vm_devices *devices = &monitor->devices;
    struct platform_console *control = session_console(monitor->session);
    memory_console_open(&monitor->kernel_log, monitor->request.log);
    devices->serial_lines[0] = &monitor->kernel_log.console;
    if (monitor->request.settings->init) {
        if (fd_console_open(&monitor->terminal, &monitor->vm.platform, STDIN_FILENO, STDOUT_FILENO,
                            error) < 0)
            return -1;
        monitor->terminal.copy = &monitor->kernel_log.console;
        devices->serial_lines[0] = &monitor->terminal.console;
    }
    if (monitor->request.settings->machine == MACHINE_PC) {
        devices->serial_lines[1] = control;
        return 0;
    }
    add_console(devices, "openvirt.kernel", &monitor->kernel_log.console);
    add_console(devices, GUEST_CONTROL_PORT, control);
    return 0;
}

int monitor_open_devices(struct monitor *monitor, struct error *error)
{
    if (open_disks(monitor, error) < 0 || monitor_open_volumes(monitor, error) < 0 ||
        open_network(monitor, error) < 0)
        return -1;
    return open_consoles(monitor, error);
}

void monitor_settle_devices(struct monitor *monitor)
{
    pthread_mutex_lock(&monitor->vm.platform.lock);
    for (unsigned i = 0; i < monitor->devices.disk_count; i++)
        block_drain(monitor->disks[i].block);
    for (unsigned i = 0; i < monitor->devices.share_count; i++)
        share_forget(monitor->shares[i].share);
    pthread_mutex_unlock(&monitor->vm.platform.lock);
}

void monitor_close_devices(struct monitor *monitor)
{
    for (unsigned i = 0; i < monitor->devices.disk_count; i++) {
        event_loop_remove(&monitor->vm.platform.loop, &monitor->disks[i].source);
        block_close(monitor->disks[i].block);
    }
    monitor_close_volumes(monitor);
    if (monitor->net)
        net_close(monitor->net);
    if (monitor->request.settings->init)
        fd_console_close(&monitor->terminal);
}
