// SPDX-License-Identifier: Apache-2.0
#include "instance/record.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>

#include "base/string.h"

enum { RECORD_VERSION = 1 };

/* Members that are strings: one table for writing and reading. */
static const struct {
    const char *key;
    size_t offset;
    bool required;
} string_members[] = {
    { "id", offsetof(struct instance, id), true },
    { "technique", offsetof(struct instance, technique), true },
    { "bundle", offsetof(struct instance, bundle), true },
    { "rootfs", offsetof(struct instance, rootfs), true },
    { "ociVersion", offsetof(struct instance, oci_version), true },
    { "created", offsetof(struct instance, created), true },
    { "image", offsetof(struct instance, image), false },
    { "storage", offsetof(struct instance, storage), false },
    { "resctrlGroup", offsetof(struct instance, resctrl_group), false },
};

static char **string_member(const struct instance *instance, size_t index)
{
    return (char **)((char *)instance + string_members[index].offset);
}

static void add(struct json_object *object, const char *key, struct json_object *value)
{
    json_object_object_add(object, key, value);
}

struct json_object *record_encode(const struct instance *instance)
{
    struct json_object *record = json_object_new_object();
    add(record, "version", json_object_new_int(RECORD_VERSION));
    for (size_t i = 0; i < ARRAY_LENGTH(string_members); i++) {
        const char *value = *string_member(instance, i);
        if (value)
            add(record, string_members[i].key, json_object_new_string(value));
    }
    add(record, "pid", json_object_new_int64(instance->pid));
    add(record, "pidStartTime", json_object_new_uint64(instance->pid_start_time));
    add(record, "owner", json_object_new_int64(instance->owner));
    add(record, "removeWhenStopped", json_object_new_boolean(instance->remove_when_stopped));
    if (instance->annotations)
        add(record, "annotations", json_object_get(instance->annotations));
    if (instance->cgroup)
        add(record, "cgroup", cgroup_to_json(instance->cgroup));
    return record;
}

static struct json_object *member(struct json_object *record, const char *key, json_type type,
                                  struct error *error)
{
    struct json_object *value;
    if (json_object_object_get_ex(record, key, &value) && json_object_is_type(value, type))
        return value;
    error_set(error, 0, "%s is missing or of the wrong type", key);
    return NULL;
}

static int decode_strings(struct json_object *record, struct instance *instance,
                          struct error *error)
{
    for (size_t i = 0; i < ARRAY_LENGTH(string_members); i++) {
        const char *key = string_members[i].key;
        if (!string_members[i].required && !json_object_object_get_ex(record, key, NULL))
            continue;
        struct json_object *value = member(record, key, json_type_string, error);
        if (!value)
            return -1;
        *string_member(instance, i) = string_copy(json_object_get_string(value));
    }
    if (!instance_id_is_valid(instance->id))
        return error_set(error, 0, "id is not a valid instance id");
    return 0;
}

static int decode_number(struct json_object *record, const char *key, int64_t least, int64_t most,
                         int64_t *number, struct error *error)
{
    struct json_object *value = member(record, key, json_type_int, error);
    if (!value)
        return -1;
    *number = json_object_get_int64(value);
    if (*number < least || *number > most)
        return error_set(error, 0, "%s is out of range", key);
    return 0;
}

static int decode_numbers(struct json_object *record, struct instance *instance,
                          struct error *error)
{
    int64_t version, pid, start_time, owner;
    if (decode_number(record, "version", RECORD_VERSION, RECORD_VERSION, &version, error) < 0 ||
        decode_number(record, "pid", 0, INT_MAX, &pid, error) < 0 ||
        decode_number(record, "pidStartTime", 0, INT64_MAX, &start_time, error) < 0 ||
        decode_number(record, "owner", 0, UINT_MAX, &owner, error) < 0)
        return -1;
    instance->pid = (pid_t)pid;
    instance->pid_start_time = (uint64_t)start_time;
    instance->owner = (uid_t)owner;
    return 0;
}

static int decode_objects(struct json_object *record, struct instance *instance,
                          const struct log *log, struct error *error)
{
    struct json_object *value = member(record, "removeWhenStopped", json_type_boolean, error);
    if (!value)
        return -1;
    instance->remove_when_stopped = json_object_get_boolean(value);
    if (json_object_object_get_ex(record, "annotations", &value)) {
        if (!member(record, "annotations", json_type_object, error))
            return -1;
        instance->annotations = json_object_get(value);
    }
    if (json_object_object_get_ex(record, "cgroup", &value))
        return cgroup_from_json(value, log, &instance->cgroup, error);
    return 0;
}

struct instance *record_decode(const char *text, size_t length, const struct log *log,
                               struct error *error)
{
    AUTO_JSON struct json_object *record = json_parse(text, length, error);
    if (!record)
        return NULL;
    AUTO_INSTANCE struct instance *instance = allocate(1, sizeof(*instance));
    if (!json_object_is_type(record, json_type_object)) {
        error_set(error, 0, "not an object");
        return NULL;
    }
    if (decode_strings(record, instance, error) < 0 ||
        decode_numbers(record, instance, error) < 0 ||
        decode_objects(record, instance, log, error) < 0)
        return NULL;
    return take_pointer(instance);
}
