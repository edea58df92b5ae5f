// SPDX-License-Identifier: Apache-2.0
#include "container/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/io.h"
#include "container/sync.h"

static const char gate_name[] = "gate";

/* State directories can be deeper than a socket address is long: go through the descriptor. */
static struct sockaddr_un gate_address(int state_directory_fd)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", state_directory_fd,
             gate_name);
    return address;
}

int gate_make(int state_directory_fd, struct error *error)
{
    struct sockaddr_un address = gate_address(state_directory_fd);
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
        return error_set(error, errno, "create the start gate in the state directory");
    return take_fd(&fd);
}

static bool somebody_waits(int listen_fd)
{
    struct pollfd queue = { .fd = listen_fd, .events = POLLIN };
    return poll(&queue, 1, 0) > 0;
}

/*
 * Of two who come at once, one removes the gate and the other goes without a word, and that one may
 * have been the first. Whoever removed the gate has come before that: he is in the queue by now.
 */
int gate_wait(int listen_fd, struct error *error)
{
    for (;;) {
        AUTO_CLOSE int connection = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (connection < 0 && errno == EINTR)
            continue;
        if (connection < 0)
            return error_set(error, errno, "wait at the start gate");
        if (sync_expect(connection, SYNC_GO, NULL, error) == 0)
            return take_fd(&connection);
        if (!somebody_waits(listen_fd))
            return -1;
        error_clear(error);
    }
}

int gate_open(int state_directory_fd, struct error *error)
{
    struct sockaddr_un address = gate_address(state_directory_fd);
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(error, errno, "make a socket");
    /* Of two callers at once, the one that removes the file goes through. */
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        unlinkat(state_directory_fd, gate_name, 0) < 0) {
        int reason = errno;
        if (reason != ENOENT && reason != ECONNREFUSED)
            return error_set(error, reason, "open its start gate");
        error_set(error, 0, "somebody else has started or ended it meanwhile");
        error->code = reason;
        return -1;
    }
    if (sync_send(fd, SYNC_GO, 0, error) < 0)
        return -1;
    return sync_expect_end(fd, error);
}

bool gate_is_closed(int state_directory_fd)
{
    return path_exists_at(state_directory_fd, gate_name);
}
