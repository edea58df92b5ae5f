// SPDX-License-Identifier: Apache-2.0
#include "container/cgroup/systemd_properties.h"

#include <errno.h>
#include <inttypes.h>

#include "base/number.h"
#include "container/cgroup/limits.h"

#define SECOND_US         1000000ULL
#define QUOTA_STEP_US     10000ULL /* systemd keeps whole percents of a processor */
#define DEFAULT_PERIOD_US 100000ULL
#define MASK_BYTES        1024

/* The list that is being appended to; a failed append is told once, at the end. */
struct properties {
    struct systemd_bus *bus;
    sd_bus_message *message;
    int result;
};

static void add_number(struct properties *properties, const char *name, uint64_t value)
{
    int result = properties->bus->message_append(properties->message, "(sv)", name, "t", value);
    if (result < 0)
        properties->result = result;
}

static void add_bytes(struct properties *properties, const char *name, const uint8_t *bytes,
                      size_t count)
{
    struct systemd_bus *bus = properties->bus;
    sd_bus_message *message = properties->message;
    int result = bus->message_open_container(message, 'r', "sv");
    if (result >= 0)
        result = bus->message_append(message, "s", name);
    if (result >= 0)
        result = bus->message_open_container(message, 'v', "ay");
    if (result >= 0)
        result = bus->message_append_array(message, 'y', bytes, count);
    if (result >= 0)
        result = bus->message_close_container(message);
    if (result >= 0)
        result = bus->message_close_container(message);
    if (result < 0)
        properties->result = result;
}

static int finish(const struct properties *properties, struct error *error)
{
    if (properties->result < 0)
        return error_set(error, -properties->result, "put the limits into a D-Bus message");
    return 0;
}

/* Negative is "no limit", which is the largest number here. */
static void add_limit(struct properties *properties, const char *name, const struct spec_i64 *limit)
{
    if (limit->set && limit->value != 0)
        add_number(properties, name, limit->value < 0 ? UINT64_MAX : (uint64_t)limit->value);
}

static void add_memory(struct properties *properties, bool v1,
                       const struct spec_resources *resources)
{
    const struct spec_i64 *limit = &resources->memory.limit, *swap = &resources->memory.swap;
    add_limit(properties, v1 ? "MemoryLimit" : "MemoryMax", limit);
    if (v1)
        return;
    add_limit(properties, "MemoryLow", &resources->memory.reservation);
    if (swap->set && swap->value < 0)
        add_number(properties, "MemorySwapMax", UINT64_MAX);
    else if (swap->set && limit->set && limit->value > 0 && swap->value >= limit->value)
        add_number(properties, "MemorySwapMax", (uint64_t)(swap->value - limit->value));
}

static void add_quota(struct properties *properties, const struct spec_resources *resources)
{
    const struct spec_i64 *quota = &resources->cpu.quota;
    const struct spec_u64 *period = &resources->cpu.period;
    if (!quota->set || quota->value == 0)
        return;
    uint64_t length = period->set && period->value ? period->value : DEFAULT_PERIOD_US;
    uint64_t per_second;
    if (quota->value < 0 ||
        __builtin_mul_overflow((uint64_t)quota->value, SECOND_US, &per_second)) {
        add_number(properties, "CPUQuotaPerSecUSec", UINT64_MAX);
        return;
    }
    per_second = (per_second / length + QUOTA_STEP_US - 1) / QUOTA_STEP_US * QUOTA_STEP_US;
    add_number(properties, "CPUQuotaPerSecUSec", per_second);
    add_number(properties, "CPUQuotaPeriodUSec", length);
}

static void add_cpu(struct properties *properties, bool v1, const struct spec_resources *resources)
{
    const struct spec_u64 *shares = &resources->cpu.shares;
    bool idle = resources->cpu.idle.set && resources->cpu.idle.value == 1;
    if (shares->set && shares->value && v1)
        add_number(properties, "CPUShares", shares->value);
    else if (shares->set && shares->value && !idle)
        add_number(properties, "CPUWeight", limits_cpu_weight(shares->value));
    add_quota(properties, resources);
}

static int parse_range(char *range, uint32_t *first, uint32_t *last)
{
    char *dash = strchr(range, '-');
    if (dash)
        *dash = '\0';
    if (parse_uint32(range, first) < 0 || parse_uint32(dash ? dash + 1 : range, last) < 0)
        return -1;
    return *first <= *last && *last < MASK_BYTES * 8 ? 0 : -1;
}

int systemd_cpu_mask(const char *list, uint8_t *mask, size_t size, size_t *used)
{
    AUTO_STRINGS char **ranges = string_split(list, ", \n");
    *used = 0;
    for (char **range = ranges; *range; range++) {
        uint32_t first, last;
        if (parse_range(*range, &first, &last) < 0 || last / 8 >= size)
            return -1;
        for (uint32_t cpu = first; cpu <= last; cpu++)
            mask[cpu / 8] |= (uint8_t)(1U << cpu % 8);
        if (last / 8 + 1 > *used)
            *used = last / 8 + 1;
    }
    return *used > 0 ? 0 : -1;
}

static int add_mask(struct properties *properties, const char *name, const char *list,
                    const char *field, struct error *error)
{
    uint8_t mask[MASK_BYTES] = { 0 };
    size_t used;
    if (!list || !list[0])
        return 0;
    if (systemd_cpu_mask(list, mask, sizeof(mask), &used) < 0)
        return error_set_code(error, EINVAL, "%s: \"%s\" is not a list of numbers", field, list);
    add_bytes(properties, name, mask, used);
    return 0;
}

/* Those of the `unified` files that systemd would overwrite with its own idea. */
static const struct {
    const char *file, *property;
} unified_properties[] = {
    { "cpu.weight", "CPUWeight" }, { "memory.high", "MemoryHigh" },
    { "memory.low", "MemoryLow" }, { "memory.max", "MemoryMax" },
    { "memory.min", "MemoryMin" }, { "memory.swap.max", "MemorySwapMax" },
    { "pids.max", "TasksMax" },
};

static void add_unified(struct properties *properties, const struct spec_key_value *entry)
{
    for (size_t i = 0; i < ARRAY_LENGTH(unified_properties); i++) {
        if (!string_equal(entry->key, unified_properties[i].file))
            continue;
        uint64_t value;
        if (string_equal(entry->value, "max"))
            add_number(properties, unified_properties[i].property, UINT64_MAX);
        else if (parse_uint64(entry->value, &value) == 0)
            add_number(properties, unified_properties[i].property, value);
    }
}

static void add_pids(struct properties *properties, const struct spec_resources *resources)
{
    const struct spec_i64 *limit = &resources->pids_limit;
    if (!limit->set)
        return;
    uint64_t value = limit->value < 0 ? UINT64_MAX : (uint64_t)limit->value;
    add_number(properties, "TasksMax", value == 0 ? 1 : value); /* see limits_v2_pids() */
}

int systemd_append_limits(struct systemd_bus *bus, sd_bus_message *message,
                          const struct cgroup *cgroup, const struct spec_resources *resources,
                          struct error *error)
{
    struct properties properties = { .bus = bus, .message = message };
    bool v1 = directory_v1(cgroup, "memory") || directory_v1(cgroup, "cpu");
    add_memory(&properties, v1, resources);
    add_cpu(&properties, v1, resources);
    add_pids(&properties, resources);
    const struct spec_u16 *weight = &resources->block_io.weight;
    if (weight->set && weight->value)
        add_number(&properties, v1 ? "BlockIOWeight" : "IOWeight",
                   v1 ? weight->value : limits_io_weight(weight->value));
    if (!v1 && (add_mask(&properties, "AllowedCPUs", resources->cpu.cpus,
                         "linux.resources.cpu.cpus", error) < 0 ||
                add_mask(&properties, "AllowedMemoryNodes", resources->cpu.mems,
                         "linux.resources.cpu.mems", error) < 0))
        return -1;
    for (size_t i = 0; i < resources->unified_count; i++)
        add_unified(&properties, &resources->unified[i]);
    return finish(&properties, error);
}

/* The text forms of GVariant that properties of units need: what they are, and their D-Bus type. */
static const struct {
    const char *prefix, *type;
} number_types[] = {
    { "uint64 ", "t" }, { "int64 ", "x" }, { "uint32 ", "u" }, { "int32 ", "i" }, { "", "i" },
};

/* "...Sec" is a name of unit files; the property is "...USec", in microseconds. */
static char *property_name(const char *name, bool *seconds)
{
    *seconds = string_ends_with(name, "Sec") && !string_ends_with(name, "USec");
    if (!*seconds)
        return string_copy(name);
    AUTO_FREE char *stem = string_copy_n(name, strlen(name) - strlen("Sec"));
    return string_format("%sUSec", stem);
}

static int append_number(struct systemd_bus *bus, sd_bus_message *message, const char *name,
                         const char *value)
{
    bool seconds;
    AUTO_FREE char *property = property_name(name, &seconds);
    for (size_t i = 0; i < ARRAY_LENGTH(number_types); i++) {
        if (!string_starts_with(value, number_types[i].prefix))
            continue;
        int64_t number;
        uint64_t positive;
        const char *digits = value + strlen(number_types[i].prefix);
        const char *type = seconds ? "t" : number_types[i].type;
        if (type[0] == 't' && parse_uint64(digits, &positive) == 0)
            return bus->message_append(message, "(sv)", property, "t",
                                       seconds ? positive * SECOND_US : positive);
        if (type[0] == 't' || parse_int64(digits, &number) < 0)
            return -EINVAL;
        if (type[0] == 'x')
            return bus->message_append(message, "(sv)", property, "x", number);
        if (number < INT32_MIN || number > (type[0] == 'i' ? INT32_MAX : UINT32_MAX))
            return -ERANGE;
        return bus->message_append(message, "(sv)", property, type, (int)number);
    }
    return -EINVAL;
}

/* 'words' or "words", without escapes. */
static char *unquote(const char *value)
{
    size_t length = strlen(value);
    if (length < 2 || (value[0] != '\'' && value[0] != '"') || value[length - 1] != value[0])
        return NULL;
    char *text = string_copy_n(value + 1, length - 2);
    if (!strchr(text, value[0]) && !strchr(text, '\\'))
        return text;
    free(text);
    return NULL;
}

/* ['a', 'b'] */
static int append_strings(struct systemd_bus *bus, sd_bus_message *message, const char *name,
                          const char *value)
{
    if (value[strlen(value) - 1] != ']')
        return -EINVAL;
    AUTO_FREE char *inner = string_copy_n(value + 1, strlen(value) - 2);
    AUTO_STRINGS char **parts = string_split(inner, ",");
    int result = bus->message_open_container(message, 'r', "sv");
    if (result >= 0)
        result = bus->message_append(message, "s", name);
    if (result >= 0)
        result = bus->message_open_container(message, 'v', "as");
    if (result >= 0)
        result = bus->message_open_container(message, 'a', "s");
    for (char **part = parts; *part && result >= 0; part++) {
        AUTO_FREE char *text = unquote(*part + strspn(*part, " "));
        result = text ? bus->message_append(message, "s", text) : -EINVAL;
    }
    for (int i = 0; i < 3 && result >= 0; i++)
        result = bus->message_close_container(message);
    return result;
}

static int append_value(struct systemd_bus *bus, sd_bus_message *message, const char *name,
                        const char *value)
{
    if (string_equal(value, "true") || string_equal(value, "false"))
        return bus->message_append(message, "(sv)", name, "b", (int)string_equal(value, "true"));
    if (value[0] == '[')
        return append_strings(bus, message, name, value);
    AUTO_FREE char *text = unquote(value);
    if (text)
        return bus->message_append(message, "(sv)", name, "s", text);
    return append_number(bus, message, name, value);
}

int systemd_append_annotation(struct systemd_bus *bus, sd_bus_message *message, const char *name,
                              const char *value, struct error *error)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    if (!name[0] || name[strspn(name, letters)])
        return error_set_code(error, EINVAL,
                              "annotation org.systemd.property.%s: no name of a property", name);
    int result = append_value(bus, message, name, value);
    if (result < 0)
        return error_set(
            error, -result,
            "annotation org.systemd.property.%s: \"%s\" is not a boolean, number, string "
            "or array of strings in GVariant's text form",
            name, value);
    return 0;
}
