// SPDX-License-Identifier: Apache-2.0
/*
 * An instance: an OCI bundle plus a technique, and the verbs of its life. Whatever the technique, a
 * verb reads the state directory, acts, and writes the state directory; the technique table decides
 * who carries it out.
 *
 * Every function returns 0 or -1 with the error set, unless it says otherwise.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/log.h"
#include "container/cgroup/cgroup.h"
#include "container/rootfs.h"
#include "spec/spec.h"

/* What the global options say; made by cli/ and passed to every verb. */
struct host {
    const char *state_root;   /* absolute: /run/openvirt or $XDG_RUNTIME_DIR/openvirt, or --root */
    const char *storage_root; /* absolute: --storage; NULL: the default (instance/storage.h) */
    enum cgroup_manager cgroup_manager;
    bool rootless;
    struct log log;
};

enum instance_status {
    INSTANCE_CREATING,
    INSTANCE_CREATED,
    INSTANCE_RUNNING,
    INSTANCE_PAUSED,
    INSTANCE_STOPPED
};

const char *instance_status_name(enum instance_status status);

/* What STATE_ROOT/ID/state.json holds, and what the living process tells. */
struct instance {
    char *id;
    char *technique;       /* "container", "para", "full" */
    char *bundle, *rootfs; /* absolute */
    char *oci_version;
    pid_t pid; /* 0: none yet */
    uint64_t
        pid_start_time; /* clock ticks since boot (/proc/PID/stat field 22): tells a reused pid */
    char *created;      /* RFC 3339 */
    uid_t owner;
    struct json_object *annotations; /* object or NULL */
    struct cgroup *cgroup;           /* NULL: none */
    char *image;                     /* human-made instances: what `run` was given; else NULL */
    char *storage; /* human-made instances: directory of bundle, upper layer and log; else NULL */
    bool remove_when_stopped;    /* --rm */
    char *resctrl_group;         /* closID group made for it, to be removed; else NULL */
    bool started;                /* the gate was opened */
    enum instance_status status; /* as found when it was loaded */
};

void instance_free(struct instance *instance); /* NULL is fine */
static inline void instance_cleanup(struct instance **instance)
{
    instance_free(*instance);
}
#define AUTO_INSTANCE __attribute__((cleanup(instance_cleanup)))

/* 1 to 128 of [A-Za-z0-9_+.-], not "." nor "..", as runc accepts. */
bool instance_id_is_valid(const char *id);

/* Load one; "instance X does not exist" (ENOENT) when there is none. */
struct instance *instance_load(const struct host *host, const char *id, struct error *error);

/* All of them, sorted by id; a damaged one is listed as stopped with what is known. Caller frees
 * each and the array. */
int instance_list(const struct host *host, struct instance ***instances, size_t *count,
                  struct error *error);

/* The state JSON of the OCI specification plus rootfs, created, owner; the caller puts the
 * reference. */
struct json_object *instance_state_json(const struct instance *instance);

struct instance_create_request {
    const char *id;
    const char *bundle;    /* as given; made absolute */
    const char *config;    /* --config: file name in the bundle or path; NULL: config.json */
    const char *technique; /* NULL: "container" */
    const char *console_socket, *pidfd_socket, *pid_file; /* NULL: none */
    uint32_t preserve_fds;
    bool no_pivot, no_new_keyring, detach, keep;
    const struct rootfs_overlay *overlay; /* NULL: root.path is the root */
    const char *image, *storage;          /* see struct instance; NULL for OCI callers */
    bool remove_when_stopped;
    bool foreground_terminal; /* `run` without --detach: where process.terminal says so, relay our
                                 own terminal */
    int *terminal_master; /* `run`, in place of a console socket: gets the master end (caller's) */
};

int instance_create(const struct host *host, const struct instance_create_request *request,
                    struct error *error);
int instance_start(const struct host *host, const char *id, struct error *error);

/*
 * create + start, and unless detached: relay signals (and the terminal), wait, delete (unless
 * keep). Returns the exit status of the process (128 + signal), 0 when detached, or -1.
 */
int instance_run(const struct host *host, const struct instance_create_request *request,
                 struct error *error);

/* With `all`, every process of it. "container not running" when it has stopped (unless all). */
int instance_kill(const struct host *host, const char *id, int signal_number, bool all,
                  struct error *error);

/* Only a stopped instance, unless forced. Forced, one that does not exist is fine. */
int instance_delete(const struct host *host, const char *id, bool force, struct error *error);

int instance_pause(const struct host *host, const char *id, struct error *error);
int instance_resume(const struct host *host, const char *id, struct error *error);

struct instance_exec_request {
    const char *id;
    const char *process_json;        /* --process FILE; NULL: the words below */
    const char *const *args;         /* NULL-terminated */
    const char *const *env;          /* additional NAME=VALUE; NULL: none */
    const char *cwd, *user;          /* user "UID[:GID]"; NULL: the container's */
    const uint32_t *additional_gids; /* --additional-gids */
    size_t additional_gid_count;
    const char *const *capabilities; /* --cap, added; NULL: none */
    const char *const *sub_cgroups;  /* --cgroup; NULL: none */
    const char *process_label, *apparmor;
    const char *console_socket, *pidfd_socket, *pid_file;
    uint32_t preserve_fds;
    bool terminal, detach, no_new_privileges, ignore_paused;
};

/* The exit status of the process, 0 when detached, or -1. */
int instance_exec(const struct host *host, const struct instance_exec_request *request,
                  struct error *error);

/* Change limits: `resources` as from spec_decode_resources(). */
int instance_update(const struct host *host, const char *id, const struct spec_resources *resources,
                    const char *l3_cache_schema, const char *memory_bandwidth_schema,
                    struct error *error);

/* Pids of its processes, allocated. */
int instance_processes(const struct host *host, const char *id, pid_t **pids, size_t *count,
                       struct error *error);

/* {"type":"stats","id":ID,"data":{...}} */
struct json_object *instance_stats(const struct host *host, const char *id, struct error *error);

/* Print a stats object a line every interval, and {"type":"oom"} events, until it stops. */
int instance_events(const struct host *host, const char *id, uint32_t interval_s, FILE *output,
                    struct error *error);
