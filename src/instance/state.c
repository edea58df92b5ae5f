// SPDX-License-Identifier: Apache-2.0
#include "instance/state.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/string.h"
#include "container/gate.h"
#include "instance/process_state.h"
#include "instance/record.h"
#include "instance/state_directory.h"

enum { MOST_RECORD_BYTES = 1 << 20, MOST_ID_LENGTH = 128 };

static const char *const status_names[] = {
    [INSTANCE_CREATING] = "creating", [INSTANCE_CREATED] = "created",
    [INSTANCE_RUNNING] = "running",   [INSTANCE_PAUSED] = "paused",
    [INSTANCE_STOPPED] = "stopped",
};

const char *instance_status_name(enum instance_status status)
{
    return status_names[status];
}

bool instance_id_is_valid(const char *id)
{
    size_t length = strlen(id);
    if (length == 0 || length > MOST_ID_LENGTH || string_equal(id, ".") || string_equal(id, ".."))
        return false;
    for (; *id; id++)
        if (!isalnum((unsigned char)*id) && !strchr("_+.-", *id))
            return false;
    return true;
}

void instance_free(struct instance *instance)
{
    if (!instance)
        return;
    free(instance->id);
    free(instance->technique);
    free(instance->bundle);
    free(instance->rootfs);
    free(instance->oci_version);
    free(instance->created);
    free(instance->image);
    free(instance->storage);
    free(instance->resctrl_group);
    json_object_put(instance->annotations);
    cgroup_free(instance->cgroup);
    free(instance);
}

/* Find out the status from the process, the gate and the lock. */
static enum instance_status find_status(const struct instance *instance, int state_directory_fd)
{
    bool alive = process_state_is_alive(instance->pid, instance->pid_start_time);
    if (state_directory_is_locked(state_directory_fd))
        return INSTANCE_CREATING;
    if (!alive)
        return INSTANCE_STOPPED;
    if (gate_is_closed(state_directory_fd))
        return INSTANCE_CREATED;
    if (instance->cgroup && cgroup_is_frozen(instance->cgroup))
        return INSTANCE_PAUSED;
    return INSTANCE_RUNNING;
}

struct instance *instance_load_from(const struct host *host, const char *id, int state_directory_fd,
                                    struct error *error)
{
    size_t length;
    AUTO_FREE char *text =
        read_file_at(state_directory_fd, "state.json", MOST_RECORD_BYTES, &length, error);
    AUTO_INSTANCE struct instance *instance =
        text ? record_decode(text, length, &host->log, error) : NULL;
    if (instance && !string_equal(instance->id, id))
        error_set(error, 0, "state.json belongs to instance %s", instance->id);
    if (error->message) {
        error_wrap(error, "instance %s is damaged; `openvirt delete --force %s` removes it", id,
                   id);
        return NULL;
    }
    instance->status = find_status(instance, state_directory_fd);
    instance->started = instance->status >= INSTANCE_RUNNING;
    return take_pointer(instance);
}

struct instance *instance_load(const struct host *host, const char *id, struct error *error)
{
    AUTO_CLOSE int fd = state_directory_open(host, id, error);
    return fd < 0 ? NULL : instance_load_from(host, id, fd, error);
}

/* What can be said of one whose record is not readable. */
static struct instance *damaged_instance(const char *id)
{
    struct instance *instance = allocate(1, sizeof(*instance));
    instance->id = string_copy(id);
    instance->technique = string_copy("unknown");
    instance->bundle = string_copy("");
    instance->rootfs = string_copy("");
    instance->oci_version = string_copy("");
    instance->created = string_copy("");
    instance->status = INSTANCE_STOPPED;
    return instance;
}

static int compare_ids(const void *a, const void *b)
{
    const struct instance *const *left = a, *const *right = b;
    return strcmp((*left)->id, (*right)->id);
}

static DIR *open_state_root(const struct host *host)
{
    AUTO_CLOSE int fd = open(host->state_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory)
        fd = -1;
    return directory;
}

int instance_list(const struct host *host, struct instance ***instances, size_t *count,
                  struct error *error)
{
    *instances = NULL;
    *count = 0;
    AUTO_CLOSEDIR DIR *directory = open_state_root(host);
    if (!directory)
        return errno == ENOENT ? 0 : error_set(error, errno, "open %s", host->state_root);
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        AUTO_ERROR struct error ignored = { 0 };
        if (entry->d_type != DT_DIR || !instance_id_is_valid(entry->d_name))
            continue;
        struct instance *instance = instance_load(host, entry->d_name, &ignored);
        if (!instance && ignored.code == ENOENT && !ignored.message)
            continue;
        *instances = reallocate(*instances, *count + 1, sizeof(**instances));
        (*instances)[(*count)++] = instance ? instance : damaged_instance(entry->d_name);
    }
    if (*count)
        qsort(*instances, *count, sizeof(**instances), compare_ids);
    return 0;
}

static struct json_object *base_state(const struct instance *instance, const char *status,
                                      pid_t pid)
{
    struct json_object *state = json_object_new_object();
    json_object_object_add(state, "ociVersion", json_object_new_string(instance->oci_version));
    json_object_object_add(state, "id", json_object_new_string(instance->id));
    json_object_object_add(state, "status", json_object_new_string(status));
    json_object_object_add(state, "pid", json_object_new_int64(pid));
    json_object_object_add(state, "bundle", json_object_new_string(instance->bundle));
    if (instance->annotations)
        json_object_object_add(state, "annotations", json_object_get(instance->annotations));
    return state;
}

char *instance_state_text(const struct instance *instance, const char *status)
{
    AUTO_JSON struct json_object *state = base_state(instance, status, instance->pid);
    return json_text(state);
}

struct json_object *instance_state_json(const struct instance *instance)
{
    bool alive = instance->status != INSTANCE_STOPPED;
    struct json_object *state =
        base_state(instance, instance_status_name(instance->status), alive ? instance->pid : 0);
    char owner[16];
    snprintf(owner, sizeof(owner), "%u", instance->owner);
    json_object_object_add(state, "rootfs", json_object_new_string(instance->rootfs));
    json_object_object_add(state, "created", json_object_new_string(instance->created));
    json_object_object_add(state, "owner", json_object_new_string(instance->owner ? owner : ""));
    return state;
}
