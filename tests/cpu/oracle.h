// SPDX-License-Identifier: Apache-2.0
/*
 * The CPU that runs the test is the oracle: one instruction, executed natively at user level and by
 * the engine, must leave the same registers, flags, memory and exception.
 *
 * Both see the same linear addresses:
 *
 *     CODE_BASE   two pages, readable and executable, filled with INT3; then nothing
 *     DATA_BASE   two pages, writable, and one that is not; nothing before and after
 *
 * The instruction stands at CODE_BASE + offset. What does not fault runs into an INT3.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/x86/cpu_state.h"
#include "core/x86/instruction.h"
#include "random_source.h"

#define CODE_BASE      UINT64_C(0x10000000)
#define CODE_SIZE      0x2000
#define DATA_BASE      UINT64_C(0x20000000)
#define DATA_SIZE      0x2000 /* the writable part */
#define DATA_TOTAL     0x3000
#define READ_ONLY_SEED 1 /* of the page that is not writable */
#define INT3           0xcc
#define XSAVE_HEADER   512

/* As Linux lays out its GDT (arch/x86/include/asm/segment.h). */
enum {
    SELECTOR_USER_CODE_32 = 0x23,
    SELECTOR_USER_DATA = 0x2b,
    SELECTOR_USER_CODE_64 = 0x33,
    GDT_ENTRIES = 16,
};

struct oracle_case {
    uint8_t code[INSTRUCTION_MAX_LENGTH];
    uint8_t length;
    uint8_t code_size; /* CODE_32 or CODE_64 */
    uint16_t offset;   /* in the code pages */
    uint16_t ds, es, fs, gs;
    uint64_t data_seed; /* contents of the data pages */
    uint64_t general[16], rflags, fs_base, gs_base;
    uint64_t xsave[XSAVE_SIZE / 8];
};

struct oracle_result {
    uint8_t vector;
    uint32_t error_code;
    uint64_t rip, rflags, cr2, general[16], fs_base, gs_base;
    uint16_t cs, ss, ds, es, fs, gs;
    /* The bytes of the data pages that changed: from the first to the last. */
    uint16_t changed, changed_end;
    uint64_t changed_hash;
    uint8_t xsave[XSAVE_SIZE];
};

enum native_end { NATIVE_DONE, NATIVE_NEVER_ENDS, NATIVE_DIED };

static inline uint64_t oracle_rip(const struct oracle_case *test)
{
    return CODE_BASE + test->offset;
}

/* -- oracle_data.c -- */

/* Numbers, addresses and noise of all sizes. */
void oracle_data_fill(uint64_t seed, uint8_t *data, size_t size);
/* Note in `result` where `data` differs from `before`. */
void oracle_data_changes(const uint8_t *before, const uint8_t *data, struct oracle_result *result);

/* -- oracle_native.c -- */

struct oracle_native;
/* Maps the pages in this process, for its children. NULL: it cannot be, `*why`. */
struct oracle_native *oracle_native_create(unsigned capacity, const char **why);
/* The processor that the children run on. */
int oracle_native_cpu(const struct oracle_native *native);
struct oracle_case *oracle_native_cases(struct oracle_native *native);
struct oracle_result *oracle_native_results(struct oracle_native *native);
/* A throw-away process runs the cases; oracle_native_wait gives what became of each. */
void oracle_native_start(struct oracle_native *native, unsigned count);
void oracle_native_wait(struct oracle_native *native, enum native_end *ends);

/* -- oracle_guest.c -- */

struct oracle_guest;
struct oracle_guest *oracle_guest_create(int cpu, const char **why);
bool oracle_guest_offers(const struct oracle_guest *guest, unsigned feature);
/* False: the engine gave up, which it says. */
bool oracle_guest_run(struct oracle_guest *guest, const struct oracle_case *test,
                      struct oracle_result *result, const char **why);
/* From a signal handler: end the run under way if it was also under way at the last call. */
void oracle_guest_watch(struct oracle_guest *guest);

/* -- oracle_generate.c -- */

/* A case with an instruction for which both can be asked. */
void oracle_generate(struct random_source *random, const struct oracle_guest *guest,
                     uint64_t data_seed, int code_size, struct oracle_case *test);

/* -- oracle_leeway.c -- */

/* What the SDM leaves open, or CPUs do otherwise than it says, for a case and how it ended. */
struct leeway {
    uint64_t flags;
    uint16_t registers; /* bit n: general register n */
    bool memory, error_code, page_fault_address, x87_stack, mxcsr, mxcsr_precision, everything;
    bool upper_halves;  /* of RCX, RSI, RDI */
    bool stack_pointer; /* upper half of RSP */
    bool fault_instead; /* the engine may raise #GP or #SS */
    bool stack_fault;   /* any exception that an access to the stack may raise */
};
struct leeway oracle_leeway(const struct oracle_case *test, const struct oracle_result *native);

/* -- oracle_compare.c -- */

/* NULL: the same; else the name of what differs. */
const char *oracle_compare(const struct oracle_case *test, const struct oracle_result *native,
                           const struct oracle_result *guest);
void oracle_print(const struct oracle_case *test, const struct oracle_result *native,
                  const struct oracle_result *guest);
/* As an element of oracle_regressions.c. */
void oracle_print_case(const struct oracle_case *test);

/* -- oracle_regressions.c -- */

extern const struct oracle_case oracle_regressions[];
extern const unsigned oracle_regression_count;
