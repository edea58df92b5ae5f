// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <stdarg.h>

#include "base/string.h"

struct cell {
    char *text;
    enum style style;
};

struct table {
    const struct table_column *columns;
    size_t column_count, cell_count;
    struct cell *cells;
};

struct table *table_new(const struct table_column *columns, size_t column_count)
{
    struct table *table = allocate(1, sizeof(*table));
    *table = (struct table){ .columns = columns, .column_count = column_count };
    return table;
}

void table_free(struct table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i].text);
    free(table->cells);
    free(table);
}

/*
 * C0 and DEL, and C1 where it is encoded as UTF-8 (0xC2 0x80-0x9F): some terminals take U+009B for
 * the beginning of a control sequence.
 */
void terminal_safe(char *text)
{
    for (unsigned char *byte = (unsigned char *)text; *byte; byte++) {
        bool c1 = byte[0] == 0xC2 && byte[1] >= 0x80 && byte[1] <= 0x9F;
        if (*byte < 0x20 || *byte == 0x7F || c1)
            *byte = '?';
        if (c1)
            byte[1] = '?';
    }
}

static void add_cell(struct table *table, enum style style, char *text)
{
    terminal_safe(text);
    table->cells = reallocate(table->cells, table->cell_count + 1, sizeof(*table->cells));
    table->cells[table->cell_count++] = (struct cell){ text, style };
}

void table_cell(struct table *table, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_cell(table, STYLE_PLAIN, string_vformat(format, arguments));
    va_end(arguments);
}

void table_styled_cell(struct table *table, enum style style, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_cell(table, style, string_vformat(format, arguments));
    va_end(arguments);
}

/* Columns on the screen: UTF-8 continuation bytes take none. Wide characters count as one. */
static size_t text_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static size_t column_width(const struct table *table, size_t column)
{
    size_t width = text_width(table->columns[column].title);
    for (size_t i = column; i < table->cell_count; i += table->column_count) {
        size_t cell_width = text_width(table->cells[i].text);
        if (cell_width > width)
            width = cell_width;
    }
    return width;
}

static void print_cell(FILE *output, const struct cell *cell, size_t padding, bool right_aligned,
                       bool last)
{
    bool styled = style_wanted(output);
    if (right_aligned)
        fprintf(output, "%*s", (int)padding, "");
    fprintf(output, "%s%s%s", style_begin(cell->style, styled), cell->text,
            style_end(cell->style, styled));
    if (last)
        fputc('\n', output);
    else
        fprintf(output, "%*s", right_aligned ? 2 : (int)padding + 2, "");
}

static void print_row(const struct table *table, FILE *output, const size_t *widths,
                      const struct cell *cells)
{
    for (size_t column = 0; column < table->column_count; column++)
        print_cell(output, &cells[column], widths[column] - text_width(cells[column].text),
                   table->columns[column].right_aligned, column + 1 == table->column_count);
}

void table_print(const struct table *table, FILE *output)
{
    AUTO_FREE size_t *widths = allocate(table->column_count, sizeof(*widths));
    AUTO_FREE struct cell *heading = allocate(table->column_count, sizeof(*heading));
    for (size_t column = 0; column < table->column_count; column++) {
        widths[column] = column_width(table, column);
        heading[column] = (struct cell){ (char *)table->columns[column].title, STYLE_BOLD };
    }
    print_row(table, output, widths, heading);
    for (size_t i = 0; i + table->column_count <= table->cell_count; i += table->column_count)
        print_row(table, output, widths, &table->cells[i]);
}

enum style table_status_style(const char *status_name)
{
    static const struct {
        const char *name;
        enum style style;
    } styles[] = {
        { "running", STYLE_GREEN }, { "created", STYLE_YELLOW }, { "creating", STYLE_YELLOW },
        { "paused", STYLE_YELLOW }, { "stopped", STYLE_DIM },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(styles); i++)
        if (string_equal(styles[i].name, status_name))
            return styles[i].style;
    return STYLE_PLAIN;
}
