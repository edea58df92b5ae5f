// SPDX-License-Identifier: Apache-2.0
/*
 * `checkpoint` and `restore`: their options are known, so that callers can ask for them (podman
 * runs `checkpoint --help` and `restore --lsm-mount-context`), and both end in one clear error.
 */
#include "cli/verbs.h"

#define FLAG(name, text)                                                                           \
    {                                                                                              \
        0, name, NULL, OPTION_IGNORED_FLAG, 0, text                                                \
    }
#define VALUE(name, argument, text)                                                                \
    {                                                                                              \
        0, name, argument, OPTION_IGNORED, 0, text                                                 \
    }

static const struct option_definition shared_options[] = {
    VALUE("image-path", "DIR", "directory of the image files"),
    VALUE("work-path", "DIR", "directory of logs and temporary files"),
    VALUE("parent-path", "DIR", "image of an earlier checkpoint, relative to the image path"),
    FLAG("tcp-established", "keep established TCP connections"),
    FLAG("tcp-skip-in-flight", "leave out TCP connections that are being made"),
    FLAG("link-remap", "allow files whose last link was removed"),
    FLAG("ext-unix-sk", "allow Unix sockets that lead outside"),
    FLAG("shell-job", "allow a controlling terminal from outside"),
    FLAG("lazy-pages", "pass on memory on demand"),
    VALUE("status-fd", "FD", "descriptor that gets a byte when lazy pages can be served"),
    FLAG("file-locks", "keep file locks"),
    VALUE("manage-cgroups-mode", "MODE", "soft, full, strict or ignore"),
    VALUE("empty-ns", "NAMESPACE", "leave out what is in a namespace (network)"),
    FLAG("auto-dedup", "remove what a later image holds as well"),
    VALUE("network-lock", "METHOD", "nftables, iptables or skip"),
    { 0 },
};

static const struct option_definition checkpoint_options[] = {
    FLAG("leave-running", "let the container go on"),
    VALUE("page-server", "ADDRESS:PORT", "send the memory to a page server"),
    FLAG("pre-dump", "write the memory only, and let the container go on"),
    { 0 },
};

static const struct option_definition restore_options[] = {
    { 'b', "bundle", "DIR", OPTION_IGNORED, 0, "bundle directory (default: .)" },
    { 'd', "detach", NULL, OPTION_IGNORED_FLAG, 0, "do not wait for the container" },
    VALUE("pid-file", "FILE", "write the pid of the first process there"),
    VALUE("console-socket", "SOCKET", "Unix socket that gets the terminal's master end"),
    FLAG("no-subreaper", "accepted and ignored"),
    FLAG("no-pivot", "change the root by moving mounts"),
    FLAG("no-new-keyring", "stay in the caller's session keyring"),
    VALUE("preserve-fds", "N", "pass on N descriptors, from 3 on"),
    VALUE("lsm-profile", "TYPE:LABEL", "label of the processes"),
    VALUE("lsm-mount-context", "CONTEXT", "SELinux context of the mounts"),
    FLAG("tcp-close", "close TCP connections"),
    { 0 },
};

static const struct option_group checkpoint_groups[] = {
    { NULL, checkpoint_options, 0 },
    { "Options of both checkpoint and restore", shared_options, 0 },
    { .options = NULL },
};

static const struct option_group restore_groups[] = {
    { NULL, restore_options, 0 },
    { "Options of both checkpoint and restore", shared_options, 0 },
    { .options = NULL },
};

static int refuse(const char *verb, const char *id, struct error *error)
{
    return error_set(error, 0, "%s %s: checkpoint and restore are not implemented yet", verb, id);
}

static int run_checkpoint(const struct host *host, const void *options, const struct words *words,
                          struct error *error)
{
    (void)host;
    (void)options;
    return refuse("checkpoint", words->operands[0], error);
}

static int run_restore(const struct host *host, const void *options, const struct words *words,
                       struct error *error)
{
    (void)host;
    (void)options;
    return refuse("restore", words->operands[0], error);
}

const struct command command_checkpoint = {
    .name = "checkpoint",
    .summary = "Write the processes of a container to files (not implemented yet)",
    .operands = "ID",
    .section = COMMAND_OCI,
    .groups = checkpoint_groups,
    .minimum_operands = 1,
    .run = run_checkpoint,
};

const struct command command_restore = {
    .name = "restore",
    .summary = "Make a container from the files of a checkpoint (not implemented yet)",
    .operands = "ID",
    .section = COMMAND_OCI,
    .groups = restore_groups,
    .minimum_operands = 1,
    .run = run_restore,
};
