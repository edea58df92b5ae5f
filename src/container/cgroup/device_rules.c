// SPDX-License-Identifier: Apache-2.0
#include "container/cgroup/devices.h"

#include <errno.h>
#include <inttypes.h>

#define ALL_ACCESS .read = true, .write = true, .mknod = true

static const struct spec_device_rule default_rules[] = {
    { .allow = true, .type = 'c', .major = -1, .minor = -1, .mknod = true },
    { .allow = true, .type = 'b', .major = -1, .minor = -1, .mknod = true },
    { .allow = true, .type = 'c', .major = 1, .minor = 3, ALL_ACCESS },    /* null */
    { .allow = true, .type = 'c', .major = 1, .minor = 5, ALL_ACCESS },    /* zero */
    { .allow = true, .type = 'c', .major = 1, .minor = 7, ALL_ACCESS },    /* full */
    { .allow = true, .type = 'c', .major = 1, .minor = 8, ALL_ACCESS },    /* random */
    { .allow = true, .type = 'c', .major = 1, .minor = 9, ALL_ACCESS },    /* urandom */
    { .allow = true, .type = 'c', .major = 5, .minor = 0, ALL_ACCESS },    /* tty */
    { .allow = true, .type = 'c', .major = 5, .minor = 1, ALL_ACCESS },    /* console */
    { .allow = true, .type = 'c', .major = 5, .minor = 2, ALL_ACCESS },    /* ptmx */
    { .allow = true, .type = 'c', .major = 136, .minor = -1, ALL_ACCESS }, /* pts */
};

static bool same_device(const struct spec_device_rule *a, const struct spec_device_rule *b)
{
    return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

bool device_rule_is_default(const struct spec_device_rule *rule)
{
    for (size_t i = 0; i < ARRAY_LENGTH(default_rules); i++) {
        if (same_device(rule, &default_rules[i]))
            return true;
    }
    return false;
}

/* "b and c" instead of 'a', where the rule is not simply about everything. */
static void add_rule(struct device_rules *rules, const struct spec_device_rule *rule)
{
    bool everything = rule->type == 'a' && rule->major < 0 && rule->minor < 0 && rule->read &&
                      rule->write && rule->mknod;
    if (rule->type != 'a' || everything) {
        rules->rules[rules->count++] = *rule;
        return;
    }
    for (const char *type = "bc"; *type; type++) {
        rules->rules[rules->count] = *rule;
        rules->rules[rules->count++].type = *type;
    }
}

void device_rules_complete(const struct spec_resources *resources, struct device_rules *rules)
{
    size_t room = resources->device_rule_count * 2 + ARRAY_LENGTH(default_rules);
    *rules = (struct device_rules){ .rules = allocate(room, sizeof(*rules->rules)) };
    for (size_t i = 0; i < resources->device_rule_count; i++)
        add_rule(rules, &resources->device_rules[i]);
    rules->first_default = rules->count;
    for (size_t i = 0; i < ARRAY_LENGTH(default_rules); i++)
        add_rule(rules, &default_rules[i]);
}

static bool covers_number(int64_t pattern, int64_t number)
{
    return pattern < 0 || pattern == number;
}

static bool overlaps_number(int64_t a, int64_t b)
{
    return a < 0 || b < 0 || a == b;
}

static bool covers(const struct spec_device_rule *pattern, const struct spec_device_rule *rule)
{
    return pattern->type == rule->type && covers_number(pattern->major, rule->major) &&
           covers_number(pattern->minor, rule->minor);
}

static bool overlaps(const struct spec_device_rule *a, const struct spec_device_rule *b)
{
    return a->type == b->type && overlaps_number(a->major, b->major) &&
           overlaps_number(a->minor, b->minor) &&
           ((a->read && b->read) || (a->write && b->write) || (a->mknod && b->mknod));
}

static void add_exception(struct device_exceptions *exceptions, const struct spec_device_rule *rule)
{
    for (size_t i = 0; i < exceptions->count; i++) {
        struct spec_device_rule *item = &exceptions->items[i];
        if (!same_device(item, rule))
            continue;
        item->read |= rule->read;
        item->write |= rule->write;
        item->mknod |= rule->mknod;
        return;
    }
    exceptions->items[exceptions->count++] = *rule;
}

/* The rule says again for some devices what holds for all others. */
static int narrow_exceptions(struct device_exceptions *exceptions,
                             const struct spec_device_rule *rule, struct error *error)
{
    size_t kept = 0;
    for (size_t i = 0; i < exceptions->count; i++) {
        struct spec_device_rule item = exceptions->items[i];
        if (overlaps(&item, rule) && !covers(rule, &item)) {
            AUTO_FREE char *rule_text = device_rule_text(rule),
                           *item_text = device_rule_text(&item);
            return error_set_code(
                error, ENOTSUP,
                "linux.resources.devices: the rule for \"%s\" takes a part out of \"%s\", "
                "which cgroup v1 cannot do",
                rule_text, item_text);
        }
        if (covers(rule, &item)) {
            item.read &= !rule->read;
            item.write &= !rule->write;
            item.mknod &= !rule->mknod;
        }
        if (item.read || item.write || item.mknod)
            exceptions->items[kept++] = item;
    }
    exceptions->count = kept;
    return 0;
}

int device_exceptions_of(const struct device_rules *rules, struct device_exceptions *exceptions,
                         struct error *error)
{
    *exceptions = (struct device_exceptions){
        .items = allocate(rules->count + 1, sizeof(*exceptions->items)),
    };
    for (size_t i = 0; i < rules->count; i++) {
        const struct spec_device_rule *rule = &rules->rules[i];
        if (rule->type == 'a') {
            exceptions->allow_others = rule->allow;
            exceptions->count = 0;
        } else if (rule->allow != exceptions->allow_others) {
            add_exception(exceptions, rule);
        } else if (narrow_exceptions(exceptions, rule, error) < 0) {
            return -1;
        }
    }
    return 0;
}

static char *number_text(int64_t number)
{
    return number < 0 ? string_copy("*") : string_format("%" PRId64, number);
}

char *device_rule_text(const struct spec_device_rule *rule)
{
    AUTO_FREE char *major = number_text(rule->major), *minor = number_text(rule->minor);
    return string_format("%c %s:%s %s%s%s", rule->type, major, minor, rule->read ? "r" : "",
                         rule->write ? "w" : "", rule->mknod ? "m" : "");
}

int devices_apply(struct cgroup *cgroup, const struct spec_resources *resources, bool fresh,
                  struct error *error)
{
    if (!fresh && resources->device_rule_count == 0)
        return 0;
    if (cgroup->rootless) {
        log_debug(&cgroup->log, "device rules are left out: they need privileges, as do devices");
        return 0;
    }
    struct cgroup_directory *v1 = directory_v1(cgroup, "devices"), *v2 = directory_v2(cgroup);
    if (v1)
        return devices_v1_apply(v1, resources, fresh, error);
    if (v2)
        return devices_v2_apply(v2, resources, fresh, error);
    if (resources->device_rule_count == 0)
        return 0;
    return error_set_code(
        error, ENOTSUP,
        "linux.resources.devices: the cgroup controller \"devices\" is not available on "
        "this host");
}
