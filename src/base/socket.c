// SPDX-License-Identifier: Apache-2.0
#include "base/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/io.h"
#include "base/string.h"

enum { MOST_FDS = 16 };

/* The address for a path; a long one is reached through a descriptor of its directory. */
static int socket_address(const char *path, struct sockaddr_un *address, int *directory_fd)
{
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (strlen(path) < sizeof(address->sun_path)) {
        strcpy(address->sun_path, path);
        return 0;
    }
    const char *slash = strrchr(path, '/');
    if (!slash)
        return -1;
    AUTO_FREE char *directory = string_copy_n(path, (size_t)(slash - path));
    *directory_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*directory_fd < 0)
        return -1;
    int length = snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s",
                          *directory_fd, slash + 1);
    if ((size_t)length < sizeof(address->sun_path))
        return 0;
    errno = ENAMETOOLONG;
    return -1;
}

int socket_connect(const char *path, struct error *error)
{
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    AUTO_CLOSE int directory_fd = -1;
    struct sockaddr_un address;
    if (fd < 0 || socket_address(path, &address, &directory_fd) < 0 ||
        connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return error_set(error, errno, "connect to socket %s", path);
    return take_fd(&fd);
}

int socket_send_fds(int socket_fd, const void *data, size_t length, const int *fds, size_t fd_count,
                    struct error *error)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int) * MOST_FDS)];
    } control = { 0 };
    struct iovec content = { .iov_base = (void *)data, .iov_len = length };
    struct msghdr message = { .msg_iov = &content, .msg_iovlen = 1 };
    if (fd_count > MOST_FDS)
        return error_set(error, E2BIG, "send %zu file descriptors", fd_count);
    if (fd_count) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * fd_count);
    }
    ssize_t sent;
    do
        sent = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return error_set(error, errno, "send over socket");
    /* A stream may take a part; the descriptors went with the first byte. */
    if (write_all(socket_fd, (const char *)data + sent, length - (size_t)sent) < 0)
        return error_set(error, errno, "send over socket");
    return 0;
}

static void keep_fds(struct msghdr *message, int *fds, size_t room, size_t *count)
{
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        size_t received = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < received; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
            if (*count < room)
                fds[(*count)++] = fd;
            else
                close(fd);
        }
    }
}

ssize_t socket_receive_fds(int socket_fd, void *data, size_t size, int *fds, size_t *fd_count,
                           struct error *error)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int) * MOST_FDS)];
    } control;
    struct iovec content = { .iov_base = data, .iov_len = size };
    struct msghdr message = { .msg_iov = &content,
                              .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = sizeof(control) };
    size_t room = *fd_count;
    *fd_count = 0;
    ssize_t received;
    do
        received = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
    while (received < 0 && errno == EINTR);
    if (received < 0)
        return error_set(error, errno, "receive over socket");
    keep_fds(&message, fds, room, fd_count);
    return received;
}
