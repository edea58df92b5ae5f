// SPDX-License-Identifier: Apache-2.0
/*
 * Signals are for the command: the monitor passes on what it gets. Until the command runs, those
 * that end things end the machine. With an init of the image they ask that to shut down as systemd
 * is asked (systemd(1), "Signals"); one that does not know it finds the power button pressed.
 */
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "vm/monitor_state.h"
#include "vm/terminal.h"

/* Guest time, for init to begin with its shutting down. */
#define POWER_BUTTON_DELAY (3 * UINT64_C(1000000000))

static const int kept_signals[] = { SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE,
                                    SIGILL,  SIGSYS,  SIGTRAP, SIGABRT };

static bool ends_things(int number)
{
    return number == SIGHUP || number == SIGINT || number == SIGQUIT || number == SIGTERM;
}

static void press_power_button(void *context)
{
    struct monitor *monitor = context;
    machine_power_button(monitor->vm.machine);
}

/* A second time the button is pressed at once. */
static void ask_init_to_shut_down(struct monitor *monitor)
{
    struct platform *platform = &monitor->vm.platform;
    if (monitor->asked_to_shut_down) {
        machine_power_button(monitor->vm.machine);
        return;
    }
    monitor->asked_to_shut_down = true;
    guest_channel_power_off(session_channel(monitor->session), GUEST_POWER_DOWN);
    session_flush(monitor->session);
    monitor->power_button =
        (struct platform_timer){ .expired = press_power_button, .context = monitor };
    platform_timer_arm(platform, &monitor->power_button,
                       platform_clock(platform) + POWER_BUTTON_DELAY);
}

static void pass_on(struct monitor *monitor, int number)
{
    uint16_t rows, columns;
    if (number == SIGCHLD || number == SIGPIPE)
        return;
    if (number == SIGWINCH) {
        terminal_size(&rows, &columns);
        if (monitor->process && rows)
            session_window_size(monitor->process, rows, columns);
    } else if (monitor->process && monitor->told) {
        session_signal(monitor->process, number);
    } else if (monitor->request.settings->init && monitor->told) {
        if (ends_things(number))
            ask_init_to_shut_down(monitor);
    } else if (ends_things(number)) {
        monitor->has_status = true;
        monitor->status = 128 + number;
        vm_stop(&monitor->vm, VM_END_STOPPED);
    }
}

static void signals_ready(void *context, uint32_t events)
{
    struct monitor *monitor = context;
    struct signalfd_siginfo info;
    (void)events;
    while (read(monitor->signals.fd, &info, sizeof(info)) == sizeof(info))
        pass_on(monitor, (int)info.ssi_signo);
}

int monitor_open_signals(struct monitor *monitor, struct error *error)
{
    sigset_t set;
    sigfillset(&set);
    for (size_t i = 0; i < ARRAY_LENGTH(kept_signals); i++)
        sigdelset(&set, kept_signals[i]);
    /* What our maker ignored would not reach us: conmon ignores SIGPIPE, nohup SIGHUP. */
    for (int number = 1; number < NSIG; number++)
        if (sigismember(&set, number) == 1)
            signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &set, NULL);
    monitor->signals = (struct event_source){
        .fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
        .events = EPOLLIN,
        .ready = signals_ready,
        .context = monitor,
    };
    if (monitor->signals.fd < 0)
        return error_set(error, errno, "make a signal descriptor");
    return event_loop_add(&monitor->vm.platform.loop, &monitor->signals, error);
}

void monitor_close_signals(struct monitor *monitor)
{
    event_loop_remove(&monitor->vm.platform.loop, &monitor->signals);
    cleanup_close(&monitor->signals.fd);
}
