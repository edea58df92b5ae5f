// SPDX-License-Identifier: Apache-2.0
/*
 * linux.netDevices by rtnetlink(7), through libmnl.
 *
 * An interface that changes its network namespace is set down by the kernel and loses its
 * addresses; so those are read first and given back afterwards. Two sockets do it: one in the
 * host's namespace and one in the container's (a socket stays in the namespace in which it was
 * made). Its index tells which it is over there, whatever name it got: the present one where that
 * is free, else one that we choose.
 */
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/library.h"
#include "base/string.h"
#include "container/network.h"

struct netlink_library {
    __typeof__(mnl_socket_open2) *socket_open2;
    __typeof__(mnl_socket_bind) *socket_bind;
    __typeof__(mnl_socket_close) *socket_close;
    __typeof__(mnl_socket_get_portid) *socket_get_portid;
    __typeof__(mnl_socket_sendto) *socket_sendto;
    __typeof__(mnl_socket_recvfrom) *socket_recvfrom;
    __typeof__(mnl_nlmsg_put_header) *put_header;
    __typeof__(mnl_nlmsg_put_extra_header) *put_extra_header;
    __typeof__(mnl_nlmsg_get_payload) *get_payload;
    __typeof__(mnl_attr_put) *attr_put;
    __typeof__(mnl_attr_put_u32) *attr_put_u32;
    __typeof__(mnl_attr_put_strz) *attr_put_strz;
    __typeof__(mnl_attr_parse) *attr_parse;
    __typeof__(mnl_attr_get_type) *attr_get_type;
    __typeof__(mnl_attr_get_payload) *attr_get_payload;
    __typeof__(mnl_attr_get_payload_len) *attr_get_payload_len;
    __typeof__(mnl_attr_get_u32) *attr_get_u32;
    __typeof__(mnl_cb_run) *callback_run;
};

#define SYMBOL(member, function)                                                                   \
    {                                                                                              \
        function, offsetof(struct netlink_library, member)                                         \
    }
static const struct library_symbol symbols[] = {
    SYMBOL(socket_open2, "mnl_socket_open2"),
    SYMBOL(socket_bind, "mnl_socket_bind"),
    SYMBOL(socket_close, "mnl_socket_close"),
    SYMBOL(socket_get_portid, "mnl_socket_get_portid"),
    SYMBOL(socket_sendto, "mnl_socket_sendto"),
    SYMBOL(socket_recvfrom, "mnl_socket_recvfrom"),
    SYMBOL(put_header, "mnl_nlmsg_put_header"),
    SYMBOL(put_extra_header, "mnl_nlmsg_put_extra_header"),
    SYMBOL(get_payload, "mnl_nlmsg_get_payload"),
    SYMBOL(attr_put, "mnl_attr_put"),
    SYMBOL(attr_put_u32, "mnl_attr_put_u32"),
    SYMBOL(attr_put_strz, "mnl_attr_put_strz"),
    SYMBOL(attr_parse, "mnl_attr_parse"),
    SYMBOL(attr_get_type, "mnl_attr_get_type"),
    SYMBOL(attr_get_payload, "mnl_attr_get_payload"),
    SYMBOL(attr_get_payload_len, "mnl_attr_get_payload_len"),
    SYMBOL(attr_get_u32, "mnl_attr_get_u32"),
    SYMBOL(callback_run, "mnl_cb_run"),
};

enum { MESSAGE_SIZE = 32768, MOST_ADDRESS = 16, FIRST_CHOSEN_INDEX = 1000 };

/* An address to be given back. The lengths are 0 where it has no such part. */
struct address {
    struct ifaddrmsg header;
    uint32_t flags;
    uint8_t address[MOST_ADDRESS], local[MOST_ADDRESS], broadcast[MOST_ADDRESS];
    size_t address_length, local_length, broadcast_length;
};

struct device {
    const struct spec_network_device *spec;
    unsigned index; /* on the host */
    struct address *addresses;
    size_t address_count;
};

struct mover {
    struct netlink_library library;
    struct mnl_socket *host, *container;
    int container_namespace_fd;
    struct device *devices;
    size_t device_count;
    char *buffer; /* MESSAGE_SIZE bytes */
};

static void cleanup_mover(struct mover *mover)
{
    if (mover->host)
        mover->library.socket_close(mover->host);
    if (mover->container)
        mover->library.socket_close(mover->container);
    cleanup_close(&mover->container_namespace_fd);
    for (size_t i = 0; i < mover->device_count; i++)
        free(mover->devices[i].addresses);
    free(mover->devices);
    free(mover->buffer);
}

/* Errors of what follows are errno values; whoever knows the field makes the message. */

static struct mnl_socket *open_socket(const struct netlink_library *library)
{
    struct mnl_socket *socket = library->socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (!socket || library->socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0)
        return socket;
    int failure = errno;
    library->socket_close(socket);
    errno = failure;
    return NULL;
}

static int enter_and_open(struct mover *mover, int present_fd)
{
    if (setns(mover->container_namespace_fd, CLONE_NEWNET) < 0)
        return -1;
    mover->container = open_socket(&mover->library);
    int failure = errno;
    /* Not to come back would leave the rest of this process in the container's namespace. */
    if (setns(present_fd, CLONE_NEWNET) < 0)
        abort();
    errno = failure;
    return mover->container ? 0 : -1;
}

static int open_sockets(struct mover *mover, pid_t child, struct error *error)
{
    AUTO_FREE char *path = string_format("/proc/%d/ns/net", child);
    AUTO_CLOSE int present_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    mover->container_namespace_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (present_fd < 0 || mover->container_namespace_fd < 0)
        return error_set(error, errno, "linux.netDevices: open %s", path);
    mover->host = open_socket(&mover->library);
    if (!mover->host || enter_and_open(mover, present_fd) < 0)
        return error_set(error, errno, "linux.netDevices: open a netlink socket");
    return 0;
}

static struct nlmsghdr *new_message(struct mover *mover, uint16_t type, uint16_t flags)
{
    struct nlmsghdr *message = mover->library.put_header(mover->buffer);
    message->nlmsg_type = type;
    message->nlmsg_flags = NLM_F_REQUEST | flags;
    message->nlmsg_seq = 1;
    return message;
}

/* Send and take the answers up to the last; `callback` (may be NULL) sees each. -1 with errno. */
static int transact(struct mover *mover, struct mnl_socket *socket, struct nlmsghdr *message,
                    mnl_cb_t callback, void *context)
{
    const struct netlink_library *library = &mover->library;
    unsigned port = library->socket_get_portid(socket);
    if (library->socket_sendto(socket, message, message->nlmsg_len) < 0)
        return -1;
    for (;;) {
        ssize_t length = library->socket_recvfrom(socket, mover->buffer, MESSAGE_SIZE);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return -1;
        int result =
            library->callback_run(mover->buffer, (size_t)length, 1, port, callback, context);
        if (result <= MNL_CB_STOP)
            return result < 0 ? -1 : 0;
    }
}

struct attribute_table {
    const struct netlink_library *library;
    const struct nlattr *attributes[IFA_MAX + 1];
};

static int note_attribute(const struct nlattr *attribute, void *context)
{
    struct attribute_table *table = context;
    uint16_t type = table->library->attr_get_type(attribute);
    if (type <= IFA_MAX)
        table->attributes[type] = attribute;
    return MNL_CB_OK;
}

static size_t copy_attribute(const struct attribute_table *table, int type, uint8_t *to)
{
    const struct nlattr *attribute = table->attributes[type];
    if (!attribute)
        return 0;
    size_t length = table->library->attr_get_payload_len(attribute);
    if (length > MOST_ADDRESS)
        return 0;
    memcpy(to, table->library->attr_get_payload(attribute), length);
    return length;
}

struct address_dump {
    const struct netlink_library *library;
    struct device *device;
};

/* Permanent and global: what DHCP or router advertisements gave, and link-local ones, stay behind.
 */
static int note_address(const struct nlmsghdr *message, void *context)
{
    const struct address_dump *dump = context;
    const struct netlink_library *library = dump->library;
    struct device *device = dump->device;
    const struct ifaddrmsg *header = library->get_payload(message);
    if (header->ifa_index != device->index || header->ifa_scope != RT_SCOPE_UNIVERSE)
        return MNL_CB_OK;
    struct attribute_table table = { .library = library };
    library->attr_parse(message, sizeof(*header), note_attribute, &table);
    struct address address = { .header = *header, .flags = header->ifa_flags };
    if (table.attributes[IFA_FLAGS])
        address.flags = library->attr_get_u32(table.attributes[IFA_FLAGS]);
    if (!(address.flags & IFA_F_PERMANENT))
        return MNL_CB_OK;
    address.address_length = copy_attribute(&table, IFA_ADDRESS, address.address);
    address.local_length = copy_attribute(&table, IFA_LOCAL, address.local);
    address.broadcast_length = copy_attribute(&table, IFA_BROADCAST, address.broadcast);
    device->addresses =
        reallocate(device->addresses, device->address_count + 1, sizeof(*device->addresses));
    device->addresses[device->address_count++] = address;
    return MNL_CB_OK;
}

static int read_addresses(struct mover *mover, struct device *device)
{
    struct address_dump dump = { .library = &mover->library, .device = device };
    struct nlmsghdr *message = new_message(mover, RTM_GETADDR, NLM_F_DUMP);
    struct ifaddrmsg *header = mover->library.put_extra_header(message, sizeof(*header));
    header->ifa_family = AF_UNSPEC;
    return transact(mover, mover->host, message, note_address, &dump);
}

/* Each must be there, and none may want the name of another: before any is moved. */
static int check_devices(struct mover *mover, const struct spec *spec, struct error *error)
{
    mover->devices = allocate(spec->network_device_count, sizeof(*mover->devices));
    mover->device_count = spec->network_device_count;
    for (size_t i = 0; i < mover->device_count; i++) {
        struct device *device = &mover->devices[i];
        device->spec = &spec->network_devices[i];
        device->index = if_nametoindex(device->spec->host_name);
        if (!device->index)
            return error_set(error, errno, "linux.netDevices.%s: the host has no such interface",
                             device->spec->host_name);
        if (read_addresses(mover, device) < 0)
            return error_set(error, errno, "linux.netDevices.%s: read its addresses",
                             device->spec->host_name);
    }
    return 0;
}

/* Whether the container's namespace has an interface with that index. */
static bool index_is_taken(struct mover *mover, unsigned index)
{
    struct nlmsghdr *message = new_message(mover, RTM_GETLINK, NLM_F_ACK);
    struct ifinfomsg *header = mover->library.put_extra_header(message, sizeof(*header));
    header->ifi_index = (int)index;
    return transact(mover, mover->container, message, NULL, NULL) == 0 || errno != ENODEV;
}

static unsigned choose_index(struct mover *mover, unsigned present)
{
    if (!index_is_taken(mover, present))
        return present;
    unsigned index = FIRST_CHOSEN_INDEX;
    while (index_is_taken(mover, index))
        index++;
    return index;
}

static const char *new_name(const struct device *device)
{
    return device->spec->name ? device->spec->name : device->spec->host_name;
}

/* Move and rename in one step: the kernel fills a template ("eth%d") in over there. */
static int move_device(struct mover *mover, const struct device *device, unsigned index)
{
    const struct netlink_library *library = &mover->library;
    struct nlmsghdr *message = new_message(mover, RTM_NEWLINK, NLM_F_ACK);
    struct ifinfomsg *header = library->put_extra_header(message, sizeof(*header));
    header->ifi_index = (int)device->index;
    library->attr_put_u32(message, IFLA_NET_NS_FD, (uint32_t)mover->container_namespace_fd);
    library->attr_put_strz(message, IFLA_IFNAME, new_name(device));
    if (index != device->index)
        library->attr_put_u32(message, IFLA_NEW_IFINDEX, index);
    return transact(mover, mover->host, message, NULL, NULL);
}

static void put_part(const struct netlink_library *library, struct nlmsghdr *message, uint16_t type,
                     const uint8_t *part, size_t length)
{
    if (length)
        library->attr_put(message, type, length, part);
}

static int give_address(struct mover *mover, const struct address *address, unsigned index)
{
    const struct netlink_library *library = &mover->library;
    struct nlmsghdr *message =
        new_message(mover, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
    struct ifaddrmsg *header = library->put_extra_header(message, sizeof(*header));
    *header = address->header;
    header->ifa_index = index;
    header->ifa_flags = 0;
    put_part(library, message, IFA_ADDRESS, address->address, address->address_length);
    put_part(library, message, IFA_LOCAL, address->local, address->local_length);
    put_part(library, message, IFA_BROADCAST, address->broadcast, address->broadcast_length);
    uint32_t flags = address->flags & (IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_NOPREFIXROUTE |
                                       IFA_F_MANAGETEMPADDR | IFA_F_MCAUTOJOIN);
    library->attr_put_u32(message, IFA_FLAGS, flags | IFA_F_PERMANENT);
    return transact(mover, mover->container, message, NULL, NULL);
}

static int set_up(struct mover *mover, unsigned index)
{
    struct nlmsghdr *message = new_message(mover, RTM_NEWLINK, NLM_F_ACK);
    struct ifinfomsg *header = mover->library.put_extra_header(message, sizeof(*header));
    header->ifi_index = (int)index;
    header->ifi_flags = IFF_UP;
    header->ifi_change = IFF_UP;
    return transact(mover, mover->container, message, NULL, NULL);
}

static int settle_device(struct mover *mover, const struct device *device, struct error *error)
{
    const char *name = device->spec->host_name;
    unsigned index = choose_index(mover, device->index);
    if (move_device(mover, device, index) < 0)
        return error_set(error, errno, "linux.netDevices.%s: move into the container as %s", name,
                         new_name(device));
    for (size_t i = 0; i < device->address_count; i++)
        if (give_address(mover, &device->addresses[i], index) < 0)
            return error_set(error, errno, "linux.netDevices.%s: give its addresses back", name);
    if (set_up(mover, index) < 0)
        return error_set(error, errno, "linux.netDevices.%s: set it up", name);
    return 0;
}

int network_move_devices(const struct spec *spec, pid_t child, struct error *error)
{
    if (!spec->network_device_count)
        return 0;
    struct mover mover __attribute__((cleanup(cleanup_mover))) = { .container_namespace_fd = -1 };
    mover.buffer = allocate(MESSAGE_SIZE, 1);
    if (library_open("libmnl.so.0", "libmnl0", symbols, ARRAY_LENGTH(symbols), &mover.library,
                     error) < 0)
        return error_wrap(error, "linux.netDevices");
    if (open_sockets(&mover, child, error) < 0 || check_devices(&mover, spec, error) < 0)
        return -1;
    for (size_t i = 0; i < mover.device_count; i++)
        if (settle_device(&mover, &mover.devices[i], error) < 0)
            return -1;
    return 0;
}
