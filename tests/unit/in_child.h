// SPDX-License-Identifier: Apache-2.0
/* What must be done in a process of its own, and what it had to say about it. */
#pragma once

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"

/* Run `body` in a child; what it prints to the stream, allocated, then "exit N" unless it is 0. */
static inline char *in_child(int (*body)(FILE *out, void *context), void *context)
{
    char *text = NULL;
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        FILE *out = fdopen(ends[1], "w");
        close(ends[0]);
        alarm(30);
        int result = body(out, context);
        fflush(out);
        _exit(result);
    }
    close(ends[1]);
    text = calloc(1, 65536);
    assert_true(read_all(ends[0], text, 60000) >= 0);
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status)
        sprintf(text + strlen(text), "exit %d", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    return text;
}

/* The line of /proc/self/status that begins so, without its end. Allocated. */
static inline char *status_line(const char *name)
{
    FILE *stream = fopen("/proc/thread-self/status", "r");
    char line[512], *found = NULL;
    while (stream && fgets(line, sizeof(line), stream))
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':') {
            line[strcspn(line, "\n")] = '\0';
            found = strdup(line + strlen(name) + 2);
        }
    if (stream)
        fclose(stream);
    return found;
}
