// SPDX-License-Identifier: Apache-2.0
/*
 * Limits as a list of file writes: worked out of linux.resources first, which may fail and changes
 * nothing, written afterwards.
 */
#pragma once

#include "container/cgroup/internal.h"

struct limit {
    const char *field; /* of config.json, for errors */
    char *file, *value;
    char *other_file, *other_value; /* where `file` does not exist; NULL: nothing else */
    bool optional;                  /* fine when neither file exists */
    struct cgroup_directory *directory;
};

struct limit_list {
    struct limit *items;
    size_t count;
};

void limit_list_free(struct limit_list *list);
#define AUTO_LIMITS __attribute__((cleanup(limit_list_free)))

/* Add one; the text is formatted. The pointer is good until the next one is added. */
struct limit *limit_add(struct limit_list *list, const char *field, const char *file,
                        const char *format, ...) PRINTF_LIKE(4, 5);

/* A plain number of struct spec_resources and the file it is written to. */
enum limit_kind { LIMIT_I64, LIMIT_U64, LIMIT_U32, LIMIT_U16, LIMIT_BOOL };

struct limit_row {
    const char *field, *file;
    size_t offset; /* in struct spec_resources */
    enum limit_kind kind;
    bool zero_counts;     /* 0 is a value, not "not asked for" */
    bool negative_is_max; /* v2 writes "max" where v1 writes -1 */
};

/* The row's number, as signed; false where it is not asked for. */
bool limit_row_value(const struct limit_row *row, const struct spec_resources *resources,
                     int64_t *value);
void limit_rows_add(struct limit_list *list, const struct limit_row *rows, size_t count,
                    const struct spec_resources *resources);
/* An error that names the first of these fields that is asked for: the kernel has no such thing. */
int limit_rows_refuse(const struct limit_row *rows, size_t count,
                      const struct spec_resources *resources, const char *reason,
                      struct error *error);

/*
 * One controller's limits, for v1 and for v2. Which of the two is used is a matter of where the
 * controller is mounted.
 */
typedef int (*limit_builder)(const struct spec_resources *resources, struct limit_list *list,
                             struct error *error);

struct limit_builders {
    const char *v1_controller, *v2_controller; /* NULL: v1 or v2 has none */
    limit_builder v1, v2;
};

/* limits_v1.c */
int limits_v1_memory(const struct spec_resources *, struct limit_list *, struct error *);
int limits_v1_cpu(const struct spec_resources *, struct limit_list *, struct error *);
int limits_v1_cpuset(const struct spec_resources *, struct limit_list *, struct error *);
int limits_v1_blkio(const struct spec_resources *, struct limit_list *, struct error *);
int limits_v1_hugetlb(const struct spec_resources *, struct limit_list *, struct error *);
int limits_v1_net_cls(const struct spec_resources *, struct limit_list *, struct error *);
int limits_v1_net_prio(const struct spec_resources *, struct limit_list *, struct error *);
int limits_v1_pids(const struct spec_resources *, struct limit_list *, struct error *);
int limits_v1_rdma(const struct spec_resources *, struct limit_list *, struct error *);

/* limits_v2.c */
int limits_v2_memory(const struct spec_resources *, struct limit_list *, struct error *);
int limits_v2_cpu(const struct spec_resources *, struct limit_list *, struct error *);
int limits_v2_cpuset(const struct spec_resources *, struct limit_list *, struct error *);
int limits_v2_io(const struct spec_resources *, struct limit_list *, struct error *);
int limits_v2_hugetlb(const struct spec_resources *, struct limit_list *, struct error *);
int limits_v2_net_cls(const struct spec_resources *, struct limit_list *, struct error *);
int limits_v2_net_prio(const struct spec_resources *, struct limit_list *, struct error *);
int limits_v2_pids(const struct spec_resources *, struct limit_list *, struct error *);
int limits_v2_rdma(const struct spec_resources *, struct limit_list *, struct error *);
int limits_v2_unified(const struct spec_resources *, struct limit_list *, struct error *);

/* "2MB" of hugepageLimits */
int limits_hugetlb_files(const struct spec_resources *resources, const char *reserved_suffix,
                         const char *suffix, struct limit_list *list, struct error *error);
int limits_rdma_files(const struct spec_resources *resources, struct limit_list *list,
                      struct error *error);

/* cpu.weight (1..10000) of cpu.shares (2..262144), so that 1024 becomes 100. */
uint64_t limits_cpu_weight(uint64_t shares);
/* io.weight (1..10000) of blkio.weight (10..1000). */
uint64_t limits_io_weight(uint64_t weight);

/* All limits that are asked for, with the directories they go to; an error names the field. */
int limits_collect(struct cgroup *cgroup, const struct spec_resources *resources,
                   struct limit_list *list, struct error *error);

/*
 * Write them. Some depend on each other (memory and memory+swap, quota and burst), and which one
 * has to be first depends on the old values: what the kernel refuses is tried again after the
 * others.
 */
int limits_apply(const struct limit_list *list, struct error *error);
