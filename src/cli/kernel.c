// SPDX-License-Identifier: Apache-2.0
/* The kernels that virtual machines boot: `kernel fetch|list|rm`. */
#include "image/kernel.h"

#include "base/json.h"
#include "base/string.h"
#include "cli/json_output.h"
#include "cli/output_format.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "instance/json_build.h"

struct kernel_options {
    int format;
    bool quiet;
};

#define MEMBER(name) offsetof(struct kernel_options, name)

static const struct option_definition kernel_options[] = {
    { 'q', "quiet", NULL, OPTION_FLAG, MEMBER(quiet), "list: only the names, one a line" },
    OUTPUT_FORMAT_OPTION(MEMBER(format)),
    { 0 },
};

static const struct option_group groups[] = {
    { NULL, kernel_options, 0 },
    { .options = NULL },
};

static int fetch(const struct kernel_options *options, const char *const *names,
                 struct error *error)
{
    (void)options;
    static const char *const only_default[] = { KERNEL_DEFAULT, NULL };
    for (const char *const *name = *names ? names : only_default; *name; name++) {
        AUTO_KERNEL struct kernel kernel = { 0 };
        if (kernel_get(*name, true, &kernel, error) < 0)
            return -1;
        puts(kernel.name);
    }
    return 0;
}

static void print_table(const struct kernel_list *list)
{
    static const struct table_column columns[] = {
        { "NAME", false },
        { "CURRENT", false },
        { "SIZE", true },
    };
    AUTO_TABLE struct table *table = table_new(columns, ARRAY_LENGTH(columns));
    for (size_t i = 0; i < list->count; i++) {
        const struct kernel_listed *kernel = &list->kernels[i];
        table_cell(table, "%s", kernel->name);
        table_cell(table, "%s", kernel->current_of ? kernel->current_of : "-");
        table_cell(table, "%.1f MiB", (double)kernel->bytes / (1 << 20));
    }
    table_print(table, stdout);
}

static void print_json(const struct kernel_list *list)
{
    AUTO_JSON struct json_object *array = json_object_new_array();
    for (size_t i = 0; i < list->count; i++) {
        const struct kernel_listed *kernel = &list->kernels[i];
        struct json_object *object = json_object_new_object();
        json_add_string(object, "name", kernel->name);
        json_add_string(object, "currentOf", kernel->current_of);
        json_add(object, "bytes", json_object_new_int64((int64_t)kernel->bytes));
        json_object_array_add(array, object);
    }
    json_print(stdout, array);
}

static int list(const struct kernel_options *options, const char *const *names, struct error *error)
{
    AUTO_KERNEL_LIST struct kernel_list found = { 0 };
    if (*names) {
        error_set(error, 0, "list: unexpected word \"%s\"", *names);
        return EXIT_STATUS_USAGE;
    }
    if (kernel_list(&found, error) < 0)
        return -1;
    for (size_t i = 0; options->quiet && i < found.count; i++)
        puts(found.kernels[i].name);
    if (options->quiet)
        return 0;
    if (options->format == OUTPUT_JSON)
        print_json(&found);
    else
        print_table(&found);
    return 0;
}

static int remove_all(const struct kernel_options *options, const char *const *names,
                      struct error *error)
{
    (void)options;
    AUTO_FREE char *messages = NULL;
    if (!*names) {
        error_set(error, 0, "rm: which one? `openvirt kernel list` shows the names");
        return EXIT_STATUS_USAGE;
    }
    for (; *names; names++) {
        AUTO_ERROR struct error one = { 0 };
        if (kernel_remove(*names, &one) == 0)
            puts(*names);
        else
            string_append(&messages, "%s%s", messages ? "; " : "", one.message);
    }
    return messages ? error_set(error, 0, "%s", messages) : 0;
}

static const struct {
    const char *name;
    int (*run)(const struct kernel_options *options, const char *const *names, struct error *error);
} actions[] = {
    { "fetch", fetch },
    { "list", list },
    { "rm", remove_all },
};

static int run_kernel(const struct host *host, const void *options, const struct words *words,
                      struct error *error)
{
    (void)host;
    for (size_t i = 0; i < ARRAY_LENGTH(actions); i++)
        if (string_equal(words->operands[0], actions[i].name))
            return actions[i].run(options, words->operands + 1, error);
    error_set(error, 0, "\"%s\" is none of fetch, list and rm", words->operands[0]);
    return EXIT_STATUS_USAGE;
}

const struct command command_kernel = {
    .name = "kernel",
    .summary = "Fetch, list and remove kernels for virtual machines",
    .operands = "fetch|list|rm [NAME...]",
    .description = "`fetch` gets Debian's kernel by the name of its package (" KERNEL_DEFAULT
                   " when none\nis given) or from a file *.deb into the cache, and "
                   "installs nothing.",
    .section = COMMAND_FOR_PEOPLE,
    .groups = groups,
    .options_size = sizeof(struct kernel_options),
    .minimum_operands = 1,
    .maximum_operands = SIZE_MAX,
    .run = run_kernel,
};
