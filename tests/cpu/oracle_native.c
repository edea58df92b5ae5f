// SPDX-License-Identifier: Apache-2.0
/*
 * Native execution. The kernel loads and saves the registers for us: every case ends in a signal
 * (at the latest by the INT3 after the instruction), whose handler notes the interrupted context,
 * replaces it with the next case, and returns into that. So a case costs one signal.
 *
 * The handler runs with the segment registers and bases that the case left, so that it sets its own
 * first, and neither it nor what it calls may use thread-local storage before.
 */
#include <errno.h>
#include <immintrin.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "oracle.h"

#define UC_SIGCONTEXT_SS      0x2
#define UC_STRICT_RESTORE_SS  0x4
#define FXSAVE_SOFTWARE_BYTES 464 /* to 511: the kernel's (asm/sigcontext.h) */
#define STALLED_NANOSECONDS   INT64_C(2000000000)
#define SIGNAL_STACK_SIZE     65536

struct shared {
    _Atomic unsigned index; /* the case under way */
    unsigned count;
};

struct oracle_native {
    struct shared *shared;
    struct oracle_case *cases;
    struct oracle_result *results;
    uint8_t *code, *signal_stack; /* writable views */
    uint8_t before[DATA_SIZE];
    uint64_t data_seed;
    uint64_t fs_base, gs_base;
    pid_t child;
    int cpu; /* where the children run: LSL of Linux's descriptor 15 tells its number */
    bool running;
};

/* What the signal handler works on. */
static struct oracle_native *the_native;

static const uint8_t gregs[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                   REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                   REG_R12, REG_R13, REG_R14, REG_R15 };

static void load_data(struct oracle_native *native, const struct oracle_case *test)
{
    if (native->data_seed == test->data_seed)
        return;
    native->data_seed = test->data_seed;
    oracle_data_fill(test->data_seed, native->before, DATA_SIZE);
    memcpy((void *)DATA_BASE, native->before, DATA_SIZE);
}

static void put_code(struct oracle_native *native, const struct oracle_case *test, bool there)
{
    for (unsigned i = 0; i < test->length && test->offset + i < CODE_SIZE; i++)
        native->code[test->offset + i] = there ? test->code[i] : INT3;
}

static void save(struct oracle_native *native, const struct oracle_case *test,
                 const ucontext_t *context, struct oracle_result *result)
{
    const mcontext_t *machine = &context->uc_mcontext;
    for (unsigned i = 0; i < 16; i++)
        result->general[i] = machine->gregs[gregs[i]];
    result->vector = machine->gregs[REG_TRAPNO];
    result->error_code = machine->gregs[REG_ERR];
    result->cr2 = machine->gregs[REG_CR2];
    result->rip = machine->gregs[REG_RIP];
    result->rflags = machine->gregs[REG_EFL];
    result->cs = machine->gregs[REG_CSGSFS];
    result->ss = machine->gregs[REG_CSGSFS] >> 48;
    memcpy(result->xsave, machine->fpregs, XSAVE_SIZE);
    put_code(native, test, false);
    oracle_data_changes(native->before, (uint8_t *)DATA_BASE, result);
    if (result->changed_end)
        memcpy((uint8_t *)DATA_BASE + result->changed, native->before + result->changed,
               result->changed_end - result->changed);
}

static void load(struct oracle_native *native, const struct oracle_case *test, ucontext_t *context)
{
    mcontext_t *machine = &context->uc_mcontext;
    load_data(native, test);
    put_code(native, test, true);
    for (unsigned i = 0; i < 16; i++)
        machine->gregs[gregs[i]] = test->general[i];
    machine->gregs[REG_RIP] = oracle_rip(test);
    machine->gregs[REG_EFL] = test->rflags;
    uint64_t cs = test->code_size == CODE_64 ? SELECTOR_USER_CODE_64 : SELECTOR_USER_CODE_32;
    machine->gregs[REG_CSGSFS] = cs | (uint64_t)SELECTOR_USER_DATA << 48;
    context->uc_flags |= UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
    uint8_t *area = (uint8_t *)machine->fpregs;
    memcpy(area, test->xsave, FXSAVE_SOFTWARE_BYTES);
    memcpy(area + XSAVE_HEADER, (const uint8_t *)test->xsave + XSAVE_HEADER,
           XSAVE_SIZE - XSAVE_HEADER);
}

struct segments {
    uint64_t fs_base, gs_base;
    uint16_t ds, es, fs, gs;
};

__attribute__((target("fsgsbase"))) static inline void get_segments(struct segments *segments)
{
    segments->fs_base = _readfsbase_u64();
    segments->gs_base = _readgsbase_u64();
    __asm__("mov %%ds, %0" : "=r"(segments->ds));
    __asm__("mov %%es, %0" : "=r"(segments->es));
    __asm__("mov %%fs, %0" : "=r"(segments->fs));
    __asm__("mov %%gs, %0" : "=r"(segments->gs));
}

__attribute__((target("fsgsbase"))) static inline void set_segments(const struct segments *segments)
{
    __asm__ volatile("mov %0, %%ds" : : "r"(segments->ds));
    __asm__ volatile("mov %0, %%es" : : "r"(segments->es));
    __asm__ volatile("mov %0, %%fs" : : "r"(segments->fs));
    __asm__ volatile("mov %0, %%gs" : : "r"(segments->gs));
    /* A base of its own only where the selector is null: Linux does the same. */
    if (!segments->fs)
        _writefsbase_u64(segments->fs_base);
    if (!segments->gs)
        _writegsbase_u64(segments->gs_base);
}

/* AC, NT and ID stay as the case left them when a handler is entered; the last two even after it.
 */
static inline void clear_alignment_check(void)
{
    __asm__ volatile("pushfq\n\tandl $~0x244000, (%%rsp)\n\tpopfq" : : : "memory", "cc");
}

__attribute__((no_stack_protector)) static void on_signal(int number, siginfo_t *info, void *data)
{
    clear_alignment_check();
    struct oracle_native *native = the_native;
    struct segments segments, own = { .fs_base = native->fs_base, .gs_base = native->gs_base };
    get_segments(&segments);
    set_segments(&own);
    (void)number;
    (void)info;
    unsigned index = native->shared->index;
    if (native->running) {
        struct oracle_result *result = &native->results[index];
        save(native, &native->cases[index], data, result);
        result->fs_base = segments.fs_base;
        result->gs_base = segments.gs_base;
        result->ds = segments.ds;
        result->es = segments.es;
        result->fs = segments.fs;
        result->gs = segments.gs;
        native->shared->index = ++index;
    }
    native->running = true;
    if (index == native->shared->count)
        _exit(0);
    const struct oracle_case *test = &native->cases[index];
    load(native, test, data);
    segments = (struct segments){ .fs_base = test->fs_base,
                                  .gs_base = test->gs_base,
                                  .ds = test->ds,
                                  .es = test->es,
                                  .fs = test->fs,
                                  .gs = test->gs };
    set_segments(&segments);
}

__attribute__((noreturn)) static void child_main(struct oracle_native *native)
{
    static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
    stack_t stack = { .ss_sp = native->signal_stack, .ss_size = SIGNAL_STACK_SIZE };
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    the_native = native;
    native->data_seed = 0;
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(native->cpu, &cpus);
    sched_setaffinity(0, sizeof(cpus), &cpus);
    struct segments segments;
    get_segments(&segments);
    native->fs_base = segments.fs_base;
    native->gs_base = segments.gs_base;
    sigaltstack(&stack, NULL);
    for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &action, NULL);
    __asm__ volatile("int3");
    _exit(1);
}

static bool map_pages(struct oracle_native *native)
{
    int fd = memfd_create("code", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, CODE_SIZE) < 0)
        return false;
    native->code = mmap(NULL, CODE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    void *code = mmap((void *)CODE_BASE, CODE_SIZE, PROT_READ | PROT_EXEC,
                      MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
    close(fd);
    void *data = mmap((void *)DATA_BASE, DATA_TOTAL, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (native->code == MAP_FAILED || code == MAP_FAILED || data == MAP_FAILED)
        return false;
    memset(native->code, INT3, CODE_SIZE);
    oracle_data_fill(READ_ONLY_SEED, (uint8_t *)DATA_BASE + DATA_SIZE, DATA_TOTAL - DATA_SIZE);
    return mprotect((uint8_t *)DATA_BASE + DATA_SIZE, DATA_TOTAL - DATA_SIZE, PROT_READ) == 0;
}

struct oracle_native *oracle_native_create(unsigned capacity, const char **why)
{
    struct oracle_native *native = calloc(1, sizeof(*native));
    size_t size = sizeof(struct shared) + 64 +
                  capacity * (sizeof(struct oracle_case) + sizeof(struct oracle_result));
    uint8_t *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    native->signal_stack = malloc(SIGNAL_STACK_SIZE);
    if (shared == MAP_FAILED || !map_pages(native)) {
        *why = strerror(errno);
        return NULL;
    }
    native->cpu = sched_getcpu();
    native->shared = (struct shared *)shared;
    native->cases = (struct oracle_case *)(shared + 64);
    native->results = (struct oracle_result *)(native->cases + capacity);
    return native;
}

int oracle_native_cpu(const struct oracle_native *native)
{
    return native->cpu;
}

struct oracle_case *oracle_native_cases(struct oracle_native *native)
{
    return native->cases;
}

struct oracle_result *oracle_native_results(struct oracle_native *native)
{
    return native->results;
}

static void spawn(struct oracle_native *native)
{
    native->running = false;
    memset(native->code, INT3, CODE_SIZE);
    native->child = fork();
    if (!native->child)
        child_main(native);
}

void oracle_native_start(struct oracle_native *native, unsigned count)
{
    native->shared->count = count;
    native->shared->index = 0;
    fflush(NULL);
    spawn(native);
}

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/* False: it stands still at one case. */
static bool wait_for_child(struct oracle_native *native)
{
    const struct timespec pause = { .tv_nsec = 1000000 };
    unsigned last = native->shared->index;
    for (int64_t since = now();;) {
        if (waitpid(native->child, NULL, WNOHANG) == native->child)
            return true;
        unsigned index = native->shared->index;
        if (index != last)
            since = now();
        last = index;
        if (now() - since > STALLED_NANOSECONDS)
            break;
        nanosleep(&pause, NULL);
    }
    kill(native->child, SIGKILL);
    waitpid(native->child, NULL, 0);
    return false;
}

void oracle_native_wait(struct oracle_native *native, enum native_end *ends)
{
    unsigned count = native->shared->count;
    memset(ends, 0, count * sizeof(*ends));
    for (;;) {
        bool ended = wait_for_child(native);
        unsigned index = native->shared->index;
        if (index >= count)
            return;
        ends[index] = ended ? NATIVE_DIED : NATIVE_NEVER_ENDS;
        native->shared->index = index + 1;
        if (index + 1 == count)
            return;
        spawn(native);
    }
}
