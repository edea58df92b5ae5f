// SPDX-License-Identifier: Apache-2.0
/*
 * The sixteen conditions of Jcc, SETcc and CMOVcc (SDM volume 1, appendix B) over cpu->flags, which
 * is AX after LAHF; SETO AL: SF is bit 15, ZF 14, PF 10, CF 8, OF 0.
 */
#pragma once

#include "core/types.h"

#define FLAG_SF (1u << 15)
#define FLAG_ZF (1u << 14)
#define FLAG_AF (1u << 12)
#define FLAG_PF (1u << 10)
#define FLAG_CF (1u << 8)
#define FLAG_OF (1u << 0)

static inline bool flags_less(uint32_t flags)
{
    return (flags >> 15 ^ flags) & 1;
}

#define CONDITION_o(flags)  ((flags)&FLAG_OF)
#define CONDITION_no(flags) (!CONDITION_o(flags))
#define CONDITION_b(flags)  ((flags)&FLAG_CF)
#define CONDITION_ae(flags) (!CONDITION_b(flags))
#define CONDITION_e(flags)  ((flags)&FLAG_ZF)
#define CONDITION_ne(flags) (!CONDITION_e(flags))
#define CONDITION_be(flags) ((flags) & (FLAG_CF | FLAG_ZF))
#define CONDITION_a(flags)  (!CONDITION_be(flags))
#define CONDITION_s(flags)  ((flags)&FLAG_SF)
#define CONDITION_ns(flags) (!CONDITION_s(flags))
#define CONDITION_p(flags)  ((flags)&FLAG_PF)
#define CONDITION_np(flags) (!CONDITION_p(flags))
#define CONDITION_l(flags)  (flags_less(flags))
#define CONDITION_ge(flags) (!CONDITION_l(flags))
#define CONDITION_le(flags) (CONDITION_l(flags) || CONDITION_e(flags))
#define CONDITION_g(flags)  (!CONDITION_le(flags))

/* In the order of their encoding. */
#define FOR_EACH_CONDITION(X, ...)                                                                 \
    X(o, __VA_ARGS__)                                                                              \
    X(no, __VA_ARGS__)                                                                             \
    X(b, __VA_ARGS__)                                                                              \
    X(ae, __VA_ARGS__)                                                                             \
    X(e, __VA_ARGS__)                                                                              \
    X(ne, __VA_ARGS__)                                                                             \
    X(be, __VA_ARGS__)                                                                             \
    X(a, __VA_ARGS__)                                                                              \
    X(s, __VA_ARGS__)                                                                              \
    X(ns, __VA_ARGS__)                                                                             \
    X(p, __VA_ARGS__)                                                                              \
    X(np, __VA_ARGS__)                                                                             \
    X(l, __VA_ARGS__)                                                                              \
    X(ge, __VA_ARGS__)                                                                             \
    X(le, __VA_ARGS__)                                                                             \
    X(g, __VA_ARGS__)
