// SPDX-License-Identifier: Apache-2.0
#include "net/net.h"

#include <string.h>

#include "net/backend.h"

void platform_net_send(struct platform_net *net, const struct slice *slices, unsigned slice_count)
{
    net->operations->send(net, slices, slice_count);
}

void platform_net_set_receiver(struct platform_net *net, struct platform_net_receiver receiver)
{
    net->receiver = receiver;
}

void platform_net_ready(struct platform_net *net)
{
    net->operations->ready(net);
}

const uint8_t *platform_net_address(const struct platform_net *net)
{
    return net->address;
}

bool net_receiver_ready(const struct platform_net *net)
{
    return net->receiver.ready && net->receiver.ready(net->receiver.context);
}

void net_receive(struct platform_net *net, const uint8_t *frame, size_t length)
{
    net->receiver.receive(net->receiver.context, frame, length);
}

struct platform_net *net_open(const struct net_options *options, struct error *error)
{
    static struct platform_net *(*const open[])(const struct net_options *, struct error *) = {
        [NET_NONE] = none_open,
        [NET_USER] = user_open,
        [NET_TAP] = tap_open,
    };
    struct platform_net *net = open[options->kind](options, error);
    if (!net)
        return NULL;
    memcpy(net->address, options->address, sizeof(net->address));
    return net;
}

void net_close(struct platform_net *net)
{
    if (net)
        net->operations->close(net);
}
