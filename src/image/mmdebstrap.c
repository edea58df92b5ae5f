// SPDX-License-Identifier: Apache-2.0
/*
 * mmdebstrap tells on its standard error what it is doing ("I: extracting archives..."). The lines
 * that begin a phase move the progress; of the errors ("E: ...") the first one is the cause and the
 * others are its consequences.
 */
#include "image/mmdebstrap.h"

#include <stdlib.h>
#include <string.h>

#include "base/string.h"
#include "image/program.h"

/* What each phase begins with, and how far the whole is then, as measured on a 2-core machine. */
static const struct phase {
    const char *line;
    unsigned int percent;
    const char *text;
} phases[] = {
    { "I: running apt-get update", 2, "reading package lists" },
    { "I: downloading packages", 15, "downloading packages" },
    { "I: extracting archives", 35, "extracting packages" },
    { "I: installing essential packages", 50, "installing essential packages" },
    { "I: installing remaining packages", 75, "installing remaining packages" },
    { "I: cleaning package lists", 92, "cleaning up" },
    { "I: creating tarball", 94, "packing" },
};

/* What the first error may hold, and what a person can do about it. */
static const struct hint {
    const char *text, *advice;
} hints[] = {
    { "does not have a Release file", "; there may be no such suite" },
    { "Failed to fetch", "; is the network up, or a proxy needed (http_proxy)?" },
    { "Could not resolve", "; is the network up, or a proxy needed (http_proxy)?" },
};

struct listener {
    struct progress *progress;
    char *first_error; /* owned */
};

/* "E: what happened." as our messages have it, without the full stop. */
static char *error_text(const char *line)
{
    const char *text = line + strlen("E: ");
    size_t length = strlen(text);
    return string_copy_n(text, length - (length > 0 && text[length - 1] == '.'));
}

static void take_line(void *context, const char *line)
{
    struct listener *listener = context;
    if (!listener->first_error && string_starts_with(line, "E: "))
        listener->first_error = error_text(line);
    for (size_t i = 0; i < ARRAY_LENGTH(phases); i++)
        if (string_starts_with(line, phases[i].line))
            progress_phase(listener->progress, phases[i].percent, phases[i].text);
}

static const char *advice_for(const char *message)
{
    for (size_t i = 0; i < ARRAY_LENGTH(hints); i++)
        if (strstr(message, hints[i].text))
            return hints[i].advice;
    return "";
}

static int run_mmdebstrap(const char *const *args, int standard_output, struct progress *progress,
                          struct error *error)
{
    struct listener listener = { .progress = progress };
    const struct program program = {
        .args = args,
        .package = "mmdebstrap",
        .output = standard_output < 0 ? PROGRAM_OUTPUT_NOWHERE : PROGRAM_OUTPUT_TO_FD,
        .output_fd = standard_output,
        .line = take_line,
        .context = &listener,
    };
    int status = program_run(&program, error);
    AUTO_FREE char *first_error = listener.first_error;
    if (status <= 0)
        return status;
    if (!first_error)
        return error_set(error, 0, "mmdebstrap ended with status %d", status);
    return error_set(error, 0, "mmdebstrap: %s%s", first_error, advice_for(first_error));
}

int mmdebstrap_to_directory(const char *suite, const char *directory, struct progress *progress,
                            struct error *error)
{
    const char *mirror = getenv("OPENVIRT_DEBIAN_MIRROR");
    const char *const args[] = { "mmdebstrap",  "--variant=minbase",
                                 "--mode=root", "--format=directory",
                                 suite,         directory,
                                 mirror,        NULL };
    return run_mmdebstrap(args, -1, progress, error);
}

int mmdebstrap_to_archive(const char *suite, int archive_fd, struct progress *progress,
                          struct error *error)
{
    const char *mirror = getenv("OPENVIRT_DEBIAN_MIRROR");
    const char *const args[] = {
        "mmdebstrap", "--variant=minbase", "--mode=unshare", "--format=tar", suite, "-", mirror,
        NULL
    };
    return run_mmdebstrap(args, archive_fd, progress, error);
}
