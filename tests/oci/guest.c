// SPDX-License-Identifier: Apache-2.0
/*
 * The program that runs inside the containers of the tests, static so that it needs no libraries
 * there. It does what its words say, action by action, and prints NAME=VALUE lines that the tests
 * read; values come from system calls, not from /proc, so that it works without mounts.
 *
 *     guest ids , umask , capabilities , exit 7
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

struct action {
    const char *name;
    const char *arguments; /* for the usage text */
    int (*run)(char **words);
};

static unsigned long number(const char *word)
{
    return word ? strtoul(word, NULL, 0) : 0;
}

/* The result of a system call: NAME=ok, or NAME=ENOENT and the like. */
static int outcome(const char *name, long result)
{
    if (result >= 0)
        printf("%s=ok\n", name);
    else
        printf("%s=%s\n", name, strerrorname_np(errno));
    return 0;
}

static int print_ids(char **words)
{
    (void)words;
    uid_t r, e, s;
    gid_t rg, eg, sg, groups[256];
    getresuid(&r, &e, &s);
    getresgid(&rg, &eg, &sg);
    printf("uid=%u %u %u\ngid=%u %u %u\ngroups=", r, e, s, rg, eg, sg);
    int count = getgroups(256, groups);
    for (int i = 0; i < count; i++)
        printf("%s%u", i ? " " : "", groups[i]);
    printf("\npid=%d\nppid=%d\npgid=%d\nsid=%d\n", getpid(), getppid(), getpgrp(), getsid(0));
    return 0;
}

static int print_umask(char **words)
{
    (void)words;
    printf("umask=%04o\n", umask(0));
    return 0;
}

static int print_capabilities(char **words)
{
    (void)words;
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2] = { 0 };
    if (syscall(SYS_capget, &header, data) < 0)
        return 1;
    uint64_t bounding = 0, ambient = 0;
    for (int bit = 0; bit < 64; bit++) {
        if (prctl(PR_CAPBSET_READ, bit, 0, 0, 0) == 1)
            bounding |= UINT64_C(1) << bit;
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, bit, 0, 0) == 1)
            ambient |= UINT64_C(1) << bit;
    }
#define BOTH(member) ((uint64_t)data[1].member << 32 | data[0].member)
    printf("effective=%#lx\npermitted=%#lx\ninheritable=%#lx\nbounding=%#lx\nambient=%#lx\n",
           BOTH(effective), BOTH(permitted), BOTH(inheritable), bounding, ambient);
    return 0;
}

static int print_rlimits(char **words)
{
    (void)words;
    static const char *const names[] = { "CPU",      "FSIZE", "DATA",   "STACK",
                                         "CORE",     "RSS",   "NPROC",  "NOFILE",
                                         "MEMLOCK",  "AS",    "LOCKS",  "SIGPENDING",
                                         "MSGQUEUE", "NICE",  "RTPRIO", "RTTIME" };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct rlimit limit;
        if (getrlimit((int)i, &limit) == 0)
            printf("RLIMIT_%s=%ld %ld\n", names[i], (long)limit.rlim_cur, (long)limit.rlim_max);
    }
    return 0;
}

static int print_cwd(char **words)
{
    (void)words;
    char path[4096];
    /* The system call itself: the C library hides "(unreachable)". */
    long length = syscall(SYS_getcwd, path, sizeof(path));
    printf("cwd=%s\n", length > 0 ? path : strerrorname_np(errno));
    return 0;
}

static int print_descriptors(char **words)
{
    (void)words;
    printf("descriptors=");
    const char *separator = "";
    for (int fd = 0; fd < 4096; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            continue;
        printf("%s%d", separator, fd);
        separator = " ";
    }
    printf("\n");
    return 0;
}

static int print_environment(char **words)
{
    (void)words;
    for (char **entry = environ; *entry; entry++)
        printf("env.%s\n", *entry);
    return 0;
}

static int print_arguments(char **words)
{
    for (int i = 0; words[i]; i++)
        printf("argument.%d=%s\n", i, words[i]);
    return 0;
}

struct scheduler_attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

static int print_scheduler(char **words)
{
    (void)words;
    struct scheduler_attributes a = { 0 };
    if (syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) < 0)
        return 1;
    printf("policy=%u\nflags=%lu\nnice=%d\npriority=%u\nruntime=%lu\ndeadline=%lu\nperiod=%lu\n",
           a.policy, a.flags, a.nice, a.priority, a.runtime, a.deadline, a.period);
    return 0;
}

static int print_io_priority(char **words)
{
    (void)words;
    long value = syscall(SYS_ioprio_get, 1, 0);
    printf("ioprio=%ld %ld\n", value >> 13, value & 0x1fff);
    return 0;
}

static int print_affinity(char **words)
{
    (void)words;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) < 0)
        return 1;
    printf("affinity=");
    const char *separator = "";
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &set))
            continue;
        printf("%s%d", separator, cpu);
        separator = " ";
    }
    printf("\n");
    return 0;
}

static int print_memory_policy(char **words)
{
    (void)words;
    int mode = -1;
    unsigned long nodes[16] = { 0 };
    if (syscall(SYS_get_mempolicy, &mode, nodes, sizeof(nodes) * 8, NULL, 0) < 0)
        return outcome("mempolicy", -1);
    printf("mempolicy=%d %#lx\n", mode, nodes[0]);
    return 0;
}

static int print_personality(char **words)
{
    (void)words;
    printf("personality=%#x\n", (unsigned)personality(0xffffffff));
    return 0;
}

static int print_confinement(char **words)
{
    (void)words;
    printf("no_new_privs=%d\nseccomp=%d\ndumpable=%d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
           prctl(PR_GET_SECCOMP, 0, 0, 0, 0), prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    return 0;
}

static int print_keyring(char **words)
{
    (void)words;
    enum { DESCRIBE = 6, SESSION = -3 };
    char text[256] = "";
    if (syscall(SYS_keyctl, DESCRIBE, SESSION, text, sizeof(text), 0) < 0)
        return outcome("keyring", -1);
    printf("keyring=%s\n", text);
    return 0;
}

static int print_names(char **words)
{
    (void)words;
    struct utsname names;
    uname(&names);
    printf("hostname=%s\ndomainname=%s\nmachine=%s\n", names.nodename, names.domainname,
           names.machine);
    return 0;
}

static int print_clocks(char **words)
{
    (void)words;
    struct timespec monotonic, boottime;
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    clock_gettime(CLOCK_BOOTTIME, &boottime);
    printf("monotonic=%ld\nboottime=%ld\n", monotonic.tv_sec, boottime.tv_sec);
    return 0;
}

static int print_terminal(char **words)
{
    (void)words;
    struct winsize size = { 0 };
    char name[256] = "none";
    bool terminal = isatty(0) && isatty(1);
    ioctl(0, TIOCGWINSZ, &size);
    if (terminal)
        (void)!ttyname_r(0, name, sizeof(name));
    printf("terminal=%d\nrows=%d\ncolumns=%d\ntty=%s\nforeground=%d\n", terminal, size.ws_row,
           size.ws_col, name, terminal && tcgetpgrp(0) == getpgrp());
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
    return outcome("controlling", fd);
}

static int do_syscall(char **words)
{
    unsigned long a[7] = { 0 };
    for (int i = 0; words[i] && i < 7; i++)
        a[i] = number(words[i]);
    return outcome("syscall", syscall((long)a[0], a[1], a[2], a[3], a[4], a[5], a[6]));
}

static int do_write(char **words)
{
    int fd = open(words[0], O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return outcome("write", -1);
    return outcome("write", write(fd, words[1], strlen(words[1])));
}

static int do_create(char **words)
{
    return outcome("create", open(words[0], O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

static int do_open(char **words)
{
    return outcome("open", open(words[0], (words[1] && *words[1] == 'w' ? O_WRONLY : O_RDONLY) |
                                              O_CLOEXEC | O_NONBLOCK));
}

static int do_mknod(char **words)
{
    mode_t type = *words[1] == 'b' ? S_IFBLK : S_IFCHR;
    return outcome("mknod", mknod(words[0], type | 0600,
                                  makedev((unsigned)number(words[2]), (unsigned)number(words[3]))));
}

static int print_status_of(char **words)
{
    struct stat s;
    if (lstat(words[0], &s) < 0)
        return outcome("stat", -1);
    printf("stat=%o %u %u %u:%u\n", s.st_mode, s.st_uid, s.st_gid, major(s.st_rdev),
           minor(s.st_rdev));
    return 0;
}

static volatile sig_atomic_t received;

static void receive(int signal_number)
{
    received = signal_number;
}

static int do_catch(char **words)
{
    struct sigaction action = { .sa_handler = receive };
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (int i = 1; i < NSIG; i++)
        sigaction(i, &action, NULL);
    printf("catching=1\n");
    fflush(stdout);
    for (;;) {
        sigsuspend(&none);
        int got = received;
        if (got == SIGWINCH)
            print_terminal(words);
        printf("signal=%d\n", got);
        fflush(stdout);
        if (got != SIGWINCH && got != SIGCONT && got != SIGCHLD)
            return 0;
    }
}

static int print_signals(char **words)
{
    (void)words;
    sigset_t mask;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    int blocked = 0, ignored = 0;
    for (int i = 1; i < SIGRTMIN; i++) {
        struct sigaction action;
        blocked += sigismember(&mask, i) == 1;
        ignored += sigaction(i, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
    }
    printf("blocked=%d\nignored=%d\n", blocked, ignored);
    return 0;
}

static int do_sleep(char **words)
{
    fflush(stdout);
    for (unsigned left = (unsigned)number(words[0]); left;)
        left = sleep(left);
    return 0;
}

static int do_memory(char **words)
{
    size_t size = number(words[0]) << 20;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return outcome("memory", -1);
    for (size_t i = 0; i < size; i += 4096)
        memory[i] = 1;
    return outcome("memory", 0);
}

static int do_fork(char **words)
{
    unsigned long wanted = number(words[0]), made = 0;
    while (made < wanted) {
        pid_t pid = fork();
        if (pid < 0)
            break;
        if (pid == 0)
            for (;;)
                pause();
        made++;
    }
    printf("forked=%lu\n", made);
    if (made < wanted)
        printf("fork=%s\n", strerrorname_np(errno));
    fflush(stdout);
    return 0;
}

/* Children of a process that does not wait for them; they end with it when it is pid 1. */
static int do_background(char **words)
{
    if (fork() != 0)
        return 0;
    do_sleep(words);
    _exit(0);
}

static int do_notify(char **words)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (!path || strlen(path) >= sizeof(address.sun_path)) {
        printf("notify=no socket\n");
        return 1;
    }
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return outcome("notify",
                   sendto(fd, words[0], strlen(words[0]), 0, (void *)&address, sizeof(address)));
}

/* Connect to a Unix socket whose name is no path (unix(7), "abstract"). */
static int do_connect_abstract(char **words)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t length = strlen(words[0]);
    if (length >= sizeof(address.sun_path))
        return 1;
    memcpy(address.sun_path + 1, words[0], length);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return outcome("connect",
                   connect(fd, (void *)&address,
                           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)));
}

static int do_exit(char **words)
{
    fflush(stdout);
    _exit((int)number(words[0]));
}

static int do_raise(char **words)
{
    fflush(stdout);
    /* pid 1 of a pid namespace cannot kill itself by signal; a child can. */
    return raise((int)number(words[0]));
}

static int do_mount(char **words)
{
    return outcome("mount", mount(words[0], words[1], words[2], number(words[3]), words[4]));
}

static int do_unshare(char **words)
{
    return outcome("unshare", unshare((int)number(words[0])));
}

/* Read what each inherited descriptor is, by its file's device and inode. */
static int print_descriptor_types(char **words)
{
    (void)words;
    for (int fd = 0; fd < 64; fd++) {
        struct stat s;
        if (fstat(fd, &s) == 0)
            printf("descriptor.%d=%o %lu\n", fd, s.st_mode & S_IFMT, s.st_ino);
    }
    return 0;
}

static int do_say(char **words)
{
    printf("say=%s\n", words[0]);
    fflush(stdout);
    return 0;
}

static int do_read_descriptor(char **words)
{
    char text[256];
    ssize_t count = read((int)number(words[0]), text, sizeof(text) - 1);
    if (count < 0)
        return outcome("read", -1);
    text[count] = 0;
    printf("read=%s\n", text);
    return 0;
}

/* Is it a process of the container's own programs, told by the files we may compare with? */
static bool runs_own_program(const char *process)
{
    char path[300];
    struct stat theirs, ours;
    snprintf(path, sizeof(path), "/proc/%s/exe", process);
    if (stat(path, &theirs) < 0)
        return true;
    static const char *const own[] = { "/bin/guest", "/bin/busybox" };
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
        if (stat(own[i], &ours) == 0 && ours.st_dev == theirs.st_dev &&
            ours.st_ino == theirs.st_ino)
            return true;
    return false;
}

/* Call `visit` with the pid of each other process, again and again for that many seconds. */
static void visit_processes(unsigned long seconds,
                            void (*visit)(const char *process, void *context), void *context)
{
    time_t end = time(NULL) + (time_t)seconds;
    while (time(NULL) < end) {
        DIR *directory = opendir("/proc");
        for (struct dirent *entry; directory && (entry = readdir(directory));)
            if (*entry->d_name >= '1' && *entry->d_name <= '9' && atoi(entry->d_name) != getpid())
                visit(entry->d_name, context);
        if (directory)
            closedir(directory);
    }
}

/* CVE-2019-5736: hold the program file of whoever comes in, and write into it when he has gone. */
struct thief {
    int held[64];
    size_t count;
};

static void hold_program(const char *process, void *context)
{
    struct thief *thief = context;
    char path[300];
    if (runs_own_program(process) || thief->count == 64)
        return;
    snprintf(path, sizeof(path), "/proc/%s/exe", process);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        thief->held[thief->count++] = fd;
}

static int do_steal(char **words)
{
    struct thief thief = { 0 };
    visit_processes(number(words[0]), hold_program, &thief);
    int written = 0;
    for (size_t i = 0; i < thief.count; i++) {
        char path[64];
        snprintf(path, sizeof(path), "/proc/self/fd/%d", thief.held[i]);
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        written += fd >= 0 && write(fd, "stolen", 6) == 6;
    }
    printf("held=%zu\nwritten=%d\n", thief.count, written);
    return 0;
}

/* CVE-2016-9962: look into whoever comes in, by its descriptors, its root and its memory. */
static void read_name(const char *process, char name[64])
{
    char path[300];
    *name = 0;
    snprintf(path, sizeof(path), "/proc/%.64s/comm", process);
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    if (fscanf(file, "%63[^\n]", name) != 1)
        *name = 0;
    fclose(file);
}

static void look_into(const char *process, void *context)
{
    (void)context;
    static const char *const doors[] = { "fd/0", "fd/3", "root/", "cwd/", "mem" };
    for (size_t i = 0; i < sizeof(doors) / sizeof(*doors); i++) {
        char path[300], before[64], after[64];
        read_name(process, before);
        snprintf(path, sizeof(path), "/proc/%.64s/%s", process, doors[i]);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        close(fd);
        /* In between it may have become the container's own program. */
        read_name(process, after);
        if (*before && !strcmp(before, after))
            printf("into.%s/%s=1\n", before, doors[i]);
    }
}

static int do_snoop(char **words)
{
    visit_processes(number(words[0]), look_into, NULL);
    return 0;
}

/* Sends every datagram back. */
static int do_echo_udp(char **words)
{
    char bytes[65536];
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)number(words[0])) };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (void *)&address, sizeof(address)) < 0)
        return outcome("echo-udp", -1);
    while (true) {
        socklen_t size = sizeof(address);
        ssize_t length = recvfrom(fd, bytes, sizeof(bytes), 0, (void *)&address, &size);
        if (length < 0 || sendto(fd, bytes, (size_t)length, 0, (void *)&address, size) < 0)
            return outcome("echo-udp", -1);
    }
}

static const struct action actions[] = {
    { "affinity", "", print_affinity },
    { "arguments", "[WORD...]", print_arguments },
    { "background", "SECONDS", do_background },
    { "capabilities", "", print_capabilities },
    { "catch", "", do_catch },
    { "clocks", "", print_clocks },
    { "confinement", "", print_confinement },
    { "connect-abstract", "NAME", do_connect_abstract },
    { "create", "PATH", do_create },
    { "cwd", "", print_cwd },
    { "descriptor-types", "", print_descriptor_types },
    { "descriptors", "", print_descriptors },
    { "echo-udp", "PORT", do_echo_udp },
    { "environment", "", print_environment },
    { "exit", "STATUS", do_exit },
    { "fork", "COUNT", do_fork },
    { "ids", "", print_ids },
    { "ioprio", "", print_io_priority },
    { "keyring", "", print_keyring },
    { "memory", "MEBIBYTES", do_memory },
    { "mempolicy", "", print_memory_policy },
    { "mknod", "PATH c|b MAJOR MINOR", do_mknod },
    { "mount", "SOURCE TARGET TYPE FLAGS DATA", do_mount },
    { "names", "", print_names },
    { "notify", "TEXT", do_notify },
    { "open", "PATH [w]", do_open },
    { "personality", "", print_personality },
    { "raise", "SIGNAL", do_raise },
    { "read", "DESCRIPTOR", do_read_descriptor },
    { "rlimits", "", print_rlimits },
    { "say", "WORD", do_say },
    { "scheduler", "", print_scheduler },
    { "signals", "", print_signals },
    { "sleep", "SECONDS", do_sleep },
    { "snoop", "SECONDS", do_snoop },
    { "stat", "PATH", print_status_of },
    { "steal", "SECONDS", do_steal },
    { "syscall", "NUMBER [ARGUMENT...]", do_syscall },
    { "terminal", "", print_terminal },
    { "umask", "", print_umask },
    { "unshare", "FLAGS", do_unshare },
    { "write", "PATH TEXT", do_write },
};

static int usage(const char *word)
{
    fprintf(stderr, "guest: unknown action '%s'; there are:\n", word);
    for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
        fprintf(stderr, "  %s %s\n", actions[i].name, actions[i].arguments);
    return 64;
}

static int run_action(char **words)
{
    for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
        if (!strcmp(actions[i].name, words[0]))
            return actions[i].run(words + 1);
    return usage(words[0]);
}

int main(int argc, char **argv)
{
    int status = 0;
    for (int first = 1; first < argc && !status;) {
        /* Missing words read as NULL, so that an action need not count them. */
        char *words[16] = { 0 };
        for (int i = 0; first < argc && strcmp(argv[first], ",") != 0; first++)
            if (i < 15)
                words[i++] = argv[first];
        first++;
        if (words[0])
            status = run_action(words);
    }
    return status;
}
