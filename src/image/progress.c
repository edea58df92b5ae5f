// SPDX-License-Identifier: Apache-2.0
#include "image/progress.h"

#include <stdio.h>
#include <unistd.h>

void progress_begin(struct progress *progress, const char *title)
{
    *progress = (struct progress){ .title = title, .terminal = isatty(STDERR_FILENO) == 1 };
}

void progress_phase(struct progress *progress, unsigned int percent, const char *phase)
{
    progress->shown = percent;
    progress->open = progress->terminal;
    /* \r goes back to the start of the line, ESC [K erases the rest of it (ECMA-48, EL). */
    fprintf(stderr, progress->terminal ? "\r%s: %3u%%  %s\033[K" : "%s: %3u%%  %s\n",
            progress->title, percent, phase);
    fflush(stderr);
}

void progress_bytes(struct progress *progress, uint64_t done, uint64_t total)
{
    unsigned int percent = total ? (unsigned int)((double)done / (double)total * 100) : 100;
    if (!progress->terminal || (progress->open && percent == progress->shown))
        return;
    progress_phase(progress, percent > 100 ? 100 : percent, "unpacking");
}

void progress_end(struct progress *progress)
{
    if (progress->open)
        fputs("\r\033[K", stderr);
    progress->open = false;
}
