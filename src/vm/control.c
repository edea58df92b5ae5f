// SPDX-License-Identifier: Apache-2.0
#include "vm/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/socket.h"

/* State directories can be deeper than a socket address is long: go through the descriptor. */
static struct sockaddr_un control_address(int state_directory_fd)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/monitor",
             state_directory_fd);
    return address;
}

int control_listen(int state_directory_fd, struct error *error)
{
    struct sockaddr_un address = control_address(state_directory_fd);
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fd, SOMAXCONN) < 0)
        return error_set(error, errno, "make the monitor's socket in the state directory");
    return take_fd(&fd);
}

int control_connect(int state_directory_fd, struct error *error)
{
    struct sockaddr_un address = control_address(state_directory_fd);
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return error_set(error, errno, "connect to the monitor of the virtual machine");
    return take_fd(&fd);
}

int control_send(int fd, const struct control_message *message, const int *fds, size_t fd_count,
                 struct error *error)
{
    return socket_send_fds(fd, message, sizeof(*message), fds, fd_count, error);
}

int control_receive(int fd, struct control_message *message, struct error *error)
{
    ssize_t length;
    do
        length = recv(fd, message, sizeof(*message), 0);
    while (length < 0 && errno == EINTR);
    if (length < 0)
        return error_set(error, errno, "hear from the monitor of the virtual machine");
    if (length != sizeof(*message))
        return error_set(error, 0, "the virtual machine has ended");
    if (message->type != CONTROL_FAILED)
        return 0;
    message->text[sizeof(message->text) - 1] = '\0';
    return error_set_code(error, message->value, "%s", message->text);
}

int control_command(int state_directory_fd, enum control_type type, struct error *error)
{
    struct control_message message = { .type = type };
    AUTO_CLOSE int fd = control_connect(state_directory_fd, error);
    if (fd < 0 || control_send(fd, &message, NULL, 0, error) < 0)
        return -1;
    return control_receive(fd, &message, error);
}
