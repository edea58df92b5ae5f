// SPDX-License-Identifier: Apache-2.0
#include "cli/ps_processes.h"

#include "base/json.h"
#include "base/number.h"
#include "base/process.h"
#include "base/string.h"
#include "cli/table.h"

struct pids {
    const pid_t *items;
    size_t count;
};

static int print_json(const struct pids *pids, FILE *output)
{
    AUTO_JSON struct json_object *array = json_object_new_array();
    for (size_t i = 0; i < pids->count; i++)
        json_object_array_add(array, json_object_new_int(pids->items[i]));
    AUTO_FREE char *text = json_text(array);
    fprintf(output, "%s\n", text);
    return 0;
}

static char *run_ps(const char *const *ps_options, struct error *error)
{
    AUTO_STRING_LIST struct string_list args = { 0 };
    char *text = NULL;
    string_list_add(&args, "ps");
    for (; *ps_options; ps_options++)
        string_list_add(&args, *ps_options);
    if (args.count == 1)
        string_list_add(&args, "-ef");
    const struct process_request request = {
        .path = "ps", .args = (const char *const *)args.items, .timeout_ms = 10000, .output = &text
    };
    return process_run(&request, error) < 0 ? NULL : text;
}

/* Position of the column that is named PID, or -1. */
static int pid_column(const char *heading)
{
    AUTO_STRINGS char **titles = string_split(heading, " \t");
    for (int i = 0; titles[i]; i++)
        if (string_equal(titles[i], "PID"))
            return i;
    return -1;
}

static bool has_pid(const struct pids *pids, const char *line, int column)
{
    uint32_t pid;
    AUTO_STRINGS char **words = string_split(line, " \t");
    for (int i = 0; i < column; i++)
        if (!words[i])
            return false;
    if (!words[column] || parse_uint32(words[column], &pid) < 0)
        return false;
    for (size_t i = 0; i < pids->count; i++)
        if ((uint32_t)pids->items[i] == pid)
            return true;
    return false;
}

/* ps(1) lists all processes of the host; only the lines of ours are wanted. */
static int print_lines(const struct pids *pids, const char *text, FILE *output, struct error *error)
{
    AUTO_STRINGS char **lines = string_split(text, "\n");
    int column = lines[0] ? pid_column(lines[0]) : -1;
    if (column < 0)
        return error_set(error, 0, "ps prints no column PID with these options");
    for (char **line = lines; *line; line++)
        if (line == lines || has_pid(pids, *line, column)) {
            terminal_safe(*line);
            fprintf(output, "%s\n", *line);
        }
    return 0;
}

int print_processes(const struct host *host, const char *id, enum output_format format,
                    const char *const *ps_options, FILE *output, struct error *error)
{
    AUTO_FREE pid_t *items = NULL;
    size_t count = 0;
    if (instance_processes(host, id, &items, &count, error) < 0)
        return -1;
    const struct pids pids = { items, count };
    if (format == OUTPUT_JSON)
        return print_json(&pids, output);
    AUTO_FREE char *text = run_ps(ps_options, error);
    return text ? print_lines(&pids, text, output, error) : -1;
}
