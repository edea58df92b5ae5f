// SPDX-License-Identifier: Apache-2.0
/* The JSON files of a storage directory. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/string.h"
#include "instance/json_build.h"
#include "instance/storage.h"

void storage_record_free(struct storage_record *record)
{
    free(record->image);
    free(record->technique);
    free(record->state_root);
    free(record->created);
    free(record->stop_signal);
    string_list_free(&record->words);
    string_list_free(&record->layers);
    *record = (struct storage_record){ 0 };
}

void storage_run_free(struct storage_run *run)
{
    free(run->started);
    free(run->finished);
    *run = (struct storage_run){ 0 };
}

/*
 * As a whole by rename, so that a process killed on the way leaves the old file. No fsync: two of
 * them would take longer than the start of a container, and after a power failure nothing runs.
 */
static int write_json(const struct storage *storage, const char *name, struct json_object *object,
                      struct error *error)
{
    AUTO_FREE char *text = json_text(object);
    AUTO_FREE char *new_name = string_format(".%s.new", name);
    AUTO_CLOSE int fd = openat(storage->directory_fd, new_name,
                               O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0 && write_all(fd, text, strlen(text)) == 0 &&
        renameat(storage->directory_fd, new_name, storage->directory_fd, name) == 0)
        return 0;
    error_set(error, errno, "write %s/%s", storage->path, name);
    unlinkat(storage->directory_fd, new_name, 0);
    return -1;
}

static struct json_object *read_json(const struct storage *storage, const char *name,
                                     struct error *error)
{
    struct json_object *object = json_parse_file(storage->directory_fd, name, error);
    if (object && json_object_is_type(object, json_type_object))
        return object;
    json_object_put(object);
    if (!error->message)
        error_set(error, 0, "not an object");
    error_wrap(error, "read %s/%s", storage->path, name);
    return NULL;
}

static char *copy_of(struct json_object *object, const char *key)
{
    const char *text = json_string_member(object, key);
    return text ? string_copy(text) : NULL;
}

static void take_strings(struct json_object *object, const char *key, struct string_list *list)
{
    struct json_object *array = json_object_object_get(object, key);
    if (!json_object_is_type(array, json_type_array))
        return;
    for (size_t i = 0; i < json_object_array_length(array); i++)
        string_list_add(list, json_object_get_string(json_object_array_get_idx(array, i)));
}

int storage_write_record(const struct storage *storage, const struct storage_record *record,
                         struct error *error)
{
    AUTO_JSON struct json_object *json = json_object_new_object();
    json_add_string(json, "image", record->image);
    json_add_string(json, "technique", record->technique);
    json_add_string(json, "stateRoot", record->state_root);
    json_add_string(json, "created", record->created);
    json_add_string(json, "stopSignal", record->stop_signal);
    json_add(json, "command", json_string_array((const char *const *)record->words.items));
    json_add(json, "layers", json_string_array((const char *const *)record->layers.items));
    json_add(json, "removeWhenStopped", json_object_new_boolean(record->remove_when_stopped));
    json_add(json, "logSize", json_object_new_uint64(record->log_size));
    return write_json(storage, "instance.json", json, error);
}

int storage_read_record(const struct storage *storage, struct storage_record *record,
                        struct error *error)
{
    AUTO_JSON struct json_object *json = read_json(storage, "instance.json", error);
    if (!json)
        return -1;
    *record = (struct storage_record){
        .image = copy_of(json, "image"),
        .technique = copy_of(json, "technique"),
        .state_root = copy_of(json, "stateRoot"),
        .created = copy_of(json, "created"),
        .stop_signal = copy_of(json, "stopSignal"),
        .remove_when_stopped =
            json_object_get_boolean(json_object_object_get(json, "removeWhenStopped")),
        .log_size = json_object_get_uint64(json_object_object_get(json, "logSize")),
    };
    take_strings(json, "command", &record->words);
    take_strings(json, "layers", &record->layers);
    return 0;
}

int storage_write_run(const struct storage *storage, const struct storage_run *run,
                      struct error *error)
{
    AUTO_JSON struct json_object *json = json_object_new_object();
    json_add(json, "keeper", json_object_new_int(run->keeper));
    json_add(json, "detached", json_object_new_boolean(run->detached));
    json_add_string(json, "started", run->started);
    json_add_string(json, "finished", run->finished);
    if (run->finished)
        json_add(json, "exitStatus", json_object_new_int(run->exit_status));
    json_add(json, "outOfMemory", json_object_new_boolean(run->out_of_memory));
    return write_json(storage, "run.json", json, error);
}

int storage_read_run(const struct storage *storage, struct storage_run *run, struct error *error)
{
    *run = (struct storage_run){ 0 };
    if (!path_exists_at(storage->directory_fd, "run.json"))
        return 0;
    AUTO_JSON struct json_object *json = read_json(storage, "run.json", error);
    if (!json)
        return -1;
    *run = (struct storage_run){
        .keeper = json_object_get_int(json_object_object_get(json, "keeper")),
        .detached = json_object_get_boolean(json_object_object_get(json, "detached")),
        .started = copy_of(json, "started"),
        .finished = copy_of(json, "finished"),
        .exit_status = json_object_get_int(json_object_object_get(json, "exitStatus")),
        .out_of_memory = json_object_get_boolean(json_object_object_get(json, "outOfMemory")),
    };
    return 0;
}

char *time_text_now(void)
{
    char text[64];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
    return string_format("%s.%09ldZ", text, now.tv_nsec);
}

time_t time_from_text(const char *text)
{
    struct tm utc = { 0 };
    const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &utc) : NULL;
    if (!end || (*end != '.' && *end != 'Z' && *end != '+' && *end != '-'))
        return -1;
    int hours = 0, minutes = 0;
    const char *zone = end + strcspn(end, "Z+-");
    if (*zone && *zone != 'Z' && sscanf(zone + 1, "%2d:%2d", &hours, &minutes) != 2)
        return -1;
    time_t offset = (time_t)(hours * 60 + minutes) * 60;
    return timegm(&utc) - (*zone == '-' ? -offset : offset);
}
