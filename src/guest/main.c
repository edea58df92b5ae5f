// SPDX-License-Identifier: Apache-2.0
/*
 * The first process of a virtual machine: brings it up as the host says, runs what the host starts,
 * carries its streams, and turns the machine off. One loop that never blocks for long; every
 * signal is blocked, and SIGCHLD is read.
 *
 * A failure before the channel is open can be told to the kernel's log alone.
 */
#include <linux/poll.h>
#include <linux/reboot.h>
#include <linux/utsname.h>

#include "guest/channel.h"
#include "guest/modules.h"
#include "guest/mounts.h"
#include "guest/network.h"
#include "guest/process.h"
#include "guest/system_call.h"
#include "guest/text.h"

enum {
    CHANNEL_WAIT_MS = 10000,
    INIT_POLL_MS = 100,
    SIGNAL_CHILD = 17,
    SIGNAL_KILL = 9,
    SIGNAL_TERMINATE = 15,
    SET_MASK = 2,    /* SIG_SETMASK */
    DO_NOT_WAIT = 1, /* WNOHANG */
    FIXED_POLLS = 2,
};

/* systemd(1), "Signals": what tells it to stop the machine, and to start it again. */
enum { SIGNAL_SYSTEMD_POWER_OFF = 34 + 4, SIGNAL_SYSTEMD_REBOOT = 34 + 5 };

#define SIGNAL_BIT(number) (1ULL << ((number)-1)) /* of a set of the kernel's */

struct guest {
    struct channel channel;
    struct processes processes;
    int signal_fd;
    int later_fd;       /* closed when there is time for the other modules; -1 */
    bool set_up_failed; /* nothing is started any more */
    bool seal_root;     /* make the root read-only before the first start */
    bool handed_over;   /* another init is process 1 */
    int for_init;       /* a signal that waits until that listens; 0: none */
};

static void report_failure(struct guest *guest, uint32_t process, uint32_t step, int result,
                           const char *on)
{
    const struct guest_failed failed = { .step = step, .error = (uint32_t)-result };
    channel_send(&guest->channel, GUEST_FAILED, process, &failed, sizeof(failed), on);
}

static void answer_set_up(struct guest *guest, uint32_t step, int result, const char *on)
{
    if (result >= 0 || guest->set_up_failed)
        return;
    guest->set_up_failed = true;
    report_failure(guest, 0, step, result, on);
}

static void do_root(struct guest *guest, uint32_t process, struct fields *fields)
{
    (void)process;
    const char *on = "";
    struct guest_root root = { 0 };
    if (fields->left >= sizeof(root))
        memcpy(&root, fields->data, sizeof(root));
    guest->seal_root = root.flags & GUEST_ROOT_READ_ONLY;
    int result = mounts_enter_root(fields, &on);
    answer_set_up(guest, GUEST_STEP_ROOT_DISK, result, on);
}

static void do_mount(struct guest *guest, uint32_t process, struct fields *fields)
{
    (void)process;
    const char *on = "";
    int result = guest->set_up_failed ? 0 : mounts_add(fields, &on);
    answer_set_up(guest, GUEST_STEP_MOUNT, result, on);
}

static void do_host(struct guest *guest, uint32_t process, struct fields *fields)
{
    (void)process;
    const char *on = "";
    int result = network_name_host(fields, &on);
    answer_set_up(guest, GUEST_STEP_HOST, result, on);
}

static void do_network(struct guest *guest, uint32_t process, struct fields *fields)
{
    (void)process;
    const char *on = "";
    int result = guest->set_up_failed ? 0 : network_set_up(fields, &on);
    answer_set_up(guest, GUEST_STEP_NETWORK, result, on);
}

static void seal_root(struct guest *guest)
{
    if (guest->seal_root)
        answer_set_up(guest, GUEST_STEP_ROOT_DISK, mounts_seal_root(), "/");
    guest->seal_root = false;
}

static void load_other_modules(struct guest *guest)
{
    if (guest->later_fd >= 0)
        sys_close(guest->later_fd);
    guest->later_fd = -1;
}

static void do_start(struct guest *guest, uint32_t process, struct fields *fields)
{
    const char *on = "";
    struct guest_failed failed = { 0 };
    seal_root(guest);
    int result = guest->set_up_failed
                     ? -ECANCELED
                     : process_start(&guest->processes, process, fields, &failed, &on);
    if (result < 0) {
        report_failure(guest, process, failed.step, result, on);
        return;
    }
    const struct guest_started started = {
        .pid = (uint32_t)process_find(&guest->processes, process)->pid
    };
    channel_send(&guest->channel, GUEST_STARTED, process, &started, sizeof(started), NULL);
    load_other_modules(guest);
}

/* What is for a process that has ended was sent before the host knew. */
static void do_stdin(struct guest *guest, uint32_t number, struct fields *fields)
{
    struct process *process = number ? process_find(&guest->processes, number) : NULL;
    if (process && process_input(process, &guest->channel, fields->data, fields->left) < 0)
        channel_log(&guest->channel, "more input than there is credit for", NULL, 0);
}

static void do_credit(struct guest *guest, uint32_t number, struct fields *fields)
{
    struct guest_credit credit;
    struct process *process = number ? process_find(&guest->processes, number) : NULL;
    fields_copy(fields, &credit, sizeof(credit));
    if (process && credit.report == GUEST_STDOUT)
        process->credit[STREAM_STDOUT] += credit.bytes;
    else if (process && credit.report == GUEST_STDERR)
        process->credit[STREAM_STDERR] += credit.bytes;
}

static void do_window_size(struct guest *guest, uint32_t number, struct fields *fields)
{
    struct guest_window_size size;
    struct process *process = number ? process_find(&guest->processes, number) : NULL;
    fields_copy(fields, &size, sizeof(size));
    if (process && fields_are_good(fields))
        process_set_window_size(process, &size);
}

static void do_signal(struct guest *guest, uint32_t number, struct fields *fields)
{
    struct guest_signal signal;
    struct process *process = number ? process_find(&guest->processes, number) : NULL;
    fields_copy(fields, &signal, sizeof(signal));
    if (!fields_are_good(fields))
        return;
    if (signal.scope == GUEST_SIGNAL_ALL)
        sys_kill(-1, (int)signal.number);
    else if (process && !process->exited)
        sys_kill(process->pid, (int)signal.number);
}

static _Noreturn void turn_off(uint32_t how)
{
    uint32_t command =
        how == GUEST_POWER_RESET ? LINUX_REBOOT_CMD_RESTART : LINUX_REBOOT_CMD_POWER_OFF;
    for (;;) {
        CALL4(__NR_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, command, 0);
        sleep_ms(1000);
    }
}

static void do_power_off(struct guest *guest, uint32_t process, struct fields *fields)
{
    (void)process;
    int status;
    struct guest_power_off power;
    fields_copy(fields, &power, sizeof(power));
    if (guest->handed_over) {
        guest->for_init =
            power.how == GUEST_POWER_RESET ? SIGNAL_SYSTEMD_REBOOT : SIGNAL_SYSTEMD_POWER_OFF;
        return;
    }
    sys_kill(-1, SIGNAL_KILL);
    while (sys_wait_any(&status, 0) > 0)
        ;
    mounts_end();
    channel_send(&guest->channel, GUEST_DOWN, 0, NULL, 0, NULL);
    channel_drain(&guest->channel);
    turn_off(power.how);
}

/* The image's init ends all others when it shuts down, and waits long for who does not go. */
static void serve_beside_init(void)
{
    const uint64_t blocked = ~SIGNAL_BIT(SIGNAL_TERMINATE);
    CALL4(__NR_rt_sigprocmask, SET_MASK, &blocked, 0, sizeof(blocked));
    CALL0(__NR_setsid);
}

/* Process 1 becomes the image's own init; a child goes on to serve the host. */
static void do_hand_over(struct guest *guest, uint32_t process, struct fields *fields)
{
    (void)process;
    static const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TERM=linux",
                                               NULL };
    const char *path = fields_string(fields), *console = fields_string(fields);
    const char *const arguments[] = { path, NULL };
    seal_root(guest);
    int result =
        !fields_are_good(fields) ? -EBADMSG : (int)CALL4(__NR_faccessat, AT_FDCWD, path, 1, 0);
    int fd = result == 0 ? sys_open(console, O_RDWR | O_NOCTTY, 0) : -1;
    int pid = fd < 0 ? -1 : sys_fork();
    if (pid > 0) {
        const uint64_t no_signal = 0;
        CALL4(__NR_rt_sigprocmask, SET_MASK, &no_signal, 0, sizeof(no_signal));
        for (int i = 0; i < 3; i++)
            sys_dup_to(fd, i);
        CALL3(__NR_execve, path, arguments, environment);
        turn_off(GUEST_POWER_DOWN);
    }
    if (fd >= 0)
        sys_close(fd);
    guest->handed_over = pid == 0;
    if (!guest->handed_over) {
        answer_set_up(guest, GUEST_STEP_HAND_OVER, result < 0 ? result : fd < 0 ? fd : pid, path);
        return;
    }
    serve_beside_init();
    load_other_modules(guest);
}

static void (*const requests[GUEST_REQUEST_COUNT])(struct guest *guest, uint32_t process,
                                                   struct fields *fields) = {
    [GUEST_ROOT] = do_root,           [GUEST_MOUNT] = do_mount,
    [GUEST_HOST] = do_host,           [GUEST_NETWORK] = do_network,
    [GUEST_START] = do_start,         [GUEST_STDIN] = do_stdin,
    [GUEST_CREDIT] = do_credit,       [GUEST_WINDOW_SIZE] = do_window_size,
    [GUEST_SIGNAL] = do_signal,       [GUEST_POWER_OFF] = do_power_off,
    [GUEST_HAND_OVER] = do_hand_over,
};

static void handle(void *context, const struct guest_frame *frame, uint8_t *payload)
{
    struct fields fields = { .data = payload, .left = frame->length };
    if (frame->type < GUEST_REQUEST_COUNT && requests[frame->type])
        requests[frame->type](context, frame->process, &fields);
    else
        report_failure(context, 0, GUEST_STEP_PROTOCOL, -EBADMSG, "");
}

static void reap(struct guest *guest)
{
    uint8_t ignored[128]; /* sizeof(struct signalfd_siginfo); several may have become one */
    int status, pid;
    sys_read(guest->signal_fd, ignored, sizeof(ignored));
    while ((pid = sys_wait_any(&status, DO_NOT_WAIT)) > 0) {
        struct process *process = process_with_pid(&guest->processes, pid);
        if (!process)
            continue;
        process->exited = true;
        process->wait_status = status;
        process->drained[STREAM_STDOUT] = process->drained[STREAM_STDERR] = false;
    }
}

/* Process 1 loses what it neither catches nor blocks: proc(5), status. */
static bool init_listens(int number)
{
    char status[4096];
    uint64_t signals = 0;
    if (text_read_file("/proc/1/status", status, sizeof(status)) <= 0)
        return false;
    for (const char *line = status; *line; line += *line == '\n') {
        const char *digit = text_after(line, "SigBlk:\t");
        uint64_t set = 0;
        if (!digit)
            digit = text_after(line, "SigCgt:\t");
        for (; digit && *digit != '\n' && *digit; digit++)
            set = set << 4 | (uint64_t)(*digit <= '9' ? *digit - '0' : *digit - 'a' + 10);
        signals |= set;
        line = text_find(line, '\n');
    }
    return signals & SIGNAL_BIT(number);
}

static void signal_init(struct guest *guest)
{
    if (!guest->for_init || !init_listens(guest->for_init))
        return;
    sys_kill(1, guest->for_init);
    guest->for_init = 0;
}

static size_t add_polls(struct pollfd *polls, const struct process *process,
                        const struct channel *channel)
{
    size_t count = 0;
    for (int stream = 0; stream < STREAM_COUNT; stream++)
        if (process_wants_output(process, stream, channel))
            polls[count++] = (struct pollfd){ .fd = process->output_fds[stream], .events = POLLIN };
    if (process_has_input(process))
        polls[count++] = (struct pollfd){ .fd = process->input_fd, .events = POLLOUT };
    return count;
}

static void wait_for_work(const struct guest *guest)
{
    struct pollfd polls[FIXED_POLLS + GUEST_PROCESS_LIMIT * (STREAM_COUNT + 1)];
    size_t count = FIXED_POLLS;
    const struct channel *channel = &guest->channel;
    polls[0] = (struct pollfd){ .fd = channel->fd, .events = POLLIN };
    polls[1] = (struct pollfd){ .fd = guest->signal_fd, .events = POLLIN };
    if (channel_has_output(channel))
        polls[0].events |= POLLOUT;
    for (int i = 0; i < GUEST_PROCESS_LIMIT; i++)
        if (guest->processes.slots[i].number)
            count += add_polls(polls + count, &guest->processes.slots[i], channel);
    CALL3(__NR_poll, polls, count, guest->for_init ? INIT_POLL_MS : -1);
}

/* Until the host is gone. */
static int serve(struct guest *guest)
{
    for (;;) {
        wait_for_work(guest);
        int result = channel_receive(&guest->channel, handle, guest);
        if (result < 0)
            return result;
        reap(guest);
        signal_init(guest);
        for (int i = 0; i < GUEST_PROCESS_LIMIT; i++)
            if (guest->processes.slots[i].number)
                process_pump(&guest->processes.slots[i], &guest->channel);
        channel_write(&guest->channel);
    }
}

static void say_hello(struct guest *guest)
{
    struct new_utsname name = { 0 };
    const struct guest_hello hello = { .magic = GUEST_PROTOCOL_MAGIC,
                                       .version = GUEST_PROTOCOL_VERSION,
                                       .word_bits = 8 * sizeof(long) };
    CALL1(__NR_uname, &name);
    channel_send(&guest->channel, GUEST_HELLO, 0, &hello, sizeof(hello), name.release);
}

static void tell_kernel_log(void *context, const char *what, int error)
{
    (void)context;
    char line[256];
    struct text text = TEXT(line);
    text_add(&text, "openvirt-guest-init: ");
    text_add(&text, what);
    text_add(&text, ": error ");
    text_add_number(&text, (uint32_t)-error);
    text_write_file("/dev/kmsg", line);
}

static int begin(struct guest *guest)
{
    const uint64_t all_signals = ~0ULL, child = SIGNAL_BIT(SIGNAL_CHILD);
    mounts_begin();
    CALL4(__NR_rt_sigprocmask, SET_MASK, &all_signals, 0, sizeof(all_signals));
    guest->signal_fd =
        (int)CALL4(__NR_signalfd4, -1, &child, sizeof(child), O_NONBLOCK | O_CLOEXEC);
    if (guest->signal_fd < 0)
        return guest->signal_fd;
    modules_load(MODULES_FIRST, tell_kernel_log, NULL);
    guest->later_fd = modules_prepare_later(tell_kernel_log, NULL);
    return channel_open(&guest->channel, CHANNEL_WAIT_MS);
}

/* Where the processor begins: the kernel passes no return address, so a C function cannot be it. */
__asm__(".globl _start\n_start:\n" START_CODE);

_Noreturn void guest_main(void *stack);
_Noreturn void guest_main(void *stack)
{
    (void)stack;
    struct guest *guest = map_memory(sizeof(*guest));
    int result = guest ? begin(guest) : -ENOMEM;
    if (result == 0) {
        say_hello(guest);
        result = serve(guest);
    }
    tell_kernel_log(NULL, "the control channel", result);
    mounts_seal_root();
    turn_off(GUEST_POWER_DOWN);
}
