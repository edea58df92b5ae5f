// SPDX-License-Identifier: Apache-2.0
#include "vm/console.h"

size_t platform_console_write(struct platform_console *console, const uint8_t *bytes, size_t length)
{
    return console->write(console, bytes, length);
}

void platform_console_set_receiver(struct platform_console *console,
                                   struct platform_console_receiver receiver)
{
    console->receiver = receiver;
    if (console->ready)
        console->ready(console);
}

void platform_console_ready(struct platform_console *console)
{
    if (console->ready)
        console->ready(console);
}

void console_forget_receiver(struct platform_console *console)
{
    console->receiver = (struct platform_console_receiver){ 0 };
}
