// SPDX-License-Identifier: Apache-2.0
#include "container/seccomp_notify.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/socket.h"
#include "base/string.h"

enum { NOT_LOADED = -2, NO_CONNECTION = -2, SEND_TIMEOUT_S = 10 };

int seccomp_notify_connect(const struct spec_seccomp *seccomp, struct error *error)
{
    if (!seccomp || !seccomp_wants_listener(seccomp))
        return NO_CONNECTION;
    AUTO_CLOSE int fd = socket_connect(seccomp->listener_path, error);
    if (fd < 0)
        return error_wrap(error, "linux.seccomp.listenerPath");
    /* An agent that does not read must not hold the container up for ever. */
    struct timeval timeout = { .tv_sec = SEND_TIMEOUT_S };
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0)
        return error_set(error, errno, "linux.seccomp.listenerPath: set a timeout");
    return take_fd(&fd);
}

char *seccomp_notify_message(const struct spec_seccomp *seccomp, const char *state, pid_t pid,
                             struct error *error)
{
    AUTO_JSON struct json_object *container = json_parse(state, strlen(state), error);
    AUTO_JSON struct json_object *message = json_object_new_object();
    if (!container)
        return NULL;
    struct json_object *version = NULL, *container_pid = NULL;
    json_object_object_get_ex(container, "ociVersion", &version);
    json_object_object_get_ex(container, "pid", &container_pid);
    struct json_object *fds = json_object_new_array_ext(1);
    json_object_array_add(fds, json_object_new_string("seccompFd"));
    json_object_object_add(message, "ociVersion", json_object_get(version));
    json_object_object_add(message, "fds", fds);
    json_object_object_add(message, "pid",
                           pid ? json_object_new_int64(pid) : json_object_get(container_pid));
    if (seccomp->listener_metadata)
        json_object_object_add(message, "metadata",
                               json_object_new_string(seccomp->listener_metadata));
    json_object_object_add(message, "state", take_pointer(container));
    return json_text(message);
}

/* What the two threads share. */
struct handover {
    int connection_fd;
    const char *message;
    _Atomic int listener_fd; /* NOT_LOADED, then what seccomp(2) returned */
    atomic_bool sent;
    struct error error;
};

/*
 * Any system call of the other thread may be the one that its new filter holds up, so it has no
 * call left by which to wake this one: hence the naps.
 */
static void *send_listener(void *argument)
{
    struct handover *handover = argument;
    int fd;
    while ((fd = atomic_load(&handover->listener_fd)) == NOT_LOADED)
        nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL);
    if (fd >= 0)
        socket_send_fds(handover->connection_fd, handover->message, strlen(handover->message), &fd,
                        1, &handover->error);
    atomic_store(&handover->sent, true);
    return NULL;
}

static int start_sender(struct handover *handover, struct error *error)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 256 << 10);
    int failure = pthread_create(&thread, &attributes, send_listener, handover);
    pthread_attr_destroy(&attributes);
    if (failure)
        return error_set(error, failure, "linux.seccomp: start the sender of the descriptor");
    return 0;
}

int seccomp_notify_load(const struct seccomp_program *program, int connection_fd,
                        const char *message, struct error *error)
{
    struct handover handover = { .connection_fd = connection_fd,
                                 .message = message,
                                 .listener_fd = NOT_LOADED };
    if (start_sender(&handover, error) < 0)
        return -1;
    int result = seccomp_install(program, &handover.listener_fd, error);
    /* No call of the kernel here either; it takes some tens of microseconds. */
    while (!atomic_load(&handover.sent))
        __builtin_ia32_pause();
    if (result < 0)
        return -1;
    if (handover.error.message) {
        error_move(error, &handover.error);
        return error_wrap(error, "linux.seccomp.listenerPath: send the descriptor");
    }
    return 0;
}
