// SPDX-License-Identifier: Apache-2.0
/*
 * Executes random instructions with random state natively and in the engine and compares what they
 * leave. What differs is made as small as it can be and printed as an element of
 * oracle_regressions.c.
 *
 * host_oracle [--seed N] [--count N] [--mode 32|64]
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "oracle.h"

enum { BATCH = 8192, KINDS = 400, PRINTED_KINDS = 40 };

struct kind {
    char name[64];
    unsigned count;
};

struct run {
    struct random_source random;
    struct oracle_native *native;
    struct oracle_guest *guest;
    struct oracle_result *guest_results;
    const char **guest_failures; /* NULL: it has a result */
    enum native_end ends[BATCH];
    int mode;
    unsigned printed;
    uint64_t compared, completed, failures, without_end;
    struct kind kinds[KINDS];
};

static struct oracle_guest *watched;

static void on_alarm(int number)
{
    (void)number;
    oracle_guest_watch(watched);
}

static void execute(struct run *run, unsigned count)
{
    struct oracle_case *cases = oracle_native_cases(run->native);
    oracle_native_start(run->native, count);
    for (unsigned i = 0; i < count; i++) {
        run->guest_failures[i] = NULL;
        oracle_guest_run(run->guest, &cases[i], &run->guest_results[i], &run->guest_failures[i]);
    }
    oracle_native_wait(run->native, run->ends);
}

static const char *judge(const struct run *run, unsigned i)
{
    if (run->ends[i] == NATIVE_NEVER_ENDS)
        return run->guest_failures[i] ? NULL : "never ends on the CPU";
    if (run->ends[i] == NATIVE_DIED)
        return "the native process died";
    if (run->guest_failures[i])
        return run->guest_failures[i];
    return oracle_compare(&oracle_native_cases(run->native)[i],
                          &oracle_native_results(run->native)[i], &run->guest_results[i]);
}

static const char *judge_one(struct run *run, const struct oracle_case *test)
{
    oracle_native_cases(run->native)[0] = *test;
    execute(run, 1);
    return judge(run, 0);
}

/* Take over what is simpler if the same thing still differs. */
static void try_simpler(struct run *run, struct oracle_case *test,
                        const struct oracle_case *simpler, const char *difference)
{
    if (!memcmp(test, simpler, sizeof(*test)))
        return;
    const char *now = judge_one(run, simpler);
    if (now && !strcmp(now, difference))
        *test = *simpler;
}

static void shrink(struct run *run, struct oracle_case *test, const char *difference)
{
    struct oracle_case simpler;
    for (unsigned i = 0; i < 16; i++) {
        simpler = *test;
        simpler.general[i] = 0;
        try_simpler(run, test, &simpler, difference);
    }
    for (unsigned i = 0; i < XSAVE_SIZE / 8; i++) {
        simpler = *test;
        simpler.xsave[i] = i == 0 ? 0x37f : i == 3 ? 0xffff00001f80 : 0;
        if (i != XSAVE_HEADER / 8)
            try_simpler(run, test, &simpler, difference);
    }
    simpler = *test;
    simpler.rflags = RFLAGS_ONE | RFLAGS_IF;
    try_simpler(run, test, &simpler, difference);
    simpler = *test;
    simpler.fs_base = simpler.gs_base = 0;
    try_simpler(run, test, &simpler, difference);
    simpler = *test;
    simpler.offset = 0;
    try_simpler(run, test, &simpler, difference);
}

static void report(struct run *run, const struct oracle_case *original, const char *difference)
{
    struct oracle_case test = *original;
    if (judge_one(run, &test))
        shrink(run, &test, difference);
    else
        printf("  (not when it is repeated alone)\n");
    printf("not ok: %s\n", difference);
    judge_one(run, &test);
    if (run->guest_failures[0])
        printf("  the engine %s\n", run->guest_failures[0]);
    oracle_print(&test, oracle_native_results(run->native), run->guest_results);
    oracle_print_case(&test);
}

/* Instructions of one opcode that differ in the same thing are one kind. */
static bool is_new_kind(struct run *run, const struct oracle_case *test, const char *difference)
{
    struct instruction instruction;
    char name[64];
    instruction_decode(test->code, test->length, test->code_size, &instruction);
    snprintf(name, sizeof(name), "map %u, opcode %02x, mnemonic %u%s: %s", instruction.map,
             instruction.opcode, instruction.mnemonic,
             instruction.prefixes & PREFIX_VEX ? ", VEX" : "", difference);
    for (unsigned i = 0; i < KINDS; i++) {
        if (!run->kinds[i].count++) {
            strcpy(run->kinds[i].name, name);
            return true;
        }
        if (!strcmp(run->kinds[i].name, name))
            return false;
        run->kinds[i].count--;
    }
    return false;
}

static void compare_batch(struct run *run, unsigned count)
{
    static struct oracle_case failed[PRINTED_KINDS];
    const char *differences[PRINTED_KINDS];
    unsigned kept = 0;
    execute(run, count);
    for (unsigned i = 0; i < count; i++) {
        const struct oracle_case *test = &oracle_native_cases(run->native)[i];
        const char *difference = judge(run, i);
        run->compared++;
        run->without_end += run->ends[i] == NATIVE_NEVER_ENDS;
        run->completed += oracle_native_results(run->native)[i].vector == EXCEPTION_BP;
        if (!difference)
            continue;
        run->failures++;
        if (is_new_kind(run, test, difference) && run->printed + kept < PRINTED_KINDS) {
            failed[kept] = *test;
            differences[kept++] = difference;
        }
    }
    for (unsigned i = 0; i < kept; i++)
        report(run, &failed[i], differences[i]);
    run->printed += kept;
}

static void generate_batch(struct run *run, unsigned count)
{
    struct oracle_case *cases = oracle_native_cases(run->native);
    uint64_t data_seed = random_next(&run->random) | 1;
    for (unsigned i = 0; i < count; i++) {
        int mode = run->mode >= 0 ? run->mode : random_below(&run->random, 4) ? CODE_64 : CODE_32;
        oracle_generate(&run->random, run->guest, data_seed, mode, &cases[i]);
    }
}

struct options {
    uint64_t seed, count;
    int mode;
};

static struct options parse_options(int argc, char **argv)
{
    static const struct option names[] = {
        { "seed", required_argument, NULL, 's' },
        { "count", required_argument, NULL, 'c' },
        { "mode", required_argument, NULL, 'm' },
        { 0 },
    };
    struct options options = { .seed = time(NULL), .count = 1000000, .mode = -1 };
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;)
        if (c == 's')
            options.seed = strtoull(optarg, NULL, 0);
        else if (c == 'c')
            options.count = strtoull(optarg, NULL, 0);
        else if (c == 'm')
            options.mode = atoi(optarg) == 32 ? CODE_32 : CODE_64;
        else
            exit(2);
    return options;
}

static void watch(struct oracle_guest *guest)
{
    const struct itimerval every_second = { { 1, 0 }, { 1, 0 } };
    struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
    watched = guest;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &every_second, NULL);
}

int main(int argc, char **argv)
{
    static struct run run;
    struct options options = parse_options(argc, argv);
    const char *why = NULL;
    printf("--seed %" PRIu64 " --count %" PRIu64 "\n", options.seed, options.count);
    run.mode = options.mode;
    run.native = oracle_native_create(BATCH, &why);
    run.guest = run.native ? oracle_guest_create(oracle_native_cpu(run.native), &why) : NULL;
    run.guest_results = calloc(BATCH, sizeof(*run.guest_results));
    run.guest_failures = calloc(BATCH, sizeof(*run.guest_failures));
    if (!run.native || !run.guest || !run.guest_results || !run.guest_failures) {
        fprintf(stderr, "host_oracle: %s\n", why ? why : "out of memory");
        return 1;
    }
    random_seed(&run.random, options.seed);
    watch(run.guest);
    memcpy(oracle_native_cases(run.native), oracle_regressions,
           oracle_regression_count * sizeof(oracle_regressions[0]));
    compare_batch(&run, oracle_regression_count);
    while (run.compared < options.count) {
        uint64_t left = options.count - run.compared;
        unsigned count = left < BATCH ? left : BATCH;
        generate_batch(&run, count);
        compare_batch(&run, count);
    }
    for (unsigned i = 0; i < KINDS && run.kinds[i].count; i++)
        printf("  %8u %s\n", run.kinds[i].count, run.kinds[i].name);
    printf("%s: %" PRIu64 " cases, %" PRIu64 " ran to their end, %" PRIu64 " differ, %" PRIu64
           " never end\n",
           run.failures ? "FAILED" : "ok", run.compared, run.completed, run.failures,
           run.without_end);
    return run.failures ? 1 : 0;
}
