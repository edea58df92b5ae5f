// SPDX-License-Identifier: Apache-2.0
#include "instance/launch_config.h"

#include <unistd.h>

#include "base/string.h"
#include "image/subordinate_ids.h"
#include "instance/json_build.h"

int launch_command(const struct launch_request *request, const struct image *image,
                   struct string_list *command, struct error *error)
{
    const char *const *given = request->command;
    const struct string_list *entrypoint = &image->config.entrypoint;
    if (request->entrypoint && *request->entrypoint)
        string_list_add(command, request->entrypoint);
    for (size_t i = 0; !request->entrypoint && i < entrypoint->count; i++)
        string_list_add(command, entrypoint->items[i]);
    if (given && *given)
        for (; *given; given++)
            string_list_add(command, *given);
    else if (!request->entrypoint)
        for (size_t i = 0; i < image->config.command.count; i++)
            string_list_add(command, image->config.command.items[i]);
    if (!command->count && request->vm.init)
        string_list_add(command, request->vm.init);
    if (!command->count)
        return error_set(error, 0, "%s says no command to run: give one, as in `-- /bin/sh`",
                         request->image);
    return 0;
}

static void add_map(struct json_object *linux_section, const char *key,
                    const struct spec_id_mapping *mappings, int count)
{
    struct json_object *array = json_object_new_array();
    for (int i = 0; i < count; i++) {
        struct json_object *mapping = json_object_new_object();
        json_add(mapping, "containerID", json_object_new_int64(mappings[i].container_id));
        json_add(mapping, "hostID", json_object_new_int64(mappings[i].host_id));
        json_add(mapping, "size", json_object_new_int64(mappings[i].size));
        json_object_array_add(array, mapping);
    }
    json_add(linux_section, key, array);
}

/* Without privileges, root inside is the caller outside, and all others are lent ids. */
static int add_id_maps(struct json_object *linux_section, struct error *error)
{
    struct spec_id_mapping uids[MOST_ID_MAPPINGS], gids[MOST_ID_MAPPINGS];
    int uid_count = own_uid_mappings(uids, error);
    int gid_count = uid_count < 0 ? -1 : own_gid_mappings(gids, error);
    if (gid_count < 0)
        return -1;
    add_map(linux_section, "uidMappings", uids, uid_count);
    add_map(linux_section, "gidMappings", gids, gid_count);
    return 0;
}

static void add_namespace(struct json_object *namespaces, const char *type)
{
    struct json_object *entry = json_object_new_object();
    json_add_string(entry, "type", type);
    json_object_array_add(namespaces, entry);
}

static void add_namespaces(const struct launch_context *context, struct json_object *linux_section)
{
    static const char *const always[] = { "pid", "ipc", "uts", "mount", "cgroup" };
    struct json_object *namespaces = json_object_new_array();
    for (size_t i = 0; i < ARRAY_LENGTH(always); i++)
        add_namespace(namespaces, always[i]);
    if (context->request->network != LAUNCH_NETWORK_HOST)
        add_namespace(namespaces, "network");
    if (context->host->rootless && !launch_is_vm(context->request))
        add_namespace(namespaces, "user");
    json_add(linux_section, "namespaces", namespaces);
}

/* NAME=VALUE words of an option, into a new object. */
static int add_pairs(struct json_object *object, const char *key, const char *option,
                     const struct string_list *words, struct error *error)
{
    struct json_object *pairs = json_object_new_object();
    for (size_t i = 0; words && i < words->count; i++) {
        const char *equals = strchr(words->items[i], '=');
        AUTO_FREE char *name =
            string_copy_n(words->items[i], equals ? (size_t)(equals - words->items[i]) : 0);
        if (!*name) {
            json_object_put(pairs);
            return error_set(error, 0, "%s: \"%s\" is not NAME=VALUE", option, words->items[i]);
        }
        json_add_string(pairs, name, equals + 1);
    }
    if (json_object_object_length(pairs))
        json_add(object, key, pairs);
    else
        json_object_put(pairs);
    return 0;
}

static void add_root(const struct launch_context *context, struct json_object *config)
{
    struct json_object *root = json_object_new_object();
    json_add_string(root, "path", context->image->directory ? context->image->directory : "rootfs");
    json_add(root, "readonly", json_object_new_boolean(context->request->read_only));
    json_add(config, "root", root);
}

static int fill(const struct launch_context *context, struct json_object *config,
                struct error *error)
{
    const struct launch_request *request = context->request;
    struct json_object *linux_section = json_object_new_object();
    json_add_string(config, "ociVersion", "1.3.0");
    json_add(config, "linux", linux_section);
    json_add_string(config, "hostname", request->hostname ? request->hostname : context->name);
    add_root(context, config);
    if (add_pairs(config, "annotations", "--annotation", request->annotations, error) < 0 ||
        add_pairs(linux_section, "sysctl", "--sysctl", request->sysctls, error) < 0 ||
        launch_config_process(context, config, error) < 0)
        return -1;
    add_namespaces(context, linux_section); /* a machine has all of them by its nature */
    if (launch_is_vm(request)) {
        json_object_object_del(linux_section, "sysctl"); /* they are its kernel's parameters */
        return launch_config_mounts(context, config, error) < 0
                   ? -1
                   : launch_config_vm(context, config, linux_section, error);
    }
    if (context->host->rootless && add_id_maps(linux_section, error) < 0)
        return -1;
    if (launch_config_mounts(context, config, error) < 0 ||
        launch_config_resources(context, linux_section, error) < 0 ||
        launch_config_devices(context, config, linux_section, error) < 0)
        return -1;
    return launch_config_security(context, config, linux_section, error);
}

struct json_object *launch_config(const struct launch_context *context, struct error *error)
{
    struct json_object *config = json_object_new_object();
    if (fill(context, config, error) == 0)
        return config;
    json_object_put(config);
    return NULL;
}
