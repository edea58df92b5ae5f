// SPDX-License-Identifier: Apache-2.0
/*
 * The opcode maps as data. A map has 256 rows; a row is an instruction, or names what tells several
 * apart (ModR/M.reg, a mandatory prefix, ...) and points to an array that this indexes.
 *
 * Operands are written in the notation of SDM volume 2, appendix A.2: a letter for where the
 * operand is (E: ModR/M.rm, general register or memory; G: ModR/M.reg; V, W, H: the same for vector
 * registers and VEX.vvvv; I: immediate; ...), then letters for its size (b, w, d, q; v: 16, 32 or
 * 64 bits by operand size; z: 16 or 32; y: 32 or 64; x: vector length; ...).
 */
#pragma once

#include "core/x86/instruction.h"

/* Index of the array that a row points to. */
enum opcode_kind {
    OPCODE_INVALID,
    OPCODE_INSTRUCTION,
    OPCODE_BY_REG,    /* ModR/M.reg: 8 rows */
    OPCODE_BY_RM,     /* ModR/M.rm: 8 rows */
    OPCODE_BY_MOD,    /* memory, register */
    OPCODE_BY_PREFIX, /* mandatory prefix: none, 66, F3, F2 */
    OPCODE_BY_REPEAT, /* none, F3, F2; 66 stays the operand-size prefix */
    OPCODE_BY_REX_B,  /* 0, 1 */
    OPCODE_BY_MODE,   /* CODE_16 and CODE_32, CODE_64 */
    OPCODE_BY_W,      /* REX.W or VEX.W: 0, 1 */
    OPCODE_BY_L,      /* VEX.L: 0, 1 */
};

enum opcode_rule {
    RULE_MODRM = 1 << 0,
    RULE_BYTE = 1 << 1,       /* operand size 1 */
    RULE_DEFAULT_64 = 1 << 2, /* 64-bit mode: operand size 8, or 2 with 66 (SDM 1, 3.6.1) */
    RULE_FORCE_64 = 1 << 3,   /* 64-bit mode: operand size 8 whatever the prefixes are */
    RULE_NOT_64 = 1 << 4,     /* #UD in 64-bit mode */
    RULE_ONLY_64 = 1 << 5,    /* #UD outside 64-bit mode */
    RULE_REGISTER = 1 << 6,   /* ModR/M.mod is ignored: rm is a register (MOV to and from CR, DR) */
    RULE_VSIB = 1 << 7,
    RULE_W0 = 1 << 8,      /* #UD if VEX.W is 1 */
    RULE_W1 = 1 << 9,      /* #UD if VEX.W is 0 */
    RULE_L0 = 1 << 10,     /* #UD if VEX.L is 1 */
    RULE_L1 = 1 << 11,     /* #UD if VEX.L is 0 */
    RULE_PORT = 1 << 12,   /* operand size 4 at most */
    RULE_NATIVE = 1 << 13, /* operand size 8 in 64-bit mode, else 4 */
};

struct operand_row {
    uint8_t form;   /* enum operand_form */
    uint8_t access; /* enum operand_access, OPERAND_HIDDEN */
};

#define OPERAND_HIDDEN 0x80

struct opcode {
    uint16_t mnemonic; /* enum mnemonic */
    uint8_t kind;      /* enum opcode_kind */
    uint8_t feature;   /* enum cpu_feature */
    uint16_t rules;    /* enum opcode_rule */
    uint8_t flags;     /* enum instruction_flag */
    struct operand_row operands[INSTRUCTION_MAX_OPERANDS];
    const struct opcode *rows;
};

/*
 * Operand forms: name, where it is, register class, size as a register, size in memory. The last
 * column of FIXED is the register's number.
 */
#define OPERAND_FORMS(FORM)                                                                        \
    /* ModR/M.rm, register or memory */                                                            \
    FORM(Eb, RM, GENERAL, SIZE_1, SIZE_1)                                                          \
    FORM(Ew, RM, GENERAL, SIZE_2, SIZE_2)                                                          \
    FORM(Ed, RM, GENERAL, SIZE_4, SIZE_4)                                                          \
    FORM(Ev, RM, GENERAL, SIZE_V, SIZE_V)                                                          \
    FORM(Ey, RM, GENERAL, SIZE_Y, SIZE_Y)                                                          \
    FORM(En, RM, GENERAL, SIZE_NATIVE, SIZE_NATIVE)                                                \
    FORM(RzMz, RM, GENERAL, SIZE_Z, SIZE_Z)                                                        \
    FORM(RvMw, RM, GENERAL, SIZE_V, SIZE_2)                                                        \
    FORM(RdMb, RM, GENERAL, SIZE_4, SIZE_1)                                                        \
    FORM(RdMw, RM, GENERAL, SIZE_4, SIZE_2)                                                        \
    FORM(Q, RM, MMX, SIZE_8, SIZE_8)                                                               \
    FORM(Qd, RM, MMX, SIZE_8, SIZE_4)                                                              \
    FORM(Wx, RM, XMM, SIZE_X, SIZE_X)                                                              \
    FORM(Wdq, RM, XMM, SIZE_16, SIZE_16)                                                           \
    FORM(Wqq, RM, XMM, SIZE_32, SIZE_32)                                                           \
    FORM(Wq, RM, XMM, SIZE_16, SIZE_8)                                                             \
    FORM(Wd, RM, XMM, SIZE_16, SIZE_4)                                                             \
    FORM(Ww, RM, XMM, SIZE_16, SIZE_2)                                                             \
    FORM(Wb, RM, XMM, SIZE_16, SIZE_1)                                                             \
    FORM(Whalf, RM, XMM, SIZE_16, SIZE_HALF)                                                       \
    FORM(Wquarter, RM, XMM, SIZE_16, SIZE_QUARTER)                                                 \
    FORM(Weighth, RM, XMM, SIZE_16, SIZE_EIGHTH)                                                   \
    FORM(Wduplicate, RM, XMM, SIZE_X, SIZE_DUPLICATE)                                              \
    /* ModR/M.rm, memory only */                                                                   \
    FORM(M, MEMORY, GENERAL, SIZE_0, SIZE_0)                                                       \
    FORM(Mb, MEMORY, GENERAL, SIZE_0, SIZE_1)                                                      \
    FORM(Mw, MEMORY, GENERAL, SIZE_0, SIZE_2)                                                      \
    FORM(Md, MEMORY, GENERAL, SIZE_0, SIZE_4)                                                      \
    FORM(Mq, MEMORY, GENERAL, SIZE_0, SIZE_8)                                                      \
    FORM(Mt, MEMORY, GENERAL, SIZE_0, SIZE_10)                                                     \
    FORM(Mdq, MEMORY, GENERAL, SIZE_0, SIZE_16)                                                    \
    FORM(Mqq, MEMORY, GENERAL, SIZE_0, SIZE_32)                                                    \
    FORM(Mfx, MEMORY, GENERAL, SIZE_0, SIZE_512)                                                   \
    FORM(Mx, MEMORY, GENERAL, SIZE_0, SIZE_X)                                                      \
    FORM(Mv, MEMORY, GENERAL, SIZE_0, SIZE_V)                                                      \
    FORM(My, MEMORY, GENERAL, SIZE_0, SIZE_Y)                                                      \
    FORM(Mp, MEMORY, GENERAL, SIZE_0, SIZE_POINTER)                                                \
    FORM(Ma, MEMORY, GENERAL, SIZE_0, SIZE_PAIR)                                                   \
    FORM(Ms, MEMORY, GENERAL, SIZE_0, SIZE_TABLE)                                                  \
    FORM(Menvironment, MEMORY, GENERAL, SIZE_0, SIZE_X87_ENVIRONMENT)                              \
    FORM(Mstate, MEMORY, GENERAL, SIZE_0, SIZE_X87_STATE)                                          \
    /* ModR/M.rm, register only */                                                                 \
    FORM(Rd, RM_REGISTER, GENERAL, SIZE_4, SIZE_0)                                                 \
    FORM(Rv, RM_REGISTER, GENERAL, SIZE_V, SIZE_0)                                                 \
    FORM(Ry, RM_REGISTER, GENERAL, SIZE_Y, SIZE_0)                                                 \
    FORM(Rn, RM_REGISTER, GENERAL, SIZE_NATIVE, SIZE_0)                                            \
    FORM(N, RM_REGISTER, MMX, SIZE_8, SIZE_0)                                                      \
    FORM(Ux, RM_REGISTER, XMM, SIZE_X, SIZE_0)                                                     \
    FORM(Udq, RM_REGISTER, XMM, SIZE_16, SIZE_0)                                                   \
    FORM(STi, RM_REGISTER, X87, SIZE_10, SIZE_0)                                                   \
    /* ModR/M.reg */                                                                               \
    FORM(Gb, REG, GENERAL, SIZE_1, SIZE_0)                                                         \
    FORM(Gw, REG, GENERAL, SIZE_2, SIZE_0)                                                         \
    FORM(Gd, REG, GENERAL, SIZE_4, SIZE_0)                                                         \
    FORM(Gv, REG, GENERAL, SIZE_V, SIZE_0)                                                         \
    FORM(Gy, REG, GENERAL, SIZE_Y, SIZE_0)                                                         \
    FORM(Gn, REG, GENERAL, SIZE_NATIVE, SIZE_0)                                                    \
    FORM(Sw, REG_SEGMENT, SEGMENT, SIZE_2, SIZE_0)                                                 \
    FORM(Cn, REG_CONTROL, CONTROL, SIZE_NATIVE, SIZE_0)                                            \
    FORM(Dn, REG_DEBUG, DEBUG, SIZE_NATIVE, SIZE_0)                                                \
    FORM(P, REG, MMX, SIZE_8, SIZE_0)                                                              \
    FORM(Vx, REG, XMM, SIZE_X, SIZE_0)                                                             \
    FORM(Vdq, REG, XMM, SIZE_16, SIZE_0)                                                           \
    FORM(Vqq, REG, XMM, SIZE_32, SIZE_0)                                                           \
    /* VEX.vvvv, bits 7-4 of an immediate */                                                       \
    FORM(By, VVVV, GENERAL, SIZE_Y, SIZE_0)                                                        \
    FORM(Hx, VVVV, XMM, SIZE_X, SIZE_0)                                                            \
    FORM(Hdq, VVVV, XMM, SIZE_16, SIZE_0)                                                          \
    FORM(Hqq, VVVV, XMM, SIZE_32, SIZE_0)                                                          \
    FORM(Lx, IMMEDIATE_REGISTER, XMM, SIZE_X, SIZE_0)                                              \
    FORM(Ldq, IMMEDIATE_REGISTER, XMM, SIZE_16, SIZE_0)                                            \
    /* low bits of the opcode */                                                                   \
    FORM(Zb, OPCODE, GENERAL, SIZE_1, SIZE_0)                                                      \
    FORM(Zv, OPCODE, GENERAL, SIZE_V, SIZE_0)                                                      \
    /* fixed registers */                                                                          \
    FORM(AL, FIXED, GENERAL, SIZE_1, 0)                                                            \
    FORM(AH, FIXED, HIGH_BYTE, SIZE_1, 0)                                                          \
    FORM(CL, FIXED, GENERAL, SIZE_1, 1)                                                            \
    FORM(AX, FIXED, GENERAL, SIZE_2, 0)                                                            \
    FORM(DX, FIXED, GENERAL, SIZE_2, 2)                                                            \
    FORM(EAX, FIXED, GENERAL, SIZE_4, 0)                                                           \
    FORM(EDX, FIXED, GENERAL, SIZE_4, 2)                                                           \
    FORM(ECX, FIXED, GENERAL, SIZE_4, 1)                                                           \
    FORM(rAXv, FIXED, GENERAL, SIZE_V, 0)                                                          \
    FORM(rDXv, FIXED, GENERAL, SIZE_V, 2)                                                          \
    FORM(rAXz, FIXED, GENERAL, SIZE_Z, 0)                                                          \
    FORM(rAXy, FIXED, GENERAL, SIZE_Y, 0)                                                          \
    FORM(rDXy, FIXED, GENERAL, SIZE_Y, 2)                                                          \
    FORM(rAXa, FIXED, GENERAL, SIZE_ADDRESS, 0)                                                    \
    FORM(rCXa, FIXED, GENERAL, SIZE_ADDRESS, 1)                                                    \
    FORM(ES, FIXED, SEGMENT, SIZE_2, 0)                                                            \
    FORM(CS, FIXED, SEGMENT, SIZE_2, 1)                                                            \
    FORM(SS, FIXED, SEGMENT, SIZE_2, 2)                                                            \
    FORM(DS, FIXED, SEGMENT, SIZE_2, 3)                                                            \
    FORM(FS, FIXED, SEGMENT, SIZE_2, 4)                                                            \
    FORM(GS, FIXED, SEGMENT, SIZE_2, 5)                                                            \
    FORM(ST0, FIXED, X87, SIZE_10, 0)                                                              \
    FORM(XMM0, FIXED, XMM, SIZE_16, 0)                                                             \
    /* immediates; s: sign-extended */                                                             \
    FORM(Ib, UNSIGNED, GENERAL, SIZE_1, SIZE_0)                                                    \
    FORM(Ibs, SIGNED, GENERAL, SIZE_1, SIZE_0)                                                     \
    FORM(Iw, UNSIGNED, GENERAL, SIZE_2, SIZE_0)                                                    \
    FORM(Iz, SIGNED, GENERAL, SIZE_Z, SIZE_0)                                                      \
    FORM(Iv, SIGNED, GENERAL, SIZE_V, SIZE_0)                                                      \
    FORM(I1, ONE, GENERAL, SIZE_1, SIZE_0)                                                         \
    FORM(Jb, RELATIVE, GENERAL, SIZE_1, SIZE_0)                                                    \
    FORM(Jz, RELATIVE, GENERAL, SIZE_Z, SIZE_0)                                                    \
    FORM(Ap, FAR, GENERAL, SIZE_POINTER, SIZE_0)                                                   \
    /* memory without ModR/M */                                                                    \
    FORM(Ob, OFFSET, GENERAL, SIZE_0, SIZE_1)                                                      \
    FORM(Ov, OFFSET, GENERAL, SIZE_0, SIZE_V)                                                      \
    FORM(Xb, SOURCE, GENERAL, SIZE_0, SIZE_1)                                                      \
    FORM(Xv, SOURCE, GENERAL, SIZE_0, SIZE_V)                                                      \
    FORM(Xz, SOURCE, GENERAL, SIZE_0, SIZE_Z)                                                      \
    FORM(Yb, DESTINATION, GENERAL, SIZE_0, SIZE_1)                                                 \
    FORM(Yv, DESTINATION, GENERAL, SIZE_0, SIZE_V)                                                 \
    FORM(Yz, DESTINATION, GENERAL, SIZE_0, SIZE_Z)                                                 \
    FORM(BXb, BASE, GENERAL, 3, SIZE_1)                                                            \
    FORM(DIq, BASE, GENERAL, 7, SIZE_8)                                                            \
    FORM(DIdq, BASE, GENERAL, 7, SIZE_16)

enum operand_form {
    FORM_NONE,
#define FORM_NAME(name, source, class, register_size, memory_size) FORM_##name,
    OPERAND_FORMS(FORM_NAME)
#undef FORM_NAME
        FORM_COUNT
};

/* The notation of the tables. */
#define R(form)                                                                                    \
    {                                                                                              \
        FORM_##form, ACCESS_READ                                                                   \
    }
#define W(form)                                                                                    \
    {                                                                                              \
        FORM_##form, ACCESS_WRITE                                                                  \
    }
#define RW(form)                                                                                   \
    {                                                                                              \
        FORM_##form, ACCESS_READ | ACCESS_WRITE                                                    \
    }
#define A(form)                                                                                    \
    {                                                                                              \
        FORM_##form, 0                                                                             \
    } /* the address alone */
#define HIDDEN_R(form)                                                                             \
    {                                                                                              \
        FORM_##form, OPERAND_HIDDEN | ACCESS_READ                                                  \
    }
#define HIDDEN_W(form)                                                                             \
    {                                                                                              \
        FORM_##form, OPERAND_HIDDEN | ACCESS_WRITE                                                 \
    }
#define HIDDEN_RW(form)                                                                            \
    {                                                                                              \
        FORM_##form, OPERAND_HIDDEN | ACCESS_READ | ACCESS_WRITE                                   \
    }

#define ROWS(by, ...)                                                                              \
    {                                                                                              \
        .kind = OPCODE_BY_##by, .rows = (const struct opcode[])                                    \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define TABLE(by, array)                                                                           \
    {                                                                                              \
        .kind = OPCODE_BY_##by, .rows = (array)                                                    \
    }
#define NOTHING                                                                                    \
    {                                                                                              \
        .kind = OPCODE_INVALID                                                                     \
    }
#define INSTRUCTION(name, needs, rule_bits, flag_bits, ...)                                        \
    {                                                                                              \
        .mnemonic = MNEMONIC_##name, .kind = OPCODE_INSTRUCTION, .feature = FEATURE_##needs,       \
        .rules = (rule_bits), .flags = (flag_bits), .operands = {                                  \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

extern const struct opcode opcodes_primary[256];
extern const struct opcode opcodes_0f[256];
extern const struct opcode opcodes_0f_simd[256];
extern const struct opcode opcodes_0f38[256];
extern const struct opcode opcodes_0f3a[256];
extern const struct opcode opcodes_vex_0f[256];
extern const struct opcode opcodes_vex_0f38[256];
extern const struct opcode opcodes_vex_0f3a[256];
extern const struct opcode opcodes_x87[8]; /* D8-DF */
