// SPDX-License-Identifier: Apache-2.0
#include "base/string.h"
#include "vm/console.h"

static void echo_byte(struct memory_console *console, char byte)
{
    bool full = console->line_length == sizeof(console->line) - 1;
    if (byte != '\n' && byte != '\r')
        console->line[console->line_length++] = byte >= ' ' && byte <= '~' ? byte : '?';
    if ((byte != '\n' && !full) || console->line_length == 0)
        return;
    console->line[console->line_length] = '\0';
    console->line_length = 0;
    log_debug(console->echo, "guest: %s", console->line);
}

static size_t memory_write(struct platform_console *base, const uint8_t *bytes, size_t length)
{
    struct memory_console *console = (struct memory_console *)base;
    for (size_t i = 0; i < length; i++) {
        console->bytes[console->written++ % MEMORY_CONSOLE_SIZE] = (char)bytes[i];
        if (console->echo)
            echo_byte(console, (char)bytes[i]);
    }
    return length;
}

void memory_console_open(struct memory_console *console, const struct log *echo)
{
    *console =
        (struct memory_console){ .console = { .write = memory_write },
                                 .echo = echo && echo->level >= LOG_LEVEL_DEBUG ? echo : NULL };
}

/* All that is kept, in order, as a string: what a terminal could act upon is taken out. */
static char *text_of(const struct memory_console *console)
{
    uint64_t first =
        console->written > MEMORY_CONSOLE_SIZE ? console->written - MEMORY_CONSOLE_SIZE : 0;
    char *text = allocate(console->written - first + 1, 1);
    size_t length = 0;
    for (uint64_t i = first; i < console->written; i++) {
        char byte = console->bytes[i % MEMORY_CONSOLE_SIZE];
        if (byte == '\n' || (byte >= ' ' && byte <= '~'))
            text[length++] = byte;
    }
    text[length] = '\0';
    return text;
}

char *memory_console_find(const struct memory_console *console, const char *text)
{
    AUTO_FREE char *all = text_of(console);
    const char *found = NULL;
    for (const char *next = strstr(all, text); next; next = strstr(next + 1, text))
        found = next;
    return found ? string_copy_n(found, strcspn(found, "\n")) : NULL;
}

char *memory_console_tail(const struct memory_console *console, unsigned count)
{
    AUTO_FREE char *all = text_of(console);
    size_t start = strlen(all);
    while (start && all[start - 1] == '\n')
        all[--start] = '\0';
    while (start && count) {
        start--;
        if (all[start] == '\n' && --count == 0)
            return string_copy(all + start + 1);
    }
    return string_copy(all);
}
