// SPDX-License-Identifier: Apache-2.0
/*
 * Does core/x86 decode as Zydis does? First every opcode with every ModR/M byte under the prefixes
 * that matter, then random and mutated strings up to --count. A difference that is not listed in
 * known_differences.c is printed with both decodings and fails.
 *
 * decoder_agrees_with_zydis [--seed N] [--count N] [--mode 16|32|64] [--bench FILE]
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "byte_strings.h"
#include "decoder_bench.h"
#include "known_differences.h"

enum { REASON_LIMIT = 128, PRINTED_FAILURES = 10 };

struct run {
    struct random_source random;
    struct comparison comparison;
    ZydisDecoder decoder;
    uint8_t bytes[BYTE_STRING_LENGTH];
    uint64_t compared, accepted, failures;
    struct {
        const char *text;
        uint64_t count;
    } reasons[REASON_LIMIT];
};

static void count_reason(struct run *run, const char *text)
{
    for (unsigned i = 0; i < REASON_LIMIT; i++) {
        if (!run->reasons[i].text)
            run->reasons[i].text = text;
        if (run->reasons[i].text == text) {
            run->reasons[i].count++;
            return;
        }
    }
}

static void fail(struct run *run, const char *difference)
{
    if (run->failures++ >= PRINTED_FAILURES)
        return;
    printf("not ok: %s\n", difference);
    compare_print(&run->comparison);
}

/* One byte fewer than the instruction has must be asked for. */
static void check_truncation(struct run *run)
{
    struct instruction shorter;
    size_t available = run->comparison.ours.length - 1;
    if (instruction_decode(run->bytes, available, run->comparison.code_size, &shorter) !=
        DECODE_TRUNCATED)
        fail(run, "takes its truncated self for whole");
}

static void compare_one(struct run *run)
{
    struct comparison *comparison = &run->comparison;
    comparison->bytes = run->bytes;
    comparison->available = INSTRUCTION_MAX_LENGTH + 1;
    compare_decode(comparison, &run->decoder);
    const char *difference = compare_find(comparison);
    run->compared++;
    run->accepted += comparison->status == DECODE_OK;
    if (comparison->status == DECODE_OK && run->compared % 16 == 0)
        check_truncation(run);
    if (!difference)
        return;
    const char *reason = known_difference(comparison, difference);
    if (reason)
        count_reason(run, reason);
    else
        fail(run, difference);
}

static void compare_strings(struct run *run, enum code_size code_size, uint64_t count)
{
    struct byte_walk walk = { 0 };
    uint64_t end = run->compared + count;
    run->comparison.code_size = code_size;
    zydis_decoder_init(&run->decoder, code_size);
    while (run->compared < end && byte_walk_next(&walk, &run->random, run->bytes))
        compare_one(run);
    while (run->compared < end) {
        byte_string_random(&run->random, run->bytes);
        compare_one(run);
        for (unsigned i = 0; i < 3 && run->compared < end; i++) {
            byte_string_mutate(&run->random, run->bytes);
            compare_one(run);
        }
    }
}

static void report(const struct run *run)
{
    printf("differences that are meant:\n");
    for (unsigned i = 0; i < REASON_LIMIT && run->reasons[i].text; i++)
        printf("  %10" PRIu64 " %s\n", run->reasons[i].count, run->reasons[i].text);
    printf("%s: %" PRIu64 " strings compared, %" PRIu64 " of them instructions, %" PRIu64
           " differences\n",
           run->failures ? "FAILED" : "ok", run->compared, run->accepted, run->failures);
}

struct options {
    uint64_t seed, count;
    int mode; /* enum code_size, or -1 for all */
    const char *bench;
};

static int parse_mode(const char *text)
{
    for (int mode = CODE_16; mode <= CODE_64; mode++)
        if (atoi(text) == 16 << mode)
            return mode;
    fprintf(stderr, "--mode is 16, 32 or 64\n");
    exit(2);
}

static struct options parse_options(int argc, char **argv)
{
    static const struct option names[] = {
        { "seed", required_argument, NULL, 's' },
        { "count", required_argument, NULL, 'c' },
        { "mode", required_argument, NULL, 'm' },
        { "bench", required_argument, NULL, 'b' },
        { 0 },
    };
    struct options options = { .seed = time(NULL), .count = 30000000, .mode = -1 };
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;)
        switch (c) {
        case 's':
            options.seed = strtoull(optarg, NULL, 0);
            break;
        case 'c':
            options.count = strtoull(optarg, NULL, 0);
            break;
        case 'm':
            options.mode = parse_mode(optarg);
            break;
        case 'b':
            options.bench = optarg;
            break;
        default:
            exit(2);
        }
    return options;
}

int main(int argc, char **argv)
{
    static struct run run;
    struct options options = parse_options(argc, argv);
    if (options.bench)
        return decoder_bench(options.bench);
    printf("--seed %" PRIu64 " --count %" PRIu64 "\n", options.seed, options.count);
    random_seed(&run.random, options.seed);
    /* 64-bit mode has most to get wrong. */
    uint64_t share = options.count / 4;
    for (int mode = CODE_16; mode <= CODE_64; mode++)
        if (options.mode < 0)
            compare_strings(&run, mode, mode == CODE_64 ? options.count - 2 * share : share);
        else if (options.mode == mode)
            compare_strings(&run, mode, options.count);
    report(&run);
    return run.failures ? 1 : 0;
}
