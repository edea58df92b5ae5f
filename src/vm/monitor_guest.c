// SPDX-License-Identifier: Apache-2.0
/* What the monitor says to the guest once that is up, and what becomes of the command. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/mount.h>

#include "base/string.h"
#include "vm/monitor_state.h"
#include "vm/terminal.h"

enum { DISK_WAIT_MS = 30000 };

/* The guest's first process mounts what every machine has. */
static bool is_standard(const struct spec_mount *mount)
{
    static const char *const types[] = { "proc", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2" };
    for (size_t i = 0; mount->type && i < ARRAY_LENGTH(types); i++)
        if (string_equal(mount->type, types[i]))
            return true;
    return string_equal(mount->destination, "/dev") || string_equal(mount->destination, "/dev/shm");
}

static unsigned long mount_flags(const struct spec_mount *mount)
{
    static const struct {
        uint64_t attribute;
        unsigned long flag;
    } flags[] = {
        { MOUNT_ATTR_RDONLY, MS_RDONLY },
        { MOUNT_ATTR_NOSUID, MS_NOSUID },
        { MOUNT_ATTR_NODEV, MS_NODEV },
        { MOUNT_ATTR_NOEXEC, MS_NOEXEC },
    };
    unsigned long result = mount->superblock_flags;
    for (size_t i = 0; i < ARRAY_LENGTH(flags); i++)
        if (mount->attributes_set & flags[i].attribute)
            result |= flags[i].flag;
    return result;
}

static void add_mounts(struct monitor *monitor)
{
    const struct spec *spec = monitor->request.spec;
    for (size_t i = 0; i < spec->mount_count; i++) {
        const struct spec_mount *mount = &spec->mounts[i];
        if (is_standard(mount) || mount->bind || !mount->type)
            continue;
        struct guest_channel_mount request = {
            .source = mount->source ? mount->source : "none",
            .target = mount->destination,
            .type = mount->type,
            .options = mount->data ? mount->data : "",
            .mount_flags = (uint32_t)mount_flags(mount),
        };
        guest_channel_mount(session_channel(monitor->session), &request);
    }
}

static void on_started(void *context, uint32_t guest_pid)
{
    struct monitor *monitor = context;
    uint16_t rows, columns;
    (void)guest_pid;
    terminal_size(&rows, &columns);
    if (rows && monitor->request.spec->process->terminal)
        session_window_size(monitor->process, rows, columns);
    monitor_tell_started(monitor);
}

static void end_with(struct monitor *monitor, int status)
{
    monitor->process = NULL;
    monitor->has_status = true;
    monitor->status = status;
    if (monitor_keeps_data(monitor)) {
        guest_channel_power_off(session_channel(monitor->session), GUEST_POWER_DOWN);
        session_flush(monitor->session);
    } else {
        vm_stop(&monitor->vm, VM_END_STOPPED);
    }
}

static void on_failed(void *context, const struct error *why)
{
    struct monitor *monitor = context;
    monitor->process = NULL;
    monitor_tell_failed(monitor, why);
    vm_stop(&monitor->vm, VM_END_STOPPED);
}

static void on_exited(void *context, unsigned status, unsigned signal)
{
    end_with(context, signal ? 128 + (int)signal : (int)status);
}

static void start_command(struct monitor *monitor)
{
    AUTO_ERROR struct error error = { 0 };
    const struct spec_process *process = monitor->request.spec->process;
    const struct session_events events = { on_started, on_failed, on_exited, monitor };
    const int streams[3] = { STDIN_FILENO, STDOUT_FILENO, process->terminal ? -1 : STDERR_FILENO };
    monitor->process = session_start(monitor->session, process, streams, &events, &error);
    if (!monitor->process)
        on_failed(monitor, &error);
}

/* As net/net.h has it for the user network; a tap is its administrator's. */
static void set_network_up(struct monitor *monitor)
{
    if (monitor->request.settings->network != NET_USER)
        return;
    const struct guest_network network = {
        .address = inet_addr("10.0.2.15"),
        .gateway = inet_addr("10.0.2.2"),
        .prefix_length = 24,
        .name_server_count = 1,
        .name_servers = { inet_addr("10.0.2.3") },
    };
    guest_channel_network(session_channel(monitor->session), &network, NULL);
}

static void on_hello(void *context, const char *kernel_release)
{
    struct monitor *monitor = context;
    const struct spec *spec = monitor->request.spec;
    const struct vm_settings *settings = monitor->request.settings;
    struct guest_channel *channel = session_channel(monitor->session);
    log_debug(monitor->request.log, "the guest is up: Linux %s", kernel_release);
    if (settings->root_disk)
        guest_channel_root(channel, "LABEL=" GUEST_ROOT_LABEL, "ext4", "", spec->root_readonly,
                           DISK_WAIT_MS);
    add_mounts(monitor);
    monitor_mount_volumes(monitor);
    set_network_up(monitor);
    guest_channel_host_name(channel, spec->hostname, spec->domainname);
    if (settings->init) {
        guest_channel_hand_over(channel, settings->init, "/dev/ttyS0");
        monitor->handed_over = true;
        monitor_tell_started(monitor);
        session_flush(monitor->session);
        return;
    }
    start_command(monitor);
    if (monitor->control)
        control_server_set_session(monitor->control, monitor->session);
}

static void on_session_failed(void *context, const struct error *why)
{
    struct monitor *monitor = context;
    monitor_tell_failed(monitor, why);
    vm_stop(&monitor->vm, VM_END_STOPPED);
}

static void on_log(void *context, const char *line)
{
    struct monitor *monitor = context;
    log_warning(monitor->request.log, "guest: %s", line);
}

static void on_down(void *context)
{
    struct monitor *monitor = context;
    vm_stop(&monitor->vm, VM_END_POWER_OFF);
}

int monitor_open_session(struct monitor *monitor)
{
    const struct session_owner owner = { .hello = on_hello,
                                         .failed = on_session_failed,
                                         .log = on_log,
                                         .down = on_down,
                                         .context = monitor };
    monitor->session = session_new(&monitor->vm.platform, &owner);
    return 0;
}

void monitor_close_session(struct monitor *monitor)
{
    session_free(monitor->session);
    monitor->session = NULL;
}
