// SPDX-License-Identifier: Apache-2.0
/* The global options, and the struct host that they make. */
#pragma once

#include "cli/command.h"

struct global_options {
    const char *root, *storage, *log, *log_level; /* NULL: not given */
    int log_format, cgroup_manager, rootless;     /* OPTION_CHOICE */
    bool debug, systemd_cgroup, version;
};

/*
 * Where the log goes comes first, so that whatever fails next is reported there. The log's default
 * is LOG_TO_STDERR.
 */
int host_open_log(struct host *host, const struct global_options *options, struct error *error);

/* State root, cgroup driver, privileges. host_close() frees, also after a failure. */
int host_open(struct host *host, const struct global_options *options, struct error *error);
void host_close(struct host *host);
