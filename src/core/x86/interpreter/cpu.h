// SPDX-License-Identifier: Apache-2.0
/*
 * One processor of the interpreter: the architectural state, and what makes it fast.
 *
 * Arithmetic flags. The host computes them: every integer handler executes the guest's own
 * operation and keeps what LAHF and SETO said in `flags` (so undefined flags are the host's, too).
 * `state.rflags` holds the other bits; cpu_rflags() and cpu_set_rflags() join and part them.
 *
 * RIP. Inside a block only `block_rip`, the RIP of its first instruction, is kept, and each op
 * knows its offset; `state.rip` is right between blocks, after a fault (RIP of the faulting
 * instruction) and at an exit.
 *
 * Exceptions. Whatever cannot go on fills in `exception` (or `exit`) and returns false or
 * OUTCOME_FAULT with no architectural change made; the run loop delivers it.
 *
 * What the run loop looks at whenever a block ends with OUTCOME_CONTINUE: state.halted (HLT sets it
 * and ends its block), IF, TF, interrupt_shadow, debug_trap and DR7. So an instruction that changes
 * one of them ends its block. While TF, the shadow or a breakpoint is on, blocks hold one
 * instruction.
 *
 * Exits for ports and MMIO. The instruction gives up with nothing changed, vcpu_run returns the
 * exit, and the instruction is executed again with the answer in `replay`. One that makes several
 * such accesses (MOVS from MMIO to MMIO, an operand across two pages) finds the earlier ones there,
 * in order.
 *
 * Vector registers. The files of the interpreter are compiled without them, so the guest's x87, SSE
 * and AVX state stays in the host's registers while vector_loaded is true (host_execute.h).
 */
#pragma once

#include <stdatomic.h>

#include "core/engine.h"
#include "core/x86/cpu_state.h"
#include "core/x86/cpuid_table.h"
#include "core/x86/page_walk.h"

struct instruction;

#define TLB_ENTRIES 2048 /* of each mode; a power of two */

/* How memory is looked at: pages that a mode may not touch are not in its part of the TLB. */
enum access_mode {
    ACCESS_MODE_SUPERVISOR,      /* user pages allowed (no SMAP, or EFLAGS.AC) */
    ACCESS_MODE_SUPERVISOR_SMAP, /* user pages forbidden */
    ACCESS_MODE_USER,
    ACCESS_MODES,
    /* No mode: the row of the TLB that stays empty, for cpu->tlb to point to while each access must
     * be looked at (alignment checks, data breakpoints). */
    ACCESS_CHECKED = ACCESS_MODES,
    ACCESS_ROWS
};

/*
 * Tags are page addresses: `linear - tag <= 4096 - size` is a hit that does not cross the page.
 * A tag that stands for nothing is the address of a page that selects another entry, so that no
 * linear address, canonical or not, is near it: TLB_NONE. `write` is so where the slow path must
 * look first: the page is not writable, not yet dirty, or holds decoded code. MMIO is never in the
 * TLB.
 */
#define TLB_NONE(index) ((uint64_t)((index) ^ 1) << FRAME_SHIFT)

/* A cache line each. */
struct tlb_entry {
    alignas(64) uint64_t read;
    uint64_t write;
    uint64_t write_checked; /* like `write`, for frames with code: store, then frame_written */
    uintptr_t addend;       /* host address = linear + addend */
    struct frame *frame;
};

/* Which entries of one row are in use, and which of those are global: what a flush visits. */
struct tlb_usage {
    uint64_t used[TLB_ENTRIES / 64], global[TLB_ENTRIES / 64];
    uint64_t large[TLB_ENTRIES / 64]; /* parts of pages larger than 4 KiB */
};

/* Translations for fetching code. They do not depend on SMAP: one row for supervisor, one for user.
 */
#define FETCH_TLB_ENTRIES 128

#define FETCH_NONE UINT64_C(1) /* no page begins there */

struct fetch_entry {
    uint64_t page; /* linear; FETCH_NONE: none */
    gpa_t physical;
    const uint8_t *host;
    struct frame *frame;
    bool global, large;
};

#define EXCEPTION_NONE 0xff

struct exception {
    uint8_t vector;
    bool has_error_code;
    bool software;              /* INT n, INT3, INTO: the gate's DPL is checked */
    uint8_t instruction_length; /* RIP saved is state.rip + this; 0 but for INT n, INT1, ... */
    bool non_canonical;         /* #GP(0) that is #SS(0) if the stack was accessed at `address` */
    uint32_t error_code;
    uint64_t address; /* #PF: CR2; #DB: bits for DR6 */
};

/* Bits of `attention`: looked at between blocks. */
enum attention {
    ATTENTION_KICK = 1 << 0,
    ATTENTION_INTERRUPT = 1 << 1,
    ATTENTION_NMI = 1 << 2,
    ATTENTION_TLB = 1 << 3, /* another vCPU made code of a frame: drop its writable entries */
    /* debug_wanted(): one instruction a block, between debug_before_instruction and _after_ */
    ATTENTION_STEP = 1 << 4
};

#define REPLAY_ACCESSES 16

enum replay_kind { REPLAY_MMIO, REPLAY_PORT, REPLAY_MSR, REPLAY_HYPERCALL };

/* An access by an exit that the instruction under way has completed. */
struct replay_access {
    uint64_t value;
    uint8_t kind; /* enum replay_kind */
    bool refused; /* of an MSR */
};

struct replay {
    unsigned count; /* completed */
    unsigned next;  /* which one the instruction asks for next */
    struct replay_access accesses[REPLAY_ACCESSES];
};

#define NO_VECTOR (-1)

enum update_kind { UPDATE_DIRECT, UPDATE_CODE, UPDATE_BOUNCE };

/* A read-modify-write under way (update.h). */
struct update {
    uint8_t kind; /* enum update_kind */
    uint8_t size;
    uint16_t flags;
    gva_t linear;
    struct frame *frame;
    alignas(16) uint8_t bounce[16];
};

/* While vector_loaded: what the host's registers do not hold as the guest sees it, since no SIMD or
 * x87 exception of the guest may reach us: they have all exceptions masked (vector_registers.h). */
struct vector_control {
    uint8_t ready;        /* enum vector_ready */
    uint16_t fcw;         /* x87 control word */
    uint16_t fop;         /* last x87 opcode, */
    uint64_t fip, fdp;    /* instruction and data pointer */
    uint32_t mxcsr_masks; /* bits 12-7 of MXCSR */
    uint16_t host_fcw;    /* what our own code runs with */
    uint32_t host_mxcsr;
};

struct block;
struct block_cache;
struct thunk_cache;
struct interpreter;

struct cpu {
    struct vcpu vcpu; /* first: engine.h */
    /* Here at the front so that an op can name `zero`, `block_rip`, general registers and segment
     * bases alike by a small number (address.h). */
    uint64_t zero; /* stays 0: the base or index that an address does not have */
    uint64_t block_rip;
    struct block *block;   /* the one under way, or the last; NULL: none */
    uint64_t scratch;      /* a value on its way through a slow access */
    gva_t missed;          /* the address of that access */
    uintptr_t stack_floor; /* below it, blocks are not chained (block_jump) */
    struct cpu_state state;
    uint16_t flags; /* AX after LAHF; SETO AL: AH = SF ZF 0 AF 0 PF 1 CF, AL = OF */
    enum access_mode access_mode;
    struct tlb_entry *tlb; /* of access_mode: tlbs[access_mode] */
    _Atomic uint32_t attention;
    uint8_t flat_segments; /* bit n: base 0, limit 4 GiB or 64-bit mode, readable and writable */
    uint8_t code_size;     /* enum code_size, of CS */
    uint8_t privilege_level;
    bool long_mode;                /* EFER.LMA */
    uint8_t physical_address_bits; /* MAXPHYADDR */
    struct paging paging;          /* from CR0, CR3, CR4, EFER */
    /* Advances when a translation for fetching may have changed: what was found by linear address
     * under another value must be looked up again. The privilege does not advance it: blocks are
     * kept for each privilege apart. */
    uint64_t fetch_generation;
    uint64_t debug_trap; /* DR6 bits of the #DB due after the instruction under way */
    bool vector_loaded;
    struct vector_control vector;
    struct exception exception;
    struct vm_exit *exit;     /* of the run under way */
    bool exit_pending;        /* *exit is filled in: return it */
    bool interrupt_waiting;   /* interrupts.acknowledge has something, for all we know */
    int16_t vector_under_way; /* acknowledged, and its delivery met an exit; NO_VECTOR */
    struct update update;
    struct replay replay;
    struct block_cache *blocks;
    struct thunk_cache *thunks;
    struct interpreter *interpreter; /* what the vCPUs of one machine share */
    struct guest_memory *memory;
    const struct cpuid_table *cpuid;
    struct vcpu_request request;
    struct tlb_usage tlb_usage[ACCESS_ROWS];
    struct page_table_cache page_tables;
    struct fetch_entry fetch_tlb[2][FETCH_TLB_ENTRIES]; /* supervisor, user */
    struct tlb_entry tlbs[ACCESS_ROWS][TLB_ENTRIES];
};

/* -- Owned by the memory and system side (tlb.c, exception.c, segment*.c, ...) -- */

/* After a change of CR0, CR3, CR4, EFER, CS, SS, CPL, EFLAGS.AC, DR7: recompute what is derived
 * from them (access_mode, tlb, flat_segments, code_size, privilege_level, long_mode, paging).
 * Flushes nothing. */
void cpu_mode_changed(struct cpu *cpu);
/* The same without paging: after a change of CS, SS, CPL, EFLAGS, DR7, the other segments. */
void cpu_level_changed(struct cpu *cpu);
/* After cpu->state has been loaded as a whole, and once at creation: empties the TLB and does
 * cpu_mode_changed. */
void cpu_state_loaded(struct cpu *cpu);
void tlb_flush(struct cpu *cpu);
void tlb_flush_not_global(struct cpu *cpu);
void tlb_flush_page(struct cpu *cpu, gva_t linear);
/* This vCPU is about to decode code of `frame`, of which no line was marked: its stores to the
 * frame go the slow way from now on. The other vCPUs get ATTENTION_TLB. */
void tlb_protect_frame(struct cpu *cpu, const struct frame *frame);
/* ATTENTION_TLB: likewise for all frames that hold code by now. Such code becomes stale, since a
 * store of ours may have slipped through. */
void tlb_protect_code(struct cpu *cpu);

/* Fill in cpu->exception; they return false so that `return cpu_raise(...)` reads well. */
bool cpu_raise(struct cpu *cpu, unsigned vector);
bool cpu_raise_error(struct cpu *cpu, unsigned vector, uint32_t error_code);
bool cpu_raise_page_fault(struct cpu *cpu, gva_t linear, uint32_t error_code);

/* Deliver cpu->exception through the IDT or the real-mode table; faults on the way become double
 * faults. False: triple fault, or an exit is pending (exit_pending). */
bool cpu_deliver_exception(struct cpu *cpu);
/* The same for an external interrupt or NMI. */
bool cpu_deliver_interrupt(struct cpu *cpu, unsigned vector);

/*
 * The host address of [linear, linear + length) for fetching code, at most to the end of the page;
 * also the frame. NULL: exception filled in. Code in MMIO is an exit with VM_EXIT_FAIL.
 */
const uint8_t *cpu_fetch(struct cpu *cpu, gva_t linear, gpa_t *physical, struct frame **frame);

/* Accesses that the TLB did not serve: other page, page crossing, MMIO, permission. */
bool cpu_read_slow(struct cpu *cpu, gva_t linear, void *bytes, unsigned size);
bool cpu_write_slow(struct cpu *cpu, gva_t linear, const void *bytes, unsigned size);
/* The same with supervisor rights, for descriptor tables, TSS, and interrupt stacks. */
bool cpu_read_system(struct cpu *cpu, gva_t linear, void *bytes, unsigned size);
bool cpu_write_system(struct cpu *cpu, gva_t linear, const void *bytes, unsigned size);
/* May all of [linear, linear + size) be written? False: exception filled in. For instructions that
 * read before they write or write several times; at most two pages. */
bool cpu_check_write(struct cpu *cpu, gva_t linear, unsigned size);
/* A host pointer for a locked or read-modify-write access that lies in one page of memory and may
 * be written now; NULL with exception filled in, or NULL with exception.vector EXCEPTION_NONE when
 * it may be written but must go the slow way (MMIO, ROM, page crossing). *frame: NULL, or what to
 * hand to cpu_written after the store. */
void *cpu_pointer_for_update(struct cpu *cpu, gva_t linear, unsigned size, struct frame **frame);

/* Segment checks that the flat case does not need: limit, type, canonical address, null selectors.
 * `access` is enum operand_access bits. Raises #GP(0) or #SS(0). */
bool segment_linear(struct cpu *cpu, unsigned segment, uint64_t offset, unsigned size,
                    unsigned access, gva_t *linear);

/* -- Exits with replay (exit.c) -- */

/* At the start of vcpu_run: the answer of the exit returned last goes into `replay`, so that the
 * instruction, executed again, finds it. Nothing to do after other exits. */
void cpu_exit_answered(struct cpu *cpu);
/* An instruction begins (again): it asks for its accesses from the first. */
static inline void replay_begin(struct cpu *cpu)
{
    cpu->replay.next = 0;
}
/* An instruction is over, with or without a fault: the next one shall not find its accesses. */
static inline void replay_end(struct cpu *cpu)
{
    cpu->replay.count = cpu->replay.next = 0;
}

/* Ports: I/O permission (IOPL, TSS bitmap) is checked by the caller. False: exit pending. */
bool cpu_port_read(struct cpu *cpu, uint16_t port, unsigned size, uint32_t *value);
bool cpu_port_write(struct cpu *cpu, uint16_t port, unsigned size, uint32_t value);

/* -- Debugging and what instructions of the host need (debug.c, vector_state.c) -- */

/* While cpu->tlb is the row ACCESS_CHECKED: alignment (false: #AC raised) and data breakpoints,
 * which are noted in debug_trap. */
bool debug_check_access(struct cpu *cpu, gva_t linear, unsigned size, bool write);
/* TF, RF, an interrupt shadow or an enabled breakpoint: the run loop executes one instruction at a
 * time. When it is false, ATTENTION_STEP may be cleared. */
bool debug_wanted(const struct cpu *cpu);
/* False: a code breakpoint is at state.rip, #DB raised. */
bool debug_before_instruction(struct cpu *cpu);
/* After one that completed: ends the interrupt shadow that was there before it (`shadow`) and RF;
 * `stepping` is TF as it was before. False: a trap is due, #DB raised. */
bool debug_after_instruction(struct cpu *cpu, bool stepping, bool shadow);

/* May this x87, MMX, SSE or AVX instruction execute now (CR0.EM, TS, CR4.OSFXSR, OSXSAVE, XCR0)?
 * False: #UD or #NM raised (SDM volume 3, tables 2-2 and 13-1; volume 2, 2.4). */
bool cpu_vector_permitted(struct cpu *cpu, const struct instruction *instruction);

/* If vector_loaded: the guest's x87, SSE and AVX state goes from the host's registers to
 * state.xsave. Before every call of what may use them: callbacks of the request, the platform, the
 * end of vcpu_run. */
void cpu_vector_unload(struct cpu *cpu);

/* -- Owned by the run loop and the block cache (run.c, block.c, code_watch.c) -- */

/* Code that an engine knew may have been written by this vCPU: the block under way ends after the
 * instruction under way if it is stale. cpu_write_slow and cpu_write_system call it after each
 * frame_written; whoever stores through a pointer calls cpu_written. */
void cpu_code_written(struct cpu *cpu);

static inline void cpu_written(struct cpu *cpu, struct frame *frame, gva_t linear, unsigned size)
{
    if (!frame)
        return;
    frame_written(frame, code_lines(linear & FRAME_MASK, size));
    cpu_code_written(cpu);
}

/* -- Flags -- */

static inline uint64_t cpu_rflags(const struct cpu *cpu)
{
    return (cpu->state.rflags & ~RFLAGS_ARITHMETIC) | RFLAGS_ONE | (cpu->flags >> 8 & 0xd5) |
           (uint64_t)(cpu->flags & 1) << 11;
}

/* Arithmetic flags and others; what depends on the others (IF, TF, AC) is the caller's to look at:
 * cpu_mode_changed for AC and VM, attention for TF. */
static inline void cpu_set_rflags(struct cpu *cpu, uint64_t rflags)
{
    cpu->state.rflags = (rflags & ~RFLAGS_ARITHMETIC) | RFLAGS_ONE;
    cpu->flags = (uint16_t)((rflags & 0xd5) << 8 | 0x200 | (rflags >> 11 & 1));
}

static inline void cpu_attend(struct cpu *cpu, uint32_t bits)
{
    atomic_fetch_or(&cpu->attention, bits);
}
