// SPDX-License-Identifier: Apache-2.0
#include "container/cgroup/stats.h"

#include <errno.h>
#include <inttypes.h>

#include "base/number.h"

static uint64_t parse(const char *text)
{
    uint64_t number;
    if (string_equal(text, "max"))
        return UINT64_MAX;
    return parse_uint64(text, &number) == 0 ? number : 0;
}

uint64_t stats_number(const struct cgroup_directory *directory, const char *file)
{
    AUTO_FREE char *text = directory_read(directory, file);
    return text ? parse(text) : 0;
}

uint64_t stats_flat_number(const struct cgroup_directory *directory, const char *file,
                           const char *key)
{
    AUTO_FREE char *text = directory_read(directory, file);
    AUTO_STRINGS char **lines = string_split(text ? text : "", "\n");
    size_t length = strlen(key);
    for (char **line = lines; *line; line++) {
        if (strncmp(*line, key, length) == 0 && (*line)[length] == ' ')
            return parse(*line + length + 1);
    }
    return 0;
}

void stats_add(struct json_object *object, const char *key, uint64_t value)
{
    json_object_object_add(object, key, json_object_new_uint64(value));
}

struct json_object *stats_flat_object(const struct cgroup_directory *directory, const char *file)
{
    struct json_object *object = json_object_new_object();
    AUTO_FREE char *text = directory_read(directory, file);
    AUTO_STRINGS char **lines = string_split(text ? text : "", "\n");
    for (char **line = lines; *line; line++) {
        char *blank = strchr(*line, ' ');
        if (!blank)
            continue;
        *blank = '\0';
        stats_add(object, *line, parse(blank + 1));
    }
    return object;
}

void stats_add_io(struct json_object *array, uint64_t major, uint64_t minor, const char *operation,
                  uint64_t value)
{
    struct json_object *row = json_object_new_object();
    stats_add(row, "major", major);
    stats_add(row, "minor", minor);
    json_object_object_add(row, "op", json_object_new_string(operation));
    stats_add(row, "value", value);
    json_object_array_add(array, row);
}

static struct json_object *pids(const struct cgroup_directory *directory)
{
    struct json_object *object = json_object_new_object();
    uint64_t limit = stats_number(directory, "pids.max");
    stats_add(object, "current", stats_number(directory, "pids.current"));
    stats_add(object, "limit", limit == UINT64_MAX ? 0 : limit);
    return object;
}

static const struct {
    uint64_t bytes_shift;
    char unit;
} size_units[] = { { 30, 'G' }, { 20, 'M' }, { 10, 'K' } };

/* "hugepages-2048kB" of /sys/kernel/mm/hugepages -> "2MB", as the files of the cgroup have it. */
static char *page_size_name(const char *entry)
{
    unsigned long long kilobytes;
    if (sscanf(entry, "hugepages-%llukB", &kilobytes) != 1)
        return NULL;
    uint64_t bytes = (uint64_t)kilobytes << 10;
    for (size_t i = 0; i < ARRAY_LENGTH(size_units); i++) {
        if (bytes >> size_units[i].bytes_shift)
            return string_format("%" PRIu64 "%cB", bytes >> size_units[i].bytes_shift,
                                 size_units[i].unit);
    }
    return NULL;
}

static struct json_object *hugetlb_size(const struct cgroup_directory *directory, const char *size)
{
    static const char *const v1_files[] = { "usage_in_bytes", "max_usage_in_bytes", "failcnt" };
    static const char *const v2_files[] = { "current", "max_peak", "failcnt" };
    static const char *const keys[] = { "usage", "max", "failcnt" };
    struct json_object *object = json_object_new_object();
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
        AUTO_FREE char *file = string_format("hugetlb.%s.%s", size,
                                             (directory_is_v2(directory) ? v2_files : v1_files)[i]);
        stats_add(object, keys[i], stats_number(directory, file));
    }
    if (directory_is_v2(directory)) {
        AUTO_FREE char *events = string_format("hugetlb.%s.events", size);
        stats_add(object, "failcnt", stats_flat_number(directory, events, "max"));
    }
    return object;
}

static struct json_object *hugetlb(const struct cgroup_directory *directory)
{
    struct json_object *object = json_object_new_object();
    AUTO_CLOSEDIR DIR *sizes = opendir("/sys/kernel/mm/hugepages");
    for (struct dirent *entry = sizes ? readdir(sizes) : NULL; entry; entry = readdir(sizes)) {
        AUTO_FREE char *size = page_size_name(entry->d_name);
        if (size)
            json_object_object_add(object, size, hugetlb_size(directory, size));
    }
    return object;
}

static void add_section(struct json_object *data, const char *key, struct json_object *section)
{
    if (section)
        json_object_object_add(data, key, section);
}

/* The directory that counts for a controller: v1's, else v2's. */
static const struct cgroup_directory *counting(const struct cgroup *cgroup, const char *controller)
{
    const struct cgroup_directory *directory = directory_v1(cgroup, controller);
    return directory ? directory : directory_v2(cgroup);
}

struct json_object *cgroup_stats(const struct cgroup *cgroup, struct error *error)
{
    const struct cgroup_directory *v2 = directory_v2(cgroup);
    if (!directory_main(cgroup)) {
        error_set_code(error, ENOTSUP, "the container has no cgroup, and so no statistics");
        return NULL;
    }
    const struct cgroup_directory *memory = directory_v1(cgroup, "memory");
    const struct cgroup_directory *blkio = directory_v1(cgroup, "blkio");
    const struct cgroup_directory *with_pids = counting(cgroup, "pids");
    const struct cgroup_directory *with_hugetlb = counting(cgroup, "hugetlb");
    bool v1_cpu = directory_v1(cgroup, "cpuacct") || directory_v1(cgroup, "cpu");
    struct json_object *data = json_object_new_object();
    add_section(data, "cpu", v1_cpu || !v2 ? stats_v1_cpu(cgroup) : stats_v2_cpu(v2));
    add_section(data, "memory", memory ? stats_v1_memory(memory) : v2 ? stats_v2_memory(v2) : NULL);
    add_section(data, "pids", with_pids ? pids(with_pids) : NULL);
    add_section(data, "blkio", blkio ? stats_v1_blkio(blkio) : v2 ? stats_v2_io(v2) : NULL);
    add_section(data, "hugetlb", with_hugetlb ? hugetlb(with_hugetlb) : NULL);
    return data;
}
