// SPDX-License-Identifier: Apache-2.0
/* A cable that ends nowhere. */
#include <errno.h>

#include "net/backend.h"

static void none_close(struct platform_net *net)
{
    free(net);
}

static void none_send(struct platform_net *net, const struct slice *slices, unsigned count)
{
    (void)net, (void)slices, (void)count;
}

static void none_ready(struct platform_net *net)
{
    (void)net;
}

static const struct net_operations operations = {
    .close = none_close,
    .send = none_send,
    .ready = none_ready,
};

struct platform_net *none_open(const struct net_options *options, struct error *error)
{
    struct platform_net *net = calloc(1, sizeof(*net));
    if (!net) {
        error_set(error, ENOMEM, "open network");
        return NULL;
    }
    net->operations = &operations;
    net->loop = options->loop;
    net->log = options->log;
    return net;
}
