// SPDX-License-Identifier: Apache-2.0
/* New limits for a running container. */
#include "container/cgroup/internal.h"

#include <errno.h>
#include <inttypes.h>

#include "base/number.h"
#include "container/cgroup/devices.h"
#include "container/cgroup/limits.h"
#include "container/cgroup/systemd.h"

/* The number in a file; "max" and what cannot be read are -1. */
static int64_t read_number(const struct cgroup_directory *directory, const char *file)
{
    AUTO_FREE char *text = directory_read(directory, file);
    int64_t number;
    return text && parse_int64(text, &number) == 0 ? number : -1;
}

/* v2 has quota and period in one file: one that is not to change is written as it is. */
static void complete_quota(const struct cgroup_directory *directory,
                           struct spec_resources *resources)
{
    if (resources->cpu.quota.set || !resources->cpu.period.set)
        return;
    AUTO_FREE char *text = directory_read(directory, "cpu.max");
    char *blank = text ? strchr(text, ' ') : NULL;
    if (blank)
        *blank = '\0';
    int64_t quota;
    bool limited = text && parse_int64(text, &quota) == 0;
    resources->cpu.quota = (struct spec_i64){ .set = true, .value = limited ? quota : -1 };
}

/* Memory and swap together, less memory, is swap: it takes a memory limit to work it out. */
static void complete_memory(const struct cgroup_directory *directory,
                            struct spec_resources *resources)
{
    bool has_swap = resources->memory.swap.set && resources->memory.swap.value > 0;
    bool has_limit = resources->memory.limit.set && resources->memory.limit.value != 0;
    if (!has_swap || has_limit)
        return;
    int64_t limit = read_number(directory, "memory.max");
    if (limit > 0)
        resources->memory.limit = (struct spec_i64){ .set = true, .value = limit };
}

static int check_usage(const struct cgroup_directory *directory, const char *file,
                       const struct spec_i64 *limit, const char *field, struct error *error)
{
    if (!limit->set || limit->value <= 0)
        return 0;
    int64_t usage = read_number(directory, file);
    if (usage <= limit->value)
        return 0;
    return error_set_code(error, EBUSY,
                          "%s: %" PRId64 " is less than the %" PRId64
                          " bytes in use (memory.checkBeforeUpdate is set)",
                          field, limit->value, usage);
}

static int check_memory(const struct cgroup *cgroup, const struct spec_resources *resources,
                        struct error *error)
{
    if (!resources->memory.check_before_update.set || !resources->memory.check_before_update.value)
        return 0;
    const struct cgroup_directory *v1 = directory_v1(cgroup, "memory"), *v2 = directory_v2(cgroup);
    const char *limit_field = "linux.resources.memory.limit";
    if (!v1 && v2)
        return check_usage(v2, "memory.current", &resources->memory.limit, limit_field, error);
    if (!v1)
        return 0;
    if (check_usage(v1, "memory.usage_in_bytes", &resources->memory.limit, limit_field, error) < 0)
        return -1;
    return check_usage(v1, "memory.memsw.usage_in_bytes", &resources->memory.swap,
                       "linux.resources.memory.swap", error);
}

int cgroup_update(struct cgroup *cgroup, const struct spec_resources *resources,
                  struct error *error)
{
    struct spec_resources complete = *resources;
    const struct cgroup_directory *v2 = directory_v2(cgroup);
    if (v2 && !directory_v1(cgroup, "cpu"))
        complete_quota(v2, &complete);
    if (v2 && !directory_v1(cgroup, "memory"))
        complete_memory(v2, &complete);
    AUTO_LIMITS struct limit_list limits = { 0 };
    if (limits_collect(cgroup, &complete, &limits, error) < 0 ||
        check_memory(cgroup, &complete, error) < 0)
        return -1;
    if (cgroup->systemd.unit && systemd_update(cgroup, &complete, error) < 0)
        return -1;
    if (limits_apply(&limits, error) < 0)
        return -1;
    return devices_apply(cgroup, &complete, false, error);
}
