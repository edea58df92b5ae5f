// SPDX-License-Identifier: Apache-2.0
#include <pwd.h>

#include "base/json.h"
#include "base/string.h"
#include "cli/json_output.h"
#include "cli/output_format.h"
#include "cli/table.h"
#include "cli/verbs.h"

struct list_options {
    int format;
    bool quiet;
};

#define MEMBER(name) offsetof(struct list_options, name)

static const struct option_definition options_table[] = {
    OUTPUT_FORMAT_OPTION(MEMBER(format)),
    { 'q', "quiet", NULL, OPTION_FLAG, MEMBER(quiet), "only the ids, one a line" },
    { 0 },
};

static const struct option_group groups[] = {
    { NULL, options_table, 0 },
    { .options = NULL },
};

struct instances {
    struct instance **items;
    size_t count;
};

static void instances_free(struct instances *instances)
{
    for (size_t i = 0; i < instances->count; i++)
        instance_free(instances->items[i]);
    free(instances->items);
}

static void print_ids(const struct instances *instances)
{
    for (size_t i = 0; i < instances->count; i++)
        puts(instances->items[i]->id);
}

/* As runc prints it: pid 0 for one that has stopped. */
static void print_json(const struct instances *instances)
{
    AUTO_JSON struct json_object *array = json_object_new_array();
    for (size_t i = 0; i < instances->count; i++)
        json_object_array_add(array, instance_state_json(instances->items[i]));
    json_print(stdout, array);
}

static char *owner_name(uid_t uid)
{
    const struct passwd *user = getpwuid(uid);
    return user ? string_copy(user->pw_name) : string_format("#%u", uid);
}

static void print_table(const struct instances *instances)
{
    static const struct table_column columns[] = {
        { "ID", false },     { "PID", true },      { "STATUS", false },
        { "BUNDLE", false }, { "CREATED", false }, { "OWNER", false },
    };
    AUTO_TABLE struct table *table = table_new(columns, ARRAY_LENGTH(columns));
    for (size_t i = 0; i < instances->count; i++) {
        const struct instance *instance = instances->items[i];
        const char *status = instance_status_name(instance->status);
        AUTO_FREE char *owner = owner_name(instance->owner);
        table_cell(table, "%s", instance->id);
        table_cell(table, "%d", instance->status == INSTANCE_STOPPED ? 0 : (int)instance->pid);
        table_styled_cell(table, table_status_style(status), "%s", status);
        table_cell(table, "%s", instance->bundle ? instance->bundle : "-");
        table_cell(table, "%s", instance->created ? instance->created : "-");
        table_cell(table, "%s", owner);
    }
    table_print(table, stdout);
}

static int run_list(const struct host *host, const void *options, const struct words *words,
                    struct error *error)
{
    (void)words;
    const struct list_options *given = options;
    struct instances instances = { 0 };
    if (instance_list(host, &instances.items, &instances.count, error) < 0)
        return -1;
    if (given->quiet)
        print_ids(&instances);
    else if (given->format == OUTPUT_JSON)
        print_json(&instances);
    else
        print_table(&instances);
    instances_free(&instances);
    return 0;
}

const struct command command_list = {
    .name = "list",
    .summary = "List all instances with their bundles",
    .section = COMMAND_OCI,
    .groups = groups,
    .options_size = sizeof(struct list_options),
    .run = run_list,
};
