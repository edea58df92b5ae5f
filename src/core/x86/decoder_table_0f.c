// SPDX-License-Identifier: Apache-2.0
/*
 * The two-byte map (SDM volume 2, table A-3): integer and system instructions here, MMX and SSE in
 * opcodes_0f_simd, to which a row without an instruction leads.
 */
#include "core/x86/decoder_table.h"

#define MODRM      RULE_MODRM
#define LOCK       INSTRUCTION_LOCKABLE
#define BRANCH     INSTRUCTION_BRANCH
#define PRIVILEGED INSTRUCTION_PRIVILEGED
#define HOST       INSTRUCTION_HOST_EXECUTED
#define HOST_FLAGS (INSTRUCTION_HOST_EXECUTED | INSTRUCTION_WRITES_FLAGS)

#define PLAIN(name, needs, flag_bits, ...) INSTRUCTION(name, needs, 0, flag_bits, __VA_ARGS__)
#define WITH(name, needs, flag_bits, ...)  INSTRUCTION(name, needs, MODRM, flag_bits, __VA_ARGS__)
#define FIXED(name, needs, flag_bits)      INSTRUCTION(name, needs, MODRM, flag_bits)
#define NO_PREFIX_BUT(row)                 ROWS(PREFIX, row, NOTHING, NOTHING, NOTHING)

static const struct opcode group6[8] = {
    WITH(SLDT, BASE, 0, W(RvMw)),        WITH(STR, BASE, 0, W(RvMw)),
    WITH(LLDT, BASE, PRIVILEGED, R(Ew)), WITH(LTR, BASE, PRIVILEGED, R(Ew)),
    WITH(VERR, BASE, 0, R(Ew)),          WITH(VERW, BASE, 0, R(Ew)),
};

/* 0F 01 with a register: ModR/M.rm is part of the opcode. */
static const struct opcode group7_c1[8] = {
    [1] = NO_PREFIX_BUT(FIXED(VMCALL, HYPERCALL, BRANCH)),
};
static const struct opcode group7_c8[8] = {
    NO_PREFIX_BUT(INSTRUCTION(MONITOR, MONITOR, MODRM, PRIVILEGED, HIDDEN_R(rAXa))),
    NO_PREFIX_BUT(FIXED(MWAIT, MONITOR, PRIVILEGED)),
    NO_PREFIX_BUT(FIXED(CLAC, SMAP, PRIVILEGED)),
    NO_PREFIX_BUT(FIXED(STAC, SMAP, PRIVILEGED)),
};
static const struct opcode group7_d0[8] = {
    NO_PREFIX_BUT(FIXED(XGETBV, XSAVE, 0)),
    NO_PREFIX_BUT(FIXED(XSETBV, XSAVE, PRIVILEGED)),
};
static const struct opcode group7_d9[8] = {
    [1] = NO_PREFIX_BUT(FIXED(VMMCALL, HYPERCALL, BRANCH)),
};
static const struct opcode group7_f8[8] = {
    INSTRUCTION(SWAPGS, LONG_MODE, MODRM | RULE_ONLY_64, PRIVILEGED),
    FIXED(RDTSCP, RDTSCP, 0),
};
static const struct opcode group7_memory[8] = {
    INSTRUCTION(SGDT, BASE, MODRM | RULE_FORCE_64, 0, W(Ms)),
    INSTRUCTION(SIDT, BASE, MODRM | RULE_FORCE_64, 0, W(Ms)),
    INSTRUCTION(LGDT, BASE, MODRM | RULE_FORCE_64, PRIVILEGED, R(Ms)),
    INSTRUCTION(LIDT, BASE, MODRM | RULE_FORCE_64, PRIVILEGED, R(Ms)),
    WITH(SMSW, BASE, 0, W(RvMw)),
    NOTHING,
    WITH(LMSW, BASE, PRIVILEGED | BRANCH, R(Ew)),
    WITH(INVLPG, BASE, PRIVILEGED | BRANCH, A(Mb)),
};
static const struct opcode group7_register[8] = {
    TABLE(RM, group7_c1),
    TABLE(RM, group7_c8),
    TABLE(RM, group7_d0),
    TABLE(RM, group7_d9),
    WITH(SMSW, BASE, 0, W(RvMw)),
    NOTHING,
    WITH(LMSW, BASE, PRIVILEGED | BRANCH, R(Ew)),
    TABLE(RM, group7_f8),
};
static const struct opcode group7[2] = {
    TABLE(REG, group7_memory),
    TABLE(REG, group7_register),
};

static const struct opcode group8[8] = {
    [4] = WITH(BT, BASE, 0, R(Ev), R(Ib)),
    [5] = WITH(BTS, BASE, LOCK, RW(Ev), R(Ib)),
    [6] = WITH(BTR, BASE, LOCK, RW(Ev), R(Ib)),
    [7] = WITH(BTC, BASE, LOCK, RW(Ev), R(Ib)),
};

static const struct opcode cmpxchg_memory[2] = {
    WITH(CMPXCHG8B, CX8, LOCK, RW(Mq), HIDDEN_RW(EAX), HIDDEN_RW(EDX)),
    WITH(CMPXCHG16B, CX16, LOCK | INSTRUCTION_ALIGNED, RW(Mdq), HIDDEN_RW(rAXv), HIDDEN_RW(rDXv)),
};
static const struct opcode group9_memory[8] = {
    [1] = TABLE(W, cmpxchg_memory),
    [3] = NO_PREFIX_BUT(WITH(XRSTORS, XSAVES, PRIVILEGED, R(M), HIDDEN_R(EAX), HIDDEN_R(EDX))),
    [4] = NO_PREFIX_BUT(WITH(XSAVEC, XSAVEC, 0, W(M), HIDDEN_R(EAX), HIDDEN_R(EDX))),
    [5] = NO_PREFIX_BUT(WITH(XSAVES, XSAVES, PRIVILEGED, W(M), HIDDEN_R(EAX), HIDDEN_R(EDX))),
};
static const struct opcode group9_register[8] = {
    [6] = ROWS(REPEAT, WITH(RDRAND, RDRAND, 0, W(Rv)), NOTHING, NOTHING),
    [7] = ROWS(REPEAT, WITH(RDSEED, RDSEED, 0, W(Rv)), WITH(RDPID, RDPID, 0, W(Rn)), NOTHING),
};
static const struct opcode group9[2] = {
    TABLE(REG, group9_memory),
    TABLE(REG, group9_register),
};

static const struct opcode group15_none_memory[8] = {
    WITH(FXSAVE, FXSR, 0, W(Mfx)),
    WITH(FXRSTOR, FXSR, 0, R(Mfx)),
    WITH(LDMXCSR, SSE, HOST, R(Md)),
    WITH(STMXCSR, SSE, HOST, W(Md)),
    WITH(XSAVE, XSAVE, 0, RW(M), HIDDEN_R(EAX), HIDDEN_R(EDX)),
    WITH(XRSTOR, XSAVE, 0, R(M), HIDDEN_R(EAX), HIDDEN_R(EDX)),
    WITH(XSAVEOPT, XSAVEOPT, 0, RW(M), HIDDEN_R(EAX), HIDDEN_R(EDX)),
    WITH(CLFLUSH, CLFLUSH, 0, A(Mb)),
};
static const struct opcode group15_66_memory[8] = {
    [6] = WITH(CLWB, CLWB, 0, A(Mb)),
    [7] = WITH(CLFLUSHOPT, CLFLUSHOPT, 0, A(Mb)),
};
static const struct opcode group15_none_register[8] = {
    [5] = FIXED(LFENCE, SSE2, 0),
    [6] = FIXED(MFENCE, SSE2, 0),
    [7] = FIXED(SFENCE, SSE, 0),
};
static const struct opcode group15_f3_register[8] = {
    INSTRUCTION(RDFSBASE, FSGSBASE, MODRM | RULE_ONLY_64, 0, W(Ry)),
    INSTRUCTION(RDGSBASE, FSGSBASE, MODRM | RULE_ONLY_64, 0, W(Ry)),
    INSTRUCTION(WRFSBASE, FSGSBASE, MODRM | RULE_ONLY_64, 0, R(Ry)),
    INSTRUCTION(WRGSBASE, FSGSBASE, MODRM | RULE_ONLY_64, 0, R(Ry)),
};
static const struct opcode group15[4] = {
    ROWS(MOD, TABLE(REG, group15_none_memory), TABLE(REG, group15_none_register)),
    ROWS(MOD, TABLE(REG, group15_66_memory), NOTHING),
    ROWS(MOD, NOTHING, TABLE(REG, group15_f3_register)),
    NOTHING,
};

#define HINT_NOP FIXED(NOP, BASE, 0)

/* PREFETCHW and PREFETCHWT1, PREFETCH.., and the hints that older CPUs take for NOPs. */
static const struct opcode group_prefetch_write[8] = {
    WITH(PREFETCHW, PREFETCHW, 0, A(Mb)), WITH(PREFETCHW, PREFETCHW, 0, A(Mb)),
    WITH(PREFETCHW, PREFETCHW, 0, A(Mb)), WITH(PREFETCHW, PREFETCHW, 0, A(Mb)),
    WITH(PREFETCHW, PREFETCHW, 0, A(Mb)), WITH(PREFETCHW, PREFETCHW, 0, A(Mb)),
    WITH(PREFETCHW, PREFETCHW, 0, A(Mb)), WITH(PREFETCHW, PREFETCHW, 0, A(Mb)),
};
static const struct opcode group16_memory[8] = {
    WITH(PREFETCH, SSE, 0, A(Mb)),
    WITH(PREFETCH, SSE, 0, A(Mb)),
    WITH(PREFETCH, SSE, 0, A(Mb)),
    WITH(PREFETCH, SSE, 0, A(Mb)),
    HINT_NOP,
    HINT_NOP,
    HINT_NOP,
    HINT_NOP,
};

#define EXCHANGE_ADD(operand_e, operand_g, rule_bits)                                              \
    INSTRUCTION(XADD, BASE, MODRM | (rule_bits), LOCK, RW(operand_e), RW(operand_g))

const struct opcode opcodes_0f[256] = {
    [0x00] = TABLE(REG, group6),
    [0x01] = TABLE(MOD, group7),
    [0x02] = WITH(LAR, BASE, 0, W(Gv), R(RvMw)),
    [0x03] = WITH(LSL, BASE, 0, W(Gv), R(RvMw)),
    [0x05] = INSTRUCTION(SYSCALL, SYSCALL, RULE_ONLY_64, BRANCH),
    [0x06] = PLAIN(CLTS, BASE, PRIVILEGED),
    [0x07] = INSTRUCTION(SYSRET, SYSCALL, RULE_ONLY_64, BRANCH | PRIVILEGED),
    [0x08] = PLAIN(INVD, BASE, PRIVILEGED),
    [0x09] = PLAIN(WBINVD, BASE, PRIVILEGED),
    [0x0b] = PLAIN(UD2, BASE, BRANCH),
    [0x0d] = ROWS(MOD, TABLE(REG, group_prefetch_write), HINT_NOP),
    [0x18] = ROWS(MOD, TABLE(REG, group16_memory), HINT_NOP),
    [0x19 ... 0x1f] = HINT_NOP,
    [0x20] = INSTRUCTION(MOV_CONTROL, BASE, MODRM | RULE_REGISTER | RULE_NATIVE, PRIVILEGED, W(Rn),
                         R(Cn)),
    [0x21] =
        INSTRUCTION(MOV_DEBUG, BASE, MODRM | RULE_REGISTER | RULE_NATIVE, PRIVILEGED, W(Rn), R(Dn)),
    [0x22] = INSTRUCTION(MOV_CONTROL, BASE, MODRM | RULE_REGISTER | RULE_NATIVE,
                         PRIVILEGED | BRANCH, W(Cn), R(Rn)),
    [0x23] = INSTRUCTION(MOV_DEBUG, BASE, MODRM | RULE_REGISTER | RULE_NATIVE, PRIVILEGED | BRANCH,
                         W(Dn), R(Rn)),
    [0x30] = PLAIN(WRMSR, MSR, PRIVILEGED | BRANCH),
    [0x31] = PLAIN(RDTSC, TSC, 0),
    [0x32] = PLAIN(RDMSR, MSR, PRIVILEGED),
    [0x33] = PLAIN(RDPMC, BASE, 0),
    [0x34] = PLAIN(SYSENTER, SEP, BRANCH),
    [0x35] = PLAIN(SYSEXIT, SEP, BRANCH | PRIVILEGED),
    [0x40 ... 0x4f] = WITH(CMOVCC, CMOV, 0, W(Gv), R(Ev)),
    [0x80 ... 0x8f] = INSTRUCTION(JCC, BASE, RULE_FORCE_64, BRANCH, R(Jz)),
    [0x90 ... 0x9f] = INSTRUCTION(SETCC, BASE, MODRM | RULE_BYTE, 0, W(Eb)),
    [0xa0] = INSTRUCTION(PUSH_SEGMENT, BASE, RULE_DEFAULT_64, 0, R(FS)),
    [0xa1] = INSTRUCTION(POP_SEGMENT, BASE, RULE_DEFAULT_64, 0, W(FS)),
    [0xa2] = PLAIN(CPUID, BASE, 0),
    [0xa3] = WITH(BT, BASE, 0, R(Ev), R(Gv)),
    [0xa4] = WITH(SHLD, BASE, 0, RW(Ev), R(Gv), R(Ib)),
    [0xa5] = WITH(SHLD, BASE, 0, RW(Ev), R(Gv), R(CL)),
    [0xa8] = INSTRUCTION(PUSH_SEGMENT, BASE, RULE_DEFAULT_64, 0, R(GS)),
    [0xa9] = INSTRUCTION(POP_SEGMENT, BASE, RULE_DEFAULT_64, 0, W(GS)),
    [0xaa] = PLAIN(RSM, BASE, BRANCH),
    [0xab] = WITH(BTS, BASE, LOCK, RW(Ev), R(Gv)),
    [0xac] = WITH(SHRD, BASE, 0, RW(Ev), R(Gv), R(Ib)),
    [0xad] = WITH(SHRD, BASE, 0, RW(Ev), R(Gv), R(CL)),
    [0xae] = TABLE(PREFIX, group15),
    [0xaf] = WITH(IMUL, BASE, 0, RW(Gv), R(Ev)),
    [0xb0] = INSTRUCTION(CMPXCHG, BASE, MODRM | RULE_BYTE, LOCK, RW(Eb), R(Gb), HIDDEN_RW(AL)),
    [0xb1] = WITH(CMPXCHG, BASE, LOCK, RW(Ev), R(Gv), HIDDEN_RW(rAXv)),
    [0xb2] = WITH(LSS, BASE, 0, W(Gv), R(Mp)),
    [0xb3] = WITH(BTR, BASE, LOCK, RW(Ev), R(Gv)),
    [0xb4] = WITH(LFS, BASE, 0, W(Gv), R(Mp)),
    [0xb5] = WITH(LGS, BASE, 0, W(Gv), R(Mp)),
    [0xb6] = WITH(MOVZX, BASE, 0, W(Gv), R(Eb)),
    [0xb7] = WITH(MOVZX, BASE, 0, W(Gv), R(Ew)),
    [0xb8] = ROWS(REPEAT, NOTHING, WITH(POPCNT, POPCNT, HOST_FLAGS, W(Gv), R(Ev)), NOTHING),
    [0xb9] = FIXED(UD1, BASE, BRANCH),
    [0xba] = TABLE(REG, group8),
    [0xbb] = WITH(BTC, BASE, LOCK, RW(Ev), R(Gv)),
    [0xbc] = ROWS(REPEAT, WITH(BSF, BASE, 0, W(Gv), R(Ev)),
                  WITH(TZCNT, BMI1, HOST_FLAGS, W(Gv), R(Ev)), WITH(BSF, BASE, 0, W(Gv), R(Ev))),
    [0xbd] = ROWS(REPEAT, WITH(BSR, BASE, 0, W(Gv), R(Ev)),
                  WITH(LZCNT, LZCNT, HOST_FLAGS, W(Gv), R(Ev)), WITH(BSR, BASE, 0, W(Gv), R(Ev))),
    [0xbe] = WITH(MOVSX, BASE, 0, W(Gv), R(Eb)),
    [0xbf] = WITH(MOVSX, BASE, 0, W(Gv), R(Ew)),
    [0xc0] = EXCHANGE_ADD(Eb, Gb, RULE_BYTE),
    [0xc1] = EXCHANGE_ADD(Ev, Gv, 0),
    [0xc3] = NO_PREFIX_BUT(WITH(MOVNTI, SSE2, 0, W(My), R(Gy))),
    [0xc7] = TABLE(MOD, group9),
    [0xc8 ... 0xcf] = PLAIN(BSWAP, BASE, 0, RW(Zv)),
    [0xff] = FIXED(UD0, BASE, BRANCH),
};
