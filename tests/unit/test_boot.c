// SPDX-License-Identifier: Apache-2.0
/* Kernels and initrds as files that nobody vouches for: what is loaded where, and what is refused.
 */
#include "fake_platform.h"

#include "core/machine/boot_elf.h"
#include "core/machine/boot_linux.h"
#include "core/machine/boot_pvh.h"

#define MEMORY  (64u << 20)
#define SECTORS 4u
#define CODE    8192u /* of the protected-mode part */

struct fixture {
    struct guest_memory memory;
    struct memory_map map;
    uint8_t *bytes;
    struct frame *frames;
    uint8_t file[(SECTORS + 1) * 512 + CODE];
    uint8_t initrd[5000];
    struct boot_request request;
    struct boot_context context;
    struct cpu_state state;
};

static void store(struct fixture *f, unsigned offset, uint64_t value, unsigned size)
{
    memcpy(f->file + offset, &value, size);
}

/* A bzImage of protocol 2.12 whose code is all CCH. */
static void make_bzimage(struct fixture *f)
{
    memset(f->file, 0xcc, sizeof(f->file));
    memset(f->file, 0, (SECTORS + 1) * 512);
    store(f, 0x1f1, SECTORS, 1);
    store(f, 0x1f4, CODE / 16, 4);
    store(f, 0x1fe, 0xaa55, 2);
    store(f, 0x200, 0x66eb, 2); /* the header ends at 268H */
    store(f, 0x202, 0x53726448, 4);
    store(f, 0x206, 0x020c, 2);
    store(f, 0x211, 1, 1);
    store(f, 0x22c, 0x7fffffff, 4);
    store(f, 0x238, 2047, 4);
    store(f, 0x258, 0x1000000, 8);
    store(f, 0x260, 0x800000, 4);
    f->request.kernel = (struct boot_image){ f->file, sizeof(f->file) };
}

struct elf_program {
    uint32_t type, flags;
    uint64_t offset, virtual_address, physical_address, file_size, memory_size, alignment;
};

static const uint8_t entry_note[] = { 4, 0, 0,   0,   4,   0, 0, 0,    18, 0,
                                      0, 0, 'X', 'e', 'n', 0, 0, 0x10, 0,  1 };

/* A 64-bit ELF file with one segment at 16 MiB and a PVH note that names 16 MiB + 1000H. */
static void make_elf(struct fixture *f)
{
    const struct elf_program load = { 1, 5, 1024, 0, 16 << 20, 4096, 16384, 4096 };
    const struct elf_program note = { 4, 4, 512, 0, 0, sizeof(entry_note), sizeof(entry_note), 4 };
    memset(f->file, 0, sizeof(f->file));
    memset(f->file + 1024, 0xcc, 4096);
    memcpy(f->file, "\177ELF\2\1\1", 7);
    store(f, 16, 2, 2);
    store(f, 18, 62, 2);
    store(f, 32, 64, 8);
    store(f, 54, sizeof(load), 2);
    store(f, 56, 2, 2);
    memcpy(f->file + 64, &load, sizeof(load));
    memcpy(f->file + 64 + sizeof(load), &note, sizeof(note));
    memcpy(f->file + 512, entry_note, sizeof(entry_note));
    f->request.kernel = (struct boot_image){ f->file, sizeof(f->file) };
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->bytes = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    f->frames = calloc(MEMORY / FRAME_SIZE, sizeof(*f->frames));
    guest_memory_add(&f->memory, 0, MEMORY, f->bytes, f->frames, false);
    memory_map_add(&f->map, 0, 0x9fc00, MEMORY_RAM);
    memory_map_add(&f->map, 0xf0000, 0x10000, MEMORY_RESERVED);
    memory_map_add(&f->map, 0x100000, MEMORY - 0x100000, MEMORY_RAM);
    f->request.command_line = "console=ttyS0";
    memset(f->initrd, 0x5a, sizeof(f->initrd));
    f->context = (struct boot_context){ &f->memory, &f->map, &f->request, 0xe0000 };
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    munmap(f->bytes, MEMORY);
    free(f->frames);
    free(f);
    return 0;
}

static uint64_t load(const struct fixture *f, gpa_t at, unsigned size)
{
    uint64_t value = 0;
    memcpy(&value, f->bytes + at, size);
    return value;
}

/* -- bzImage -- */

static void a_bzimage_is_entered_in_protected_mode(void **state)
{
    struct fixture *f = *state;
    make_bzimage(f);
    assert_int_equal(boot_linux(&f->context, &f->state), BOOT_OK);
    assert_int_equal(f->state.rip, 0x100000);
    assert_int_equal(f->state.general[RSI], BOOT_PARAMS_ADDRESS);
    assert_int_equal(f->state.cr0, CR0_PE | CR0_ET);
    assert_int_equal(f->state.rflags, RFLAGS_ONE);
    assert_int_equal(f->state.segments[SEGMENT_CS].selector, 0x10);
    assert_int_equal(f->state.segments[SEGMENT_DS].selector, 0x18);
    assert_int_equal(f->state.segments[SEGMENT_SS].limit, UINT32_MAX);
    assert_int_equal(f->bytes[0x100000], 0xcc);
    assert_int_equal(f->bytes[0x100000 + CODE - 1], 0xcc);
}

static void the_zero_page_tells_what_there_is(void **state)
{
    struct fixture *f = *state;
    make_bzimage(f);
    f->request.initrd = (struct boot_image){ f->initrd, sizeof(f->initrd) };
    assert_int_equal(boot_linux(&f->context, &f->state), BOOT_OK);
    const gpa_t zero = BOOT_PARAMS_ADDRESS;
    assert_int_equal(load(f, zero + 0x70, 8), 0xe0000);
    assert_int_equal(load(f, zero + 0x1e8, 1), 3);
    assert_int_equal(load(f, zero + 0x2d0 + 40, 8), 0x100000);
    assert_int_equal(load(f, zero + 0x2d0 + 56, 4), 1);
    assert_int_equal(load(f, zero + 0x202, 4), 0x53726448);
    assert_int_equal(load(f, zero + 0x210, 1), 0xff);
    gpa_t initrd = load(f, zero + 0x218, 4);
    assert_int_equal(load(f, zero + 0x21c, 4), sizeof(f->initrd));
    assert_int_equal(initrd % 4096, 0);
    assert_true(initrd >= 0x1800000 && initrd + sizeof(f->initrd) <= MEMORY);
    assert_memory_equal(f->bytes + initrd, f->initrd, sizeof(f->initrd));
    assert_string_equal((char *)f->bytes + load(f, zero + 0x228, 4), "console=ttyS0");
}

/* Memory just holds what the kernel wants for itself: not a byte less will do. */
static void a_kernel_needs_room_to_unpack(void **state)
{
    struct fixture *f = *state;
    make_bzimage(f);
    store(f, 0x260, MEMORY - 0x1000000, 4);
    assert_int_equal(boot_linux(&f->context, &f->state), BOOT_OK);
    store(f, 0x260, MEMORY - 0x1000000 + 1, 4);
    assert_int_equal(boot_linux(&f->context, &f->state), BOOT_KERNEL_TOO_LARGE);
    store(f, 0x258, UINT64_MAX - 4096, 8);
    assert_int_equal(boot_linux(&f->context, &f->state), BOOT_KERNEL_TOO_LARGE);
}

static void an_initrd_larger_than_what_is_left_is_refused(void **state)
{
    struct fixture *f = *state;
    make_bzimage(f);
    f->request.initrd = (struct boot_image){ f->bytes, MEMORY - 0x1800000 + 1 };
    assert_int_equal(boot_linux(&f->context, &f->state), BOOT_INITRD_TOO_LARGE);
    f->request.initrd.length = SIZE_MAX;
    assert_int_equal(boot_linux(&f->context, &f->state), BOOT_INITRD_TOO_LARGE);
}

static void an_initrd_stays_below_the_kernels_limit(void **state)
{
    struct fixture *f = *state;
    make_bzimage(f);
    store(f, 0x22c, 0x1ffffff, 4);
    f->request.initrd = (struct boot_image){ f->initrd, sizeof(f->initrd) };
    assert_int_equal(boot_linux(&f->context, &f->state), BOOT_OK);
    assert_int_equal(load(f, BOOT_PARAMS_ADDRESS + 0x218, 4), 0x1ffe000);
}

static void a_command_line_that_is_too_long_is_refused(void **state)
{
    struct fixture *f = *state;
    char text[3000];
    make_bzimage(f);
    memset(text, 'x', sizeof(text));
    text[2047] = 0;
    f->request.command_line = text;
    assert_int_equal(boot_linux(&f->context, &f->state), BOOT_OK);
    text[2047] = 'x';
    text[2048] = 0;
    assert_int_equal(boot_linux(&f->context, &f->state), BOOT_COMMAND_LINE_TOO_LONG);
}

static void what_is_no_kernel_is_refused(void **state)
{
    struct fixture *f = *state;
    f->request.kernel = (struct boot_image){ f->file, sizeof(f->file) };
    assert_int_equal(boot_linux(&f->context, &f->state), BOOT_NO_KERNEL);
    f->request.kernel.length = 0;
    assert_int_equal(boot_linux(&f->context, &f->state), BOOT_NO_KERNEL);
    assert_int_equal(boot_pvh(&f->context, &f->state), BOOT_NO_KERNEL);
}

static void an_old_kernel_is_refused(void **state)
{
    struct fixture *f = *state;
    make_bzimage(f);
    store(f, 0x206, 0x0205, 2);
    assert_int_equal(boot_linux(&f->context, &f->state), BOOT_KERNEL_TOO_OLD);
    make_bzimage(f);
    store(f, 0x211, 0, 1); /* a zImage */
    assert_int_equal(boot_linux(&f->context, &f->state), BOOT_KERNEL_TOO_OLD);
}

/* Whatever its length, a file that was cut is refused or fits; nothing is read behind its end. */
static void a_truncated_bzimage_is_refused(void **state)
{
    struct fixture *f = *state;
    make_bzimage(f);
    for (size_t length = 0; length < sizeof(f->file) - 16; length++) {
        uint8_t *copy = malloc(length ? length : 1);
        memcpy(copy, f->file, length);
        f->request.kernel = (struct boot_image){ copy, length };
        assert_int_not_equal(boot_linux(&f->context, &f->state), BOOT_OK);
        free(copy);
    }
}

static void the_payload_is_bounded_by_the_file(void **state)
{
    struct fixture *f = *state;
    make_bzimage(f);
    store(f, 0x248, 100, 4);
    store(f, 0x24c, CODE - 100, 4);
    struct boot_image payload = boot_linux_payload(&f->request.kernel);
    assert_ptr_equal(payload.bytes, f->file + (SECTORS + 1) * 512 + 100);
    store(f, 0x24c, CODE - 99, 4);
    assert_int_equal(boot_linux_payload(&f->request.kernel).length, 0);
    store(f, 0x248, UINT32_MAX, 4);
    assert_int_equal(boot_linux_payload(&f->request.kernel).length, 0);
}

/* -- PVH -- */

static void an_elf_kernel_is_entered_where_its_note_says(void **state)
{
    struct fixture *f = *state;
    make_elf(f);
    f->bytes[(16 << 20) + 5000] = 1; /* becomes zero: the segment is longer than the file's part */
    f->request.initrd = (struct boot_image){ f->initrd, sizeof(f->initrd) };
    assert_int_equal(boot_pvh(&f->context, &f->state), BOOT_OK);
    assert_int_equal(f->state.rip, 0x1001000);
    assert_int_equal(f->state.general[RBX], BOOT_START_INFO_ADDRESS);
    assert_int_equal(f->bytes[16 << 20], 0xcc);
    assert_int_equal(f->bytes[(16 << 20) + 5000], 0);
    const gpa_t info = BOOT_START_INFO_ADDRESS;
    assert_int_equal(load(f, info, 4), 0x336ec578);
    assert_int_equal(load(f, info + 4, 4), 1);
    assert_int_equal(load(f, info + 12, 4), 1);
    assert_int_equal(load(f, info + 32, 8), 0xe0000);
    assert_int_equal(load(f, info + 48, 4), 3);
    gpa_t module = load(f, info + 16, 8);
    assert_memory_equal(f->bytes + load(f, module, 8), f->initrd, sizeof(f->initrd));
    assert_int_equal(load(f, module + 8, 8), sizeof(f->initrd));
    assert_int_equal(load(f, load(f, info + 40, 8) + 24 * 2, 8), 0x100000);
}

static void an_elf_file_without_the_note_is_refused(void **state)
{
    struct fixture *f = *state;
    make_elf(f);
    f->file[512 + 8] = 17;
    assert_int_equal(boot_pvh(&f->context, &f->state), BOOT_KERNEL_NO_ENTRY);
}

static void a_note_that_is_longer_than_its_segment_is_ignored(void **state)
{
    struct fixture *f = *state;
    make_elf(f);
    store(f, 512, UINT32_MAX, 4);
    assert_int_equal(boot_pvh(&f->context, &f->state), BOOT_KERNEL_NO_ENTRY);
    make_elf(f);
    store(f, 516, UINT32_MAX - 2, 4);
    assert_int_equal(boot_pvh(&f->context, &f->state), BOOT_KERNEL_NO_ENTRY);
}

/* Offsets in the program header of the loaded segment: file offset, address, sizes. */
enum { OFFSET = 64 + 8, ADDRESS = 64 + 24, FILE_SIZE = 64 + 32, MEMORY_SIZE = 64 + 40 };

static void segments_stay_within_file_and_memory(void **state)
{
    static const struct {
        unsigned field;
        uint64_t value;
        enum boot_problem problem;
    } cases[] = {
        { OFFSET, UINT64_MAX, BOOT_KERNEL_TRUNCATED },
        { FILE_SIZE, UINT64_MAX, BOOT_KERNEL_TRUNCATED },
        { FILE_SIZE, sizeof(((struct fixture *)0)->file), BOOT_KERNEL_TRUNCATED },
        { MEMORY_SIZE, UINT64_MAX, BOOT_KERNEL_TOO_LARGE },
        { MEMORY_SIZE, 100, BOOT_KERNEL_MALFORMED }, /* less than of the file */
        { ADDRESS, 0, BOOT_KERNEL_MALFORMED },       /* over what we put there */
        { ADDRESS, MEMORY - 4096, BOOT_KERNEL_TOO_LARGE },
        { ADDRESS, UINT64_MAX - 100, BOOT_KERNEL_TOO_LARGE },
        { ADDRESS, 20 << 20, BOOT_KERNEL_MALFORMED }, /* the entry is in no segment */
    };
    struct fixture *f = *state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        make_elf(f);
        store(f, cases[i].field, cases[i].value, 8);
        assert_int_equal(boot_pvh(&f->context, &f->state), cases[i].problem);
    }
}

static void a_truncated_elf_file_is_refused(void **state)
{
    struct fixture *f = *state;
    make_elf(f);
    for (size_t length = 0; length < 1024 + 4096; length++) {
        uint8_t *copy = malloc(length ? length : 1);
        memcpy(copy, f->file, length);
        f->request.kernel = (struct boot_image){ copy, length };
        assert_int_not_equal(boot_pvh(&f->context, &f->state), BOOT_OK);
        free(copy);
    }
}

/* -- Linux, unpacked -- */

static void an_unpacked_kernel_is_entered_in_64_bit_mode(void **state)
{
    struct fixture *f = *state;
    make_elf(f);
    store(f, 24, 0x1000100, 8);
    f->request.initrd = (struct boot_image){ f->initrd, sizeof(f->initrd) };
    assert_int_equal(boot_elf(&f->context, &f->state), BOOT_OK);
    assert_int_equal(f->state.rip, 0x1000100);
    assert_int_equal(f->state.general[RSI], BOOT_PARAMS_ADDRESS);
    assert_int_equal(f->state.efer, EFER_LME | EFER_LMA);
    assert_true(f->state.segments[SEGMENT_CS].attributes & SEGMENT_LONG);
    assert_int_equal(load(f, BOOT_PARAMS_ADDRESS + 0x202, 4), 0x53726448);
    assert_int_equal(load(f, BOOT_PARAMS_ADDRESS + 0x1e8, 1), 3);
    assert_int_equal(load(f, BOOT_PARAMS_ADDRESS + 0x21c, 4), sizeof(f->initrd));
    gpa_t level_3 = load(f, f->state.cr3, 8) & ~0xfffull;
    gpa_t level_2 = load(f, level_3, 8) & ~0xfffull;
    assert_int_equal(load(f, level_2 + 8 * 8, 8), 0x1000000 | 0x83); /* 16 MiB is 16 MiB */
}

static void an_unpacked_32_bit_kernel_is_entered_without_paging(void **state)
{
    struct fixture *f = *state;
    const uint32_t program[8] = { 1, 1024, 0, 16 << 20, 4096, 8192, 5, 4096 };
    make_elf(f);
    memset(f->file + 16, 0, 200);
    f->file[4] = 1;
    store(f, 18, 3, 2);
    store(f, 24, 16 << 20, 4);
    store(f, 28, 52, 4);
    store(f, 42, 32, 2);
    store(f, 44, 1, 2);
    memcpy(f->file + 52, program, sizeof(program));
    assert_int_equal(boot_elf(&f->context, &f->state), BOOT_OK);
    assert_int_equal(f->state.rip, 16 << 20);
    assert_int_equal(f->state.cr0, CR0_PE | CR0_ET);
}

static void an_entry_outside_the_kernel_is_refused(void **state)
{
    struct fixture *f = *state;
    make_elf(f);
    store(f, 24, 0x3000000, 8);
    assert_int_equal(boot_elf(&f->context, &f->state), BOOT_KERNEL_MALFORMED);
    store(f, 24, UINT64_MAX, 8);
    assert_int_equal(boot_elf(&f->context, &f->state), BOOT_KERNEL_MALFORMED);
}

static void every_problem_has_a_sentence(void **state)
{
    (void)state;
    for (int i = 0; i < BOOT_PROBLEMS; i++)
        assert_string_not_equal(boot_problem_text((enum boot_problem)i), "unknown problem");
}

int main(void)
{
#define BOOT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        BOOT_TEST(a_bzimage_is_entered_in_protected_mode),
        BOOT_TEST(the_zero_page_tells_what_there_is),
        BOOT_TEST(a_kernel_needs_room_to_unpack),
        BOOT_TEST(an_initrd_larger_than_what_is_left_is_refused),
        BOOT_TEST(an_initrd_stays_below_the_kernels_limit),
        BOOT_TEST(a_command_line_that_is_too_long_is_refused),
        BOOT_TEST(what_is_no_kernel_is_refused),
        BOOT_TEST(an_old_kernel_is_refused),
        BOOT_TEST(a_truncated_bzimage_is_refused),
        BOOT_TEST(the_payload_is_bounded_by_the_file),
        BOOT_TEST(an_elf_kernel_is_entered_where_its_note_says),
        BOOT_TEST(an_elf_file_without_the_note_is_refused),
        BOOT_TEST(a_note_that_is_longer_than_its_segment_is_ignored),
        BOOT_TEST(segments_stay_within_file_and_memory),
        BOOT_TEST(a_truncated_elf_file_is_refused),
        BOOT_TEST(an_unpacked_kernel_is_entered_in_64_bit_mode),
        BOOT_TEST(an_unpacked_32_bit_kernel_is_entered_without_paging),
        BOOT_TEST(an_entry_outside_the_kernel_is_refused),
        BOOT_TEST(every_problem_has_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
