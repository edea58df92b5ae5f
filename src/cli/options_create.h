// SPDX-License-Identifier: Apache-2.0
/* What `create` takes, and therefore the OCI form of `run`. */
#pragma once

#include "cli/options.h"
#include "instance/instance.h"

struct create_options {
    const char *bundle, *config, *console_socket, *pidfd_socket, *pid_file; /* NULL: not given */
    struct option_uint preserve_fds;
    bool no_pivot, no_new_keyring;
};

extern const struct option_definition create_option_definitions[];

/* The request that they describe. LISTEN_FDS of the environment is instance/'s business. */
struct instance_create_request create_request(const struct create_options *options, const char *id);
