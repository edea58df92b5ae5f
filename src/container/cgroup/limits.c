// SPDX-License-Identifier: Apache-2.0
#include "container/cgroup/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "base/io.h"

static const struct limit_builders builders[] = {
    { "memory", "memory", limits_v1_memory, limits_v2_memory },
    { "cpu", "cpu", limits_v1_cpu, limits_v2_cpu },
    { "cpuset", "cpuset", limits_v1_cpuset, limits_v2_cpuset },
    { "blkio", "io", limits_v1_blkio, limits_v2_io },
    { "hugetlb", "hugetlb", limits_v1_hugetlb, limits_v2_hugetlb },
    { "net_cls", NULL, limits_v1_net_cls, limits_v2_net_cls },
    { "net_prio", NULL, limits_v1_net_prio, limits_v2_net_prio },
    { "pids", "pids", limits_v1_pids, limits_v2_pids },
    { "rdma", "rdma", limits_v1_rdma, limits_v2_rdma },
};

static void limit_free(struct limit *limit)
{
    free(limit->file);
    free(limit->value);
    free(limit->other_file);
    free(limit->other_value);
}

void limit_list_free(struct limit_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        limit_free(&list->items[i]);
    free(list->items);
    *list = (struct limit_list){ 0 };
}

struct limit *limit_add(struct limit_list *list, const char *field, const char *file,
                        const char *format, ...)
{
    list->items = reallocate(list->items, list->count + 1, sizeof(*list->items));
    struct limit *limit = &list->items[list->count++];
    va_list arguments;
    va_start(arguments, format);
    *limit = (struct limit){
        .field = field,
        .file = string_copy(file),
        .value = string_vformat(format, arguments),
    };
    va_end(arguments);
    return limit;
}

/* The optional numbers of spec/value.h, one case each. */
static bool read_number(const void *number, enum limit_kind kind, int64_t *value)
{
    switch (kind) {
    case LIMIT_I64:
        *value = ((const struct spec_i64 *)number)->value;
        return ((const struct spec_i64 *)number)->set;
    case LIMIT_U64: {
        uint64_t wide = ((const struct spec_u64 *)number)->value;
        *value = wide > INT64_MAX ? INT64_MAX : (int64_t)wide;
        return ((const struct spec_u64 *)number)->set;
    }
    case LIMIT_U32:
        *value = ((const struct spec_u32 *)number)->value;
        return ((const struct spec_u32 *)number)->set;
    case LIMIT_U16:
        *value = ((const struct spec_u16 *)number)->value;
        return ((const struct spec_u16 *)number)->set;
    case LIMIT_BOOL:
        *value = ((const struct spec_bool *)number)->value;
        return ((const struct spec_bool *)number)->set;
    }
    return false;
}

bool limit_row_value(const struct limit_row *row, const struct spec_resources *resources,
                     int64_t *value)
{
    const void *number = (const char *)resources + row->offset;
    return read_number(number, row->kind, value) && (*value != 0 || row->zero_counts);
}

void limit_rows_add(struct limit_list *list, const struct limit_row *rows, size_t count,
                    const struct spec_resources *resources)
{
    for (size_t i = 0; i < count; i++) {
        int64_t value;
        if (!limit_row_value(&rows[i], resources, &value))
            continue;
        if (value < 0 && rows[i].negative_is_max)
            limit_add(list, rows[i].field, rows[i].file, "max");
        else
            limit_add(list, rows[i].field, rows[i].file, "%" PRId64, value);
    }
}

int limit_rows_refuse(const struct limit_row *rows, size_t count,
                      const struct spec_resources *resources, const char *reason,
                      struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        int64_t value;
        if (limit_row_value(&rows[i], resources, &value) && value > 0)
            return error_set_code(error, ENOTSUP, "%s: %s", rows[i].field, reason);
    }
    return 0;
}

int limits_hugetlb_files(const struct spec_resources *resources, const char *reserved_suffix,
                         const char *suffix, struct limit_list *list, struct error *error)
{
    (void)error;
    /* Pages are reserved by mmap() and used later: a limit on use alone ends in SIGBUS. */
    for (size_t i = 0; i < resources->hugepage_limit_count; i++) {
        const struct spec_hugepage_limit *entry = &resources->hugepage_limits[i];
        AUTO_FREE char *reserved =
            string_format("hugetlb.%s.%s", entry->page_size, reserved_suffix);
        AUTO_FREE char *used = string_format("hugetlb.%s.%s", entry->page_size, suffix);
        const char *field = "linux.resources.hugepageLimits";
        limit_add(list, field, reserved, "%" PRIu64, entry->limit)->optional = true;
        limit_add(list, field, used, "%" PRIu64, entry->limit);
    }
    return 0;
}

int limits_rdma_files(const struct spec_resources *resources, struct limit_list *list,
                      struct error *error)
{
    (void)error;
    for (size_t i = 0; i < resources->rdma_limit_count; i++) {
        const struct spec_rdma_limit *entry = &resources->rdma_limits[i];
        AUTO_FREE char *value = string_copy(entry->device);
        if (entry->hca_handles.set)
            string_append(&value, " hca_handle=%" PRIu32, entry->hca_handles.value);
        if (entry->hca_objects.set)
            string_append(&value, " hca_object=%" PRIu32, entry->hca_objects.value);
        limit_add(list, "linux.resources.rdma", "rdma.max", "%s", value);
    }
    return 0;
}

static int controller_missing(const char *field, const char *controller, struct error *error)
{
    return error_set_code(error, ENOTSUP,
                          "%s: the cgroup controller \"%s\" is not available on this host", field,
                          controller);
}

/* Where v1 has the controller it is used there, as v2 cannot have it then (cgroups(7)). */
static int collect_controller(struct cgroup *cgroup, const struct limit_builders *row,
                              const struct spec_resources *resources, struct limit_list *list,
                              struct error *error)
{
    size_t first = list->count;
    struct cgroup_directory *v1 = directory_v1(cgroup, row->v1_controller);
    struct cgroup_directory *v2 = directory_v2(cgroup);
    bool v2_alone = v2 && cgroup->count == 1;
    limit_builder build = v1 || (!v2_alone && !row->v2_controller) || !v2 ? row->v1 : row->v2;
    if (build(resources, list, error) < 0)
        return -1;
    if (list->count == first)
        return 0;
    if (!v1 && (!v2 || !row->v2_controller || !directory_v2_has(v2, row->v2_controller)))
        return controller_missing(list->items[first].field, row->v1_controller, error);
    for (size_t i = first; i < list->count; i++)
        list->items[i].directory = v1 ? v1 : v2;
    return 0;
}

static int collect_unified(struct cgroup *cgroup, const struct spec_resources *resources,
                           struct limit_list *list, struct error *error)
{
    size_t first = list->count;
    struct cgroup_directory *v2 = directory_v2(cgroup);
    if (resources->unified_count > 0 && !v2)
        return error_set_code(error, ENOTSUP,
                              "linux.resources.unified: this host has no cgroup v2");
    if (limits_v2_unified(resources, list, error) < 0)
        return -1;
    for (size_t i = first; i < list->count; i++)
        list->items[i].directory = v2;
    return 0;
}

int limits_collect(struct cgroup *cgroup, const struct spec_resources *resources,
                   struct limit_list *list, struct error *error)
{
    for (size_t i = 0; i < ARRAY_LENGTH(builders); i++) {
        if (collect_controller(cgroup, &builders[i], resources, list, error) < 0)
            return -1;
    }
    return collect_unified(cgroup, resources, list, error);
}

static int write_value(int fd, const char *file, const char *value, bool *missing)
{
    AUTO_CLOSE int file_fd = openat(fd, file, O_WRONLY | O_CLOEXEC);
    *missing = file_fd < 0 && errno == ENOENT;
    if (file_fd < 0)
        return -1;
    return write_all(file_fd, value, strlen(value));
}

static int describe_failure(const struct limit *limit, const char *file, const char *value,
                            bool missing, int errno_value, struct error *error)
{
    if (missing)
        return error_set_code(error, ENOTSUP, "%s: the kernel has no %s in cgroup %s", limit->field,
                              limit->file, limit->directory->path);
    return error_set(error, errno_value, "%s: write \"%s\" to %s/%s", limit->field, value,
                     limit->directory->path, file);
}

static int apply_one(const struct limit *limit, struct error *error)
{
    int fd = directory_open(limit->directory);
    if (fd < 0)
        return error_set(error, errno, "%s: open cgroup %s", limit->field, limit->directory->path);
    const char *file = limit->file, *value = limit->value;
    bool missing = false;
    int result = write_value(fd, file, value, &missing);
    if (result < 0 && missing && limit->other_file) {
        file = limit->other_file;
        value = limit->other_value ? limit->other_value : value;
        result = write_value(fd, file, value, &missing);
    }
    if (result == 0 || (missing && limit->optional))
        return 0;
    return describe_failure(limit, file, value, missing, errno, error);
}

/* One round over those that are not written yet; their number afterwards, -1 on an error that
 * another round cannot cure. */
static int apply_round(const struct limit_list *list, bool *written, struct error *error)
{
    int left = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (written[i])
            continue;
        error_clear(error);
        written[i] = apply_one(&list->items[i], error) == 0;
        if (written[i])
            continue;
        if (error->code != EINVAL && error->code != EBUSY)
            return -1;
        left++;
    }
    return left;
}

int limits_apply(const struct limit_list *list, struct error *error)
{
    AUTO_FREE bool *written = allocate(list->count + 1, sizeof(*written));
    AUTO_ERROR struct error last = { 0 };
    int left = (int)list->count, before;
    do {
        AUTO_ERROR struct error round = { 0 };
        before = left;
        left = apply_round(list, written, &round);
        if (round.message)
            error_move(&last, &round);
    } while (left > 0 && left < before);
    return left == 0 ? 0 : error_move(error, &last);
}
