// SPDX-License-Identifier: Apache-2.0
/*
 * Tables for people: aligned columns, on a terminal with a bold heading and coloured cells. What a
 * container can choose (names, command lines) cannot reach the terminal as control sequences.
 */
#pragma once

#include <stdio.h>

#include "base/cleanup.h"
#include "cli/style.h"

struct table_column {
    const char *title;
    bool right_aligned;
};

struct table;

/* `columns` must live as long as the table. */
struct table *table_new(const struct table_column *columns, size_t column_count);
void table_free(struct table *table); /* NULL is fine */

static inline void table_cleanup(struct table **table)
{
    table_free(*table);
}
#define AUTO_TABLE __attribute__((cleanup(table_cleanup)))

/* The next cell, row after row from left to right. */
void table_cell(struct table *table, const char *format, ...) PRINTF_LIKE(2, 3);
void table_styled_cell(struct table *table, enum style style, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* The heading and all rows; a last row that is not full is not printed. */
void table_print(const struct table *table, FILE *output);

/* Control characters replaced by "?", in place: what goes to a terminal and is not ours. */
void terminal_safe(char *text);

/* The colour of an instance's status. */
enum style table_status_style(const char *status_name);
