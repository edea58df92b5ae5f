// SPDX-License-Identifier: Apache-2.0
/*
 * What a person asked for, as an OCI configuration: the defaults of podman and docker where they
 * have one, so that images find what they expect.
 */
#pragma once

#include "base/error.h"
#include "base/json.h"
#include "image/boot_files.h"
#include "image/image.h"
#include "instance/identity.h"
#include "instance/launch.h"

struct launch_context {
    const struct host *host;
    const struct launch_request *request;
    const struct image *image;
    const char *name;
    const char *storage;        /* absolute path of its storage directory */
    struct string_list command; /* what runs, image defaults included */
    struct identity identity;
    struct boot_files boot_files; /* of a virtual machine */
};

/* The words that run: entry point and command of the request and the image. */
int launch_command(const struct launch_request *request, const struct image *image,
                   struct string_list *command, struct error *error);

/* config.json; the caller puts the reference. Nothing is changed anywhere. */
struct json_object *launch_config(const struct launch_context *context, struct error *error);

/* Its parts, each in a file of its own; they add to `config` and to `linux`. */
int launch_config_process(const struct launch_context *context, struct json_object *config,
                          struct error *error);
int launch_config_mounts(const struct launch_context *context, struct json_object *config,
                         struct error *error);
int launch_config_resources(const struct launch_context *context, struct json_object *linux_section,
                            struct error *error);
int launch_config_devices(const struct launch_context *context, struct json_object *config,
                          struct json_object *linux_section, struct error *error);
int launch_config_capabilities(const struct launch_context *context, struct json_object *config,
                               struct error *error);
int launch_config_vm(const struct launch_context *context, struct json_object *config,
                     struct json_object *linux_section, struct error *error);
int launch_config_security(const struct launch_context *context, struct json_object *config,
                           struct json_object *linux_section, struct error *error);

/* "1.5" CPUs -> the quota of a period of 100 ms, in microseconds; at most three decimals count. */
int launch_parse_cpus(const char *text, int64_t *quota);

/* Virtual machines (launch_vm.c): is it one, can it be, and the files that it boots. */
bool launch_is_vm(const struct launch_request *request);
int launch_check_vm(const struct launch_request *request, struct error *error);
int launch_boot_files(struct launch_context *context, struct error *error);
