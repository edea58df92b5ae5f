// SPDX-License-Identifier: Apache-2.0
#include "guest/process.h"

#include <asm/ioctls.h>
#include <asm/termios.h>

#include "guest/child.h"
#include "guest/system_call.h"

enum { INPUT, OUTPUT, ERRORS, END_COUNT };

/* The two ends of each of its streams. */
struct ends {
    int ours[END_COUNT], theirs[END_COUNT];
};

struct process *process_find(struct processes *processes, uint32_t number)
{
    for (int i = 0; i < GUEST_PROCESS_LIMIT; i++)
        if (processes->slots[i].number == number)
            return &processes->slots[i];
    return NULL;
}

struct process *process_with_pid(struct processes *processes, int pid)
{
    for (int i = 0; i < GUEST_PROCESS_LIMIT; i++)
        if (processes->slots[i].number && processes->slots[i].pid == pid)
            return &processes->slots[i];
    return NULL;
}

static void close_ends(const int *fds)
{
    for (int i = 0; i < END_COUNT; i++)
        if (fds[i] >= 0)
            sys_close(fds[i]);
}

static int make_pipes(struct ends *ends)
{
    for (int i = 0; i < END_COUNT; i++) {
        int pipe[2];
        int result = sys_pipe(pipe);
        if (result < 0)
            return result;
        ends->ours[i] = pipe[i == INPUT];
        ends->theirs[i] = pipe[i != INPUT];
        sys_set_nonblocking(ends->ours[i]);
    }
    return 0;
}

/* The slave by the ioctl, not by name: it is the one of this master whatever is mounted. */
static int make_terminal(const struct guest_start *start, struct ends *ends)
{
    const int unlocked = 0;
    const struct winsize size = { .ws_row = start->rows, .ws_col = start->columns };
    int master = sys_open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK, 0);
    if (master < 0)
        return master;
    ends->ours[OUTPUT] = master;
    sys_ioctl(master, TIOCSPTLCK, (unsigned long)&unlocked);
    int slave = (int)sys_ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return slave;
    ends->theirs[INPUT] = slave;
    ends->theirs[OUTPUT] = (int)CALL3(__NR_fcntl, slave, F_DUPFD_CLOEXEC, 0);
    ends->theirs[ERRORS] = (int)CALL3(__NR_fcntl, slave, F_DUPFD_CLOEXEC, 0);
    ends->ours[INPUT] = (int)CALL3(__NR_fcntl, master, F_DUPFD_CLOEXEC, 0);
    if (ends->theirs[OUTPUT] < 0 || ends->theirs[ERRORS] < 0 || ends->ours[INPUT] < 0)
        return -EMFILE;
    CALL5(__NR_fchownat, slave, "", start->uid, -1, 0x1000 /* AT_EMPTY_PATH */);
    return start->rows || start->columns ? (int)sys_ioctl(slave, TIOCSWINSZ, (unsigned long)&size)
                                         : 0;
}

static void take_strings(struct fields *fields, const char **strings, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        strings[i] = fields_string(fields);
    strings[count] = NULL;
}

/* How much memory the arrays of pointers take; 0 when the counts are nonsense. */
static size_t pointers_size(const struct guest_start *start, size_t payload)
{
    uint64_t count = (uint64_t)start->argument_count + start->environment_count;
    if (!start->argument_count || count * sizeof(struct guest_string) > payload ||
        start->group_count > GUEST_GROUP_LIMIT || start->rlimit_count > GUEST_RLIMIT_LIMIT)
        return 0;
    return ((size_t)count + 3) * sizeof(char *); /* two ends, and HOME */
}

static int decode(struct fields *fields, struct launch *launch, const char **pointers)
{
    const struct guest_start *start = &launch->start;
    launch->groups = fields_take(fields, start->group_count * sizeof(uint32_t));
    launch->rlimits = fields_take(fields, start->rlimit_count * sizeof(struct guest_rlimit));
    launch->working_directory = fields_string(fields);
    launch->arguments = pointers;
    launch->environment = pointers + start->argument_count + 1;
    take_strings(fields, launch->arguments, start->argument_count);
    take_strings(fields, launch->environment, start->environment_count);
    return fields_are_good(fields) && launch->working_directory[0] == '/' ? 0 : -EBADMSG;
}

/* The child, and the end of the pipe on which it would tell why not. */
static int fork_child(const struct launch *launch, struct guest_failed *failed)
{
    int report[2];
    int result = sys_pipe(report);
    if (result < 0)
        return result;
    int pid = sys_fork();
    if (pid == 0)
        child_run(launch, report[1]);
    sys_close(report[1]);
    struct guest_failed why;
    long count = pid > 0 ? sys_read(report[0], &why, sizeof(why)) : 0;
    sys_close(report[0]);
    if (count == 0)
        return pid;
    *failed = why;
    return count == sizeof(why) ? -(int)why.error : -EIO;
}

static const char *subject(enum guest_step step, const struct launch *launch)
{
    if (step == GUEST_STEP_EXECUTE)
        return launch->arguments[0];
    return step == GUEST_STEP_WORKING_DIRECTORY ? launch->working_directory : "";
}

static void fill(struct process *process, uint32_t number, int pid, const struct guest_start *start,
                 const struct ends *ends)
{
    *process = (struct process){
        .number = number,
        .pid = pid,
        .terminal = start->flags & GUEST_START_TERMINAL,
        .output_fds = { ends->ours[OUTPUT], ends->ours[ERRORS] },
        .credit = { start->stdout_credit, start->stderr_credit },
        .input_fd = ends->ours[INPUT],
    };
}

static int launch_process(struct process *process, uint32_t number, struct launch *launch,
                          struct guest_failed *failed)
{
    struct ends ends = { { -1, -1, -1 }, { -1, -1, -1 } };
    bool terminal = launch->start.flags & GUEST_START_TERMINAL;
    if (terminal)
        failed->step = GUEST_STEP_TERMINAL;
    int result = terminal ? make_terminal(&launch->start, &ends) : make_pipes(&ends);
    memcpy(launch->fds, ends.theirs, sizeof(launch->fds));
    if (result >= 0) {
        failed->step = GUEST_STEP_START;
        result = fork_child(launch, failed);
    }
    close_ends(ends.theirs);
    if (result < 0) {
        close_ends(ends.ours);
        return result;
    }
    fill(process, number, result, &launch->start, &ends);
    return 0;
}

int process_start(struct processes *processes, uint32_t number, struct fields *fields,
                  struct guest_failed *failed, const char **on)
{
    struct launch launch;
    struct process *process = process_find(processes, 0);
    *failed = (struct guest_failed){ .step = GUEST_STEP_START };
    *on = "";
    if (!process)
        return -EAGAIN;
    fields_copy(fields, &launch.start, sizeof(launch.start));
    size_t size = pointers_size(&launch.start, fields->left);
    if (!size || !number || process_find(processes, number))
        return -EBADMSG;
    const char **pointers = map_memory(size);
    if (!pointers)
        return -ENOMEM;
    int result = decode(fields, &launch, pointers);
    if (result == 0)
        result = launch_process(process, number, &launch, failed);
    if (result != -EBADMSG)
        *on = subject(failed->step, &launch);
    unmap_memory(pointers, size);
    return result;
}
