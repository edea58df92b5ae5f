// SPDX-License-Identifier: Apache-2.0
/*
 * D8-DF: SDM volume 2, tables, and the aliases that those leave out but every CPU
 * executes (D9 D8+i, DC D0+i, ...; AMD volume 3, appendix A.1.3 has them as reserved).
 */
#include "core/x86/decoder_table.h"

#define CONTROL INSTRUCTION_X87
#define HOST    (INSTRUCTION_X87 | INSTRUCTION_HOST_EXECUTED)

#define X87(...)         INSTRUCTION(HOST_EXECUTED, FPU, RULE_MODRM, HOST, __VA_ARGS__)
#define NAMED(name, ...) INSTRUCTION(name, FPU, RULE_MODRM, HOST, __VA_ARGS__)
#define MOVES_IF                                                                                   \
    INSTRUCTION(HOST_EXECUTED, CMOV, RULE_MODRM, HOST | INSTRUCTION_READS_FLAGS, W(ST0), R(STi))
#define SETS_FLAGS                                                                                 \
    INSTRUCTION(HOST_EXECUTED, CMOV, RULE_MODRM, HOST | INSTRUCTION_WRITES_FLAGS, R(ST0), R(STi))
#define TRUNCATES(operand)                                                                         \
    INSTRUCTION(HOST_EXECUTED, SSE3, RULE_MODRM, HOST, W(operand), HIDDEN_R(ST0))
#define LOAD(operand)       X87(HIDDEN_W(ST0), R(operand))
#define STORE(operand)      X87(W(operand), HIDDEN_R(ST0))
#define ARITHMETIC(operand) X87(HIDDEN_RW(ST0), R(operand))
#define COMPARE(operand)    X87(HIDDEN_R(ST0), R(operand))
#define ARITHMETIC_MEMORY(operand)                                                                 \
    {                                                                                              \
        ARITHMETIC(operand), ARITHMETIC(operand), COMPARE(operand), COMPARE(operand),              \
            ARITHMETIC(operand), ARITHMETIC(operand), ARITHMETIC(operand), ARITHMETIC(operand)     \
    }
#define TO_ST0   X87(RW(ST0), R(STi))
#define TO_STI   X87(RW(STi), R(ST0))
#define COMPARES X87(R(STi), HIDDEN_R(ST0))

static const struct opcode d8_memory[8] = ARITHMETIC_MEMORY(Md);
static const struct opcode d8_register[8] = {
    TO_ST0, TO_ST0, COMPARES, COMPARES, TO_ST0, TO_ST0, TO_ST0, TO_ST0,
};

static const struct opcode d9_memory[8] = {
    LOAD(Md),
    NOTHING,
    STORE(Md),
    STORE(Md),
    NAMED(FLDENV, R(Menvironment)),
    NAMED(FLDCW, R(Mw)),
    NAMED(FNSTENV, W(Menvironment)),
    NAMED(FNSTCW, W(Mw)),
};
static const struct opcode d9_d0[8] = { X87() };                                        /* FNOP */
static const struct opcode d9_e0[8] = { X87(), X87(), NOTHING, NOTHING, X87(), X87() }; /* FCHS.. */
static const struct opcode d9_e8[8] = { X87(), X87(), X87(), X87(), X87(), X87(), X87() };
static const struct opcode d9_f0[8] = { X87(), X87(), X87(), X87(), X87(), X87(), X87(), X87() };
static const struct opcode d9_register[8] = {
    X87(HIDDEN_W(ST0), R(STi)),   /* FLD */
    X87(RW(STi), HIDDEN_RW(ST0)), /* FXCH */
    TABLE(RM, d9_d0),
    X87(W(STi), HIDDEN_R(ST0)), /* FSTPNCE */
    TABLE(RM, d9_e0),
    TABLE(RM, d9_e8),
    TABLE(RM, d9_f0),
    TABLE(RM, d9_f0),
};

static const struct opcode da_memory[8] = ARITHMETIC_MEMORY(Md);
static const struct opcode da_e8[8] = { [1] = X87(HIDDEN_R(ST0)) }; /* FUCOMPP */
static const struct opcode da_register[8] = {
    MOVES_IF, MOVES_IF, MOVES_IF, MOVES_IF, NOTHING, TABLE(RM, da_e8),
};

static const struct opcode db_memory[8] = {
    LOAD(Md), TRUNCATES(Md), STORE(Md), STORE(Md), NOTHING, LOAD(Mt), NOTHING, STORE(Mt),
};
/* FENI, FDISI and FSETPM of the 8087 and 80287 do nothing since (SDM 3, 23.18.9). */
static const struct opcode db_e0[8] = {
    X87(), X87(), NAMED(FNCLEX), NAMED(FNINIT), X87(),
};
static const struct opcode db_register[8] = {
    MOVES_IF, MOVES_IF, MOVES_IF, MOVES_IF, TABLE(RM, db_e0), SETS_FLAGS, SETS_FLAGS,
};

static const struct opcode dc_memory[8] = ARITHMETIC_MEMORY(Mq);
static const struct opcode dc_register[8] = {
    TO_STI, TO_STI, COMPARES, COMPARES, TO_STI, TO_STI, TO_STI, TO_STI,
};

static const struct opcode dd_memory[8] = {
    LOAD(Mq),
    TRUNCATES(Mq),
    STORE(Mq),
    STORE(Mq),
    NAMED(FRSTOR, R(Mstate)),
    NOTHING,
    NAMED(FNSAVE, W(Mstate)),
    NAMED(FNSTSW, W(Mw)),
};
static const struct opcode dd_register[8] = {
    X87(A(STi)),                  /* FFREE */
    X87(RW(STi), HIDDEN_RW(ST0)), /* FXCH4 */
    X87(W(STi), HIDDEN_R(ST0)),   /* FST */
    X87(W(STi), HIDDEN_R(ST0)),   /* FSTP */
    COMPARES,
    COMPARES,
};

static const struct opcode de_memory[8] = ARITHMETIC_MEMORY(Mw);
static const struct opcode de_d8[8] = { [1] = X87(HIDDEN_R(ST0)) }; /* FCOMPP */
static const struct opcode de_register[8] = {
    TO_STI, TO_STI, COMPARES, TABLE(RM, de_d8), TO_STI, TO_STI, TO_STI, TO_STI,
};

static const struct opcode df_memory[8] = {
    LOAD(Mw), TRUNCATES(Mw), STORE(Mw), STORE(Mw), LOAD(Mt), LOAD(Mq), STORE(Mt), STORE(Mq),
};
static const struct opcode df_e0[8] = { NAMED(FNSTSW, W(AX)) };
static const struct opcode df_register[8] = {
    X87(A(STi)),                  /* FFREEP */
    X87(RW(STi), HIDDEN_RW(ST0)), /* FXCH7 */
    X87(W(STi), HIDDEN_R(ST0)),   /* FSTP8 */
    X87(W(STi), HIDDEN_R(ST0)),   /* FSTP9 */
    TABLE(RM, df_e0),
    SETS_FLAGS,
    SETS_FLAGS,
};

#define ESCAPE(memory, registers) ROWS(MOD, TABLE(REG, memory), TABLE(REG, registers))

const struct opcode opcodes_x87[8] = {
    ESCAPE(d8_memory, d8_register), ESCAPE(d9_memory, d9_register), ESCAPE(da_memory, da_register),
    ESCAPE(db_memory, db_register), ESCAPE(dc_memory, dc_register), ESCAPE(dd_memory, dd_register),
    ESCAPE(de_memory, de_register), ESCAPE(df_memory, df_register),
};
