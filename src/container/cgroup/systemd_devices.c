// SPDX-License-Identifier: Apache-2.0
/*
 * Device rules as DevicePolicy= and DeviceAllow=. On v2 our own program is attached beside
 * systemd's and both must agree; on v1 systemd writes its rules over ours whenever it reloads, so
 * that it has to know them.
 */
#include "container/cgroup/systemd_properties.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "base/io.h"
#include "base/number.h"
#include "container/cgroup/devices.h"

/* The name that a driver has for a whole major number in /proc/devices, as in "char-pts". */
static char *group_name(const char *devices, char type, int64_t major)
{
    const char *section = strstr(devices, type == 'b' ? "Block devices:" : "Character devices:");
    AUTO_STRINGS char **lines = string_split(section ? section : "", "\n");
    for (char **line = lines[0] ? lines + 1 : lines; *line; line++) {
        char *number = *line + strspn(*line, " "), *blank = strchr(number, ' ');
        uint32_t value;
        if (!blank || (*line)[0] == 'B')
            break;
        *blank = '\0';
        if (parse_uint32(number, &value) == 0 && value == major)
            return string_format("%s-%s", type == 'b' ? "block" : "char", blank + 1);
    }
    return NULL;
}

/* NULL where systemd has no way to say it. */
static char *device_name(const struct spec_device_rule *rule, const char *devices)
{
    const char *kind = rule->type == 'b' ? "block" : "char";
    if (rule->major < 0)
        return rule->minor < 0 ? string_format("%s-*", kind) : NULL;
    if (rule->minor < 0)
        return group_name(devices, rule->type, rule->major);
    return string_format("/dev/%s/%" PRId64 ":%" PRId64, kind, rule->major, rule->minor);
}

static bool can_say(const struct device_exceptions *exceptions, const char *devices)
{
    if (exceptions->allow_others)
        return false;
    for (size_t i = 0; i < exceptions->count; i++) {
        AUTO_FREE char *name = device_name(&exceptions->items[i], devices);
        if (!name)
            return false;
    }
    return true;
}

static int append_allow(struct systemd_bus *bus, sd_bus_message *message,
                        const struct device_exceptions *exceptions, const char *devices)
{
    int result = bus->message_append(message, "(sv)", "DevicePolicy", "s", "strict");
    if (result >= 0)
        result = bus->message_open_container(message, 'r', "sv");
    if (result >= 0)
        result = bus->message_append(message, "s", "DeviceAllow");
    if (result >= 0)
        result = bus->message_open_container(message, 'v', "a(ss)");
    if (result >= 0)
        result = bus->message_open_container(message, 'a', "(ss)");
    for (size_t i = 0; i < exceptions->count && result >= 0; i++) {
        const struct spec_device_rule *rule = &exceptions->items[i];
        AUTO_FREE char *name = device_name(rule, devices);
        AUTO_FREE char *access = string_format("%s%s%s", rule->read ? "r" : "",
                                               rule->write ? "w" : "", rule->mknod ? "m" : "");
        result = bus->message_append(message, "(ss)", name, access);
    }
    for (int i = 0; i < 3 && result >= 0; i++)
        result = bus->message_close_container(message);
    return result;
}

int systemd_append_devices(struct systemd_bus *bus, sd_bus_message *message,
                           const struct spec_resources *resources, struct error *error)
{
    AUTO_DEVICE_RULES struct device_rules rules = { 0 };
    AUTO_DEVICE_EXCEPTIONS struct device_exceptions exceptions = { 0 };
    AUTO_ERROR struct error ignored = { 0 };
    AUTO_FREE char *devices = read_file_at(AT_FDCWD, "/proc/devices", 1 << 20, NULL, &ignored);
    device_rules_complete(resources, &rules);
    bool simple = device_exceptions_of(&rules, &exceptions, &ignored) == 0 && devices &&
                  can_say(&exceptions, devices);
    int result = simple ? append_allow(bus, message, &exceptions, devices)
                        : bus->message_append(message, "(sv)", "DevicePolicy", "s", "auto");
    if (result < 0)
        return error_set(error, -result, "put the device rules into a D-Bus message");
    return 0;
}
