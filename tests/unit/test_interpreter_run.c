// SPDX-License-Identifier: Apache-2.0
/* The run loop and the block cache: what happens between instructions. */
#include "interpreter_fixture.h"

static void a_guest_runs_until_it_halts(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_execute(guest, "\x48\xc7\xc0\x2a\x00\x00\x00" /* mov rax, 42 */
                         "\x48\x8d\x58\x01" /* lea rbx, [rax + 1] */);
    assert_int_equal(guest->cpu->state.general[RAX], 42);
    assert_int_equal(guest->cpu->state.general[RBX], 43);
    assert_int_equal(guest->cpu->state.rip, GUEST_CODE + 12);
    guest_free(guest);
}

static void a_loop_sums_up(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_execute(guest, "\x31\xc0"             /* xor eax, eax */
                         "\xb9\xe8\x03\x00\x00" /* mov ecx, 1000 */
                         "\x01\xc8"             /* 1: add eax, ecx */
                         "\xff\xc9"             /* dec ecx */
                         "\x75\xfa" /* jnz 1b */);
    assert_int_equal(guest->cpu->state.general[RAX], 500500);
    guest_free(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_runs_until_it_halts),
        cmocka_unit_test(a_loop_sums_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
