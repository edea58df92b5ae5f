// SPDX-License-Identifier: Apache-2.0
/* An interface of the host (Documentation/networking/tuntap.rst of Linux). It must be there: making
 * one by opening it is not what somebody who mistypes a name wants. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "net/backend.h"

#define FRAMES_AT_ONCE 64
#define VECTORS        64

struct tap {
    struct platform_net net;
    struct event_source source;
    uint8_t frame[NET_FRAME_MAXIMUM];
};

/* When the receiver has no room, frames stay in the interface's queue. */
static void tap_readable(void *context, uint32_t events)
{
    struct tap *tap = context;
    (void)events;
    for (unsigned i = 0; i < FRAMES_AT_ONCE; i++) {
        if (!net_receiver_ready(&tap->net)) {
            event_loop_change(tap->net.loop, &tap->source, 0);
            return;
        }
        ssize_t length = read(tap->source.fd, tap->frame, sizeof(tap->frame));
        if (length <= 0)
            return;
        net_receive(&tap->net, tap->frame, (size_t)length);
    }
}

static void tap_ready(struct platform_net *net)
{
    struct tap *tap = (struct tap *)net;
    if (tap->source.events == 0)
        event_loop_change(net->loop, &tap->source, EPOLLIN);
}

/* A full queue and an interface that is down drop. */
static void tap_send(struct platform_net *net, const struct slice *slices, unsigned count)
{
    const struct tap *tap = (const struct tap *)net;
    struct iovec vectors[VECTORS];
    if (count > VECTORS)
        return;
    for (unsigned i = 0; i < count; i++)
        vectors[i] = (struct iovec){ slices[i].address, slices[i].length };
    (void)!writev(tap->source.fd, vectors, (int)count);
}

static void tap_close(struct platform_net *net)
{
    struct tap *tap = (struct tap *)net;
    event_loop_remove(net->loop, &tap->source);
    close(tap->source.fd);
    free(tap);
}

static const struct net_operations operations = {
    .close = tap_close,
    .send = tap_send,
    .ready = tap_ready,
};

static int open_interface(const char *name, struct error *error)
{
    struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    if (strlen(name) >= sizeof(request.ifr_name))
        return error_set(error, 0, "open network interface %s: the name is too long", name);
    if (if_nametoindex(name) == 0)
        return error_set(
            error, errno,
            "open network interface %s (make it: ip tuntap add %s mode tap user $USER)", name,
            name);
    AUTO_CLOSE int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, errno, "open network interface %s: /dev/net/tun", name);
    strcpy(request.ifr_name, name);
    if (ioctl(fd, TUNSETIFF, &request) < 0)
        return error_set(error, errno, "open network interface %s as a tap interface", name);
    return take_fd(&fd);
}

struct platform_net *tap_open(const struct net_options *options, struct error *error)
{
    AUTO_CLOSE int fd = open_interface(options->tap, error);
    if (fd < 0)
        return NULL;
    struct tap *tap = calloc(1, sizeof(*tap));
    if (!tap) {
        error_set(error, ENOMEM, "open network interface %s", options->tap);
        return NULL;
    }
    tap->net = (struct platform_net){ .operations = &operations,
                                      .loop = options->loop,
                                      .log = options->log };
    tap->source =
        (struct event_source){ .fd = fd, .events = EPOLLIN, .ready = tap_readable, .context = tap };
    if (event_loop_add(options->loop, &tap->source, error) < 0) {
        free(tap);
        return NULL;
    }
    take_fd(&fd);
    return &tap->net;
}
