// SPDX-License-Identifier: Apache-2.0
/* Where the control channel is: a virtio console port by its name, or a serial port by parameter.
 */
#include <asm/termbits.h>

#include "guest/channel.h"
#include "guest/directory.h"
#include "guest/system_call.h"

enum { TCSETS_REQUEST = 0x5402, LOOK_AGAIN_MS = 5 };

/* The value of openvirt.control=VALUE; false where it is not given. */
static bool control_parameter(char *value, size_t size)
{
    char line[4096];
    if (text_read_file("/proc/cmdline", line, sizeof(line)) < 0)
        return false;
    for (const char *word = line; *word; word += *word == ' ') {
        const char *end = text_find(word, ' ');
        const char *name = text_after(word, "openvirt.control=");
        if (name && (size_t)(end - name) < size) {
            memcpy(value, name, (size_t)(end - name));
            value[end - name] = '\0';
            return true;
        }
        word = end;
    }
    return false;
}

static bool port_has_the_name(const char *port, void *context)
{
    (void)context;
    char path[256], name[64];
    struct text text = TEXT(path);
    text_add(&text, "/sys/class/virtio-ports/");
    text_add(&text, port);
    text_add(&text, "/name");
    return text_read_file(path, name, sizeof(name)) > 0 && text_equal(name, GUEST_CONTROL_PORT);
}

static int find_port(char *name, size_t size)
{
    return directory_find("/sys/class/virtio-ports", port_has_the_name, NULL, name, size);
}

/* Bytes as they are, no echo, no flow control. A port that is no terminal is that by itself. */
static void make_raw(int fd)
{
    const struct termios raw = { .c_cflag = B115200 | CS8 | CREAD | CLOCAL,
                                 .c_cc = { [VMIN] = 1 } };
    sys_ioctl(fd, TCSETS_REQUEST, (unsigned long)&raw);
}

static int open_once(bool named, char *name, size_t size)
{
    if (!named && find_port(name, size) < 0)
        return -ENOENT;
    char path[128];
    struct text text = TEXT(path);
    text_add(&text, "/dev/");
    text_add(&text, name);
    return sys_open(path, O_RDWR | O_NOCTTY | O_NONBLOCK, 0);
}

int channel_open(struct channel *channel, int wait_ms)
{
    char name[64];
    bool named = control_parameter(name, sizeof(name));
    channel->output = map_memory(CHANNEL_OUTPUT_SIZE);
    if (!channel->output)
        return -ENOMEM;
    for (; (channel->fd = open_once(named, name, sizeof(name))) < 0; wait_ms -= LOOK_AGAIN_MS) {
        if (wait_ms <= 0)
            return channel->fd;
        sleep_ms(LOOK_AGAIN_MS);
    }
    make_raw(channel->fd);
    return 0;
}
