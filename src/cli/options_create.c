// SPDX-License-Identifier: Apache-2.0
#include "cli/options_create.h"

#define MEMBER(name) offsetof(struct create_options, name)

const struct option_definition create_option_definitions[] = {
    { 'b', "bundle", "DIR", OPTION_STRING, MEMBER(bundle), "bundle directory (default: .)" },
    { 'f', "config", "FILE", OPTION_STRING, MEMBER(config),
      "configuration in the bundle (default: config.json)" },
    { 0, "console-socket", "SOCKET", OPTION_STRING, MEMBER(console_socket),
      "Unix socket that gets the terminal's master end" },
    { 0, "pidfd-socket", "SOCKET", OPTION_STRING, MEMBER(pidfd_socket),
      "Unix socket that gets a pidfd of the first process" },
    { 0, "pid-file", "FILE", OPTION_STRING, MEMBER(pid_file),
      "write the pid of the first process there" },
    { 0, "no-pivot", NULL, OPTION_FLAG, MEMBER(no_pivot),
      "change the root by moving mounts, where pivot_root cannot (ramfs)" },
    { 0, "no-new-keyring", NULL, OPTION_FLAG, MEMBER(no_new_keyring),
      "stay in the caller's session keyring" },
    { 0, "preserve-fds", "N", OPTION_UINT, MEMBER(preserve_fds), "pass on N descriptors, from 3 on",
      .maximum = 1 << 20 },
    { 0, "no-subreaper", NULL, OPTION_IGNORED_FLAG, 0, "accepted and ignored" },
    { 0 },
};

struct instance_create_request create_request(const struct create_options *options, const char *id)
{
    return (struct instance_create_request){
        .id = id,
        .bundle = options->bundle ? options->bundle : ".",
        .config = options->config,
        .console_socket = options->console_socket,
        .pidfd_socket = options->pidfd_socket,
        .pid_file = options->pid_file,
        .preserve_fds = (uint32_t)options->preserve_fds.value,
        .no_pivot = options->no_pivot,
        .no_new_keyring = options->no_new_keyring,
    };
}
