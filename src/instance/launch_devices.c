// SPDX-License-Identifier: Apache-2.0
/*
 * Devices of the configuration. Which ones may be used is a list of what is harmless; the rest is
 * denied, whatever nodes an image brings along.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/string.h"
#include "instance/json_build.h"
#include "instance/launch_config.h"

/* Numbers as in the kernel's Documentation/admin-guide/devices.txt; -1: any. */
static const struct device_rule {
    bool allow;
    const char *type, *access;
    int major, minor;
} device_rules[] = {
    { false, "a", "rwm", -1, -1 },
    { true, "c", "m", -1, -1 }, /* making a node is harmless: using it is what is denied */
    { true, "b", "m", -1, -1 },
    { true, "c", "rwm", 1, 3 },    /* null */
    { true, "c", "rwm", 1, 5 },    /* zero */
    { true, "c", "rwm", 1, 7 },    /* full */
    { true, "c", "rwm", 1, 8 },    /* random */
    { true, "c", "rwm", 1, 9 },    /* urandom */
    { true, "c", "rwm", 5, 0 },    /* tty: the caller's own terminal */
    { true, "c", "rwm", 5, 2 },    /* ptmx */
    { true, "c", "rwm", 136, -1 }, /* pts/N: those of the container's own devpts */
};

static void add_rule(struct json_object *rules, bool allow, const char *type, int64_t major_number,
                     int64_t minor_number, const char *access)
{
    struct json_object *rule = json_object_new_object();
    json_add(rule, "allow", json_object_new_boolean(allow));
    json_add_string(rule, "type", type);
    if (major_number >= 0)
        json_add(rule, "major", json_object_new_int64(major_number));
    if (minor_number >= 0)
        json_add(rule, "minor", json_object_new_int64(minor_number));
    json_add_string(rule, "access", access);
    json_object_array_add(rules, rule);
}

/* HOST[:CONTAINER][:ACCESS], cut into its parts. */
struct device_words {
    char *host, *container, *access;
};

static bool is_access(const char *word)
{
    return *word && strspn(word, "rwm") == strlen(word);
}

static int cut(char *text, struct device_words *words)
{
    words->host = strsep(&text, ":");
    words->container = words->host;
    static char everything[] = "rwm";
    words->access = everything;
    char *second = text ? strsep(&text, ":") : NULL;
    if (second && !text && is_access(second))
        words->access = second;
    else if (second)
        words->container = second;
    if (text)
        words->access = text;
    return *words->host && words->container[0] == '/' && is_access(words->access) ? 0 : -1;
}

static void add_node(struct json_object *devices, const struct device_words *words,
                     const struct stat *status)
{
    struct json_object *device = json_object_new_object();
    json_add_string(device, "path", words->container);
    json_add_string(device, "type", S_ISBLK(status->st_mode) ? "b" : "c");
    json_add(device, "major", json_object_new_int64(major(status->st_rdev)));
    json_add(device, "minor", json_object_new_int64(minor(status->st_rdev)));
    json_add(device, "fileMode", json_object_new_int(status->st_mode & 07777));
    json_add(device, "uid", json_object_new_int64(status->st_uid));
    json_add(device, "gid", json_object_new_int64(status->st_gid));
    json_object_array_add(devices, device);
}

/* A user namespace cannot make nodes; the host's is bound, and its permissions count. */
static void add_bind(struct json_object *mounts, const struct device_words *words)
{
    static const char *const options[] = { "bind", "rprivate", "nosuid", "noexec", NULL };
    struct json_object *mount = json_object_new_object();
    json_add_string(mount, "destination", words->container);
    json_add_string(mount, "type", "bind");
    json_add_string(mount, "source", words->host);
    json_add(mount, "options", json_string_array(options));
    json_object_array_add(mounts, mount);
}

static int add_device(const struct launch_context *context, const char *text,
                      struct json_object *mounts, struct json_object *devices,
                      struct json_object *rules, struct error *error)
{
    struct device_words words;
    struct stat status;
    AUTO_FREE char *copy = string_copy(text);
    if (cut(copy, &words) < 0)
        return error_set(
            error, 0,
            "--device: \"%s\" is not HOST[:CONTAINER][:ACCESS], ACCESS of the letters r, w and m",
            text);
    if (stat(words.host, &status) < 0)
        return error_set(error, errno, "--device %s: %s", text, words.host);
    if (!S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode))
        return error_set(error, 0, "--device %s: %s is not a device", text, words.host);
    if (context->host->rootless) {
        add_bind(mounts, &words);
        return 0;
    }
    add_node(devices, &words, &status);
    add_rule(rules, true, S_ISBLK(status.st_mode) ? "b" : "c", major(status.st_rdev),
             minor(status.st_rdev), words.access);
    return 0;
}

int launch_config_devices(const struct launch_context *context, struct json_object *config,
                          struct json_object *linux_section, struct error *error)
{
    const struct string_list *given = context->request->devices;
    struct json_object *rules = json_object_new_array(), *devices = json_object_new_array();
    json_add(linux_section, "devices", devices);
    json_add(json_object_object_get(linux_section, "resources"), "devices", rules);
    for (size_t i = 0; i < ARRAY_LENGTH(device_rules) && !context->host->rootless; i++)
        add_rule(rules, device_rules[i].allow, device_rules[i].type, device_rules[i].major,
                 device_rules[i].minor, device_rules[i].access);
    for (size_t i = 0; given && i < given->count; i++)
        if (add_device(context, given->items[i], json_object_object_get(config, "mounts"), devices,
                       rules, error) < 0)
            return -1;
    return 0;
}
