// SPDX-License-Identifier: Apache-2.0
/*
 * User-mode network by libslirp: it takes the machine's frames and makes ordinary sockets of them.
 *
 * libslirp thinks in poll(): before each wait it names its descriptors and a time-out, after it it
 * asks what they are ready for. Here each descriptor is a source of the event loop that notes what
 * it is ready for. A frame of the machine, which a vCPU's thread brings, can change all that, so
 * the sources are brought up to date at once, and the loop is woken when it would wait too long.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "net/backend.h"
#include "net/slirp_library.h"

#define QUEUE_LENGTH      256u /* frames that the machine has no room for yet; then they are dropped */
#define FRAME_SIZE_QUEUED 2048u
#define NETWORK(host)     htonl(0x0a000200u | (host)) /* 10.0.2.0/24 */

struct poll_entry {
    struct event_source source;
    uint32_t wanted, got;
    bool used, named; /* in use; named in the filling under way */
};

struct queued_frame {
    uint16_t length;
    uint8_t bytes[FRAME_SIZE_QUEUED];
};

struct user {
    struct platform_net net;
    struct slirp_library library;
    Slirp *slirp;
    struct event_hook hook;
    struct poll_entry **entries;
    size_t entry_count;
    uint64_t wait_until; /* milliseconds, when the loop's wait ends at the latest */
    bool inside;         /* libslirp runs: it looks at its descriptors by itself afterwards */
    unsigned queue_first, queue_count;
    struct queued_frame queue[QUEUE_LENGTH];
    uint8_t frame[NET_FRAME_MAXIMUM];
};

static uint64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t milliseconds(void)
{
    return nanoseconds() / 1000000;
}

/* -- Descriptors -- */

static void note_ready(void *context, uint32_t events)
{
    ((struct poll_entry *)context)->got |= events;
}

static struct poll_entry *find_entry(struct user *user, int fd)
{
    for (size_t i = 0; i < user->entry_count; i++)
        if (user->entries[i]->used && user->entries[i]->source.fd == fd)
            return user->entries[i];
    return NULL;
}

/* Entries stay where they are: the loop knows their addresses. */
static struct poll_entry *free_entry(struct user *user)
{
    for (size_t i = 0; i < user->entry_count; i++)
        if (!user->entries[i]->used)
            return user->entries[i];
    struct poll_entry *entry = calloc(1, sizeof(*entry));
    struct poll_entry **entries =
        realloc(user->entries, (user->entry_count + 1) * sizeof(*entries));
    if (entries)
        user->entries = entries;
    if (!entry || !entries) {
        free(entry);
        return NULL;
    }
    return user->entries[user->entry_count++] = entry;
}

static struct poll_entry *add_entry(struct user *user, int fd, uint32_t events)
{
    AUTO_ERROR struct error error = { 0 };
    struct poll_entry *entry = free_entry(user);
    if (!entry)
        return NULL;
    *entry = (struct poll_entry){
        .source = { .fd = fd, .events = events, .ready = note_ready, .context = entry },
        .used = true,
    };
    if (event_loop_add(user->net.loop, &entry->source, &error) == 0)
        return entry;
    entry->used = false;
    log_warning(user->net.log, "user-mode network: %s", error.message);
    return NULL;
}

static void remove_entry(struct user *user, struct poll_entry *entry)
{
    event_loop_remove(user->net.loop, &entry->source);
    entry->used = false;
}

static uint32_t to_epoll(int events)
{
    return (events & SLIRP_POLL_IN ? EPOLLIN : 0) | (events & SLIRP_POLL_OUT ? EPOLLOUT : 0) |
           (events & SLIRP_POLL_PRI ? EPOLLPRI : 0);
}

static int from_epoll(uint32_t events)
{
    return (events & EPOLLIN ? SLIRP_POLL_IN : 0) | (events & EPOLLOUT ? SLIRP_POLL_OUT : 0) |
           (events & EPOLLPRI ? SLIRP_POLL_PRI : 0) | (events & EPOLLERR ? SLIRP_POLL_ERR : 0) |
           (events & EPOLLHUP ? SLIRP_POLL_HUP : 0);
}

static int index_of(const struct user *user, const struct poll_entry *entry)
{
    for (size_t i = 0; i < user->entry_count; i++)
        if (user->entries[i] == entry)
            return (int)i;
    return -1;
}

static int name_fd(int fd, int events, void *opaque)
{
    struct user *user = opaque;
    uint32_t wanted = to_epoll(events);
    struct poll_entry *entry = find_entry(user, fd);
    if (!entry)
        entry = add_entry(user, fd, wanted);
    else if (entry->source.events != wanted)
        event_loop_change(user->net.loop, &entry->source, wanted);
    if (!entry)
        return -1;
    entry->named = true;
    return index_of(user, entry);
}

static int events_of(int index, void *opaque)
{
    struct user *user = opaque;
    if (index < 0 || (size_t)index >= user->entry_count || !user->entries[index]->used)
        return 0;
    return from_epoll(user->entries[index]->got);
}

/* Sources as libslirp wants them now; the time that it wants to be called after. A descriptor that
 * it does not name would report hang-ups for ever: it goes. */
static uint32_t update_sources(struct user *user)
{
    uint32_t timeout = UINT32_MAX;
    for (size_t i = 0; i < user->entry_count; i++)
        user->entries[i]->named = false;
    user->library.slirp_pollfds_fill(user->slirp, &timeout, name_fd, user);
    for (size_t i = 0; i < user->entry_count; i++)
        if (user->entries[i]->used && !user->entries[i]->named)
            remove_entry(user, user->entries[i]);
    return timeout;
}

static int before_wait(void *context)
{
    struct user *user = context;
    for (size_t i = 0; i < user->entry_count; i++)
        user->entries[i]->got = 0;
    uint32_t timeout = update_sources(user);
    user->wait_until = timeout == UINT32_MAX ? UINT64_MAX : milliseconds() + timeout;
    return timeout > INT32_MAX ? -1 : (int)timeout;
}

static void after_wait(void *context)
{
    struct user *user = context;
    user->inside = true;
    user->library.slirp_pollfds_poll(user->slirp, 0, events_of, user);
    user->inside = false;
}

/* -- libslirp's callbacks -- */

static ssize_t to_machine(const void *bytes, size_t length, void *opaque)
{
    struct user *user = opaque;
    if (user->queue_count == 0 && net_receiver_ready(&user->net)) {
        net_receive(&user->net, bytes, length);
        return (ssize_t)length;
    }
    if (user->queue_count == QUEUE_LENGTH || length > FRAME_SIZE_QUEUED)
        return (ssize_t)length;
    struct queued_frame *frame =
        &user->queue[(user->queue_first + user->queue_count++) % QUEUE_LENGTH];
    frame->length = (uint16_t)length;
    memcpy(frame->bytes, bytes, length);
    return (ssize_t)length;
}

static void guest_error(const char *message, void *opaque)
{
    const struct user *user = opaque;
    log_debug(user->net.log, "user-mode network: %s", message);
}

static int64_t clock_get_ns(void *opaque)
{
    (void)opaque;
    return (int64_t)nanoseconds();
}

/* It asks for one timer, for router advertisements, and IPv6 is off. */
static void *timer_new(SlirpTimerCb callback, void *callback_opaque, void *opaque)
{
    (void)callback, (void)callback_opaque;
    return opaque;
}

static void timer_free(void *timer, void *opaque)
{
    (void)timer, (void)opaque;
}

static void timer_mod(void *timer, int64_t expire_time, void *opaque)
{
    (void)timer, (void)expire_time, (void)opaque;
}

static void register_fd(int fd, void *opaque)
{
    (void)fd, (void)opaque;
}

/* It is about to be closed, and its number used again. */
static void unregister_fd(int fd, void *opaque)
{
    struct user *user = opaque;
    struct poll_entry *entry = find_entry(user, fd);
    if (entry)
        remove_entry(user, entry);
}

static void notify(void *opaque)
{
    struct user *user = opaque;
    if (!user->inside)
        event_loop_wake(user->net.loop);
}

static const SlirpCb callbacks = {
    .send_packet = to_machine,
    .guest_error = guest_error,
    .clock_get_ns = clock_get_ns,
    .timer_new = timer_new,
    .timer_free = timer_free,
    .timer_mod = timer_mod,
    .register_poll_fd = register_fd,
    .unregister_poll_fd = unregister_fd,
    .notify = notify,
};

/* -- Operations -- */

/* False: larger than any frame. */
static bool gather(struct user *user, const struct slice *slices, unsigned count, size_t *length)
{
    *length = 0;
    for (unsigned i = 0; i < count; i++) {
        if (slices[i].length > sizeof(user->frame) - *length)
            return false;
        memcpy(user->frame + *length, slices[i].address, slices[i].length);
        *length += slices[i].length;
    }
    return true;
}

static void user_send(struct platform_net *net, const struct slice *slices, unsigned count)
{
    struct user *user = (struct user *)net;
    size_t length;
    if (!gather(user, slices, count, &length))
        return;
    user->inside = true;
    user->library.slirp_input(user->slirp, user->frame, (int)length);
    user->inside = false;
    uint32_t timeout = update_sources(user);
    if (timeout != UINT32_MAX && milliseconds() + timeout < user->wait_until)
        event_loop_wake(net->loop);
}

static void user_ready(struct platform_net *net)
{
    struct user *user = (struct user *)net;
    while (user->queue_count > 0 && net_receiver_ready(net)) {
        const struct queued_frame *frame = &user->queue[user->queue_first];
        user->queue_first = (user->queue_first + 1) % QUEUE_LENGTH;
        user->queue_count--;
        net_receive(net, frame->bytes, frame->length);
    }
}

static void user_close(struct platform_net *net)
{
    struct user *user = (struct user *)net;
    event_loop_remove_hook(net->loop, &user->hook);
    user->library.slirp_cleanup(user->slirp);
    for (size_t i = 0; i < user->entry_count; i++) {
        event_loop_remove(net->loop, &user->entries[i]->source);
        free(user->entries[i]);
    }
    free(user->entries);
    free(user);
}

static const struct net_operations operations = {
    .close = user_close,
    .send = user_send,
    .ready = user_ready,
};

/* -- Opening -- */

static int add_forward(struct user *user, const struct net_forward *forward, struct error *error)
{
    const struct in_addr guest = { NETWORK(15) };
    char text[INET_ADDRSTRLEN];
    errno = 0;
    if (user->library.slirp_add_hostfwd(user->slirp, forward->udp, forward->host_address,
                                        forward->host_port, guest, forward->guest_port) == 0)
        return 0;
    inet_ntop(AF_INET, &forward->host_address, text, sizeof(text));
    return error_set(error, errno, "publish port %s:%u/%s", text, forward->host_port,
                     forward->udp ? "udp" : "tcp");
}

static int add_forwards(struct user *user, const struct net_options *options, struct error *error)
{
    for (size_t i = 0; i < options->forward_count; i++)
        if (add_forward(user, &options->forwards[i], error) < 0)
            return -1;
    return 0;
}

static Slirp *new_slirp(struct user *user, const struct net_options *options)
{
    const SlirpConfig configuration = {
        .version = 1,
        .in_enabled = true,
        .vnetwork = { NETWORK(0) },
        .vnetmask = { htonl(0xffffff00u) },
        .vhost = { NETWORK(2) },
        .vnameserver = { NETWORK(3) },
        .vdhcp_start = { NETWORK(15) },
        .disable_host_loopback = !options->host_loopback,
    };
    return user->library.slirp_new(&configuration, &callbacks, user);
}

struct platform_net *user_open(const struct net_options *options, struct error *error)
{
    AUTO_FREE struct user *user = calloc(1, sizeof(*user));
    if (!user) {
        error_set(error, ENOMEM, "open the user-mode network");
        return NULL;
    }
    user->net = (struct platform_net){ .operations = &operations,
                                       .loop = options->loop,
                                       .log = options->log };
    if (slirp_library_open(&user->library, error) < 0)
        return NULL;
    user->slirp = new_slirp(user, options);
    if (!user->slirp) {
        error_set(error, 0, "open the user-mode network: libslirp refuses it");
        return NULL;
    }
    user->hook = (struct event_hook){ .before_wait = before_wait,
                                      .after_wait = after_wait,
                                      .context = user };
    event_loop_add_hook(options->loop, &user->hook);
    if (add_forwards(user, options, error) < 0) {
        user_close(&take_pointer(user)->net);
        return NULL;
    }
    return &take_pointer(user)->net;
}
