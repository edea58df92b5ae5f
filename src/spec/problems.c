// SPDX-License-Identifier: Apache-2.0
#include "spec/problems.h"

#include <stdlib.h>

#include "base/string.h"
#include "spec/reader.h"

/* More than this nobody reads, and a hostile document could hold millions. */
enum { MAX_PROBLEMS = 1000 };

static void make_single_line(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

static void add(struct spec_problem **list, size_t *count, char *path, char *message)
{
    if (*count == MAX_PROBLEMS) {
        free(path);
        free(message);
        return;
    }
    make_single_line(path);
    make_single_line(message);
    /* Grown at powers of two. */
    if (!(*count & (*count + 1)))
        *list = reallocate(*list, 2 * *count + 1, sizeof(**list));
    (*list)[(*count)++] = (struct spec_problem){ path, message };
}

void problems_add_error(struct spec_problems *problems, char *path, char *message)
{
    add(&problems->errors, &problems->error_count, path, message);
}

void problems_add_warning(struct spec_problems *problems, char *path, char *message)
{
    add(&problems->warnings, &problems->warning_count, path, message);
}

static void free_list(struct spec_problem *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].path);
        free(list[i].message);
    }
    free(list);
}

void spec_problems_free(struct spec_problems *problems)
{
    free_list(problems->errors, problems->error_count);
    free_list(problems->warnings, problems->warning_count);
    *problems = (struct spec_problems){ 0 };
}

int spec_problems_to_error(const struct spec_problems *problems, const char *file,
                           struct error *error)
{
    AUTO_FREE char *list = NULL;
    for (size_t i = 0; i < problems->error_count; i++) {
        const struct spec_problem *problem = &problems->errors[i];
        string_append(&list, "%s%s%s%s", i ? "; " : "", problem->path, *problem->path ? ": " : "",
                      problem->message);
    }
    if (problems->error_count == 1)
        return error_set(error, 0, "%s: %s", file, list);
    return error_set(error, 0, "%s: %zu errors: %s", file, problems->error_count, list ? list : "");
}

/* A key as part of a path: quoted unless it is a plain word, as those of the specification are. */
static char *join(char *path, const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    if (*name && !name[strspn(name, plain)])
        string_append(&path, "%s%s", *path ? "." : "", name);
    else
        string_append(&path, "[\"%s\"]", name);
    return path;
}

static char *node_path(const struct node *node)
{
    if (!node->parent)
        return string_copy("");
    char *path = node_path(node->parent);
    if (node->name)
        return join(path, node->name);
    string_append(&path, "[%zu]", node->index);
    return path;
}

void node_error(const struct node *node, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    problems_add_error(node->reader->problems, node_path(node), string_vformat(format, arguments));
    va_end(arguments);
}

void node_warning(const struct node *node, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    problems_add_warning(node->reader->problems, node_path(node),
                         string_vformat(format, arguments));
    va_end(arguments);
}

void member_error(const struct node *object, const char *name, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    problems_add_error(object->reader->problems, join(node_path(object), name),
                       string_vformat(format, arguments));
    va_end(arguments);
}

void member_warning(const struct node *object, const char *name, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    problems_add_warning(object->reader->problems, join(node_path(object), name),
                         string_vformat(format, arguments));
    va_end(arguments);
}
