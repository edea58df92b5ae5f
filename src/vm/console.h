// SPDX-License-Identifier: Apache-2.0
/* The host's end of a byte stream of the machine: a serial line or a port of the virtio console. */
#pragma once

#include "vm/fd_stream.h"
#include "vm/platform.h"

/* What every kind of host end begins with. */
struct platform_console {
    struct platform_console_receiver receiver;
    size_t (*write)(struct platform_console *console, const uint8_t *bytes, size_t length);
    void (*ready)(struct platform_console *console); /* the guest may take input again */
};

/* A machine that is made anew gets the same consoles: what the old one wanted is forgotten. */
void console_forget_receiver(struct platform_console *console);

/* -- Over descriptors: a terminal, pipes, files, sockets -- */

struct fd_console {
    struct platform_console console;
    struct fd_output output;
    struct fd_input input;
    struct platform_console *copy; /* gets what the guest writes as well; NULL: none */
    bool refused;                  /* the last write was not taken as a whole: `writable` is owed */
};

/* -1: none. */
int fd_console_open(struct fd_console *console, struct platform *platform, int input_fd,
                    int output_fd, struct error *error);
/* Waits for what was written to be read. */
void fd_console_close(struct fd_console *console);

/* -- Into memory: the last of what a kernel said -- */

enum { MEMORY_CONSOLE_SIZE = 65536 };

struct memory_console {
    struct platform_console console;
    const struct log *echo; /* where each line goes as well, as a debug message; NULL: nowhere */
    uint64_t written;
    char line[256];
    size_t line_length;
    char bytes[MEMORY_CONSOLE_SIZE];
};

void memory_console_open(struct memory_console *console, const struct log *echo);
/* The last line that contains `text`, from there on; allocated, printable; NULL: none. */
char *memory_console_find(const struct memory_console *console, const char *text);
/* The last `count` lines, allocated. */
char *memory_console_tail(const struct memory_console *console, unsigned count);
