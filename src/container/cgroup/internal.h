// SPDX-License-Identifier: Apache-2.0
/* What the files of container/cgroup share: the plan, and the directories that it consists of. */
#pragma once

#include "container/cgroup/cgroup.h"

#include "base/string.h"
#include "container/cgroup/hierarchy.h"

/* The container's directory in one hierarchy. */
struct cgroup_directory {
    char *name, *mount_point, *controllers; /* as in struct hierarchy */
    char *path;                             /* absolute: mount_point/... */
    bool present;                           /* made by cgroup_make, or known to be from a state */
    bool created;                           /* by this process: ours to take back at once */
    int fd;                                 /* of the directory, or -1 */
};

struct cgroup_systemd {
    char *unit;                    /* "openvirt-ID.scope" */
    char *slice;                   /* "system.slice" */
    bool user;                     /* the user's manager instead of the system's */
    struct string_list properties; /* annotations: "NAME=VALUE" in GVariant's text form */
};

struct cgroup {
    enum cgroup_manager manager;
    bool rootless;
    char *path; /* below each mount point: "/openvirt-ID" */
    struct cgroup_directory *directories;
    size_t count;
    struct cgroup_systemd systemd; /* unit NULL: not by systemd */
    int *join_fds;                 /* see cgroup_self_attach_fds(); NULL: none */
    size_t join_fd_count;
    bool joinable;            /* join_fds and the v2 directory are open for new processes */
    uint64_t *oom_kills_seen; /* see cgroup_read_oom_events() */
    bool foreign;             /* somebody else's processes were found in it: not ours to destroy */
    struct log log;
};

/* plan.c, given the hierarchies (for tests). */
int cgroup_plan_in(const struct cgroup_request *request, const struct hierarchies *hierarchies,
                   const char *own_cgroup, struct cgroup **cgroup, struct error *error);
struct cgroup *cgroup_new(enum cgroup_manager manager, const struct log *log);
int cgroup_set_path(struct cgroup *cgroup, const char *path, struct error *error);
void cgroup_add_directory(struct cgroup *cgroup, const struct hierarchy *hierarchy);
bool cgroup_path_is_safe(const char *path);

/* cgroupfs.c: the parts that the systemd driver uses too. */
int cgroup_make_directories(struct cgroup *cgroup, const struct spec_resources *resources,
                            struct error *error);
int cgroup_attach_directories(struct cgroup *cgroup, pid_t pid, struct error *error);
/* kill.c */
int cgroup_remove_directories(struct cgroup *cgroup, struct error *error);

static inline bool directory_is_v2(const struct cgroup_directory *directory)
{
    return directory->controllers == NULL;
}

/* directory.c */

/* The v2 directory (of v2 or hybrid), or NULL. */
struct cgroup_directory *directory_v2(const struct cgroup *cgroup);
/* The one with this v1 controller, or NULL. */
struct cgroup_directory *directory_v1(const struct cgroup *cgroup, const char *controller);
/* The one whose cgroup.procs tells all processes of the container; NULL when there is none. */
struct cgroup_directory *directory_main(const struct cgroup *cgroup);
/* Does the v2 hierarchy, in which this directory is, have the controller? */
bool directory_v2_has(const struct cgroup_directory *directory, const char *controller);

/* A descriptor to work below, opened once; -1 with errno. Stays the directory's. */
int directory_open(struct cgroup_directory *directory);
/* Make it with its parents and whatever has to be in order before a process can be in it. */
int directory_make(struct cgroup_directory *directory, struct error *error);
/* The same where it may exist already, with processes in it: a scope that systemd has made. */
int directory_make_levels(const struct cgroup_directory *directory, struct error *error);
/* Fails when processes are in it or below, or when it is frozen. */
int directory_check_unused(const struct cgroup_directory *directory, struct error *error);

bool directory_is_frozen(const struct cgroup_directory *directory);
/*
 * v2: have the ancestors hand controllers down: those of the comma-separated list, or (NULL) all.
 * Best effort: a limit whose controller is not there fails with the name of its field.
 */
void directory_enable_controllers(const struct cgroup_directory *directory, const char *wanted);

/* A small file of it as text without the last newline; NULL with errno set. The caller frees. */
char *directory_read(const struct cgroup_directory *directory, const char *file);
int directory_write(struct cgroup_directory *directory, const char *file, const char *text,
                    struct error *error);

/* tree.c: the processes in the directory and all below it; the caller frees `pids`. */
int tree_processes(const char *path, pid_t **pids, size_t *count, struct error *error);
/* Remove it with all below; ENOENT is fine, EBUSY (processes in it) is not. */
int tree_remove(const char *path, struct error *error);
