// SPDX-License-Identifier: Apache-2.0
/*
 * The guest's arithmetic on values: the host executes the same instruction, and what LAHF and SETO
 * say of it becomes the guest's flags. The compiler picks the operand size from the type.
 *
 * alu_NAME_BITS(cpu, a, b) returns the result; locked_NAME_BITS(cpu, pointer, b) works on memory.
 */
#pragma once

#include "core/x86/interpreter/cpu.h"

/* %%ax becomes the new flags; or the old ones become the host's. */
#define FLAGS_OUT "\n\tlahf\n\tseto %%al"
#define FLAGS_IN  "addb $127, %%al\n\tsahf\n\t"
#define CARRY_IN  "btl $8, %k[old]\n\t"

#define FOR_EACH_SIZE(X, ...)                                                                      \
    X(8, __VA_ARGS__)                                                                              \
    X(16, __VA_ARGS__)                                                                             \
    X(32, __VA_ARGS__)                                                                             \
    X(64, __VA_ARGS__)

#define DEFINE_BINARY(bits, name, ...)                                                             \
    static inline uint##bits##_t alu_##name##_##bits(struct cpu *cpu, uint##bits##_t a,            \
                                                     uint##bits##_t b)                             \
    {                                                                                              \
        uint16_t flags;                                                                            \
        __asm__(#name " %[b], %[a]" FLAGS_OUT : [a] "+q"(a), "=&a"(flags) : [b] "q"(b) : "cc");    \
        cpu->flags = flags;                                                                        \
        return a;                                                                                  \
    }                                                                                              \
    static inline void locked_##name##_##bits(struct cpu *cpu, uint##bits##_t *pointer,            \
                                              uint##bits##_t b)                                    \
    {                                                                                              \
        uint16_t flags;                                                                            \
        __asm__ volatile("lock " #name " %[b], %[a]" FLAGS_OUT                                     \
                         : [a] "+m"(*pointer), "=&a"(flags)                                        \
                         : [b] "q"(b)                                                              \
                         : "cc", "memory");                                                        \
        cpu->flags = flags;                                                                        \
    }

FOR_EACH_SIZE(DEFINE_BINARY, add)
FOR_EACH_SIZE(DEFINE_BINARY, or)
FOR_EACH_SIZE(DEFINE_BINARY, and)
FOR_EACH_SIZE(DEFINE_BINARY, sub)
FOR_EACH_SIZE(DEFINE_BINARY, xor)

#define DEFINE_BINARY_CARRY(bits, name, ...)                                                       \
    static inline uint##bits##_t alu_##name##_##bits(struct cpu *cpu, uint##bits##_t a,            \
                                                     uint##bits##_t b)                             \
    {                                                                                              \
        uint32_t flags;                                                                            \
        __asm__(CARRY_IN #name " %[b], %[a]" FLAGS_OUT                                             \
                : [a] "+q"(a), "=&a"(flags)                                                        \
                : [b] "q"(b), [old] "r"((uint32_t)cpu->flags)                                      \
                : "cc");                                                                           \
        cpu->flags = (uint16_t)flags;                                                              \
        return a;                                                                                  \
    }                                                                                              \
    static inline void locked_##name##_##bits(struct cpu *cpu, uint##bits##_t *pointer,            \
                                              uint##bits##_t b)                                    \
    {                                                                                              \
        uint32_t flags;                                                                            \
        __asm__ volatile(CARRY_IN "lock " #name " %[b], %[a]" FLAGS_OUT                            \
                         : [a] "+m"(*pointer), "=&a"(flags)                                        \
                         : [b] "q"(b), [old] "r"((uint32_t)cpu->flags)                             \
                         : "cc", "memory");                                                        \
        cpu->flags = (uint16_t)flags;                                                              \
    }

FOR_EACH_SIZE(DEFINE_BINARY_CARRY, adc)
FOR_EACH_SIZE(DEFINE_BINARY_CARRY, sbb)

/* CMP and TEST: flags alone. */
#define DEFINE_COMPARE(bits, name, ...)                                                            \
    static inline void alu_##name##_##bits(struct cpu *cpu, uint##bits##_t a, uint##bits##_t b)    \
    {                                                                                              \
        uint16_t flags;                                                                            \
        __asm__(#name " %[b], %[a]" FLAGS_OUT : "=&a"(flags) : [a] "q"(a), [b] "q"(b) : "cc");     \
        cpu->flags = flags;                                                                        \
    }

FOR_EACH_SIZE(DEFINE_COMPARE, cmp)
FOR_EACH_SIZE(DEFINE_COMPARE, test)

/* INC and DEC keep CF, NOT keeps all. */
#define DEFINE_UNARY(bits, name, suffix, ...)                                                      \
    static inline uint##bits##_t alu_##name##_##bits(struct cpu *cpu, uint##bits##_t a)            \
    {                                                                                              \
        uint32_t flags = cpu->flags;                                                               \
        __asm__(FLAGS_IN #name " %[a]" FLAGS_OUT : [a] "+q"(a), "+a"(flags) : : "cc");             \
        cpu->flags = (uint16_t)flags;                                                              \
        return a;                                                                                  \
    }                                                                                              \
    static inline void locked_##name##_##bits(struct cpu *cpu, uint##bits##_t *pointer)            \
    {                                                                                              \
        uint32_t flags = cpu->flags;                                                               \
        __asm__ volatile(FLAGS_IN "lock " #name suffix##_##bits " %[a]" FLAGS_OUT                  \
                         : [a] "+m"(*pointer), "+a"(flags)                                         \
                         :                                                                         \
                         : "cc", "memory");                                                        \
        cpu->flags = (uint16_t)flags;                                                              \
    }
#define SUFFIX_8  "b"
#define SUFFIX_16 "w"
#define SUFFIX_32 "l"
#define SUFFIX_64 "q"

FOR_EACH_SIZE(DEFINE_UNARY, inc, SUFFIX)
FOR_EACH_SIZE(DEFINE_UNARY, dec, SUFFIX)
FOR_EACH_SIZE(DEFINE_UNARY, neg, SUFFIX)
FOR_EACH_SIZE(DEFINE_UNARY, not, SUFFIX)

/* Shifts and rotates: the host masks the count as the guest's processor does, and a count of 0
 * leaves the flags alone. */
#define DEFINE_SHIFT(bits, name, ...)                                                              \
    static inline uint##bits##_t alu_##name##_##bits(struct cpu *cpu, uint##bits##_t a,            \
                                                     uint8_t count)                                \
    {                                                                                              \
        uint32_t flags = cpu->flags;                                                               \
        __asm__(FLAGS_IN #name " %%cl, %[a]" FLAGS_OUT                                             \
                : [a] "+q"(a), "+a"(flags)                                                         \
                : "c"(count)                                                                       \
                : "cc");                                                                           \
        cpu->flags = (uint16_t)flags;                                                              \
        return a;                                                                                  \
    }

FOR_EACH_SIZE(DEFINE_SHIFT, rol)
FOR_EACH_SIZE(DEFINE_SHIFT, ror)
FOR_EACH_SIZE(DEFINE_SHIFT, rcl)
FOR_EACH_SIZE(DEFINE_SHIFT, rcr)
FOR_EACH_SIZE(DEFINE_SHIFT, shl)
FOR_EACH_SIZE(DEFINE_SHIFT, shr)
FOR_EACH_SIZE(DEFINE_SHIFT, sar)
