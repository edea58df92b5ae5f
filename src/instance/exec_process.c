// SPDX-License-Identifier: Apache-2.0
/*
 * The words of the command line are put into a copy of the container's process document, and the
 * result is decoded like any other: one validator for all three ways a process is described.
 */
#include "instance/exec_process.h"

#include <fcntl.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/number.h"
#include "base/string.h"
#include "spec/decode.h"

enum { MOST_PROCESS_BYTES = 16 << 20 };

static struct json_object *string_array(const char *const *strings)
{
    struct json_object *array = json_object_new_array();
    for (; strings && *strings; strings++)
        json_object_array_add(array, json_object_new_string(*strings));
    return array;
}

/* Get a member that is an object or array, made when it is absent. */
static struct json_object *member(struct json_object *object, const char *key,
                                  struct json_object *(*make)(void))
{
    struct json_object *value;
    if (json_object_object_get_ex(object, key, &value))
        return value;
    value = make();
    json_object_object_add(object, key, value);
    return value;
}

static struct json_object *make_array(void)
{
    return json_object_new_array();
}

/* NAME=VALUE; a later one replaces an earlier one of the same name. */
static void set_variable(struct json_object *env, const char *variable)
{
    size_t name_length = strcspn(variable, "=") + 1;
    for (size_t i = 0; i < json_object_array_length(env); i++) {
        const char *old = json_object_get_string(json_object_array_get_idx(env, i));
        if (strncmp(old, variable, name_length) == 0) {
            json_object_array_put_idx(env, i, json_object_new_string(variable));
            return;
        }
    }
    json_object_array_add(env, json_object_new_string(variable));
}

/* "UID[:GID]", digits only: anything behind them is refused (CVE-2026-30892). */
static int set_user(struct json_object *process, const struct instance_exec_request *request,
                    struct error *error)
{
    struct json_object *user = member(process, "user", json_object_new_object);
    if (request->user) {
        uint32_t uid, gid = 0;
        AUTO_FREE char *text = string_copy(request->user);
        char *colon = strchr(text, ':');
        if (colon)
            *colon = '\0';
        if (parse_uint32(text, &uid) < 0 || (colon && parse_uint32(colon + 1, &gid) < 0))
            return error_set(error, 0, "--user \"%s\": not of the form UID[:GID]", request->user);
        json_object_object_add(user, "uid", json_object_new_uint64(uid));
        if (colon)
            json_object_object_add(user, "gid", json_object_new_uint64(gid));
        json_object_object_del(user, "additionalGids");
    }
    if (request->additional_gid_count) {
        struct json_object *gids = member(user, "additionalGids", make_array);
        for (size_t i = 0; i < request->additional_gid_count; i++)
            json_object_array_add(gids, json_object_new_uint64(request->additional_gids[i]));
    }
    return 0;
}

/* As runc: into every set but inheritable and ambient, which stay as the container has them. */
static void add_capabilities(struct json_object *process, const char *const *capabilities)
{
    static const char *const sets[] = { "bounding", "effective", "permitted" };
    if (!capabilities || !*capabilities)
        return;
    struct json_object *section = member(process, "capabilities", json_object_new_object);
    for (size_t i = 0; i < ARRAY_LENGTH(sets); i++) {
        struct json_object *set = member(section, sets[i], make_array);
        for (const char *const *name = capabilities; *name; name++)
            json_object_array_add(set, json_object_new_string(*name));
    }
}

static void set_string(struct json_object *process, const char *key, const char *value)
{
    if (value)
        json_object_object_add(process, key, json_object_new_string(value));
}

/* What belongs to the container's first process only does not pass to others. */
static void drop_own_members(struct json_object *process)
{
    json_object_object_del(process, "consoleSize");
    json_object_object_del(process, "commandLine");
}

static struct json_object *merge(const struct instance_exec_request *request,
                                 const struct spec *container, struct error *error)
{
    struct json_object *own = NULL, *process = NULL;
    if (!json_object_object_get_ex(container->document, "process", &own) ||
        json_object_deep_copy(own, &process, NULL) < 0) {
        error_set(error, 0, "the container's config.json has no process; use --process FILE");
        return NULL;
    }
    drop_own_members(process);
    json_object_object_add(process, "args", string_array(request->args));
    json_object_object_add(process, "terminal", json_object_new_boolean(request->terminal));
    struct json_object *env = member(process, "env", make_array);
    for (const char *const *variable = request->env; variable && *variable; variable++)
        set_variable(env, *variable);
    set_string(process, "cwd", request->cwd);
    set_string(process, "selinuxLabel", request->process_label);
    set_string(process, "apparmorProfile", request->apparmor);
    if (request->no_new_privileges)
        json_object_object_add(process, "noNewPrivileges", json_object_new_boolean(true));
    add_capabilities(process, request->capabilities);
    if (set_user(process, request, error) < 0) {
        json_object_put(process);
        return NULL;
    }
    return process;
}

static struct spec *decode(const char *text, size_t length, const char *name, struct error *error)
{
    AUTO_PROBLEMS struct spec_problems problems = { 0 };
    struct spec *spec = spec_decode_process(text, length, &problems);
    if (!spec)
        spec_problems_to_error(&problems, name, error);
    return spec;
}

struct spec *exec_process_decode(const struct instance_exec_request *request,
                                 const struct spec *container, struct error *error)
{
    if (request->process_json) {
        size_t length;
        AUTO_FREE char *text =
            read_file_at(AT_FDCWD, request->process_json, MOST_PROCESS_BYTES, &length, error);
        return text ? decode(text, length, request->process_json, error) : NULL;
    }
    AUTO_JSON struct json_object *process = merge(request, container, error);
    if (!process)
        return NULL;
    AUTO_FREE char *text = json_text(process);
    return decode(text, strlen(text), "exec", error);
}
