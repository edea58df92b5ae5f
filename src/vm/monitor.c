// SPDX-License-Identifier: Apache-2.0
#include "vm/monitor.h"

#include <stdlib.h>
#include <string.h>

#include "base/string.h"
#include "vm/guest_files.h"
#include "vm/monitor_state.h"

enum { TAIL_LINES = 12, PANIC_LINES = 60 };

#define PANIC "Kernel panic - not syncing"

void monitor_tell_started(struct monitor *monitor)
{
    if (!monitor->told)
        monitor->request.started(monitor->request.context);
    monitor->told = true;
}

void monitor_tell_failed(struct monitor *monitor, const struct error *why)
{
    if (monitor->told)
        log_error(monitor->request.log, "%s", why->message);
    else
        monitor->request.failed(monitor->request.context, why);
    monitor->told = true;
    if (!monitor->has_status)
        monitor->status = MONITOR_FAILED;
    monitor->has_status = true;
}

static int open_vm(struct monitor *monitor, struct error *error)
{
    const struct vm_settings *settings = monitor->request.settings;
    struct vm_request request = {
        .kind = settings->machine,
        .engine = settings->engine,
        .cpu_model = settings->cpu_model,
        .memory = settings->memory,
        .vcpu_count = settings->vcpu_count,
        .kernel = settings->kernel,
        .initrd = settings->initrd,
        .command_line = monitor->kernel_parameters,
        .log = monitor->request.log,
    };
    return vm_open(&monitor->vm, &request, error);
}

static int build(struct monitor *monitor, struct error *error)
{
    if (monitor->request.control_fd >= 0) {
        monitor->control = control_server_new(&monitor->vm, monitor->request.control_fd, error);
        if (!monitor->control)
            return -1;
    }
    if (monitor_open_signals(monitor, error) < 0 || monitor_open_session(monitor) < 0 ||
        monitor_open_devices(monitor, error) < 0)
        return -1;
    return vm_build(&monitor->vm, &monitor->devices, error);
}

struct monitor *monitor_open(const struct monitor_request *request, struct error *error)
{
    struct monitor *monitor = allocate(1, sizeof(*monitor));
    *monitor = (struct monitor){ .request = *request, .signals = { .fd = -1 } };
    const struct vm_settings *settings = request->settings;
    monitor->kernel_parameters = kernel_parameters(settings->machine == MACHINE_PC, settings->init,
                                                   request->spec->vm.kernel_parameters);
    if (open_vm(monitor, error) < 0) {
        free(monitor->kernel_parameters);
        free(monitor);
        return NULL;
    }
    if (build(monitor, error) == 0)
        return monitor;
    monitor_close(monitor);
    return NULL;
}

static const struct {
    int status;
    const char *text;
} ends[] = {
    [VM_END_NONE] = { MONITOR_FAILED, "the virtual machine ended for no known reason" },
    [VM_END_POWER_OFF] = { MONITOR_SWITCHED_OFF,
                           "the guest switched itself off before the command had ended" },
    [VM_END_RESET] = { MONITOR_SWITCHED_OFF,
                       "the guest reset the machine before the command had ended" },
    [VM_END_PANICKED] = { MONITOR_PANICKED, "the guest's kernel panicked" },
    [VM_END_TRIPLE_FAULT] = { MONITOR_TRIPLE_FAULT,
                              "the guest's processor shut down (triple fault)" },
    [VM_END_ENGINE_FAILED] = { MONITOR_FAILED, "the engine could not go on" },
    [VM_END_STOPPED] = { MONITOR_FAILED, "the virtual machine was stopped" },
};

/* Why it has ended, with the kernel's own words where there are some. */
static void describe_end(const struct monitor *monitor, enum vm_end end, struct error *error)
{
    AUTO_FREE char *panic = memory_console_find(&monitor->kernel_log, "Kernel panic");
    if (end == VM_END_PANICKED || (end == VM_END_RESET && panic))
        error_set(error, 0, "%s: %s", ends[VM_END_PANICKED].text,
                  panic ? panic : "no reason given");
    else
        error_set(error, 0, "%s", ends[end].text);
    AUTO_FREE char *tail = memory_console_tail(&monitor->kernel_log, TAIL_LINES);
    if (tail && *tail)
        log_debug(monitor->request.log, "the last that the guest's kernel said:\n%s", tail);
}

static int status_of_end(const struct monitor *monitor, enum vm_end end)
{
    AUTO_FREE char *panic = memory_console_find(&monitor->kernel_log, "Kernel panic");
    if (end == VM_END_RESET && panic)
        return MONITOR_PANICKED;
    return ends[end].status;
}

/* The image's init has the machine: when that resets, it starts again, as any does. Not when it was
 * told to end, and not when its kernel gave up. */
static bool is_reboot(const struct monitor *monitor, enum vm_end end)
{
    AUTO_FREE char *tail = memory_console_tail(&monitor->kernel_log, PANIC_LINES);
    return end == VM_END_RESET && monitor->handed_over && !monitor->asked_to_shut_down &&
           !monitor->has_status && !(tail && strstr(tail, PANIC));
}

static int restart(struct monitor *monitor, struct error *error)
{
    log_debug(monitor->request.log, "the guest resets the machine");
    monitor_settle_devices(monitor);
    session_restart(monitor->session);
    memory_console_open(&monitor->kernel_log, monitor->request.log);
    monitor->handed_over = false;
    return vm_reset(&monitor->vm, &monitor->devices, error);
}

static int run_until_end(struct monitor *monitor, enum vm_end *end, struct error *error)
{
    for (;;) {
        if (vm_run(&monitor->vm, end, error) < 0)
            return -1;
        if (!is_reboot(monitor, *end))
            return 0;
        if (restart(monitor, error) < 0)
            return error_wrap(error, "reset the machine");
    }
}

int monitor_run(struct monitor *monitor)
{
    AUTO_ERROR struct error error = { 0 };
    enum vm_end end = VM_END_ENGINE_FAILED;
    if (run_until_end(monitor, &end, &error) < 0) {
        monitor_tell_failed(monitor, &error);
        return MONITOR_FAILED;
    }
    if (monitor->has_status)
        return monitor->status;
    bool asked = monitor->handed_over && monitor->asked_to_shut_down;
    if ((monitor->handed_over && end == VM_END_POWER_OFF) || (asked && end == VM_END_RESET))
        return 0;
    describe_end(monitor, end, &error);
    monitor_tell_failed(monitor, &error);
    return status_of_end(monitor, end);
}

void monitor_close(struct monitor *monitor)
{
    control_server_free(monitor->control);
    monitor_close_session(monitor);
    monitor_close_devices(monitor);
    monitor_close_signals(monitor);
    vm_close(&monitor->vm);
    free(monitor->kernel_parameters);
    free(monitor);
}
