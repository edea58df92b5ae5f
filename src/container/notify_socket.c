// SPDX-License-Identifier: Apache-2.0
#include "container/notify_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/string.h"

enum { MOST_MESSAGE = 4096 };

/*
 * bind(2) at a path of any length, below a directory that only we can write to. The path goes
 * through /proc/self/fd because sun_path is short.
 */
static int bind_at(int fd, int directory_fd, const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", directory_fd, name);
    /* Any user of the container may write to it. */
    mode_t before = umask(0);
    int result = bind(fd, (struct sockaddr *)&address, sizeof(address));
    umask(before);
    return result;
}

int notify_socket_make(const char *state_directory, struct error *error)
{
    AUTO_FREE char *path = string_format("%s/notify", state_directory);
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return error_set(error, errno, "make %s", path);
    AUTO_CLOSE int directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    /* 0777 against our umask: the state directory around it is what keeps others out. */
    if (directory_fd < 0 || fchmod(directory_fd, 0777) < 0)
        return error_set(error, errno, "open %s", path);
    if (unlinkat(directory_fd, "notify.sock", 0) < 0 && errno != ENOENT)
        return error_set(error, errno, "remove the old socket in %s", path);
    if (fd < 0 || bind_at(fd, directory_fd, "notify.sock") < 0)
        return error_set(error, errno, "make the socket notify.sock in %s", path);
    return take_fd(&fd);
}

/* sd_notify(3): a leading @ is a name of the abstract space. */
static int connect_host(const char *path, struct error *error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t length = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || length >= sizeof(address.sun_path))
        return error_set(error, 0, "NOTIFY_SOCKET: \"%s\" is not the address of a socket", path);
    memcpy(address.sun_path, path, length);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t size =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (path[0] == '/' ? 1 : 0));
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, size) < 0)
        return error_set(error, errno, "NOTIFY_SOCKET: connect to %s", path);
    return take_fd(&fd);
}

/* A message from the container, with the descriptor of a BARRIER=1 (sd_notify_barrier(3)). */
struct message {
    char text[MOST_MESSAGE + 1];
    int fd;
};

static void cleanup_message(struct message *message)
{
    cleanup_close(&message->fd);
}

static void take_descriptors(struct msghdr *header, struct message *message)
{
    for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control;
         control = CMSG_NXTHDR(header, control)) {
        if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(int));
            cleanup_close(&message->fd);
            message->fd = fd;
        }
    }
}

/* 1: a message; 0: nothing there (any more); -1 with errno. */
static int receive(int fd, struct message *message)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int) * 16)];
    } control;
    struct iovec content = { .iov_base = message->text, .iov_len = MOST_MESSAGE };
    struct msghdr header = { .msg_iov = &content,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control) };
    ssize_t length = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (length < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    take_descriptors(&header, message);
    message->text[length] = '\0';
    return 1;
}

static bool has_line(const char *text, const char *line)
{
    size_t length = strlen(line);
    for (const char *start = text; start; start = strchr(start, '\n')) {
        start += *start == '\n';
        if (strncmp(start, line, length) == 0 && (start[length] == '\n' || !start[length]))
            return true;
    }
    return false;
}

/*
 * The container's words, except those that speak of processes or descriptors: the numbers are of
 * another namespace, and a container must not tell the host's manager which process is the main
 * one.
 */
static char *translate(const char *text, pid_t pid)
{
    static const char *const dropped[] = { "MAINPID=",       "MAINPIDFDID=", "BARRIER=", "FDSTORE=",
                                           "FDSTOREREMOVE=", "FDNAME=",      "FDPOLL=" };
    AUTO_STRINGS char **lines = string_split(text, "\n");
    AUTO_FREE char *result = string_copy("");
    for (char **line = lines; *line; line++) {
        bool keep = true;
        for (size_t i = 0; i < ARRAY_LENGTH(dropped); i++)
            keep = keep && !string_starts_with(*line, dropped[i]);
        if (keep)
            string_append(&result, "%s\n", *line);
    }
    if (*result && has_line(text, "READY=1"))
        string_append(&result, "MAINPID=%d\n", pid);
    return take_pointer(result);
}

/* 1 when READY=1 was passed on. Closing the message's descriptor answers a barrier. */
static int relay_one(int fd, int host_fd, pid_t pid, struct error *error)
{
    struct message message __attribute__((cleanup(cleanup_message))) = { .fd = -1 };
    int received = receive(fd, &message);
    if (received < 0)
        return error_set(error, errno, "receive from the container's notify socket");
    if (received == 0)
        return 0;
    AUTO_FREE char *text = translate(message.text, pid);
    if (*text && send(host_fd, text, strlen(text), MSG_NOSIGNAL) < 0)
        return error_set(error, errno, "NOTIFY_SOCKET: pass a message on");
    return has_line(message.text, "READY=1");
}

int notify_socket_relay(int fd, const char *host_socket, pid_t pid, int pidfd, struct error *error)
{
    AUTO_CLOSE int host_fd = connect_host(host_socket, error);
    if (host_fd < 0)
        return -1;
    for (;;) {
        struct pollfd events[] = { { .fd = fd, .events = POLLIN },
                                   { .fd = pidfd, .events = POLLIN } };
        if (poll(events, ARRAY_LENGTH(events), -1) < 0 && errno != EINTR)
            return error_set(error, errno, "wait for the container's notify socket");
        int result = relay_one(fd, host_fd, pid, error);
        if (result != 0)
            return result < 0 ? -1 : 0;
        /* What it said before it ended has been passed on by now. */
        if (events[1].revents && !events[0].revents)
            return 0;
    }
}
