// SPDX-License-Identifier: Apache-2.0
#include "interpreter_fixture.h"

#include "core/x86/interpreter/host_execute.h"
#include "native_run.h"

#define DATA      (GUEST_DATA + 0x1000u - 128) /* what follows crosses a page */
#define DATA_SIZE 384u
#define CASES     100000u

struct random {
    uint64_t state;
};

static uint64_t next(struct random *random)
{
    random->state ^= random->state << 13;
    random->state ^= random->state >> 7;
    random->state ^= random->state << 17;
    return random->state;
}

static struct guest *new_guest(void)
{
    struct guest *guest = guest_new(GUEST_LONG);
    struct cpuid_request request = { .model = CPU_MODEL_MAX, .vcpu_count = 1 };
    cpuid_table_build(&guest->cpuid, &request);
    struct cpu_state *state = &guest->cpu->state;
    state->cr0 |= CR0_NE | CR0_MP;
    state->cr4 |= CR4_OSXSAVE | CR4_OSXMMEXCPT;
    state->xcr0 = XCR0_X87 | XCR0_SSE | XCR0_AVX;
    state->idtr.limit = 0; /* an exception becomes a shutdown */
    uint16_t fcw = FCW_INITIAL;
    uint32_t mxcsr = MXCSR_INITIAL;
    memcpy(state->xsave + XSAVE_FCW, &fcw, 2);
    memcpy(state->xsave + XSAVE_MXCSR, &mxcsr, 4);
    state->xsave[XSAVE_XSTATE_BV] = 7;
    cpu_state_loaded(guest->cpu);
    return guest;
}

/* -- Against the host -- */

/* Whether the bytes are an instruction that the comparison can run. */
static bool is_candidate(const struct guest *guest, const uint8_t *bytes,
                         struct instruction *instruction)
{
    if (instruction_decode(bytes, 15, CODE_64, instruction) != DECODE_OK ||
        !(instruction->flags & INSTRUCTION_HOST_EXECUTED) ||
        !cpuid_has(&guest->cpuid, instruction->feature))
        return false;
    if (lower_x87_control(instruction) || lower_x87_environment(instruction) ||
        lower_xsave(instruction) || instruction->mnemonic == MNEMONIC_VGATHER)
        return false;
    const struct memory_operand *memory = &instruction->memory;
    if (host_memory_operand(instruction) && memory->base != RSI && memory->base != RDI)
        return false;
    for (unsigned i = 0; i < instruction->operand_count; i++) {
        const struct operand *operand = &instruction->operands[i];
        bool general =
            operand->kind == OPERAND_REGISTER && (operand->register_class == REGISTER_GENERAL ||
                                                  operand->register_class == REGISTER_HIGH_BYTE);
        unsigned index = operand->index;
        if (general && (index == RSP || index == RSI || index == RDI))
            return false;
    }
    return true;
}

/* Prefixes, an opcode of any map, ModR/M with registers or [rsi + disp8], an immediate. */
static void random_bytes(struct random *random, uint8_t bytes[15])
{
    static const uint8_t prefixes[] = { 0, 0x66, 0xf3, 0xf2 };
    uint64_t r = next(random);
    unsigned map = r % 8, n = 0, opcode = r >> 8 & 0xff;
    bool memory = r >> 26 & 1;
    uint8_t prefix = prefixes[r >> 16 & 3], rex = 0x40 | (r >> 18 & (memory ? 12 : 13));
    for (unsigned i = 0; i < 15; i++)
        bytes[i] = next(random) >> 13 & 0xff;
    if (map < 3) {
        if (prefix)
            bytes[n++] = prefix;
        if (r >> 24 & 1)
            bytes[n++] = rex;
        bytes[n++] = 0x0f;
        if (map)
            bytes[n++] = map == 1 ? 0x38 : 0x3a;
        bytes[n++] = opcode;
    } else if (map < 6) {
        bytes[n++] = 0xc4;
        bytes[n++] = (r >> 32 & 0xa0) | (memory ? 0x60 : 0x40) | (map - 2);
        bytes[n++] = r >> 40 & 0xff;
        if (r >> 25 & 1)
            bytes[n - 1] |= 0x78; /* no register in vvvv */
        bytes[n++] = opcode;
    } else {
        bytes[n++] = 0xd8 | (opcode & 7);
    }
    if (memory)
        bytes[n] = (bytes[n] & 0x38) | 0x46, bytes[n + 1] &= 0x7f;
    else
        bytes[n] |= 0xc0;
}

static void random_state(struct random *random, struct native_state *state)
{
    for (unsigned i = 0; i < 16; i++)
        state->general[i] = next(random) >> (next(random) & 63);
    for (unsigned i = 0; i < sizeof(state->xsave); i += 8) {
        uint64_t value = next(random) >> (next(random) % 3 ? 0 : next(random) & 63);
        memcpy(state->xsave + i, &value, 8);
    }
    state->rflags = 0x202 | (next(random) & 0x8d5);
    memset(state->xsave + XSAVE_HEADER, 0, 64);
    state->xsave[XSAVE_XSTATE_BV] = 7;
    uint16_t fcw = FCW_INITIAL | (next(random) & 0xc00);
    uint16_t fsw = next(random) & 0x7f7f;
    uint32_t mxcsr = MXCSR_INITIAL | (next(random) & 0xe07f);
    memcpy(state->xsave + XSAVE_FCW, &fcw, 2);
    memcpy(state->xsave + XSAVE_FSW, &fsw, 2);
    state->xsave[XSAVE_FTW + 1] = 0;
    memset(state->xsave + XSAVE_FOP, 0, XSAVE_MXCSR - XSAVE_FOP);
    memcpy(state->xsave + XSAVE_MXCSR, &mxcsr, 4);
    memset(state->xsave + XSAVE_MXCSR_MASK, 0, 4);
    memset(state->xsave + 416, 0, 96);
    for (unsigned i = 0; i < 8; i++)
        memset(state->xsave + XSAVE_ST + i * 16 + 10, 0, 6);
}

static void load_guest(struct guest *guest, const struct native_state *native, uint64_t data)
{
    struct cpu_state state;
    engine_hosted.vcpu_get_state(guest->vcpus[0], &state);
    memcpy(state.general, native->general, sizeof(state.general));
    memcpy(state.xsave, native->xsave, sizeof(state.xsave));
    state.general[RSI] = state.general[RDI] = data;
    state.rflags = native->rflags & ~UINT64_C(0x200);
    state.rip = GUEST_CODE;
    state.halted = false;
    assert_int_equal(engine_hosted.vcpu_set_state(guest->vcpus[0], &state), 0);
}

static void print_case(const uint8_t *bytes, unsigned length, unsigned number)
{
    print_message("case %u:", number);
    for (unsigned i = 0; i < length; i++)
        print_message(" %02x", bytes[i]);
    print_message("\n");
}

/* False, said: something differs. Pointers of x87 instructions are the engine's own. */
static bool same_state(const struct cpu_state *guest, const struct native_state *native)
{
    bool same = true;
    for (unsigned i = 0; i < 16; i++)
        if (i != RSP && i != RSI && i != RDI && guest->general[i] != native->general[i]) {
            print_message("register %u: %lx, natively %lx\n", i, guest->general[i],
                          native->general[i]);
            same = false;
        }
    if ((guest->rflags ^ native->rflags) & RFLAGS_ARITHMETIC) {
        print_message("flags %lx, natively %lx\n", guest->rflags, native->rflags);
        same = false;
    }
    for (unsigned i = 0; i < XSAVE_SIZE; i++) {
        bool pointers = i >= XSAVE_FOP && i < XSAVE_MXCSR;
        bool others = (i >= XSAVE_MXCSR_MASK && i < XSAVE_ST) || (i >= 416 && i < XSAVE_YMM_HIGH);
        if (!pointers && !others && guest->xsave[i] != native->xsave[i]) {
            print_message("state byte %u: %02x, natively %02x\n", i, guest->xsave[i],
                          native->xsave[i]);
            same = false;
        }
    }
    return same;
}

static bool compare_one(struct guest *guest, struct native *native, struct random *random,
                        const uint8_t *bytes, const struct instruction *instruction)
{
    alignas(64) static uint8_t memory[DATA_SIZE];
    alignas(64) struct native_state state;
    struct cpu_state after;
    random_state(random, &state);
    for (unsigned i = 0; i < DATA_SIZE; i++)
        memory[i] = (uint8_t)next(random);
    unsigned start = next(random) % 129; /* up to the page boundary and beyond */
    const struct operand *operand = host_memory_operand(instruction);
    if (instruction->flags & INSTRUCTION_ALIGNED && operand)
        start = (start & ~63u) + 64 - (unsigned)instruction->memory.displacement % operand->size;
    guest_put(guest, DATA, memory, DATA_SIZE);
    load_guest(guest, &state, DATA + start);
    uint8_t code[16];
    memcpy(code, bytes, instruction->length);
    code[instruction->length] = 0xf4;
    guest_put(guest, GUEST_CODE, code, instruction->length + 1u);
    state.general[RSI] = state.general[RDI] = (uint64_t)(uintptr_t)memory + start;
    int raised = native_run(native, &state, bytes, instruction->length);
    enum vm_exit_reason reason = guest_run(guest);
    if (raised || reason != VM_EXIT_HALT) {
        print_message("natively signal %d, in the guest exit %d (exception %u)\n", raised, reason,
                      guest->cpu->exception.vector);
        return false;
    }
    engine_hosted.vcpu_get_state(guest->vcpus[0], &after);
    bool same = same_state(&after, &state);
    if (memcmp(guest->ram + DATA, memory, DATA_SIZE) != 0) {
        print_message("memory differs\n");
        same = false;
    }
    return same;
}

static void instructions_do_what_the_host_does(void **unused)
{
    (void)unused;
    struct guest *guest = new_guest();
    struct native native = { 0 };
    struct random random = { .state = 0x1234567 };
    unsigned failures = 0;
    for (unsigned i = 0; i < CASES;) {
        alignas(16) uint8_t bytes[15];
        struct instruction instruction;
        random_bytes(&random, bytes);
        if (!is_candidate(guest, bytes, &instruction))
            continue;
        i++;
        if (compare_one(guest, &native, &random, bytes, &instruction))
            continue;
        print_case(bytes, instruction.length, i);
        if (++failures == 10)
            break;
    }
    assert_int_equal(failures, 0);
    guest_free(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instructions_do_what_the_host_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
