// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <string.h>

#include "base/number.h"
#include "base/string.h"
#include "net/net.h"

#define FORM "[HOST_IP:]HOST_PORT:GUEST_PORT[/tcp|/udp]"

static int parse_port(const char *text, const char *whole, uint16_t *port, struct error *error)
{
    uint32_t value;
    if (parse_uint32(text, &value) < 0 || value == 0 || value > UINT16_MAX)
        return error_set(error, 0, "publish %s: '%s' is no port; use %s", whole, text, FORM);
    *port = (uint16_t)value;
    return 0;
}

/* Cuts "/udp" or "/tcp" off. */
static int parse_protocol(char *text, const char *whole, bool *udp, struct error *error)
{
    char *slash = strchr(text, '/');
    *udp = slash && strcmp(slash, "/udp") == 0;
    if (slash && !*udp && strcmp(slash, "/tcp") != 0)
        return error_set(error, 0, "publish %s: unknown protocol '%s'; use %s", whole, slash + 1,
                         FORM);
    if (slash)
        *slash = '\0';
    return 0;
}

int net_forward_parse(const char *text, struct net_forward *forward, struct error *error)
{
    AUTO_FREE char *copy = string_format("%s", text);
    *forward = (struct net_forward){ .host_address.s_addr = htonl(INADDR_ANY) };
    if (parse_protocol(copy, text, &forward->udp, error) < 0)
        return -1;
    char *guest = strrchr(copy, ':');
    if (!guest)
        return error_set(error, 0, "publish %s: no host port; use %s", text, FORM);
    *guest++ = '\0';
    char *host = strrchr(copy, ':');
    if (host) {
        *host++ = '\0';
        if (inet_pton(AF_INET, copy, &forward->host_address) != 1)
            return error_set(error, 0, "publish %s: '%s' is no IPv4 address; use %s", text, copy,
                             FORM);
    }
    if (parse_port(host ? host : copy, text, &forward->host_port, error) < 0)
        return -1;
    return parse_port(guest, text, &forward->guest_port, error);
}
