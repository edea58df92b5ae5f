// SPDX-License-Identifier: Apache-2.0
/* The network by rtnetlink(7): an address, an interface that is up, a route, and the resolver. */
#include "guest/network.h"

#include <linux/rtnetlink.h>

#include "guest/directory.h"
#include "guest/system_call.h"

/* Of headers that want a C library: linux/socket.h, if.h, if_arp.h, fcntl's. */
enum { FAMILY_INET = 2, FAMILY_NETLINK = 16, SOCKET_RAW = 3, INTERFACE_UP = 1 };
enum { LOOPBACK_INDEX = 1, LOOK_AGAIN_MS = 5, INTERFACE_WAIT_MS = 10000, CARRIER_WAIT_MS = 2000 };

/* A message with the attributes that the largest of ours has. */
struct message {
    struct nlmsghdr header;
    union {
        struct ifinfomsg link;
        struct ifaddrmsg address;
        struct rtmsg route;
        struct nlmsgerr answer;
        uint8_t bytes[128];
    } body;
};

static void begin(struct message *message, uint16_t type, uint16_t flags, size_t body_size)
{
    *message = (struct message){
        .header = { .nlmsg_len = (uint32_t)NLMSG_LENGTH(body_size),
                    .nlmsg_type = type,
                    .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags) },
    };
}

static void add_number(struct message *message, uint16_t type, uint32_t value)
{
    const struct rtattr attribute = { .rta_len = RTA_LENGTH(sizeof(value)), .rta_type = type };
    uint8_t *end = (uint8_t *)message + NLMSG_ALIGN(message->header.nlmsg_len);
    memcpy(end, &attribute, sizeof(attribute));
    memcpy(end + RTA_LENGTH(0), &value, sizeof(value));
    message->header.nlmsg_len += (uint32_t)RTA_SPACE(sizeof(value));
}

/* Written to a socket without an address, a message goes to the kernel. */
static int ask(int socket, const struct message *message)
{
    struct message answer;
    long count = sys_write(socket, message, message->header.nlmsg_len);
    if (count >= 0)
        count = sys_read(socket, &answer, sizeof(answer));
    if (count < 0)
        return (int)count;
    return answer.header.nlmsg_type == NLMSG_ERROR ? answer.body.answer.error : -EBADMSG;
}

static int bring_up(int socket, int index, uint32_t mtu)
{
    struct message message;
    begin(&message, RTM_NEWLINK, 0, sizeof(message.body.link));
    message.body.link.ifi_index = index;
    message.body.link.ifi_flags = message.body.link.ifi_change = INTERFACE_UP;
    if (mtu)
        add_number(&message, IFLA_MTU, mtu);
    return ask(socket, &message);
}

static int add_address(int socket, int index, const struct guest_network *network)
{
    struct message message;
    begin(&message, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, sizeof(message.body.address));
    message.body.address.ifa_family = FAMILY_INET;
    message.body.address.ifa_prefixlen = (uint8_t)network->prefix_length;
    message.body.address.ifa_index = (uint32_t)index;
    add_number(&message, IFA_LOCAL, network->address);
    add_number(&message, IFA_ADDRESS, network->address);
    return ask(socket, &message);
}

static int add_default_route(int socket, const struct guest_network *network)
{
    struct message message;
    begin(&message, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, sizeof(message.body.route));
    message.body.route.rtm_family = FAMILY_INET;
    message.body.route.rtm_table = RT_TABLE_MAIN;
    message.body.route.rtm_protocol = RTPROT_BOOT;
    message.body.route.rtm_scope = RT_SCOPE_UNIVERSE;
    message.body.route.rtm_type = RTN_UNICAST;
    add_number(&message, RTA_GATEWAY, network->gateway);
    return ask(socket, &message);
}

static long read_interface_number(const char *name, const char *file)
{
    char path[128], value[32];
    struct text text = TEXT(path);
    text_add(&text, "/sys/class/net/");
    text_add(&text, name);
    text_add(&text, file);
    return text_read_file(path, value, sizeof(value)) < 0 ? -1 : (long)text_number(value);
}

static bool is_ethernet(const char *name, void *context)
{
    (void)context;
    return read_interface_number(name, "/type") == 1; /* ARPHRD_ETHER */
}

/* A driver may still be looking at its device. */
static int find_interface(char *name, size_t size)
{
    for (int left = INTERFACE_WAIT_MS; left > 0; left -= LOOK_AGAIN_MS) {
        if (directory_find("/sys/class/net", is_ethernet, NULL, name, size) == 0)
            return (int)read_interface_number(name, "/ifindex");
        sleep_ms(LOOK_AGAIN_MS);
    }
    return -ENODEV;
}

/* Without a carrier the first packets would be lost, and TCP asks again after a second only. */
static void wait_for_carrier(const char *name)
{
    for (int left = CARRIER_WAIT_MS; left > 0; left -= LOOK_AGAIN_MS) {
        if (read_interface_number(name, "/carrier") == 1)
            return;
        sleep_ms(LOOK_AGAIN_MS);
    }
}

static int set_up_interface(int socket, int index, const struct guest_network *network)
{
    int result = bring_up(socket, index, network->mtu);
    if (result == 0)
        result = add_address(socket, index, network);
    if (result == 0 && network->gateway)
        result = add_default_route(socket, network);
    return result;
}

static void add_address_text(struct text *text, uint32_t address)
{
    for (int byte = 0; byte < 4; byte++) {
        text_add(text, byte ? "." : "");
        text_add_number(text, address >> (8 * byte) & 0xff);
    }
}

/* Where the image has a link that leads nowhere yet, a file takes its place. */
static int write_resolver(const struct guest_network *network, const char *domains)
{
    char content[1024];
    struct text text = TEXT(content);
    for (uint32_t i = 0; i < network->name_server_count; i++) {
        text_add(&text, "nameserver ");
        add_address_text(&text, network->name_servers[i]);
        text_add(&text, "\n");
    }
    if (*domains) {
        text_add(&text, "search ");
        text_add(&text, domains);
        text_add(&text, "\n");
    }
    sys_mkdir("/etc", 0755);
    int result = text_write_file("/etc/resolv.conf", content);
    if (result == -ENOENT && sys_unlink("/etc/resolv.conf") == 0)
        result = text_write_file("/etc/resolv.conf", content);
    return result;
}

int network_set_up(struct fields *fields, const char **on)
{
    char name[32];
    struct guest_network network;
    fields_copy(fields, &network, sizeof(network));
    const char *domains = fields_string(fields);
    if (!fields_are_good(fields) || network.name_server_count > GUEST_NAME_SERVER_LIMIT)
        return -EBADMSG;
    *on = "rtnetlink";
    int socket = (int)CALL3(__NR_socket, FAMILY_NETLINK, SOCKET_RAW | O_CLOEXEC, NETLINK_ROUTE);
    if (socket < 0)
        return socket;
    *on = "lo";
    int result = bring_up(socket, LOOPBACK_INDEX, 0);
    if (result == 0 && network.address) {
        *on = "no Ethernet interface";
        int index = result = find_interface(name, sizeof(name));
        if (index > 0) {
            *on = "the Ethernet interface";
            result = set_up_interface(socket, index, &network);
            wait_for_carrier(name);
        }
    }
    sys_close(socket);
    if (result < 0 || !network.name_server_count)
        return result;
    *on = "/etc/resolv.conf";
    return write_resolver(&network, domains);
}

int network_name_host(struct fields *fields, const char **on)
{
    const char *host = fields_string(fields), *domain = fields_string(fields);
    *on = host;
    if (!fields_are_good(fields))
        return -EBADMSG;
    int result = *host ? (int)CALL2(__NR_sethostname, host, text_length(host)) : 0;
    if (result < 0 || !*domain)
        return result;
    *on = domain;
    return (int)CALL2(__NR_setdomainname, domain, text_length(domain));
}
