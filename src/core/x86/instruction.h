// SPDX-License-Identifier: Apache-2.0
/*
 * What the decoder makes of up to 15 bytes (SDM volume 2, chapter 2): one instruction in a form
 * that needs no second look at the bytes.
 *
 * Legacy, REX and VEX encodings are accepted. EVEX, XOP, 3DNow! and what no CPU model of ours
 * offers is not an instruction. The decoder knows the mode, not the CPU model: `feature` names the
 * CPUID bit that the instruction needs, and who executes it raises #UD where the guest's CPUID
 * lacks it.
 */
#pragma once

#include "core/types.h"
#include "core/x86/mnemonic.h"

#define INSTRUCTION_MAX_LENGTH   15
#define INSTRUCTION_MAX_OPERANDS 5 /* implicit ones included */

enum code_size { CODE_16, CODE_32, CODE_64 }; /* by CS.D and CS.L */

enum opcode_map { MAP_PRIMARY, MAP_0F, MAP_0F38, MAP_0F3A };

enum instruction_prefix {
    PREFIX_LOCK = 1 << 0,
    PREFIX_REP = 1 << 1,          /* F3 as a prefix of repetition, not as part of the opcode */
    PREFIX_REPNE = 1 << 2,        /* F2 likewise */
    PREFIX_OPERAND_SIZE = 1 << 3, /* 66 was there, whatever it meant */
    PREFIX_ADDRESS_SIZE = 1 << 4,
    PREFIX_SEGMENT = 1 << 5,
    PREFIX_REX = 1 << 6, /* a REX byte took effect: SPL.. instead of AH.. */
    PREFIX_VEX = 1 << 7,
};

enum register_class {
    REGISTER_GENERAL,   /* 0-15: rax rcx rdx rbx rsp rbp rsi rdi r8..r15, low part of `size` */
    REGISTER_HIGH_BYTE, /* 0-3: AH CH DH BH */
    REGISTER_SEGMENT,   /* enum segment_index of cpu_state.h */
    REGISTER_CONTROL,
    REGISTER_DEBUG,
    REGISTER_X87,
    REGISTER_MMX,
    REGISTER_XMM, /* by size: 16 xmm, 32 ymm */
};

enum operand_kind {
    OPERAND_NONE,
    OPERAND_REGISTER,
    OPERAND_MEMORY,    /* through instruction.memory */
    OPERAND_IMMEDIATE, /* instruction.immediate[operand.index], sign-extended where the SDM says so
                        */
    OPERAND_RELATIVE,  /* branch displacement, immediate[index]: relative to the next instruction */
    OPERAND_FAR,       /* ptr16:16/32: offset in immediate[0], selector in immediate[1] */
    OPERAND_STRING_DESTINATION, /* ES:rDI of INS, MOVS, CMPS, STOS, SCAS: no override reaches it */
};

/* Which part of the encoding names the operand. */
enum operand_field { FIELD_NONE, FIELD_MODRM_RM, FIELD_MODRM_REG, FIELD_VEX_VVVV };

enum operand_access { ACCESS_READ = 1, ACCESS_WRITE = 2 };

struct operand {
    uint8_t kind;   /* enum operand_kind */
    uint8_t access; /* enum operand_access bits; for memory 0: the address alone (LEA, prefetch) */
    uint8_t register_class; /* enum register_class */
    uint8_t index;          /* register number, or which immediate */
    uint16_t size;          /* bytes; 0: depends on state (XSAVE area) */
    bool implicit;          /* not written in the assembly text */
    uint8_t field;          /* enum operand_field */
};

#define NO_REGISTER 0xff
#define RIP_BASE    0x10 /* memory.base: RIP of the next instruction */

/* XLAT has base rBX alone (AL is an operand of its own); MASKMOVQ and MASKMOVDQU have base rDI. */
struct memory_operand {
    uint8_t segment;            /* after overrides and defaults; enum segment_index */
    uint8_t base, index, scale; /* register numbers or NO_REGISTER; scale 1, 2, 4, 8 */
    bool vector_index;          /* VSIB: index is an XMM register */
    int64_t displacement;
};

struct instruction {
    uint16_t mnemonic; /* enum mnemonic */
    uint8_t length;
    uint8_t code_size;   /* enum code_size it was decoded for */
    uint8_t map, opcode; /* of the opcode: enum opcode_map, its last byte */
    uint8_t modrm;       /* valid when has_modrm */
    bool has_modrm;
    uint8_t operand_size;     /* 1, 2, 4, 8: effective; vector instructions: of their GPR part */
    uint8_t address_size;     /* 2, 4, 8 */
    uint8_t vector_length;    /* VEX.L: 16 or 32; 0 else */
    uint8_t mandatory_prefix; /* 0, 0x66, 0xf2, 0xf3: when part of the opcode (VEX.pp too) */
    uint8_t rex_w;            /* REX.W or VEX.W */
    uint8_t vex_register;     /* VEX.vvvv, already inverted */
    uint16_t prefixes;        /* enum instruction_prefix bits */
    uint8_t feature;          /* enum cpu_feature of mnemonic.h */
    uint8_t flags;            /* enum instruction_flag */
    uint8_t operand_count;
    struct operand operands[INSTRUCTION_MAX_OPERANDS];
    struct memory_operand memory;
    int64_t immediate[2];
};

enum instruction_flag {
    /* x87, MMX, SSE, AVX, and GPR instructions that need no memory model of ours (BMI, CRC32, ...):
     * the host executes them on the guest's registers, see interpreter/host_execute.h. */
    INSTRUCTION_HOST_EXECUTED = 1 << 0,
    INSTRUCTION_ALIGNED = 1 << 1, /* its memory operand must be aligned to its size, else #GP(0) */
    INSTRUCTION_BRANCH = 1 << 2,  /* ends a block: transfers control or may change the mode */
    INSTRUCTION_PRIVILEGED = 1 << 3, /* CPL 0 only, else #GP(0) */
    INSTRUCTION_LOCKABLE = 1 << 4,
    INSTRUCTION_X87 = 1 << 5, /* needs CR0.EM=0, CR0.TS=0, and waits for x87 errors if not FN* */
    INSTRUCTION_WRITES_FLAGS =
        1 << 6, /* host executed and changes RFLAGS (COMISS, PTEST, BZHI, ...) */
    INSTRUCTION_READS_FLAGS = 1 << 7, /* host executed and reads RFLAGS (FCMOVcc, ADCX, ...) */
};

/* A mandatory prefix as VEX.pp has it (SDM volume 2, 2.3.6.1), and as tables are ordered by it. */
static inline unsigned mandatory_prefix_code(uint8_t mandatory_prefix)
{
    switch (mandatory_prefix) {
    case 0x66:
        return 1;
    case 0xf3:
        return 2;
    case 0xf2:
        return 3;
    default:
        return 0;
    }
}

enum decode_status {
    DECODE_OK,
    DECODE_TRUNCATED, /* needs more bytes than there are: fetch the next page or raise its fault */
    DECODE_INVALID,   /* #UD */
    DECODE_TOO_LONG,  /* more than 15 bytes: #GP(0) */
};

/*
 * Decode one instruction from `available` bytes. On DECODE_OK `*instruction` is whole; otherwise
 * only its `length` (how many bytes were looked at) is set. Reads no byte past `available`, never
 * more than 15.
 */
enum decode_status instruction_decode(const uint8_t *bytes, size_t available,
                                      enum code_size code_size, struct instruction *instruction);
