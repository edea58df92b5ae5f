// SPDX-License-Identifier: Apache-2.0
#include "instance/overview.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/string.h"

void overview_free(struct overview *overview)
{
    free(overview->name);
    instance_free(overview->instance);
    free(overview->storage_path);
    storage_record_free(&overview->record);
    storage_run_free(&overview->run);
    free(overview->command);
    *overview = (struct overview){ 0 };
}

void overview_list_free(struct overview_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        overview_free(&list->items[i]);
    free(list->items);
    *list = (struct overview_list){ 0 };
}

struct json_object *overview_config(const struct host *host, const struct overview *overview)
{
    AUTO_ERROR struct error ignored = { 0 };
    AUTO_FREE char *path =
        overview->instance ? string_format("%s/%s/config.json", host->state_root, overview->name)
        : overview->storage_path ? string_format("%s/config.json", overview->storage_path)
                                 : NULL;
    return path ? json_parse_file(AT_FDCWD, path, &ignored) : NULL;
}

static char *joined_words(struct json_object *words)
{
    AUTO_FREE char *text = NULL;
    if (!json_object_is_type(words, json_type_array))
        return NULL;
    for (size_t i = 0; i < json_object_array_length(words); i++)
        string_append(&text, "%s%s", text ? " " : "",
                      json_object_get_string(json_object_array_get_idx(words, i)));
    return take_pointer(text);
}

static char *find_command(const struct host *host, const struct overview *overview)
{
    AUTO_JSON struct json_object *config = overview_config(host, overview);
    struct json_object *process = config ? json_object_object_get(config, "process") : NULL;
    return process ? joined_words(json_object_object_get(process, "args")) : NULL;
}

static const char *kept_status(const struct storage *storage, const struct overview *overview)
{
    if (storage_is_kept(storage))
        return "starting";
    if (!overview->record.created)
        return "incomplete";
    if (!overview->run.started)
        return "created";
    return overview->run.finished ? "exited" : "lost";
}

/* What is damaged is shown with what is known of it, so that `rm` can be told its name. */
static void add_storage(struct overview *overview, const struct storage *storage)
{
    AUTO_ERROR struct error ignored = { 0 };
    overview->storage_path = string_copy(storage->path);
    if (storage_read_record(storage, &overview->record, &ignored) < 0)
        storage_record_free(&overview->record);
    error_clear(&ignored);
    if (storage_read_run(storage, &overview->run, &ignored) < 0)
        storage_run_free(&overview->run);
}

static const char *live_status(const struct instance *instance)
{
    if (instance->status == INSTANCE_STOPPED)
        return instance->storage ? "lost" : "stopped";
    return instance_status_name(instance->status);
}

/* Takes the instance (may be NULL). */
static int describe(const struct host *host, const char *name, struct instance *instance,
                    struct overview *overview, struct error *error)
{
    AUTO_STORAGE struct storage storage = STORAGE_CLOSED;
    *overview = (struct overview){ .name = string_copy(name), .instance = instance };
    if (storage_open(host, name, &storage, error) == 0) {
        add_storage(overview, &storage);
        overview->status = kept_status(&storage, overview);
    } else if (!instance || error->code != ENOENT) {
        overview_free(overview);
        return -1;
    }
    error_clear(error);
    if (instance && !(instance->status == INSTANCE_STOPPED && overview->run.finished))
        overview->status = live_status(instance);
    overview->command = find_command(host, overview);
    return 0;
}

int overview_find(const struct host *host, const char *name, struct overview *overview,
                  struct error *error)
{
    struct instance *instance = instance_load(host, name, error);
    if (!instance && error->code != ENOENT)
        return -1;
    error_clear(error);
    return describe(host, name, instance, overview, error);
}

static bool is_over(const struct overview *overview)
{
    static const char *const over[] = { "exited", "lost", "stopped", "incomplete" };
    for (size_t i = 0; i < ARRAY_LENGTH(over); i++)
        if (string_equal(overview->status, over[i]))
            return true;
    return !overview->instance && string_equal(overview->status, "created");
}

/* Another host's: one made with another --root. */
static bool is_foreign(const struct host *host, const struct overview *overview)
{
    const char *root = overview->record.state_root;
    return !overview->instance && root && !string_equal(root, host->state_root);
}

/* Takes the overview. */
static void add(const struct host *host, struct overview_list *list, struct overview *overview)
{
    if (is_foreign(host, overview)) {
        overview_free(overview);
        return;
    }
    list->items = reallocate(list->items, list->count + 1, sizeof(*list->items));
    list->items[list->count++] = *overview;
}

static bool is_listed(const struct overview_list *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (string_equal(list->items[i].name, name))
            return true;
    return false;
}

static int add_instances(const struct host *host, struct overview_list *list, struct error *error)
{
    struct instance **instances = NULL;
    size_t count = 0;
    if (instance_list(host, &instances, &count, error) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        AUTO_ERROR struct error ignored = { 0 };
        struct overview overview;
        AUTO_FREE char *name = string_copy(instances[i]->id);
        if (describe(host, name, instances[i], &overview, &ignored) == 0)
            add(host, list, &overview);
    }
    free(instances);
    return 0;
}

static int add_stored(const struct host *host, struct overview_list *list, struct error *error)
{
    AUTO_STRING_LIST struct string_list names = { 0 };
    size_t instance_count = list->count;
    if (storage_list(host, &names, error) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        AUTO_ERROR struct error gone = { 0 };
        struct overview overview;
        if (!is_listed(list, instance_count, names.items[i]) &&
            describe(host, names.items[i], NULL, &overview, &gone) == 0)
            add(host, list, &overview);
    }
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct overview *)a)->name, ((const struct overview *)b)->name);
}

static void drop_over(struct overview_list *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++)
        if (is_over(&list->items[i]))
            overview_free(&list->items[i]);
        else
            list->items[kept++] = list->items[i];
    list->count = kept;
}

int overview_list(const struct host *host, bool all, struct overview_list *list,
                  struct error *error)
{
    if (add_instances(host, list, error) < 0 || add_stored(host, list, error) < 0)
        return -1;
    if (!all)
        drop_over(list);
    if (list->count)
        qsort(list->items, list->count, sizeof(*list->items), compare_names);
    return 0;
}
