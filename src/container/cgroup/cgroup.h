// SPDX-License-Identifier: Apache-2.0
/*
 * The control groups of one container, whatever the host has: v1 (one hierarchy a controller, or
 * several on one mount), hybrid, v2; made by us (cgroupfs) or by systemd.
 *
 * The order of a life: cgroup_plan (decides, changes nothing) -> the plan is written into the state
 * directory -> cgroup_make -> cgroup_attach -> ... -> cgroup_destroy. A plan read back from the
 * state directory serves as well as the original, so that any later process can clean up.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/log.h"
#include "spec/spec.h"

enum cgroup_manager { CGROUP_MANAGER_CGROUPFS, CGROUP_MANAGER_SYSTEMD, CGROUP_MANAGER_DISABLED };

struct cgroup_request {
    const char *container_id;
    const struct spec *spec; /* cgroupsPath, resources, annotations org.systemd.property.* */
    enum cgroup_manager manager;
    bool rootless; /* cannot make cgroups: goes on where no limit was asked for */
    const struct log *log;
};

struct cgroup;

/* Decide paths and driver from the host's mounts and the request; changes nothing. */
int cgroup_plan(const struct cgroup_request *request, struct cgroup **cgroup, struct error *error);

/* The plan as JSON for the state file, and back. */
struct json_object *cgroup_to_json(const struct cgroup *cgroup);
int cgroup_from_json(struct json_object *json, const struct log *log, struct cgroup **cgroup,
                     struct error *error);
void cgroup_free(struct cgroup *cgroup); /* NULL is fine; the cgroups on the host stay */

static inline void cgroup_cleanup(struct cgroup **cgroup)
{
    cgroup_free(*cgroup);
}
#define AUTO_CGROUP __attribute__((cleanup(cgroup_cleanup)))

/*
 * Make the directories (cgroupfs) and write all limits, before there is a process in them. Refuses
 * a cgroup that exists and is not empty or is frozen. With systemd this waits for cgroup_attach.
 */
int cgroup_make(struct cgroup *cgroup, const struct spec_resources *resources, struct error *error);

/*
 * A directory descriptor for CLONE_INTO_CGROUP, owned by the cgroup, after cgroup_make or
 * cgroup_prepare_exec: with v2, and on a hybrid host as well, where it puts the child into the v2
 * hierarchy only and the descriptors of cgroup_self_attach_fds() do the rest. -1: there is none.
 */
int cgroup_clone_fd(const struct cgroup *cgroup);

/*
 * v1: descriptors of the `tasks` files, for the child to write "0" into them itself: a thread that
 * moves itself needs no global lock (kernel/cgroup/cgroup.c, cgroup_procs_write_start), which saves
 * the RCU grace periods that writing its pid from outside costs. Owned by the cgroup,
 * close-on-exec. Returns their number, 0 where this way is not to be taken (then call
 * cgroup_attach).
 */
size_t cgroup_self_attach_fds(const struct cgroup *cgroup, const int **fds);

/* Move a process in from outside; with systemd: start the scope around it and apply the limits. */
int cgroup_attach(struct cgroup *cgroup, pid_t pid, const struct spec_resources *resources,
                  struct error *error);

/*
 * For a further process that is cloned like the first one: opens what cgroup_clone_fd() and
 * cgroup_self_attach_fds() give, for the container's cgroup itself. Where it fails (the cgroup
 * takes no processes because the container has made ones below), cgroup_attach_exec() may not.
 */
int cgroup_prepare_exec(struct cgroup *cgroup, struct error *error);

/* In the child: write "0" into the descriptors of cgroup_self_attach_fds(), inherited by fork. */
int cgroup_join_self(const struct cgroup *cgroup, struct error *error);

/*
 * Move a process (of `exec`) into the container's cgroup, or into a sub-cgroup: `sub_cgroups` are
 * the
 * --cgroup words, "PATH" or "CONTROLLER[,CONTROLLER]:PATH" (v1), NULL-terminated or NULL.
 */
int cgroup_attach_exec(struct cgroup *cgroup, pid_t pid, const char *const *sub_cgroups,
                       struct error *error);

/* v2: hand cgroup.procs and the files of /sys/kernel/cgroup/delegate to the container's root user.
 */
int cgroup_delegate(struct cgroup *cgroup, uid_t uid, struct error *error);

/* Change limits of a running container (`update`); what is absent stays. */
int cgroup_update(struct cgroup *cgroup, const struct spec_resources *resources,
                  struct error *error);

int cgroup_freeze(struct cgroup *cgroup, struct error *error);
int cgroup_thaw(struct cgroup *cgroup, struct error *error);
bool cgroup_is_frozen(const struct cgroup *cgroup);

/* All processes in it and below; `pids` is allocated, the caller frees it. */
int cgroup_processes(const struct cgroup *cgroup, pid_t **pids, size_t *count, struct error *error);

/* Signal every process in it: cgroup.kill where SIGKILL and v2, else freeze, signal, thaw. */
int cgroup_kill(struct cgroup *cgroup, int signal_number, struct error *error);

/* Kill what is left, remove all directories (or stop the scope). Fine when some or all are gone. */
int cgroup_destroy(struct cgroup *cgroup, struct error *error);

/* Statistics in the form of runc's `events --stats` "data" member; the caller puts the reference.
 */
struct json_object *cgroup_stats(const struct cgroup *cgroup, struct error *error);

/* A descriptor that becomes readable when the container runs out of memory (eventfd or inotify). */
int cgroup_open_oom_events(const struct cgroup *cgroup, struct error *error);
/* Consume what made it readable; the number of new OOM kills (0: something else, e.g. removal). */
int cgroup_read_oom_events(const struct cgroup *cgroup, int fd, uint64_t *new_kills,
                           struct error *error);

/*
 * What the container sees below a mount of type "cgroup": on v2 one entry with name "" (mount
 * "cgroup2" in a new cgroup namespace, else bind host_path); on v1 one entry a hierarchy, to be
 * bound from host_path at NAME below a tmpfs, plus link names for co-mounted controllers.
 */
struct cgroup_mount_point {
    char *name;           /* "" (v2), "memory", "cpu,cpuacct", "systemd", "unified" ... */
    char *host_path;      /* the container's directory on the host, absolute */
    char *hierarchy_path; /* the hierarchy's mount point on the host, absolute */
    char *v1_options; /* mount data of the hierarchy: "cpu,cpuacct" or "none,name=systemd"; NULL on
                         v2 */
};

struct cgroup_mount_points {
    bool unified;
    struct cgroup_mount_point *entries;
    size_t count;
};

int cgroup_mount_points(const struct cgroup *cgroup, struct cgroup_mount_points *points,
                        struct error *error);
void cgroup_mount_points_free(struct cgroup_mount_points *points);

/* The state file of `state --format json`-like output needs one path for people: v2 or the memory
 * one. */
const char *cgroup_display_path(const struct cgroup *cgroup);
