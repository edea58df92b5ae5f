// SPDX-License-Identifier: Apache-2.0
#include "instance/handed_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/number.h"

enum { MOST_FDS = 4096 };

static uint32_t count_listen_fds(void)
{
    const char *text = getenv("LISTEN_FDS");
    uint32_t count;
    return text && parse_uint32(text, &count) == 0 && count <= MOST_FDS ? count : 0;
}

int handed_fds_find(uint32_t preserve_fds, struct handed_fds *handed, struct error *error)
{
    if (preserve_fds > MOST_FDS)
        return error_set(error, 0, "--preserve-fds %u: more than %u", preserve_fds, MOST_FDS);
    handed->listen = count_listen_fds();
    handed->preserve = preserve_fds + handed->listen;
    for (uint32_t i = 0; i < handed->preserve; i++) {
        int fd = STDERR_FILENO + 1 + (int)i, flags = fcntl(fd, F_GETFD);
        if (flags < 0 || (flags & FD_CLOEXEC))
            return error_set_code(error, EBADF, "%s: descriptor %d is not open",
                                  i < preserve_fds ? "--preserve-fds" : "$LISTEN_FDS", fd);
    }
    return 0;
}
