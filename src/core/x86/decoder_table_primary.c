// SPDX-License-Identifier: Apache-2.0
/* The one-byte opcode map (SDM volume 2, table A-2) and its groups (table A-6). */
#include "core/x86/decoder_table.h"

#define MODRM  RULE_MODRM
#define BYTE   (RULE_MODRM | RULE_BYTE)
#define LOCK   INSTRUCTION_LOCKABLE
#define BRANCH INSTRUCTION_BRANCH

/* Without ModR/M and without flags; with ModR/M. */
#define PLAIN(name, rule_bits, ...) INSTRUCTION(name, BASE, rule_bits, 0, __VA_ARGS__)
#define FORM_E(name, rule_bits, ...)                                                               \
    INSTRUCTION(name, BASE, RULE_MODRM | (rule_bits), 0, __VA_ARGS__)

/* xxx000 to xxx101 of each arithmetic instruction. */
#define ARITHMETIC(base, name)                                                                     \
    [base] = INSTRUCTION(name, BASE, BYTE, LOCK, RW(Eb), R(Gb)),                                   \
    [base + 1] = INSTRUCTION(name, BASE, MODRM, LOCK, RW(Ev), R(Gv)),                              \
    [base + 2] = FORM_E(name, RULE_BYTE, RW(Gb), R(Eb)),                                           \
    [base + 3] = FORM_E(name, 0, RW(Gv), R(Ev)),                                                   \
    [base + 4] = PLAIN(name, RULE_BYTE, RW(AL), R(Ib)),                                            \
    [base + 5] = PLAIN(name, 0, RW(rAXv), R(Iz))

static const struct opcode group1_byte[8] = {
    INSTRUCTION(ADD, BASE, BYTE, LOCK, RW(Eb), R(Ib)),
    INSTRUCTION(OR, BASE, BYTE, LOCK, RW(Eb), R(Ib)),
    INSTRUCTION(ADC, BASE, BYTE, LOCK, RW(Eb), R(Ib)),
    INSTRUCTION(SBB, BASE, BYTE, LOCK, RW(Eb), R(Ib)),
    INSTRUCTION(AND, BASE, BYTE, LOCK, RW(Eb), R(Ib)),
    INSTRUCTION(SUB, BASE, BYTE, LOCK, RW(Eb), R(Ib)),
    INSTRUCTION(XOR, BASE, BYTE, LOCK, RW(Eb), R(Ib)),
    INSTRUCTION(CMP, BASE, BYTE, 0, R(Eb), R(Ib)),
};

#define GROUP1(immediate)                                                                          \
    {                                                                                              \
        INSTRUCTION(ADD, BASE, MODRM, LOCK, RW(Ev), R(immediate)),                                 \
            INSTRUCTION(OR, BASE, MODRM, LOCK, RW(Ev), R(immediate)),                              \
            INSTRUCTION(ADC, BASE, MODRM, LOCK, RW(Ev), R(immediate)),                             \
            INSTRUCTION(SBB, BASE, MODRM, LOCK, RW(Ev), R(immediate)),                             \
            INSTRUCTION(AND, BASE, MODRM, LOCK, RW(Ev), R(immediate)),                             \
            INSTRUCTION(SUB, BASE, MODRM, LOCK, RW(Ev), R(immediate)),                             \
            INSTRUCTION(XOR, BASE, MODRM, LOCK, RW(Ev), R(immediate)),                             \
            INSTRUCTION(CMP, BASE, MODRM, 0, R(Ev), R(immediate)),                                 \
    }

static const struct opcode group1[8] = GROUP1(Iz);
static const struct opcode group1_short[8] = GROUP1(Ibs);

static const struct opcode group1a[8] = {
    FORM_E(POP, RULE_DEFAULT_64, W(Ev)),
};

/* Shifts and rotates; /6 is SAL, the same as SHL. */
#define GROUP2(operand, count, rule_bits)                                                          \
    {                                                                                              \
        FORM_E(ROL, rule_bits, RW(operand), R(count)),                                             \
            FORM_E(ROR, rule_bits, RW(operand), R(count)),                                         \
            FORM_E(RCL, rule_bits, RW(operand), R(count)),                                         \
            FORM_E(RCR, rule_bits, RW(operand), R(count)),                                         \
            FORM_E(SHL, rule_bits, RW(operand), R(count)),                                         \
            FORM_E(SHR, rule_bits, RW(operand), R(count)),                                         \
            FORM_E(SHL, rule_bits, RW(operand), R(count)),                                         \
            FORM_E(SAR, rule_bits, RW(operand), R(count)),                                         \
    }

static const struct opcode group2_byte_immediate[8] = GROUP2(Eb, Ib, RULE_BYTE);
static const struct opcode group2_immediate[8] = GROUP2(Ev, Ib, 0);
static const struct opcode group2_byte_one[8] = GROUP2(Eb, I1, RULE_BYTE);
static const struct opcode group2_one[8] = GROUP2(Ev, I1, 0);
static const struct opcode group2_byte_cl[8] = GROUP2(Eb, CL, RULE_BYTE);
static const struct opcode group2_cl[8] = GROUP2(Ev, CL, 0);

static const struct opcode group3_byte[8] = {
    FORM_E(TEST, RULE_BYTE, R(Eb), R(Ib)),
    FORM_E(TEST, RULE_BYTE, R(Eb), R(Ib)),
    INSTRUCTION(NOT, BASE, BYTE, LOCK, RW(Eb)),
    INSTRUCTION(NEG, BASE, BYTE, LOCK, RW(Eb)),
    FORM_E(MUL, RULE_BYTE, R(Eb), HIDDEN_W(AX), HIDDEN_R(AL)),
    FORM_E(IMUL, RULE_BYTE, R(Eb), HIDDEN_W(AX), HIDDEN_R(AL)),
    FORM_E(DIV, RULE_BYTE, R(Eb), HIDDEN_RW(AX)),
    FORM_E(IDIV, RULE_BYTE, R(Eb), HIDDEN_RW(AX)),
};

static const struct opcode group3[8] = {
    FORM_E(TEST, 0, R(Ev), R(Iz)),
    FORM_E(TEST, 0, R(Ev), R(Iz)),
    INSTRUCTION(NOT, BASE, MODRM, LOCK, RW(Ev)),
    INSTRUCTION(NEG, BASE, MODRM, LOCK, RW(Ev)),
    FORM_E(MUL, 0, R(Ev), HIDDEN_RW(rAXv), HIDDEN_W(rDXv)),
    FORM_E(IMUL, 0, R(Ev), HIDDEN_RW(rAXv), HIDDEN_W(rDXv)),
    FORM_E(DIV, 0, R(Ev), HIDDEN_RW(rAXv), HIDDEN_RW(rDXv)),
    FORM_E(IDIV, 0, R(Ev), HIDDEN_RW(rAXv), HIDDEN_RW(rDXv)),
};

static const struct opcode group4[8] = {
    INSTRUCTION(INC, BASE, BYTE, LOCK, RW(Eb)),
    INSTRUCTION(DEC, BASE, BYTE, LOCK, RW(Eb)),
};

static const struct opcode group5[8] = {
    INSTRUCTION(INC, BASE, MODRM, LOCK, RW(Ev)),
    INSTRUCTION(DEC, BASE, MODRM, LOCK, RW(Ev)),
    INSTRUCTION(CALL, BASE, MODRM | RULE_FORCE_64, BRANCH, R(Ev)),
    INSTRUCTION(CALL_FAR, BASE, MODRM, BRANCH, R(Mp)),
    INSTRUCTION(JMP, BASE, MODRM | RULE_FORCE_64, BRANCH, R(Ev)),
    INSTRUCTION(JMP_FAR, BASE, MODRM, BRANCH, R(Mp)),
    FORM_E(PUSH, RULE_DEFAULT_64, R(Ev)),
};

static const struct opcode group11_byte[8] = { FORM_E(MOV, RULE_BYTE, W(Eb), R(Ib)) };
static const struct opcode group11[8] = { FORM_E(MOV, 0, W(Ev), R(Iz)) };

/* In 64-bit mode 63 is MOVSXD, else ARPL. */
static const struct opcode opcode_63[2] = {
    FORM_E(ARPL, 0, RW(Ew), R(Gw)),
    FORM_E(MOVSXD, 0, W(Gv), R(RzMz)),
};

/* F3 90 is PAUSE even with REX.B. */
#define EXCHANGE_OR_NOP  ROWS(REX_B, PLAIN(NOP, 0), XCHG_ACCUMULATOR)
#define XCHG_ACCUMULATOR PLAIN(XCHG, 0, RW(Zv), RW(rAXv))
#define JCC              INSTRUCTION(JCC, BASE, RULE_FORCE_64, BRANCH, R(Jb))

const struct opcode opcodes_primary[256] = {
    ARITHMETIC(0x00, ADD),
    [0x06] = PLAIN(PUSH_SEGMENT, RULE_NOT_64, R(ES)),
    [0x07] = PLAIN(POP_SEGMENT, RULE_NOT_64, W(ES)),
    ARITHMETIC(0x08, OR),
    [0x0e] = PLAIN(PUSH_SEGMENT, RULE_NOT_64, R(CS)),
    ARITHMETIC(0x10, ADC),
    [0x16] = PLAIN(PUSH_SEGMENT, RULE_NOT_64, R(SS)),
    [0x17] = PLAIN(POP_SEGMENT, RULE_NOT_64, W(SS)),
    ARITHMETIC(0x18, SBB),
    [0x1e] = PLAIN(PUSH_SEGMENT, RULE_NOT_64, R(DS)),
    [0x1f] = PLAIN(POP_SEGMENT, RULE_NOT_64, W(DS)),
    ARITHMETIC(0x20, AND),
    [0x27] = PLAIN(DAA, RULE_NOT_64 | RULE_BYTE, HIDDEN_RW(AL)),
    ARITHMETIC(0x28, SUB),
    [0x2f] = PLAIN(DAS, RULE_NOT_64 | RULE_BYTE, HIDDEN_RW(AL)),
    ARITHMETIC(0x30, XOR),
    [0x37] = PLAIN(AAA, RULE_NOT_64 | RULE_BYTE, HIDDEN_RW(AL), HIDDEN_RW(AH)),
    [0x38] = FORM_E(CMP, RULE_BYTE, R(Eb), R(Gb)),
    [0x39] = FORM_E(CMP, 0, R(Ev), R(Gv)),
    [0x3a] = FORM_E(CMP, RULE_BYTE, R(Gb), R(Eb)),
    [0x3b] = FORM_E(CMP, 0, R(Gv), R(Ev)),
    [0x3c] = PLAIN(CMP, RULE_BYTE, R(AL), R(Ib)),
    [0x3d] = PLAIN(CMP, 0, R(rAXv), R(Iz)),
    [0x3f] = PLAIN(AAS, RULE_NOT_64 | RULE_BYTE, HIDDEN_RW(AL), HIDDEN_RW(AH)),
    [0x40 ... 0x47] = PLAIN(INC, RULE_NOT_64, RW(Zv)), /* 64-bit mode: REX */
    [0x48 ... 0x4f] = PLAIN(DEC, RULE_NOT_64, RW(Zv)),
    [0x50 ... 0x57] = PLAIN(PUSH, RULE_DEFAULT_64, R(Zv)),
    [0x58 ... 0x5f] = PLAIN(POP, RULE_DEFAULT_64, W(Zv)),
    [0x60] = PLAIN(PUSHA, RULE_NOT_64),
    [0x61] = PLAIN(POPA, RULE_NOT_64),
    [0x62] = FORM_E(BOUND, RULE_NOT_64, R(Gv), R(Ma)), /* EVEX where it is no BOUND */
    [0x63] = TABLE(MODE, opcode_63),
    [0x68] = PLAIN(PUSH, RULE_DEFAULT_64, R(Iz)),
    [0x69] = FORM_E(IMUL, 0, W(Gv), R(Ev), R(Iz)),
    [0x6a] = PLAIN(PUSH, RULE_DEFAULT_64, R(Ibs)),
    [0x6b] = FORM_E(IMUL, 0, W(Gv), R(Ev), R(Ibs)),
    [0x6c] = PLAIN(INS, RULE_BYTE, HIDDEN_W(Yb), HIDDEN_R(DX)),
    [0x6d] = PLAIN(INS, RULE_PORT, HIDDEN_W(Yz), HIDDEN_R(DX)),
    [0x6e] = PLAIN(OUTS, RULE_BYTE, HIDDEN_R(DX), HIDDEN_R(Xb)),
    [0x6f] = PLAIN(OUTS, RULE_PORT, HIDDEN_R(DX), HIDDEN_R(Xz)),
    [0x70 ... 0x7f] = JCC,
    [0x80] = TABLE(REG, group1_byte),
    [0x81] = TABLE(REG, group1),
    [0x82] = ROWS(MODE, TABLE(REG, group1_byte), NOTHING),
    [0x83] = TABLE(REG, group1_short),
    [0x84] = FORM_E(TEST, RULE_BYTE, R(Eb), R(Gb)),
    [0x85] = FORM_E(TEST, 0, R(Ev), R(Gv)),
    [0x86] = INSTRUCTION(XCHG, BASE, BYTE, LOCK, RW(Eb), RW(Gb)),
    [0x87] = INSTRUCTION(XCHG, BASE, MODRM, LOCK, RW(Ev), RW(Gv)),
    [0x88] = FORM_E(MOV, RULE_BYTE, W(Eb), R(Gb)),
    [0x89] = FORM_E(MOV, 0, W(Ev), R(Gv)),
    [0x8a] = FORM_E(MOV, RULE_BYTE, W(Gb), R(Eb)),
    [0x8b] = FORM_E(MOV, 0, W(Gv), R(Ev)),
    [0x8c] = FORM_E(MOV_SEGMENT, 0, W(RvMw), R(Sw)),
    [0x8d] = FORM_E(LEA, 0, W(Gv), A(M)),
    [0x8e] = FORM_E(MOV_SEGMENT, 0, W(Sw), R(Ew)),
    [0x8f] = TABLE(REG, group1a),
    [0x90] = ROWS(REPEAT, EXCHANGE_OR_NOP, PLAIN(PAUSE, 0), EXCHANGE_OR_NOP),
    [0x91 ... 0x97] = XCHG_ACCUMULATOR,
    [0x98] = PLAIN(CBW, 0, HIDDEN_W(rAXv)),
    [0x99] = PLAIN(CWD, 0, HIDDEN_R(rAXv), HIDDEN_W(rDXv)),
    [0x9a] = INSTRUCTION(CALL_FAR, BASE, RULE_NOT_64, BRANCH, R(Ap)),
    [0x9b] = INSTRUCTION(FWAIT, FPU, 0, INSTRUCTION_X87),
    [0x9c] = PLAIN(PUSHF, RULE_DEFAULT_64),
    [0x9d] = PLAIN(POPF, RULE_DEFAULT_64),
    [0x9e] = INSTRUCTION(SAHF, LAHF64, RULE_BYTE, 0),
    [0x9f] = INSTRUCTION(LAHF, LAHF64, RULE_BYTE, 0),
    [0xa0] = PLAIN(MOV, RULE_BYTE, W(AL), R(Ob)),
    [0xa1] = PLAIN(MOV, 0, W(rAXv), R(Ov)),
    [0xa2] = PLAIN(MOV, RULE_BYTE, W(Ob), R(AL)),
    [0xa3] = PLAIN(MOV, 0, W(Ov), R(rAXv)),
    [0xa4] = PLAIN(MOVS, RULE_BYTE, HIDDEN_W(Yb), HIDDEN_R(Xb)),
    [0xa5] = PLAIN(MOVS, 0, HIDDEN_W(Yv), HIDDEN_R(Xv)),
    [0xa6] = PLAIN(CMPS, RULE_BYTE, HIDDEN_R(Xb), HIDDEN_R(Yb)),
    [0xa7] = PLAIN(CMPS, 0, HIDDEN_R(Xv), HIDDEN_R(Yv)),
    [0xa8] = PLAIN(TEST, RULE_BYTE, R(AL), R(Ib)),
    [0xa9] = PLAIN(TEST, 0, R(rAXv), R(Iz)),
    [0xaa] = PLAIN(STOS, RULE_BYTE, HIDDEN_W(Yb), HIDDEN_R(AL)),
    [0xab] = PLAIN(STOS, 0, HIDDEN_W(Yv), HIDDEN_R(rAXv)),
    [0xac] = PLAIN(LODS, RULE_BYTE, HIDDEN_W(AL), HIDDEN_R(Xb)),
    [0xad] = PLAIN(LODS, 0, HIDDEN_W(rAXv), HIDDEN_R(Xv)),
    [0xae] = PLAIN(SCAS, RULE_BYTE, HIDDEN_R(AL), HIDDEN_R(Yb)),
    [0xaf] = PLAIN(SCAS, 0, HIDDEN_R(rAXv), HIDDEN_R(Yv)),
    [0xb0 ... 0xb7] = PLAIN(MOV, RULE_BYTE, W(Zb), R(Ib)),
    [0xb8 ... 0xbf] = PLAIN(MOV, 0, W(Zv), R(Iv)),
    [0xc0] = TABLE(REG, group2_byte_immediate),
    [0xc1] = TABLE(REG, group2_immediate),
    [0xc2] = INSTRUCTION(RET, BASE, RULE_FORCE_64, BRANCH, R(Iw)),
    [0xc3] = INSTRUCTION(RET, BASE, RULE_FORCE_64, BRANCH),
    [0xc4] = FORM_E(LES, RULE_NOT_64, W(Gv), R(Mp)), /* VEX where it is no LES */
    [0xc5] = FORM_E(LDS, RULE_NOT_64, W(Gv), R(Mp)),
    [0xc6] = TABLE(REG, group11_byte),
    [0xc7] = TABLE(REG, group11),
    [0xc8] = PLAIN(ENTER, RULE_DEFAULT_64, R(Iw), R(Ib)),
    [0xc9] = PLAIN(LEAVE, RULE_DEFAULT_64),
    [0xca] = INSTRUCTION(RET_FAR, BASE, 0, BRANCH, R(Iw)),
    [0xcb] = INSTRUCTION(RET_FAR, BASE, 0, BRANCH),
    [0xcc] = INSTRUCTION(INT3, BASE, 0, BRANCH),
    [0xcd] = INSTRUCTION(INT, BASE, 0, BRANCH, R(Ib)),
    [0xce] = INSTRUCTION(INTO, BASE, RULE_NOT_64, BRANCH),
    [0xcf] = INSTRUCTION(IRET, BASE, 0, BRANCH),
    [0xd0] = TABLE(REG, group2_byte_one),
    [0xd1] = TABLE(REG, group2_one),
    [0xd2] = TABLE(REG, group2_byte_cl),
    [0xd3] = TABLE(REG, group2_cl),
    [0xd4] = PLAIN(AAM, RULE_NOT_64 | RULE_BYTE, R(Ib), HIDDEN_RW(AL), HIDDEN_W(AH)),
    [0xd5] = PLAIN(AAD, RULE_NOT_64 | RULE_BYTE, R(Ib), HIDDEN_RW(AL), HIDDEN_RW(AH)),
    [0xd6] = PLAIN(SALC, RULE_NOT_64 | RULE_BYTE, HIDDEN_W(AL)),
    [0xd7] = PLAIN(XLAT, RULE_BYTE, HIDDEN_W(AL), HIDDEN_R(BXb)),
    /* D8-DF: opcodes_x87 */
    [0xe0] = INSTRUCTION(LOOPNE, BASE, RULE_FORCE_64, BRANCH, R(Jb), HIDDEN_RW(rCXa)),
    [0xe1] = INSTRUCTION(LOOPE, BASE, RULE_FORCE_64, BRANCH, R(Jb), HIDDEN_RW(rCXa)),
    [0xe2] = INSTRUCTION(LOOP, BASE, RULE_FORCE_64, BRANCH, R(Jb), HIDDEN_RW(rCXa)),
    [0xe3] = INSTRUCTION(JCXZ, BASE, RULE_FORCE_64, BRANCH, R(Jb), HIDDEN_R(rCXa)),
    [0xe4] = PLAIN(IN, RULE_BYTE, W(AL), R(Ib)),
    [0xe5] = PLAIN(IN, RULE_PORT, W(rAXz), R(Ib)),
    [0xe6] = PLAIN(OUT, RULE_BYTE, R(Ib), R(AL)),
    [0xe7] = PLAIN(OUT, RULE_PORT, R(Ib), R(rAXz)),
    [0xe8] = INSTRUCTION(CALL, BASE, RULE_FORCE_64, BRANCH, R(Jz)),
    [0xe9] = INSTRUCTION(JMP, BASE, RULE_FORCE_64, BRANCH, R(Jz)),
    [0xea] = INSTRUCTION(JMP_FAR, BASE, RULE_NOT_64, BRANCH, R(Ap)),
    [0xeb] = INSTRUCTION(JMP, BASE, RULE_FORCE_64, BRANCH, R(Jb)),
    [0xec] = PLAIN(IN, RULE_BYTE, W(AL), R(DX)),
    [0xed] = PLAIN(IN, RULE_PORT, W(rAXz), R(DX)),
    [0xee] = PLAIN(OUT, RULE_BYTE, R(DX), R(AL)),
    [0xef] = PLAIN(OUT, RULE_PORT, R(DX), R(rAXz)),
    [0xf1] = INSTRUCTION(INT1, BASE, 0, BRANCH),
    [0xf4] = INSTRUCTION(HLT, BASE, 0, BRANCH | INSTRUCTION_PRIVILEGED),
    [0xf5] = PLAIN(CMC, 0),
    [0xf6] = TABLE(REG, group3_byte),
    [0xf7] = TABLE(REG, group3),
    [0xf8] = PLAIN(CLC, 0),
    [0xf9] = PLAIN(STC, 0),
    [0xfa] = PLAIN(CLI, 0),
    [0xfb] = PLAIN(STI, 0),
    [0xfc] = PLAIN(CLD, 0),
    [0xfd] = PLAIN(STD, 0),
    [0xfe] = TABLE(REG, group4),
    [0xff] = TABLE(REG, group5),
};
