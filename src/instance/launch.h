// SPDX-License-Identifier: Apache-2.0
/*
 * `run` as people use it: from an image and a few words to a running instance.
 *
 * The words are decoded into a configuration (launch_config.h) before anything is made; then the
 * storage directory is made (storage.h), and the instance runs from it as from any other bundle, in
 * the foreground or kept by a monitor (monitor.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/string.h"
#include "instance/instance.h"
#include "spec/value.h"

enum launch_network { LAUNCH_NETWORK_NONE, LAUNCH_NETWORK_HOST };

/* What only a virtual machine has. */
struct launch_vm {
    const char *kernel, *initrd; /* a package or a file; a file */
    const char *engine, *cpu_model, *init;
    const char *network; /* "none", "user", "user=host-loopback", "tap=NAME"; NULL: user */
    const struct string_list *append, *disks, *published;
};

/* What the person asked for, in their words; NULL, empty and not set are "not asked for". */
struct launch_request {
    const char *image;
    const char *technique;      /* NULL: container */
    const char *name;           /* NULL: one is made up */
    const char *const *command; /* NULL-terminated; empty: the image's */
    const char *entrypoint;     /* in place of the image's; "" for none */
    bool detach, terminal;      /* -d, -t */
    bool interactive;           /* -i: standard input is passed on; else it is /dev/null */
    bool remove_when_stopped;   /* --rm */
    const char *user, *workdir, *hostname, *stop_signal;
    const struct string_list *environment, *environment_files;
    const struct string_list *volumes, *tmpfs, *devices;
    const struct string_list *capabilities_added, *capabilities_dropped;
    const struct string_list *ulimits, *sysctls, *annotations;
    enum launch_network network;
    bool read_only, no_new_privileges;
    const char *seccomp; /* FILE or "unconfined" */
    struct spec_i64 memory, memory_swap, pids_limit, shm_size;
    struct spec_u64 cpu_shares, cpu_weight;
    const char *cpus, *cpuset_cpus, *cpuset_mems;
    uint64_t log_size; /* bytes; 0: the default */
    struct launch_vm vm;
};

/*
 * Make and run it. In the foreground: the exit status of its command; in the background 0, with the
 * name printed to standard output once the command has really started. Or -1.
 */
int launch_run(const struct host *host, const struct launch_request *request, struct error *error);

/*
 * `start`: a created instance goes on; a stopped one that `run` made is started again in the
 * background, with what it wrote before.
 */
int launch_start(const struct host *host, const char *name, struct error *error);
