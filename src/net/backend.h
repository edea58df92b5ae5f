// SPDX-License-Identifier: Apache-2.0
/* What the kinds of networks have in common. */
#pragma once

#include "net/net.h"

#define NET_FRAME_MAXIMUM 65536u

struct net_operations {
    void (*close)(struct platform_net *net);
    void (*send)(struct platform_net *net, const struct slice *slices, unsigned count);
    void (*ready)(struct platform_net *net); /* the receiver takes frames again */
};

/* What every kind's own structure begins with. */
struct platform_net {
    const struct net_operations *operations;
    uint8_t address[6];
    struct event_loop *loop;
    const struct log *log;
    struct platform_net_receiver receiver;
};

bool net_receiver_ready(const struct platform_net *net);
/* Only while it is ready. */
void net_receive(struct platform_net *net, const uint8_t *frame, size_t length);

struct platform_net *none_open(const struct net_options *options, struct error *error);
struct platform_net *tap_open(const struct net_options *options, struct error *error);
struct platform_net *user_open(const struct net_options *options, struct error *error);
