// SPDX-License-Identifier: Apache-2.0
/*
 * One instruction executed by the host itself, with all registers but RSP as the test wants them:
 * what the engine's execution is compared with.
 */
#pragma once

#include <setjmp.h>
#include <signal.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

struct native_state {
    uint64_t general[16];
    uint64_t rflags;
    alignas(64) uint8_t xsave[832];
};

struct native {
    uint8_t *code;
    size_t length;
};

static sigjmp_buf native_escape;

static void native_fault(int signal_number)
{
    siglongjmp(native_escape, signal_number);
}

static inline void native_emit(struct native *native, const void *bytes, size_t length)
{
    memcpy(native->code + native->length, bytes, length);
    native->length += length;
}

#define NATIVE_EMIT(native, bytes) native_emit(native, bytes, sizeof(bytes) - 1)

static inline void native_emit_address(struct native *native, const char *opcode, const void *value)
{
    native_emit(native, opcode, 2);
    native_emit(native, &value, 8);
}

/* mov between [rax + index * 8] and general register `index` */
static inline void native_emit_move(struct native *native, uint8_t opcode, unsigned index)
{
    uint8_t bytes[] = { 0x48 | (index >= 8 ? 4 : 0), opcode, 0x40 | (index & 7) << 3, index * 8 };
    native_emit(native, bytes, sizeof(bytes));
}

/* A thunk that loads `state`, executes `instruction` and stores into `state`. */
static inline void native_build(struct native *native, struct native_state *state,
                                const uint8_t *instruction, unsigned length)
{
    native->length = 0;
    NATIVE_EMIT(native, "\x53\x55\x41\x54\x41\x55\x41\x56\x41\x57"); /* push rbx rbp r12..r15 */
    native_emit_address(native, "\x48\xb9", state->xsave);           /* mov rcx, xsave */
    NATIVE_EMIT(native, "\xb8\x07\x00\x00\x00\x31\xd2");             /* mov eax, 7; xor edx, edx */
    NATIVE_EMIT(native, "\x48\x0f\xae\x29");                         /* xrstor64 [rcx] */
    native_emit_address(native, "\x48\xb8", state);                  /* mov rax, state */
    NATIVE_EMIT(native, "\xff\xb0\x80\x00\x00\x00\x9d");             /* push [rax+128]; popf */
    for (unsigned i = 1; i < 16; i++)
        if (i != 4)
            native_emit_move(native, 0x8b, i);
    native_emit_move(native, 0x8b, 0);
    native_emit(native, instruction, length);
    native_emit_address(native, "\x48\xa3", state->general); /* mov [state], rax */
    native_emit_address(native, "\x48\xb8", state);
    NATIVE_EMIT(native, "\x9c\x8f\x80\x80\x00\x00\x00"); /* pushf; pop [rax+128] */
    for (unsigned i = 1; i < 16; i++)
        if (i != 4)
            native_emit_move(native, 0x89, i);
    native_emit_address(native, "\x48\xb9", state->xsave);
    NATIVE_EMIT(native, "\xb8\x07\x00\x00\x00\x31\xd2");
    NATIVE_EMIT(native, "\x48\x0f\xae\x21"); /* xsave64 [rcx] */
    NATIVE_EMIT(native, "\xdb\xe3\xc5\xf8\x77");
    NATIVE_EMIT(native, "\x41\x5f\x41\x5e\x41\x5d\x41\x5c\x5d\x5b\xc3");
}

/* 0, or the signal that the instruction raised. */
static inline int native_run(struct native *native, struct native_state *state,
                             const uint8_t *instruction, unsigned length)
{
    static const int signals[] = { SIGILL, SIGSEGV, SIGBUS, SIGFPE };
    if (!native->code)
        native->code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    native_build(native, state, instruction, length);
    for (unsigned i = 0; i < 4; i++)
        signal(signals[i], native_fault);
    uint32_t mxcsr;
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    int raised = sigsetjmp(native_escape, 1);
    if (raised == 0)
        ((void (*)(void))(uintptr_t)native->code)();
    __asm__ volatile("fninit; ldmxcsr %0" : : "m"(mxcsr));
    for (unsigned i = 0; i < 4; i++)
        signal(signals[i], SIG_DFL);
    return raised;
}
