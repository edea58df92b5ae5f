// SPDX-License-Identifier: Apache-2.0
/* Names of architectural bits (SDM volume 3, chapters 2, 4, 6, 18; volume 4). */
#pragma once

#include <stdint.h>

enum general_register {
    RAX,
    RCX,
    RDX,
    RBX,
    RSP,
    RBP,
    RSI,
    RDI,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
};

enum segment_index { SEGMENT_ES, SEGMENT_CS, SEGMENT_SS, SEGMENT_DS, SEGMENT_FS, SEGMENT_GS };

#define RFLAGS_CF         (UINT64_C(1) << 0)
#define RFLAGS_ONE        (UINT64_C(1) << 1) /* always set */
#define RFLAGS_PF         (UINT64_C(1) << 2)
#define RFLAGS_AF         (UINT64_C(1) << 4)
#define RFLAGS_ZF         (UINT64_C(1) << 6)
#define RFLAGS_SF         (UINT64_C(1) << 7)
#define RFLAGS_TF         (UINT64_C(1) << 8)
#define RFLAGS_IF         (UINT64_C(1) << 9)
#define RFLAGS_DF         (UINT64_C(1) << 10)
#define RFLAGS_OF         (UINT64_C(1) << 11)
#define RFLAGS_IOPL       (UINT64_C(3) << 12)
#define RFLAGS_NT         (UINT64_C(1) << 14)
#define RFLAGS_RF         (UINT64_C(1) << 16)
#define RFLAGS_VM         (UINT64_C(1) << 17)
#define RFLAGS_AC         (UINT64_C(1) << 18)
#define RFLAGS_VIF        (UINT64_C(1) << 19)
#define RFLAGS_VIP        (UINT64_C(1) << 20)
#define RFLAGS_ID         (UINT64_C(1) << 21)
#define RFLAGS_IOPL_SHIFT 12
#define RFLAGS_ARITHMETIC (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

#define CR0_PE (UINT64_C(1) << 0)
#define CR0_MP (UINT64_C(1) << 1)
#define CR0_EM (UINT64_C(1) << 2)
#define CR0_TS (UINT64_C(1) << 3)
#define CR0_ET (UINT64_C(1) << 4)
#define CR0_NE (UINT64_C(1) << 5)
#define CR0_WP (UINT64_C(1) << 16)
#define CR0_AM (UINT64_C(1) << 18)
#define CR0_NW (UINT64_C(1) << 29)
#define CR0_CD (UINT64_C(1) << 30)
#define CR0_PG (UINT64_C(1) << 31)

#define CR4_VME        (UINT64_C(1) << 0)
#define CR4_PVI        (UINT64_C(1) << 1)
#define CR4_TSD        (UINT64_C(1) << 2)
#define CR4_DE         (UINT64_C(1) << 3)
#define CR4_PSE        (UINT64_C(1) << 4)
#define CR4_PAE        (UINT64_C(1) << 5)
#define CR4_MCE        (UINT64_C(1) << 6)
#define CR4_PGE        (UINT64_C(1) << 7)
#define CR4_PCE        (UINT64_C(1) << 8)
#define CR4_OSFXSR     (UINT64_C(1) << 9)
#define CR4_OSXMMEXCPT (UINT64_C(1) << 10)
#define CR4_UMIP       (UINT64_C(1) << 11)
#define CR4_FSGSBASE   (UINT64_C(1) << 16)
#define CR4_PCIDE      (UINT64_C(1) << 17)
#define CR4_OSXSAVE    (UINT64_C(1) << 18)
#define CR4_SMEP       (UINT64_C(1) << 20)
#define CR4_SMAP       (UINT64_C(1) << 21)

#define EFER_SCE   (UINT64_C(1) << 0)
#define EFER_LME   (UINT64_C(1) << 8)
#define EFER_LMA   (UINT64_C(1) << 10)
#define EFER_NXE   (UINT64_C(1) << 11)
#define EFER_FFXSR (UINT64_C(1) << 14)

#define XCR0_X87 (UINT64_C(1) << 0)
#define XCR0_SSE (UINT64_C(1) << 1)
#define XCR0_AVX (UINT64_C(1) << 2)

#define DR6_BS      (UINT64_C(1) << 14)
#define DR6_BT      (UINT64_C(1) << 15)
#define DR6_BD      (UINT64_C(1) << 13)
#define DR6_INITIAL UINT64_C(0xffff0ff0)
#define DR7_GD      (UINT64_C(1) << 13)
#define DR7_INITIAL UINT64_C(0x400)

enum exception_vector {
    EXCEPTION_DE = 0,
    EXCEPTION_DB = 1,
    EXCEPTION_NMI = 2,
    EXCEPTION_BP = 3,
    EXCEPTION_OF = 4,
    EXCEPTION_BR = 5,
    EXCEPTION_UD = 6,
    EXCEPTION_NM = 7,
    EXCEPTION_DF = 8,
    EXCEPTION_TS = 10,
    EXCEPTION_NP = 11,
    EXCEPTION_SS = 12,
    EXCEPTION_GP = 13,
    EXCEPTION_PF = 14,
    EXCEPTION_MF = 16,
    EXCEPTION_AC = 17,
    EXCEPTION_MC = 18,
    EXCEPTION_XM = 19,
};

#define PAGE_FAULT_PRESENT  (1u << 0)
#define PAGE_FAULT_WRITE    (1u << 1)
#define PAGE_FAULT_USER     (1u << 2)
#define PAGE_FAULT_RESERVED (1u << 3)
#define PAGE_FAULT_FETCH    (1u << 4)

/* Paging-structure entries of every mode (SDM volume 3, 4.3 to 4.5). */
#define PAGE_ENTRY_PRESENT  (UINT64_C(1) << 0)
#define PAGE_ENTRY_WRITABLE (UINT64_C(1) << 1)
#define PAGE_ENTRY_USER     (UINT64_C(1) << 2)
#define PAGE_ENTRY_ACCESSED (UINT64_C(1) << 5)
#define PAGE_ENTRY_DIRTY    (UINT64_C(1) << 6)
#define PAGE_ENTRY_LARGE    (UINT64_C(1) << 7) /* PS */
#define PAGE_ENTRY_GLOBAL   (UINT64_C(1) << 8)
#define PAGE_ENTRY_XD       (UINT64_C(1) << 63)

#define MSR_TSC               0x10u
#define MSR_APIC_BASE         0x1bu
#define MSR_TSC_ADJUST        0x3bu
#define MSR_SPEC_CTRL         0x48u
#define MSR_PRED_CMD          0x49u
#define MSR_ARCH_CAPABILITIES 0x10au
#define MSR_BIOS_SIGN_ID      0x8bu
#define MSR_MTRR_CAP          0xfeu
#define MSR_SYSENTER_CS       0x174u
#define MSR_SYSENTER_ESP      0x175u
#define MSR_SYSENTER_EIP      0x176u
#define MSR_MISC_ENABLE       0x1a0u
#define MSR_PAT               0x277u
#define MSR_MTRR_DEF_TYPE     0x2ffu
#define MSR_TSC_DEADLINE      0x6e0u
#define MSR_X2APIC_FIRST      0x800u
#define MSR_X2APIC_LAST       0x8ffu
#define MSR_EFER              0xc0000080u
#define MSR_STAR              0xc0000081u
#define MSR_LSTAR             0xc0000082u
#define MSR_CSTAR             0xc0000083u
#define MSR_SFMASK            0xc0000084u
#define MSR_FS_BASE           0xc0000100u
#define MSR_GS_BASE           0xc0000101u
#define MSR_KERNEL_GS_BASE    0xc0000102u
#define MSR_TSC_AUX           0xc0000103u
