// SPDX-License-Identifier: Apache-2.0
#include "vm/control_server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/io.h"
#include "base/socket.h"
#include "base/string.h"
#include "spec/decode.h"

enum { MOST_CLIENTS = 64 };

struct control_client {
    struct control_server *server;
    struct control_client *next;
    struct event_source source;
    struct session_process *process; /* NULL: none, or it has ended */
};

struct control_server {
    struct vm *vm;
    struct session *session;
    struct event_source source;
    struct control_client *clients;
    unsigned client_count;
};

static void end_client(struct control_client *client)
{
    struct control_server *server = client->server;
    for (struct control_client **link = &server->clients; *link; link = &(*link)->next)
        if (*link == client) {
            *link = client->next;
            break;
        }
    event_loop_remove(&server->vm->platform.loop, &client->source);
    close(client->source.fd);
    if (client->process)
        session_abandon(client->process);
    free(client);
    server->client_count--;
}

/* Packets are few and small: whoever does not read them is not there. */
static void answer(const struct control_client *client, enum control_type type, int value,
                   const char *text)
{
    struct control_message message = { .type = type, .value = value };
    snprintf(message.text, sizeof(message.text), "%s", text);
    (void)!send(client->source.fd, &message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void on_started(void *context, uint32_t guest_pid)
{
    answer(context, CONTROL_STARTED, (int)guest_pid, "");
}

static void on_failed(void *context, const struct error *why)
{
    struct control_client *client = context;
    client->process = NULL;
    answer(client, CONTROL_FAILED, why->code, why->message);
    end_client(client);
}

static void on_exited(void *context, unsigned status, unsigned signal)
{
    struct control_client *client = context;
    client->process = NULL;
    answer(client, CONTROL_EXITED, signal ? 128 + (int)signal : (int)status, "");
    end_client(client);
}

static struct spec *read_process(int document_fd, struct error *error)
{
    size_t length;
    AUTO_PROBLEMS struct spec_problems problems = { 0 };
    if (lseek(document_fd, 0, SEEK_SET) < 0) {
        error_set(error, errno, "read the process to start");
        return NULL;
    }
    AUTO_FREE char *text =
        read_fd(document_fd, "the process to start", CONTROL_DOCUMENT_LIMIT, &length, error);
    struct spec *spec = text ? spec_decode_process(text, length, &problems) : NULL;
    if (text && !spec)
        spec_problems_to_error(&problems, "process", error);
    return spec;
}

static int start_process(struct control_client *client, const int *fds, size_t count,
                         struct error *error)
{
    struct session *session = client->server->session;
    const struct session_events events = { on_started, on_failed, on_exited, client };
    if (count != CONTROL_EXEC_FDS)
        return error_set(error, EINVAL, "%zu descriptors", count);
    if (client->process || !session)
        return error_set(error, 0, "the guest is not ready to start processes");
    AUTO_SPEC struct spec *spec = read_process(fds[3], error);
    if (!spec)
        return -1;
    const int streams[3] = { fds[0], fds[1], spec->process->terminal ? -1 : fds[2] };
    client->process = session_start(session, spec->process, streams, &events, error);
    return client->process ? 0 : -1;
}

static void handle(struct control_client *client, const struct control_message *message,
                   const int *fds, size_t fd_count)
{
    AUTO_ERROR struct error error = { 0 };
    struct vm *vm = client->server->vm;
    switch (message->type) {
    case CONTROL_EXEC:
        if (start_process(client, fds, fd_count, &error) < 0)
            answer(client, CONTROL_FAILED, error.code, error.message);
        break;
    case CONTROL_SIGNAL:
        if (client->process)
            session_signal(client->process, message->value);
        break;
    case CONTROL_WINDOW_SIZE:
        if (client->process)
            session_window_size(client->process, message->rows, message->columns);
        break;
    case CONTROL_PAUSE:
        vm_pause(vm);
        answer(client, CONTROL_DONE, 0, "");
        break;
    case CONTROL_RESUME:
        vm_resume(vm);
        answer(client, CONTROL_DONE, 0, "");
        break;
    default:
        answer(client, CONTROL_FAILED, EINVAL, "the monitor does not know this request");
    }
}

static void client_ready(void *context, uint32_t events)
{
    struct control_client *client = context;
    struct control_message message;
    AUTO_ERROR struct error error = { 0 };
    int fds[CONTROL_EXEC_FDS];
    size_t fd_count = CONTROL_EXEC_FDS;
    (void)events;
    ssize_t length =
        socket_receive_fds(client->source.fd, &message, sizeof(message), fds, &fd_count, &error);
    if (length == sizeof(message)) {
        handle(client, &message, fds, fd_count);
        for (size_t i = 0; i < fd_count; i++)
            close(fds[i]);
        return;
    }
    for (size_t i = 0; i < fd_count; i++)
        close(fds[i]);
    if (length >= 0 || (error.code != EAGAIN && error.code != EINTR))
        end_client(client);
}

static void connection_ready(void *context, uint32_t events)
{
    struct control_server *server = context;
    AUTO_ERROR struct error error = { 0 };
    (void)events;
    int fd = accept4(server->source.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (server->client_count == MOST_CLIENTS) {
        close(fd);
        return;
    }
    struct control_client *client = allocate(1, sizeof(*client));
    *client = (struct control_client){
        .server = server,
        .next = server->clients,
        .source = { .fd = fd, .events = EPOLLIN, .ready = client_ready, .context = client },
    };
    server->clients = client;
    server->client_count++;
    if (event_loop_add(&server->vm->platform.loop, &client->source, &error) < 0)
        end_client(client);
}

struct control_server *control_server_new(struct vm *vm, int listen_fd, struct error *error)
{
    struct control_server *server = allocate(1, sizeof(*server));
    *server = (struct control_server){
        .vm = vm,
        .source = { .fd = listen_fd,
                    .events = EPOLLIN,
                    .ready = connection_ready,
                    .context = server },
    };
    if (event_loop_add(&vm->platform.loop, &server->source, error) == 0)
        return server;
    free(server);
    return NULL;
}

void control_server_set_session(struct control_server *server, struct session *session)
{
    server->session = session;
}

void control_server_free(struct control_server *server)
{
    if (!server)
        return;
    while (server->clients)
        end_client(server->clients);
    event_loop_remove(&server->vm->platform.loop, &server->source);
    free(server);
}
