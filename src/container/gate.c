// SPDX-License-Identifier: Apache-2.0
#include "container/gate.h"

#include <errno.h>
#include <fcntl.h>
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

int gate_wait(int listen_fd, struct error *error)
{
    AUTO_CLOSE int connection = -1;
    do
        connection = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    while (connection < 0 && errno == EINTR);
    if (connection < 0)
        return error_set(error, errno, "wait at the start gate");
    if (sync_expect(connection, SYNC_GO, NULL, error) < 0)
        return -1;
    return take_fd(&connection);
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
