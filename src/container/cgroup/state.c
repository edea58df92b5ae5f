// SPDX-License-Identifier: Apache-2.0
/*
 * The plan in the state directory. What comes back may be damaged, and decides what is killed and
 * removed: every path must stay strictly below its mount point.
 */
#include "container/cgroup/internal.h"

#include <errno.h>

#include "base/json.h"

static const char *const manager_names[] = {
    [CGROUP_MANAGER_CGROUPFS] = "cgroupfs",
    [CGROUP_MANAGER_SYSTEMD] = "systemd",
    [CGROUP_MANAGER_DISABLED] = "disabled",
};

static void add_string(struct json_object *object, const char *key, const char *value)
{
    if (value)
        json_object_object_add(object, key, json_object_new_string(value));
}

static struct json_object *directory_to_json(const struct cgroup_directory *directory)
{
    struct json_object *object = json_object_new_object();
    add_string(object, "name", directory->name);
    add_string(object, "mountPoint", directory->mount_point);
    add_string(object, "controllers", directory->controllers);
    return object;
}

static struct json_object *systemd_to_json(const struct cgroup_systemd *systemd)
{
    struct json_object *object = json_object_new_object();
    add_string(object, "unit", systemd->unit);
    add_string(object, "slice", systemd->slice);
    json_object_object_add(object, "user", json_object_new_boolean(systemd->user));
    return object;
}

struct json_object *cgroup_to_json(const struct cgroup *cgroup)
{
    struct json_object *object = json_object_new_object();
    add_string(object, "manager", manager_names[cgroup->manager]);
    add_string(object, "path", cgroup->path);
    json_object_object_add(object, "rootless", json_object_new_boolean(cgroup->rootless));
    struct json_object *hierarchies = json_object_new_array();
    for (size_t i = 0; i < cgroup->count; i++) {
        if (cgroup->directories[i].present)
            json_object_array_add(hierarchies, directory_to_json(&cgroup->directories[i]));
    }
    json_object_object_add(object, "hierarchies", hierarchies);
    if (cgroup->systemd.unit)
        json_object_object_add(object, "systemd", systemd_to_json(&cgroup->systemd));
    return object;
}

static int damaged(struct error *error, const char *what)
{
    return error_set_code(error, EINVAL, "the recorded cgroup is damaged: %s", what);
}

/* NULL when the member is absent or no string. */
static const char *get_string(struct json_object *object, const char *key)
{
    struct json_object *value;
    if (!json_object_object_get_ex(object, key, &value) ||
        !json_object_is_type(value, json_type_string))
        return NULL;
    return json_object_get_string(value);
}

static bool get_bool(struct json_object *object, const char *key)
{
    struct json_object *value;
    return json_object_object_get_ex(object, key, &value) && json_object_get_boolean(value);
}

static int decode_directory(struct json_object *object, struct cgroup *cgroup, struct error *error)
{
    const char *mount_point = get_string(object, "mountPoint"), *name = get_string(object, "name");
    if (!name || !mount_point)
        return damaged(error, "a hierarchy without name or mountPoint");
    if (!cgroup_path_is_safe(mount_point))
        return damaged(error, "a mountPoint that is not an absolute path");
    struct hierarchy hierarchy = {
        .name = string_copy(name),
        .mount_point = string_copy(mount_point),
    };
    const char *controllers = get_string(object, "controllers");
    hierarchy.controllers = controllers ? string_copy(controllers) : NULL;
    cgroup_add_directory(cgroup, &hierarchy);
    free(hierarchy.name);
    free(hierarchy.mount_point);
    free(hierarchy.controllers);
    return 0;
}

static int decode_directories(struct json_object *json, struct cgroup *cgroup, struct error *error)
{
    struct json_object *hierarchies;
    if (!json_object_object_get_ex(json, "hierarchies", &hierarchies) ||
        !json_object_is_type(hierarchies, json_type_array))
        return damaged(error, "hierarchies is missing");
    for (size_t i = 0; i < json_object_array_length(hierarchies); i++) {
        if (decode_directory(json_object_array_get_idx(hierarchies, i), cgroup, error) < 0)
            return -1;
    }
    return 0;
}

/* A unit's name goes to StopUnit: a scope, and no path. */
static int decode_systemd(struct json_object *json, struct cgroup *cgroup, struct error *error)
{
    struct json_object *systemd;
    if (!json_object_object_get_ex(json, "systemd", &systemd))
        return damaged(error, "systemd is missing");
    const char *unit = get_string(systemd, "unit"), *slice = get_string(systemd, "slice");
    if (!unit || strchr(unit, '/') ||
        (!string_ends_with(unit, ".scope") && !string_ends_with(unit, ".slice")))
        return damaged(error, "systemd.unit is not a scope");
    cgroup->systemd.unit = string_copy(unit);
    cgroup->systemd.slice = slice ? string_copy(slice) : NULL;
    cgroup->systemd.user = get_bool(systemd, "user");
    return 0;
}

static int decode_manager(struct json_object *json, enum cgroup_manager *manager,
                          struct error *error)
{
    const char *name = get_string(json, "manager");
    for (size_t i = 0; name && i < ARRAY_LENGTH(manager_names); i++) {
        if (string_equal(name, manager_names[i])) {
            *manager = (enum cgroup_manager)i;
            return 0;
        }
    }
    return damaged(error, "unknown manager");
}

int cgroup_from_json(struct json_object *json, const struct log *log, struct cgroup **cgroup,
                     struct error *error)
{
    enum cgroup_manager manager = CGROUP_MANAGER_DISABLED;
    if (!json_object_is_type(json, json_type_object))
        return damaged(error, "no object");
    if (decode_manager(json, &manager, error) < 0)
        return -1;
    AUTO_CGROUP struct cgroup *plan = cgroup_new(manager, log);
    plan->rootless = get_bool(json, "rootless");
    if (manager != CGROUP_MANAGER_DISABLED) {
        const char *path = get_string(json, "path");
        if (!path || !cgroup_path_is_safe(path))
            return damaged(error, "path does not name a cgroup below the root");
        if (decode_directories(json, plan, error) < 0 || cgroup_set_path(plan, path, error) < 0)
            return -1;
    }
    if (manager == CGROUP_MANAGER_SYSTEMD && decode_systemd(json, plan, error) < 0)
        return -1;
    *cgroup = take_pointer(plan);
    return 0;
}
