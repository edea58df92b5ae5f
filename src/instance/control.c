// SPDX-License-Identifier: Apache-2.0
/* What a running instance can be told by its cgroup: pause, resume, new limits; and what it tells.
 */
#include <errno.h>

#include "base/json.h"
#include "container/resctrl.h"
#include "instance/instance.h"
#include "instance/state_directory.h"
#include "instance/technique.h"

/* Load one that has processes and a cgroup. */
static struct instance *load_controllable(const struct host *host, const char *id,
                                          struct error *error)
{
    AUTO_INSTANCE struct instance *instance = instance_load(host, id, error);
    if (!instance)
        return NULL;
    if (instance->status == INSTANCE_STOPPED) {
        error_set_code(error, ESRCH, "container not running");
        return NULL;
    }
    if (!instance->cgroup) {
        error_set_code(error, ENOTSUP, "it has no cgroup (--cgroup-manager disabled)");
        return NULL;
    }
    return take_pointer(instance);
}

/* What has not been started has nothing to stop. */
static int tell_technique(const struct host *host, const struct instance *instance, bool pause,
                          struct error *error)
{
    const struct technique *technique = technique_find(instance->technique, error);
    int (*tell)(int, struct error *) = NULL;
    if (!technique)
        return -1;
    tell = pause ? technique->pause : technique->resume;
    if (!tell || instance->status == INSTANCE_CREATED)
        return 0;
    AUTO_CLOSE int directory = state_directory_open(host, instance->id, error);
    return directory < 0 ? -1 : tell(directory, error);
}

int instance_pause(const struct host *host, const char *id, struct error *error)
{
    AUTO_INSTANCE struct instance *instance = load_controllable(host, id, error);
    if (!instance)
        return error_wrap(error, "pause %s", id);
    if (instance->status != INSTANCE_RUNNING && instance->status != INSTANCE_CREATED)
        return error_set_code(error, EINVAL, "pause %s: it is %s, not running", id,
                              instance_status_name(instance->status));
    if (tell_technique(host, instance, true, error) < 0)
        return error_wrap(error, "pause %s", id);
    if (cgroup_freeze(instance->cgroup, error) < 0) {
        /* Half of a pause is none: `resume` would not find it paused, nor `stop` reach it. */
        AUTO_ERROR struct error ignored = { 0 };
        tell_technique(host, instance, false, &ignored);
        return error_wrap(error, "pause %s", id);
    }
    return 0;
}

int instance_resume(const struct host *host, const char *id, struct error *error)
{
    AUTO_INSTANCE struct instance *instance = load_controllable(host, id, error);
    if (!instance)
        return error_wrap(error, "resume %s", id);
    if (instance->status != INSTANCE_PAUSED)
        return error_set_code(error, EINVAL, "resume %s: it is %s, not paused", id,
                              instance_status_name(instance->status));
    if (cgroup_thaw(instance->cgroup, error) < 0 ||
        tell_technique(host, instance, false, error) < 0)
        return error_wrap(error, "resume %s", id);
    return 0;
}

static int update_resctrl(const struct instance *instance, const char *l3_cache_schema,
                          const char *memory_bandwidth_schema, struct error *error)
{
    if (!l3_cache_schema && !memory_bandwidth_schema)
        return 0;
    if (!instance->resctrl_group)
        return error_set_code(error, EINVAL, "it was made without linux.intelRdt");
    AUTO_FREE char *root = resctrl_mount_point();
    if (!root)
        return error_set_code(error, ENOTSUP, "no resctrl file system is mounted");
    return resctrl_update(root, instance->resctrl_group, l3_cache_schema, memory_bandwidth_schema,
                          error);
}

int instance_update(const struct host *host, const char *id, const struct spec_resources *resources,
                    const char *l3_cache_schema, const char *memory_bandwidth_schema,
                    struct error *error)
{
    AUTO_INSTANCE struct instance *instance = load_controllable(host, id, error);
    if (!instance || cgroup_update(instance->cgroup, resources, error) < 0 ||
        update_resctrl(instance, l3_cache_schema, memory_bandwidth_schema, error) < 0)
        return error_wrap(error, "update %s", id);
    return 0;
}

int instance_processes(const struct host *host, const char *id, pid_t **pids, size_t *count,
                       struct error *error)
{
    AUTO_INSTANCE struct instance *instance = load_controllable(host, id, error);
    if (!instance || cgroup_processes(instance->cgroup, pids, count, error) < 0)
        return error_wrap(error, "list the processes of %s", id);
    return 0;
}

static struct json_object *event(const char *type, const char *id, struct json_object *data)
{
    struct json_object *event = json_object_new_object();
    json_object_object_add(event, "type", json_object_new_string(type));
    json_object_object_add(event, "id", json_object_new_string(id));
    if (data)
        json_object_object_add(event, "data", data);
    return event;
}

struct json_object *instance_stats(const struct host *host, const char *id, struct error *error)
{
    AUTO_INSTANCE struct instance *instance = load_controllable(host, id, error);
    struct json_object *data = instance ? cgroup_stats(instance->cgroup, error) : NULL;
    if (!data) {
        error_wrap(error, "statistics of %s", id);
        return NULL;
    }
    return event("stats", id, data);
}
