// SPDX-License-Identifier: Apache-2.0
/*
 * `ps` lists instances; with an ID it lists that one's processes, as OCI runtimes do, and what
 * follows the ID are options of ps(1).
 */
#include <string.h>

#include "base/json.h"
#include "base/string.h"
#include "cli/age.h"
#include "cli/json_output.h"
#include "cli/output_format.h"
#include "cli/ps_processes.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "instance/json_build.h"
#include "instance/overview.h"

struct ps_options {
    int format;
    bool all, quiet;
};

#define MEMBER(name) offsetof(struct ps_options, name)

static const struct option_definition ps_options[] = {
    { 'a', "all", NULL, OPTION_FLAG, MEMBER(all), "also those that have ended" },
    { 'q', "quiet", NULL, OPTION_FLAG, MEMBER(quiet), "only the names, one a line" },
    OUTPUT_FORMAT_OPTION(MEMBER(format)),
    { 0 },
};

static const struct option_group groups[] = {
    { NULL, ps_options, 0 },
    { .options = NULL },
};

/* "running 5 minutes", "exited (0) 2 hours ago". */
static char *status_text(const struct overview *overview)
{
    const struct storage_run *run = &overview->run;
    if (string_equal(overview->status, "exited")) {
        AUTO_FREE char *age = age_text(run->finished);
        return string_format("exited (%d%s) %s ago", run->exit_status,
                             run->out_of_memory ? ", out of memory" : "", age);
    }
    const char *since = run->started         ? run->started
                        : overview->instance ? overview->instance->created
                                             : NULL;
    if (!string_equal(overview->status, "running") || !since)
        return string_copy(overview->status);
    AUTO_FREE char *age = age_text(since);
    return string_format("running %s", age);
}

static const char *image_of(const struct overview *overview)
{
    if (overview->record.image)
        return overview->record.image;
    return overview->instance && overview->instance->image ? overview->instance->image : "-";
}

static const char *created_of(const struct overview *overview)
{
    if (overview->record.created)
        return overview->record.created;
    return overview->instance ? overview->instance->created : NULL;
}

static pid_t pid_of(const struct overview *overview)
{
    const struct instance *instance = overview->instance;
    return instance && instance->status != INSTANCE_STOPPED ? instance->pid : 0;
}

/* A command line is cut where it would make the table wider than is read. */
static void command_cell(struct table *table, const char *command)
{
    enum { WIDEST = 32 };
    if (!command)
        table_cell(table, "-");
    else if (strlen(command) > WIDEST)
        table_cell(table, "%.*s...", WIDEST - 3, command);
    else
        table_cell(table, "%s", command);
}

static void print_table(const struct overview_list *list)
{
    static const struct table_column columns[] = {
        { "NAME", false },   { "IMAGE", false },   { "COMMAND", false },
        { "STATUS", false }, { "CREATED", false }, { "PID", true },
    };
    AUTO_TABLE struct table *table = table_new(columns, ARRAY_LENGTH(columns));
    for (size_t i = 0; i < list->count; i++) {
        const struct overview *overview = &list->items[i];
        AUTO_FREE char *status = status_text(overview);
        const char *created = created_of(overview);
        AUTO_FREE char *age = age_text(created);
        table_cell(table, "%s", overview->name);
        table_cell(table, "%s", image_of(overview));
        command_cell(table, overview->command);
        table_styled_cell(table, table_status_style(overview->status), "%s", status);
        table_cell(table, "%s%s", age, created ? " ago" : "");
        if (pid_of(overview))
            table_cell(table, "%d", (int)pid_of(overview));
        else
            table_cell(table, "-");
    }
    table_print(table, stdout);
}

static void print_names(const struct overview_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        puts(list->items[i].name);
}

static struct json_object *overview_json(const struct overview *overview)
{
    struct json_object *object = json_object_new_object();
    json_add_string(object, "name", overview->name);
    json_add_string(object, "image", image_of(overview));
    json_add_string(object, "command", overview->command);
    json_add_string(object, "status", overview->status);
    json_add(object, "pid", json_object_new_int(pid_of(overview)));
    json_add_string(object, "created", created_of(overview));
    json_add_string(object, "started", overview->run.started);
    json_add_string(object, "finished", overview->run.finished);
    if (overview->run.finished)
        json_add(object, "exitStatus", json_object_new_int(overview->run.exit_status));
    return object;
}

static void print_json(const struct overview_list *list)
{
    AUTO_JSON struct json_object *array = json_object_new_array();
    for (size_t i = 0; i < list->count; i++)
        json_object_array_add(array, overview_json(&list->items[i]));
    json_print(stdout, array);
}

static int run_ps(const struct host *host, const void *options, const struct words *words,
                  struct error *error)
{
    const struct ps_options *given = options;
    AUTO_OVERVIEW_LIST struct overview_list list = { 0 };
    if (words->count > 0)
        return print_processes(host, words->operands[0], given->format, words->operands + 1, stdout,
                               error);
    if (overview_list(host, given->all, &list, error) < 0)
        return -1;
    if (given->quiet)
        print_names(&list);
    else if (given->format == OUTPUT_JSON)
        print_json(&list);
    else
        print_table(&list);
    return 0;
}

const struct command command_ps = {
    .name = "ps",
    .summary = "List instances; with ID, the processes of one",
    .operands = "[ID [PS-OPTION...]]",
    .section = COMMAND_FOR_PEOPLE,
    .groups = groups,
    .options_size = sizeof(struct ps_options),
    .style = OPERANDS_THEN_COMMAND,
    .minimum_operands = 0,
    .maximum_operands = SIZE_MAX,
    .run = run_ps,
};
