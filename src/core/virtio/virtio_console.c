// SPDX-License-Identifier: Apache-2.0
#include "core/virtio/virtio_console.h"

#include "core/memory/copy.h"
#include "core/virtio/virtio_pci.h"

#define QUEUE_SIZE 64

enum feature { SIZE = 0, MULTIPORT = 1 };

/* 5.3.2: queues of port 0, of the control channel, then of the other ports. */
#define CONTROL_RECEIVE  2
#define CONTROL_TRANSMIT 3

enum control_event {
    DEVICE_READY = 0,
    DEVICE_ADD = 1,
    DEVICE_REMOVE = 2,
    PORT_READY = 3,
    CONSOLE_PORT = 4,
    RESIZE = 5,
    PORT_OPEN = 6,
    PORT_NAME = 7,
};

struct control {
    uint32_t port;
    uint16_t event, value;
};

struct config {
    uint16_t columns, rows;
    uint32_t max_ports, emergency_write;
};

/* What the device has to say to the driver, kept as bits until the control queue has room. */
enum announcement { SAY_ADD = 1, SAY_NAME = 2, SAY_CONSOLE = 4, SAY_OPEN = 8, SAY_RESIZE = 16 };

struct virtio_console;

struct port {
    struct virtio_console *owner;
    unsigned index;
    const char *name;
    struct platform_console *console;
    unsigned announcements; /* enum announcement, still to be made */
    bool open;              /* the guest has it open */
    uint16_t columns, rows;
    /* A transmit chain of which the console has taken only a part. */
    bool blocked;
    uint64_t sent;
    struct virtqueue_chain transmit;
};

struct virtio_console {
    struct virtio_device device; /* first */
    unsigned port_count;
    struct virtqueue_chain chain;
    struct port ports[VIRTIO_CONSOLE_PORTS];
};

static unsigned receive_queue(unsigned port)
{
    return port == 0 ? 0 : 2 * port + 2;
}

static unsigned transmit_queue(unsigned port)
{
    return receive_queue(port) + 1;
}

static bool multiport(const struct virtio_console *console)
{
    return virtio_has(&console->device, MULTIPORT);
}

/* -- Control messages to the driver -- */

/* The text that follows PORT_NAME, the sizes that follow RESIZE. */
static size_t event_payload(const struct port *port, enum control_event event, uint8_t *bytes,
                            size_t room)
{
    size_t length = 0;
    if (event == RESIZE) {
        const uint16_t size[2] = { port->columns, port->rows };
        copy_bytes(bytes, size, sizeof(size));
        return sizeof(size);
    }
    if (event == PORT_NAME)
        while (port->name[length] && length < room) {
            bytes[length] = (uint8_t)port->name[length];
            length++;
        }
    return length;
}

static bool send_control(struct virtio_console *console, const struct port *port,
                         enum control_event event, uint16_t value)
{
    struct control control = { .port = port->index, .event = (uint16_t)event, .value = value };
    uint8_t payload[64];
    size_t length = event_payload(port, event, payload, sizeof(payload));
    if (!virtio_take(&console->device, CONTROL_RECEIVE, &console->chain))
        return false;
    size_t written = chain_write(&console->chain, 0, &control, sizeof(control));
    written += chain_write(&console->chain, written, payload, length);
    virtio_give(&console->device, CONTROL_RECEIVE, &console->chain, (uint32_t)written);
    return true;
}

static const struct {
    enum announcement announcement;
    enum control_event event;
    uint16_t value;
} announcements[] = {
    { SAY_ADD, DEVICE_ADD, 0 }, { SAY_CONSOLE, CONSOLE_PORT, 1 }, { SAY_NAME, PORT_NAME, 1 },
    { SAY_RESIZE, RESIZE, 0 },  { SAY_OPEN, PORT_OPEN, 1 },
};

static void announce(struct virtio_console *console)
{
    for (unsigned i = 0; i < console->port_count; i++) {
        struct port *port = &console->ports[i];
        for (unsigned j = 0; j < sizeof(announcements) / sizeof(announcements[0]); j++) {
            if (!(port->announcements & announcements[j].announcement))
                continue;
            if (!send_control(console, port, announcements[j].event, announcements[j].value))
                return;
            port->announcements &= ~(unsigned)announcements[j].announcement;
        }
    }
}

/* -- Control messages from the driver -- */

static void port_ready(struct port *port)
{
    port->announcements |=
        port->index == 0 ? SAY_CONSOLE | SAY_RESIZE | SAY_OPEN : SAY_NAME | SAY_OPEN;
}

static void handle_control(struct virtio_console *console, const struct control *control)
{
    if (control->event == DEVICE_READY && control->value == 1) {
        for (unsigned i = 0; i < console->port_count; i++)
            console->ports[i].announcements = SAY_ADD;
        return;
    }
    if (control->port >= console->port_count)
        return;
    struct port *port = &console->ports[control->port];
    if (control->event == PORT_READY && control->value == 1)
        port_ready(port);
    if (control->event == PORT_OPEN) {
        port->open = control->value == 1;
        platform_console_ready(port->console);
    }
}

static void read_control(struct virtio_console *console)
{
    struct control control;
    while (virtio_take(&console->device, CONTROL_TRANSMIT, &console->chain)) {
        bool whole = chain_read(&console->chain, 0, &control, sizeof(control)) == sizeof(control);
        virtio_give(&console->device, CONTROL_TRANSMIT, &console->chain, 0);
        if (whole)
            handle_control(console, &control);
    }
    announce(console);
}

/* -- Data from the guest -- */

/* Write what is left of the chain; false when the console takes no more now. */
static bool write_chain(struct port *port)
{
    struct slice slices[VIRTQUEUE_MAX_SEGMENTS];
    uint64_t left = port->transmit.readable_length - port->sent;
    unsigned count = chain_readable_range(&port->transmit, port->sent, left, slices);
    for (unsigned i = 0; i < count; i++) {
        size_t taken = platform_console_write(port->console, slices[i].address, slices[i].length);
        port->sent += taken;
        if (taken < slices[i].length)
            return false;
    }
    return true;
}

static void transmit(struct port *port)
{
    struct virtio_device *device = &port->owner->device;
    unsigned queue = transmit_queue(port->index);
    while (port->blocked || virtio_take(device, queue, &port->transmit)) {
        if (!port->blocked)
            port->sent = 0;
        port->blocked = !write_chain(port);
        if (port->blocked)
            return;
        virtio_give(device, queue, &port->transmit, 0);
    }
}

static void writable(void *context)
{
    struct port *port = context;
    if (virtio_running(&port->owner->device))
        transmit(port);
}

/* -- Data to the guest -- */

/* One chain at a time is enough: the platform asks again. */
static size_t room(void *context)
{
    struct port *port = context;
    struct virtio_console *console = port->owner;
    unsigned queue = receive_queue(port->index);
    if (!virtio_running(&console->device) || (multiport(console) && !port->open) ||
        !virtio_take(&console->device, queue, &console->chain))
        return 0;
    virtqueue_untake(&console->device.queues[queue]);
    return console->chain.writable_length;
}

static void receive(void *context, const uint8_t *bytes, size_t length)
{
    struct port *port = context;
    struct virtio_console *console = port->owner;
    unsigned queue = receive_queue(port->index);
    size_t done = 0;
    while (done < length && virtio_take(&console->device, queue, &console->chain)) {
        size_t part = chain_write(&console->chain, 0, bytes + done, length - done);
        virtio_give(&console->device, queue, &console->chain, (uint32_t)part);
        done += part;
    }
}

static void resized(void *context, unsigned columns, unsigned rows)
{
    struct port *port = context;
    struct virtio_console *console = port->owner;
    port->columns = (uint16_t)columns;
    port->rows = (uint16_t)rows;
    if (!virtio_running(&console->device))
        return;
    if (multiport(console)) {
        port->announcements |= SAY_RESIZE;
        announce(console);
    } else {
        virtio_config_changed(&console->device);
    }
}

/* -- The device -- */

static void notified(struct virtio_device *device, unsigned queue)
{
    struct virtio_console *console = (struct virtio_console *)device;
    if (queue == CONTROL_TRANSMIT || queue == CONTROL_RECEIVE) {
        read_control(console);
        return;
    }
    unsigned index = queue < 2 ? 0 : queue / 2 - 1;
    if (queue % 2)
        transmit(&console->ports[index]);
    else
        platform_console_ready(console->ports[index].console);
}

static void reset(struct virtio_device *device)
{
    struct virtio_console *console = (struct virtio_console *)device;
    for (unsigned i = 0; i < console->port_count; i++) {
        console->ports[i].announcements = 0;
        console->ports[i].open = console->ports[i].blocked = false;
    }
}

static void config_read(struct virtio_device *device, unsigned offset, unsigned size,
                        uint8_t *bytes)
{
    const struct virtio_console *console = (struct virtio_console *)device;
    const struct config config = { console->ports[0].columns, console->ports[0].rows,
                                   console->port_count, 0 };
    copy_bytes(bytes, (const uint8_t *)&config + offset, size);
}

static const struct virtio_type type = {
    .name = "virtio-console",
    .identifier = 3,
    .class_code = 0x078000, /* other communication device */
    .features = VIRTIO_FEATURE(SIZE) | VIRTIO_FEATURE(MULTIPORT),
    .queue_size = QUEUE_SIZE,
    .notified = notified,
    .reset = reset,
    .config_size = sizeof(struct config),
    .config_read = config_read,
};

static void add_port(struct virtio_console *console,
                     const struct virtio_console_port_request *request)
{
    struct port *port = &console->ports[console->port_count];
    *port = (struct port){
        .owner = console,
        .index = console->port_count++,
        .name = request->name,
        .console = request->console,
        .columns = 80,
        .rows = 25,
    };
    platform_console_set_receiver(request->console, (struct platform_console_receiver){
                                                        .room = room,
                                                        .receive = receive,
                                                        .writable = writable,
                                                        .resized = resized,
                                                        .context = port,
                                                    });
}

struct virtio_device *virtio_console_create(const struct virtio_wiring *wiring,
                                            const struct virtio_console_port_request *ports,
                                            unsigned port_count)
{
    struct virtio_console *console = platform_allocate(wiring->platform, sizeof(*console));
    if (!console || port_count == 0 || port_count > VIRTIO_CONSOLE_PORTS)
        return NULL;
    for (unsigned i = 0; i < port_count; i++)
        add_port(console, &ports[i]);
    console->device.queue_count = 2 * port_count + 2;
    virtio_pci_initialize(&console->device, &type, wiring);
    return &console->device;
}
