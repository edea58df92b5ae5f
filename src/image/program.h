// SPDX-License-Identifier: Apache-2.0
/*
 * Another program that takes long: its lines are heard while it runs, and Ctrl-C reaches it.
 *
 * The program shares our terminal's process group, so Ctrl-C reaches it directly; a signal that was
 * sent to us alone is passed on (we have it blocked: see interrupt.h). It cleans up after itself,
 * and we wait for that.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

enum program_output {
    PROGRAM_OUTPUT_NOWHERE,
    PROGRAM_OUTPUT_HEARD, /* as its standard error is */
    PROGRAM_OUTPUT_TO_FD,
};

struct program {
    const char *const *args; /* NULL-terminated; the first is looked up in PATH and in the sbins */
    const char *package;     /* Debian package that the error names when it is not there */
    const char *directory;   /* where it runs; NULL: here */
    enum program_output output;
    int output_fd;
    /* Called in the child before it becomes the program; false: it has written why to descriptor 2
     * (a line "E: ..."). NULL: nothing is to be done. */
    bool (*prepare)(void *context);
    /* Each line of its standard error, without its end; more than 511 bytes are cut off. */
    void (*line)(void *context, const char *line);
    /* Called twice a second; NULL: nobody is. */
    void (*tick)(void *context);
    void *context;
};

/*
 * Run to the end. The exit status (128 + signal) when it ran; -1 when it could not be run, or when
 * a signal is waiting.
 */
int program_run(const struct program *program, struct error *error);
