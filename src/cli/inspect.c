// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include "base/io.h"
#include "base/json.h"
#include "base/string.h"
#include "cli/json_output.h"
#include "cli/verbs.h"
#include "instance/json_build.h"
#include "instance/overview.h"

static void add_state(struct json_object *object, const struct overview *overview)
{
    const struct instance *instance = overview->instance;
    const struct storage_run *run = &overview->run;
    bool alive = instance && instance->status != INSTANCE_STOPPED;
    struct json_object *state = json_object_new_object();
    json_add_string(state, "status", overview->status);
    json_add(state, "pid", json_object_new_int(alive ? instance->pid : 0));
    json_add_string(state, "started", run->started);
    json_add_string(state, "finished", run->finished);
    if (run->finished) {
        json_add(state, "exitStatus", json_object_new_int(run->exit_status));
        json_add(state, "outOfMemory", json_object_new_boolean(run->out_of_memory));
    }
    json_add(object, "state", state);
}

/* Members of the configuration that are shown as they are: where from, and under which name. */
static const struct {
    const char *section, *key, *name;
} shown[] = {
    { "process", "args", "command" },
    { "process", "env", "environment" },
    { "process", "cwd", "workdir" },
    { "process", "user", "user" },
    { "process", "terminal", "terminal" },
    { NULL, "hostname", "hostname" },
    { NULL, "root", "root" },
    { NULL, "mounts", "mounts" },
    { "linux", "resources", "limits" },
    { "linux", "namespaces", "namespaces" },
    { NULL, "annotations", "annotations" },
};

static void add_config(struct json_object *object, struct json_object *config)
{
    for (size_t i = 0; i < ARRAY_LENGTH(shown); i++) {
        struct json_object *section =
            shown[i].section ? json_object_object_get(config, shown[i].section) : config;
        struct json_object *member = section ? json_object_object_get(section, shown[i].key) : NULL;
        if (member)
            json_add(object, shown[i].name, json_object_get(member));
    }
}

static void add_storage(struct json_object *object, const struct overview *overview)
{
    if (!overview->storage_path)
        return;
    AUTO_FREE char *log_path = string_format("%s/log", overview->storage_path);
    json_add_string(object, "storage", overview->storage_path);
    if (path_exists_at(AT_FDCWD, log_path))
        json_add_string(object, "logPath", log_path);
    json_add_string(object, "stopSignal",
                    overview->record.stop_signal ? overview->record.stop_signal : "SIGTERM");
    json_add(object, "removeWhenStopped",
             json_object_new_boolean(overview->record.remove_when_stopped));
    json_add(object, "layers",
             json_string_array((const char *const *)overview->record.layers.items));
}

static void add_instance(struct json_object *object, const struct overview *overview)
{
    const struct instance *instance = overview->instance;
    if (!instance)
        return;
    json_add_string(object, "technique", instance->technique);
    json_add_string(object, "bundle", instance->bundle);
    json_add_string(object, "rootfs", instance->rootfs);
    if (instance->cgroup)
        json_add_string(object, "cgroup", cgroup_display_path(instance->cgroup));
}

static struct json_object *inspect(const struct host *host, const struct overview *overview)
{
    const struct instance *instance = overview->instance;
    const char *image = overview->record.image, *created = overview->record.created;
    AUTO_JSON struct json_object *config = overview_config(host, overview);
    struct json_object *object = json_object_new_object();
    json_add_string(object, "name", overview->name);
    json_add_string(object, "image", image || !instance ? image : instance->image);
    json_add_string(object, "created", created || !instance ? created : instance->created);
    add_state(object, overview);
    add_instance(object, overview);
    add_storage(object, overview);
    if (config)
        add_config(object, config);
    return object;
}

static int run_inspect(const struct host *host, const void *options, const struct words *words,
                       struct error *error)
{
    (void)options;
    AUTO_JSON struct json_object *array = json_object_new_array();
    AUTO_FREE char *messages = NULL;
    for (size_t i = 0; i < words->count; i++) {
        struct overview overview;
        AUTO_ERROR struct error one = { 0 };
        if (overview_find(host, words->operands[i], &overview, &one) < 0) {
            string_append(&messages, "%s%s", messages ? "; " : "", one.message);
            continue;
        }
        json_object_array_add(array, inspect(host, &overview));
        overview_free(&overview);
    }
    json_print(stdout, array);
    return messages ? error_set(error, 0, "%s", messages) : 0;
}

const struct command command_inspect = {
    .name = "inspect",
    .summary = "Tell everything about instances, as JSON",
    .operands = "NAME...",
    .section = COMMAND_FOR_PEOPLE,
    .minimum_operands = 1,
    .maximum_operands = SIZE_MAX,
    .run = run_inspect,
};
