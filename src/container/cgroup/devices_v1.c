// SPDX-License-Identifier: Apache-2.0
/*
 * Device rules by cgroup v1: devices.allow and devices.deny, one rule a write
 * (Documentation/admin-guide/cgroup-v1/devices.rst). The kernel keeps "all except" or "none
 * except", and silently does nothing for a rule that would take a part out of an exception:
 * device_exceptions_of() refuses those.
 */
#include "container/cgroup/devices.h"

#include <errno.h>
#include <fcntl.h>

#include "base/io.h"
#include "base/number.h"

struct control_files {
    int allow, deny;
};

static int write_rule(int fd, const char *text, struct error *error)
{
    if (write_all(fd, text, strlen(text)) < 0)
        return error_set(error, errno, "linux.resources.devices: write \"%s\"", text);
    return 0;
}

/* A nested container may not be allowed to have all of the defaults; it does without them. */
static int write_exception(int fd, const struct spec_device_rule *rule, struct error *error)
{
    AUTO_FREE char *text = device_rule_text(rule);
    AUTO_ERROR struct error failure = { 0 };
    if (write_rule(fd, text, &failure) == 0)
        return 0;
    if (failure.code == EPERM && device_rule_is_default(rule))
        return 0;
    return error_move(error, &failure);
}

static int write_exceptions(const struct control_files *files,
                            const struct device_exceptions *exceptions, struct error *error)
{
    int fd = exceptions->allow_others ? files->deny : files->allow;
    for (size_t i = 0; i < exceptions->count; i++) {
        if (write_exception(fd, &exceptions->items[i], error) < 0)
            return -1;
    }
    return 0;
}

static int write_from_scratch(const struct control_files *files,
                              const struct device_exceptions *exceptions, struct error *error)
{
    if (write_rule(exceptions->allow_others ? files->allow : files->deny, "a", error) < 0)
        return -1;
    return write_exceptions(files, exceptions, error);
}

static int64_t parse_device_number(const char *text)
{
    uint32_t number;
    return parse_uint32(text, &number) == 0 ? (int64_t)number : -1;
}

/* "c 1:3 rwm" of devices.list. */
static bool parse_line(char *line, struct spec_device_rule *rule)
{
    char *colon = strchr(line, ':');
    char *blank = colon ? strchr(colon, ' ') : NULL;
    if (!blank || line[1] != ' ')
        return false;
    *colon = *blank = '\0';
    *rule = (struct spec_device_rule){
        .allow = true,
        .type = line[0],
        .major = parse_device_number(line + 2),
        .minor = parse_device_number(colon + 1),
        .read = strchr(blank + 1, 'r') != NULL,
        .write = strchr(blank + 1, 'w') != NULL,
        .mknod = strchr(blank + 1, 'm') != NULL,
    };
    return true;
}

/* What is allowed now and will not be. */
static void subtract(struct spec_device_rule *rule, const struct device_exceptions *wanted)
{
    for (size_t i = 0; i < wanted->count; i++) {
        const struct spec_device_rule *item = &wanted->items[i];
        if (item->type != rule->type || item->major != rule->major || item->minor != rule->minor)
            continue;
        rule->read &= !item->read;
        rule->write &= !item->write;
        rule->mknod &= !item->mknod;
    }
}

static int deny_the_rest(const struct control_files *files, char *devices_list,
                         const struct device_exceptions *wanted, struct error *error)
{
    char *next = NULL;
    for (char *line = strtok_r(devices_list, "\n", &next); line;
         line = strtok_r(NULL, "\n", &next)) {
        struct spec_device_rule rule;
        if (!parse_line(line, &rule))
            continue;
        subtract(&rule, wanted);
        AUTO_FREE char *text = device_rule_text(&rule);
        if ((rule.read || rule.write || rule.mknod) && write_rule(files->deny, text, error) < 0)
            return -1;
    }
    return 0;
}

/* A running container must at no time be without its null device: first allow, then deny. */
static int change(struct cgroup_directory *directory, const struct control_files *files,
                  const struct device_exceptions *wanted, struct error *error)
{
    AUTO_FREE char *devices_list = directory_read(directory, "devices.list");
    if (!devices_list)
        return error_set(error, errno, "read %s/devices.list", directory->path);
    if (wanted->allow_others || devices_list[0] == 'a')
        return write_from_scratch(files, wanted, error);
    if (write_exceptions(files, wanted, error) < 0)
        return -1;
    return deny_the_rest(files, devices_list, wanted, error);
}

int devices_v1_apply(struct cgroup_directory *directory, const struct spec_resources *resources,
                     bool fresh, struct error *error)
{
    AUTO_DEVICE_RULES struct device_rules rules = { 0 };
    AUTO_DEVICE_EXCEPTIONS struct device_exceptions exceptions = { 0 };
    device_rules_complete(resources, &rules);
    if (device_exceptions_of(&rules, &exceptions, error) < 0)
        return -1;
    if (fresh && exceptions.allow_others && exceptions.count == 0)
        return 0;
    int fd = directory_open(directory);
    AUTO_CLOSE int allow = fd < 0 ? -1 : openat(fd, "devices.allow", O_WRONLY | O_CLOEXEC);
    AUTO_CLOSE int deny = fd < 0 ? -1 : openat(fd, "devices.deny", O_WRONLY | O_CLOEXEC);
    if (allow < 0 || deny < 0)
        return error_set(error, errno, "linux.resources.devices: open the files of cgroup %s",
                         directory->path);
    const struct control_files files = { allow, deny };
    return fresh ? write_from_scratch(&files, &exceptions, error)
                 : change(directory, &files, &exceptions, error);
}
