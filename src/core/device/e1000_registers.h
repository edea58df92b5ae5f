// SPDX-License-Identifier: Apache-2.0
/* Registers and descriptors of the 82540EM, by the names and numbers of the PCI/PCI-X Family of
 * Gigabit Ethernet Controllers Software Developer's Manual (317453), chapters 3 and 13. */
#pragma once

#include "core/types.h"

#define E1000_REGISTER_SPACE 0x20000u
#define E1000_REGISTERS_END  0x6000u /* beyond it nothing is written */

enum e1000_register {
    E1000_CTRL = 0x0000,
    E1000_STATUS = 0x0008,
    E1000_EECD = 0x0010,
    E1000_EERD = 0x0014,
    E1000_CTRL_EXT = 0x0018,
    E1000_MDIC = 0x0020,
    E1000_FCAL = 0x0028,
    E1000_FCAH = 0x002c,
    E1000_FCT = 0x0030,
    E1000_VET = 0x0038,
    E1000_ICR = 0x00c0,
    E1000_ITR = 0x00c4,
    E1000_ICS = 0x00c8,
    E1000_IMS = 0x00d0,
    E1000_IMC = 0x00d8,
    E1000_RCTL = 0x0100,
    E1000_FCTTV = 0x0170,
    E1000_TXCW = 0x0178,
    E1000_TCTL = 0x0400,
    E1000_TIPG = 0x0410,
    E1000_AIFS = 0x0458,
    E1000_LEDCTL = 0x0e00,
    E1000_PBA = 0x1000,
    E1000_FCRTL = 0x2160,
    E1000_FCRTH = 0x2168,
    E1000_RDBAL = 0x2800,
    E1000_RDBAH = 0x2804,
    E1000_RDLEN = 0x2808,
    E1000_RDH = 0x2810,
    E1000_RDT = 0x2818,
    E1000_RDTR = 0x2820,
    E1000_RXDCTL = 0x2828,
    E1000_RADV = 0x282c,
    E1000_RSRPD = 0x2c00,
    E1000_TDBAL = 0x3800,
    E1000_TDBAH = 0x3804,
    E1000_TDLEN = 0x3808,
    E1000_TDH = 0x3810,
    E1000_TDT = 0x3818,
    E1000_TIDV = 0x3820,
    E1000_TXDCTL = 0x3828,
    E1000_TADV = 0x382c,
    E1000_TSPMT = 0x3830,
    E1000_STATISTICS = 0x4000, /* to 0x40fc */
    E1000_MPC = 0x4010,
    E1000_PRC64 = 0x405c, /* and five more, for longer frames */
    E1000_GPRC = 0x4074,
    E1000_BPRC = 0x4078,
    E1000_MPRC = 0x407c,
    E1000_GPTC = 0x4080,
    E1000_GORCL = 0x4088,
    E1000_GORCH = 0x408c,
    E1000_GOTCL = 0x4090,
    E1000_GOTCH = 0x4094,
    E1000_RNBC = 0x40a0,
    E1000_ROC = 0x40ac,
    E1000_TORL = 0x40c0,
    E1000_TORH = 0x40c4,
    E1000_TOTL = 0x40c8,
    E1000_TOTH = 0x40cc,
    E1000_TPR = 0x40d0,
    E1000_TPT = 0x40d4,
    E1000_PTC64 = 0x40d8, /* and five more */
    E1000_MPTC = 0x40f0,
    E1000_BPTC = 0x40f4,
    E1000_TSCTC = 0x40f8,
    E1000_STATISTICS_LAST = 0x40fc,
    E1000_RXCSUM = 0x5000,
    E1000_MTA = 0x5200,  /* 128 */
    E1000_RA = 0x5400,   /* 16 pairs */
    E1000_VFTA = 0x5600, /* 128 */
    E1000_WUC = 0x5800,
    E1000_WUFC = 0x5808,
    E1000_WUS = 0x5810,
    E1000_MANC = 0x5820
};

enum e1000_ctrl {
    E1000_CTRL_FD = 1 << 0,
    E1000_CTRL_ASDE = 1 << 5,
    E1000_CTRL_SLU = 1 << 6,
    E1000_CTRL_RST = 1 << 26,
    E1000_CTRL_VME = 1 << 30
};
#define E1000_CTRL_PHY_RST   (UINT32_C(1) << 31)
#define E1000_CTRL_EXT_EERST (UINT32_C(1) << 13)

enum e1000_eecd {
    E1000_EECD_SK = 1 << 0,
    E1000_EECD_CS = 1 << 1,
    E1000_EECD_DI = 1 << 2,
    E1000_EECD_DO = 1 << 3,
    E1000_EECD_REQ = 1 << 6,
    E1000_EECD_GNT = 1 << 7,
    E1000_EECD_PRESENT = 1 << 8
};

enum e1000_interrupt_cause {
    E1000_INTERRUPT_TXDW = 1 << 0,
    E1000_INTERRUPT_TXQE = 1 << 1,
    E1000_INTERRUPT_LSC = 1 << 2,
    E1000_INTERRUPT_RXDMT0 = 1 << 4,
    E1000_INTERRUPT_RXO = 1 << 6,
    E1000_INTERRUPT_RXT0 = 1 << 7,
    E1000_INTERRUPT_MDAC = 1 << 9,
    E1000_INTERRUPT_CAUSES = 0x1f6df /* those that this controller has */
};

enum e1000_rctl {
    E1000_RCTL_EN = 1 << 1,
    E1000_RCTL_UPE = 1 << 3,
    E1000_RCTL_MPE = 1 << 4,
    E1000_RCTL_LPE = 1 << 5,
    E1000_RCTL_LBM_MAC = 1 << 6,
    E1000_RCTL_LBM = 3 << 6,
    E1000_RCTL_BAM = 1 << 15,
    E1000_RCTL_VFE = 1 << 18,
    E1000_RCTL_BSEX = 1 << 25,
    E1000_RCTL_SECRC = 1 << 26
};
#define E1000_RCTL_RDMTS_SHIFT 8
#define E1000_RCTL_MO_SHIFT    12
#define E1000_RCTL_BSIZE_SHIFT 16

enum e1000_tctl { E1000_TCTL_EN = 1 << 1, E1000_TCTL_PSP = 1 << 3 };
enum e1000_rxcsum { E1000_RXCSUM_IPOFL = 1 << 8, E1000_RXCSUM_TUOFL = 1 << 9 };

/* Both kinds of descriptors: 16 bytes, an address first, the status in byte 12. */
#define E1000_DESCRIPTOR_SIZE   16u
#define E1000_DESCRIPTOR_STATUS 12u

enum e1000_transmit_command { /* bits 24-31 of the third double word */
                              E1000_TRANSMIT_EOP = 1 << 0,
                              E1000_TRANSMIT_IC = 1 << 2,  /* legacy */
                              E1000_TRANSMIT_TSE = 1 << 2, /* context and data */
                              E1000_TRANSMIT_RS = 1 << 3,
                              E1000_TRANSMIT_DEXT = 1 << 5,
                              E1000_TRANSMIT_VLE = 1 << 6,
                              E1000_TRANSMIT_TUCMD_TCP = 1 << 0, /* context */
                              E1000_TRANSMIT_TUCMD_IP = 1 << 1
};
enum e1000_transmit_options { /* POPTS of a data descriptor */
                              E1000_TRANSMIT_IXSM = 1 << 0,
                              E1000_TRANSMIT_TXSM = 1 << 1
};

enum e1000_receive_status {
    E1000_RECEIVE_DD = 1 << 0,
    E1000_RECEIVE_EOP = 1 << 1,
    E1000_RECEIVE_IXSM = 1 << 2,
    E1000_RECEIVE_VP = 1 << 3,
    E1000_RECEIVE_TCPCS = 1 << 5,
    E1000_RECEIVE_IPCS = 1 << 6,
    E1000_RECEIVE_PIF = 1 << 7
};
enum e1000_receive_errors {
    E1000_RECEIVE_TCPE = 1 << 5,
    E1000_RECEIVE_IPE = 1 << 6,
    E1000_RECEIVE_RXE = 1 << 7
};
