// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "oracle.h"

#define USER_END UINT64_C(0x7ffffffff000)

/* Offsets in the XSAVE area (SDM volume 1, 13.4 and table 10-2). */
enum { FCW = 0, FSW = 2, FTW = 4, MXCSR = 24, ST = 32, XMM = 160, YMM = 576 };

/* Components that are in their initial state need not be there (SDM volume 1, 13.6). */
static void normalize(const uint8_t *from, uint8_t *area)
{
    static const uint8_t initial_control[2] = { 0x7f, 0x03 };
    uint64_t there;
    memcpy(area, from, XSAVE_SIZE);
    memcpy(&there, area + XSAVE_HEADER, sizeof(there));
    if (!(there & XCR0_X87)) {
        memset(area, 0, MXCSR);
        memset(area + ST, 0, XMM - ST);
        memcpy(area + FCW, initial_control, sizeof(initial_control));
    }
    if (!(there & XCR0_SSE))
        memset(area + XMM, 0, 256);
    if (!(there & XCR0_AVX))
        memset(area + YMM, 0, 256);
}

/* The last x87 instruction's opcode and addresses (FOP, FIP, FDP) are not compared: the engine
 * executes it somewhere else. */
static const char *compare_x87(const uint8_t *a, const uint8_t *b)
{
    if (memcmp(a + FCW, b + FCW, 2))
        return "x87 control word";
    if (memcmp(a + FSW, b + FSW, 2))
        return "x87 status word";
    if (a[FTW] != b[FTW])
        return "x87 tags";
    for (unsigned i = 0; i < 8; i++)
        if (memcmp(a + ST + 16 * i, b + ST + 16 * i, 10))
            return "x87 register";
    return NULL;
}

static const char *compare_vectors(const struct oracle_result *native,
                                   const struct oracle_result *guest, const struct leeway *leeway)
{
    uint8_t a[XSAVE_SIZE], b[XSAVE_SIZE];
    normalize(native->xsave, a);
    normalize(guest->xsave, b);
    const char *difference = leeway->x87_stack ? NULL : compare_x87(a, b);
    if (difference)
        return difference;
    if (leeway->mxcsr_precision)
        b[MXCSR] = (b[MXCSR] & ~0x20) | (a[MXCSR] & 0x20);
    if (memcmp(a + MXCSR, b + MXCSR, 4) && !leeway->mxcsr)
        return "MXCSR";
    if (memcmp(a + XMM, b + XMM, 256))
        return "XMM";
    return memcmp(a + YMM, b + YMM, 256) ? "YMM" : NULL;
}

/* Linux shows users every page of its own as present (arch/x86/mm/fault.c). */
static uint32_t error_code(const struct oracle_result *result)
{
    switch (result->vector) {
    case EXCEPTION_PF:
        return result->cr2 >= USER_END ? result->error_code | 1 : result->error_code;
    case EXCEPTION_GP:
    case EXCEPTION_SS:
    case EXCEPTION_NP:
    case EXCEPTION_TS:
    case EXCEPTION_AC:
        return result->error_code;
    default:
        return 0;
    }
}

/* A null selector of any RPL is 0 after a return to user level (IRET in SDM volume 2). */
static uint16_t selector(uint16_t value)
{
    return value < 4 ? 0 : value;
}

static const char *compare_segments(const struct oracle_result *native,
                                    const struct oracle_result *guest)
{
    if (native->cs != guest->cs || native->ss != guest->ss)
        return "CS or SS";
    if (selector(native->ds) != selector(guest->ds) || selector(native->es) != selector(guest->es))
        return "DS or ES";
    if (selector(native->fs) != selector(guest->fs) || selector(native->gs) != selector(guest->gs))
        return "FS or GS";
    return native->fs_base != guest->fs_base || native->gs_base != guest->gs_base
               ? "FS base or GS base"
               : NULL;
}

static uint64_t register_leeway(const struct leeway *leeway, unsigned index)
{
    static const uint16_t strings = 1 << RCX | 1 << RSI | 1 << RDI;
    if (leeway->registers >> index & 1)
        return UINT64_MAX;
    if (leeway->stack_pointer && index == RSP)
        return UINT64_MAX << 32;
    return leeway->upper_halves && strings >> index & 1 ? UINT64_MAX << 32 : 0;
}

const char *oracle_compare(const struct oracle_case *test, const struct oracle_result *native,
                           const struct oracle_result *guest)
{
    struct leeway leeway = oracle_leeway(test, native);
    if (leeway.everything || (leeway.stack_fault && guest->rip == native->rip))
        return NULL;
    if (leeway.fault_instead && (guest->vector == EXCEPTION_GP || guest->vector == EXCEPTION_SS))
        return NULL;
    if (native->vector != guest->vector)
        return "exception";
    if (native->rip != guest->rip)
        return "RIP";
    if (error_code(native) != error_code(guest) && !leeway.error_code)
        return "error code";
    if (native->vector == EXCEPTION_PF && native->cr2 != guest->cr2 && !leeway.page_fault_address)
        return "CR2";
    for (unsigned i = 0; i < 16; i++)
        if ((native->general[i] ^ guest->general[i]) & ~register_leeway(&leeway, i))
            return "general register";
    if ((native->rflags ^ guest->rflags) & ~leeway.flags)
        return "RFLAGS";
    if (leeway.memory)
        return NULL;
    if (native->changed != guest->changed || native->changed_end != guest->changed_end ||
        native->changed_hash != guest->changed_hash)
        return "memory";
    const char *difference = compare_segments(native, guest);
    return difference ? difference : compare_vectors(native, guest, &leeway);
}

static void print_pair(const char *name, uint64_t native, uint64_t guest)
{
    if (native != guest)
        printf("    %-6s CPU %016" PRIx64 "  engine %016" PRIx64 "\n", name, native, guest);
}

void oracle_print(const struct oracle_case *test, const struct oracle_result *native,
                  const struct oracle_result *guest)
{
    static const char *const names[16] = { "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
                                           "R8",  "R9",  "R10", "R11", "R12", "R13", "R14", "R15" };
    printf("  %d-bit:", 16 << test->code_size);
    for (unsigned i = 0; i < test->length; i++)
        printf(" %02x", test->code[i]);
    printf(" at %#" PRIx64 "\n", oracle_rip(test));
    print_pair("vector", native->vector, guest->vector);
    print_pair("error", error_code(native), error_code(guest));
    print_pair("RIP", native->rip, guest->rip);
    print_pair("RFLAGS", native->rflags, guest->rflags);
    if (native->vector == EXCEPTION_PF)
        print_pair("CR2", native->cr2, guest->cr2);
    for (unsigned i = 0; i < 16; i++)
        print_pair(names[i], native->general[i], guest->general[i]);
    print_pair("CS, SS", native->cs << 16 | native->ss, guest->cs << 16 | guest->ss);
    print_pair("DS, ES", native->ds << 16 | native->es, guest->ds << 16 | guest->es);
    print_pair("FS, GS", native->fs << 16 | native->gs, guest->fs << 16 | guest->gs);
    print_pair("FSbase", native->fs_base, guest->fs_base);
    print_pair("GSbase", native->gs_base, guest->gs_base);
    print_pair("from", native->changed, guest->changed);
    print_pair("to", native->changed_end, guest->changed_end);
    print_pair("hash", native->changed_hash, guest->changed_hash);
    uint64_t a[XSAVE_SIZE / 8], b[XSAVE_SIZE / 8];
    normalize(native->xsave, (uint8_t *)a);
    normalize(guest->xsave, (uint8_t *)b);
    for (unsigned i = 0; i < XSAVE_SIZE / 8; i++) {
        char name[24];
        snprintf(name, sizeof(name), "xs%u", i * 8);
        if (i * 8 < 416 || i * 8 >= YMM)
            print_pair(name, a[i], b[i]);
    }
}

void oracle_print_case(const struct oracle_case *test)
{
    printf("    { .code = {");
    for (unsigned i = 0; i < test->length; i++)
        printf("%s%#04x", i ? ", " : " ", test->code[i]);
    printf(" },\n      .length = %u, .code_size = CODE_%d, .offset = %#x, .data_seed = %#" PRIx64
           ",\n",
           test->length, 16 << test->code_size, test->offset, test->data_seed);
    printf("      .ds = %#x, .es = %#x, .fs = %#x, .gs = %#x, .fs_base = %#" PRIx64
           ", .gs_base = %#" PRIx64 ", .rflags = %#" PRIx64 ",\n      .general = {",
           test->ds, test->es, test->fs, test->gs, test->fs_base, test->gs_base, test->rflags);
    for (unsigned i = 0; i < 16; i++)
        if (test->general[i])
            printf(" [%u] = %#" PRIx64 ",", i, test->general[i]);
    printf(" },\n      .xsave = {");
    for (unsigned i = 0; i < XSAVE_SIZE / 8; i++)
        if (test->xsave[i])
            printf(" [%u] = %#" PRIx64 ",", i, test->xsave[i]);
    printf(" } },\n");
}
