// SPDX-License-Identifier: Apache-2.0
#include "container/hooks.h"

#include <errno.h>
#include <inttypes.h>

#include "base/process.h"

static const char *const point_names[SPEC_HOOK_POINT_COUNT] = {
    [SPEC_HOOK_PRESTART] = "prestart",
    [SPEC_HOOK_CREATE_RUNTIME] = "createRuntime",
    [SPEC_HOOK_CREATE_CONTAINER] = "createContainer",
    [SPEC_HOOK_START_CONTAINER] = "startContainer",
    [SPEC_HOOK_POSTSTART] = "poststart",
    [SPEC_HOOK_POSTSTOP] = "poststop",
};

static int run(const struct spec_hook *hook, enum spec_hook_point point, size_t index,
               const char *state, struct error *error)
{
    const char *const path_alone[] = { hook->path, NULL };
    const char *const no_environment[] = { NULL };
    const struct process_request request = {
        .path = hook->path,
        .args = hook->args && hook->args[0] ? hook->args : path_alone,
        .env = hook->env ? hook->env : no_environment,
        .input = state,
        .timeout_ms = hook->timeout_s.set ? (uint64_t)hook->timeout_s.value * 1000 : 0,
    };
    if (process_run(&request, error) == 0)
        return 0;
    if (error->code == ETIMEDOUT)
        error_set(error, 0, "%s: killed, it took longer than its timeout of %" PRIu32 " s",
                  hook->path, hook->timeout_s.value);
    return error_wrap(error, "hooks.%s[%zu]", point_names[point], index);
}

int hooks_run(const struct spec *spec, enum spec_hook_point point, const char *state,
              struct error *error)
{
    const struct spec_hook_list *list = &spec->hooks[point];
    for (size_t i = 0; i < list->count; i++)
        if (run(&list->hooks[i], point, i, state, error) < 0)
            return -1;
    return 0;
}

void hooks_run_all(const struct spec *spec, enum spec_hook_point point, const char *state,
                   const struct log *log)
{
    const struct spec_hook_list *list = &spec->hooks[point];
    for (size_t i = 0; i < list->count; i++) {
        AUTO_ERROR struct error error = { 0 };
        if (run(&list->hooks[i], point, i, state, &error) < 0)
            log_warning(log, "%s", error.message);
    }
}
