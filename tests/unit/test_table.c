// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/string.h"
#include "cli/table.h"

static const struct table_column columns[] = { { "ID", false },
                                               { "PID", true },
                                               { "NAME", false } };

static char *printed(const struct table *table)
{
    char *text = NULL;
    size_t size;
    FILE *output = open_memstream(&text, &size);
    table_print(table, output);
    fclose(output);
    return text;
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    (void)state;
    AUTO_TABLE struct table *table = table_new(columns, ARRAY_LENGTH(columns));
    table_cell(table, "web");
    table_cell(table, "%d", 7);
    table_styled_cell(table, STYLE_GREEN, "x");
    table_cell(table, "d\xc3\xa4t\xc3\xa4");
    table_cell(table, "%d", 12345);
    table_cell(table, "long name");
    AUTO_FREE char *text = printed(table);
    assert_string_equal(text, "ID      PID  NAME\n"
                              "web       7  x\n"
                              "d\xc3\xa4t\xc3\xa4  12345  long name\n");
}

static void a_table_without_rows_is_its_heading(void **state)
{
    (void)state;
    AUTO_TABLE struct table *table = table_new(columns, ARRAY_LENGTH(columns));
    AUTO_FREE char *text = printed(table);
    assert_string_equal(text, "ID  PID  NAME\n");
}

/* A container's command line must not be able to write to the terminal of who looks at it. */
static void no_control_sequence_passes(void **state)
{
    (void)state;
    AUTO_TABLE struct table *table = table_new(columns, 1);
    table_cell(table, "a\033]0;owned\007b\n\xc2\x9b"
                      "31m");
    AUTO_FREE char *text = printed(table);
    assert_string_equal(text, "ID\na?]0;owned?b???31m\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(a_table_without_rows_is_its_heading),
        cmocka_unit_test(no_control_sequence_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
