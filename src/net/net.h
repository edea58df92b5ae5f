// SPDX-License-Identifier: Apache-2.0
/*
 * The networks of a virtual machine: struct platform_net of core/platform.h over
 *
 *      user  a network of its own, 10.0.2.0/24, that the process translates to ordinary sockets
 *            (libslirp): the machine is 10.0.2.15 by DHCP, 10.0.2.2 its gateway, 10.0.2.3 its name
 *            server; no rights needed
 *      tap   an Ethernet interface of the host that is there already
 *      none  a cable that ends nowhere
 *
 * Everything is called with the lock of the event loop held, and calls the receiver so.
 */
#pragma once

#include <netinet/in.h>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/log.h"
#include "core/platform.h"

enum net_kind { NET_NONE, NET_USER, NET_TAP };

/* A port of the host that leads to one of the machine. */
struct net_forward {
    struct in_addr host_address;
    uint16_t host_port, guest_port;
    bool udp;
};

/* [HOST_IP:]HOST_PORT:GUEST_PORT[/tcp|/udp] */
int net_forward_parse(const char *text, struct net_forward *forward, struct error *error);

struct net_options {
    enum net_kind kind;
    const char *tap;    /* name of the interface */
    uint8_t address[6]; /* the machine's */
    const struct net_forward *forwards;
    size_t forward_count;
    bool host_loopback; /* user: 10.0.2.2 leads to the host's 127.0.0.1 */
    struct event_loop *loop;
    const struct log *log;
};

struct platform_net *net_open(const struct net_options *options, struct error *error);
void net_close(struct platform_net *net);
