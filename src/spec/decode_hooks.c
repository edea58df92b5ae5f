// SPDX-License-Identifier: Apache-2.0
/* hooks: runtime-spec config.md, "POSIX-platform Hooks". */
#include "spec/sections.h"
#include "spec/words.h"

const struct word spec_hook_points[] = {
    { "prestart", SPEC_HOOK_PRESTART },
    { "createRuntime", SPEC_HOOK_CREATE_RUNTIME },
    { "createContainer", SPEC_HOOK_CREATE_CONTAINER },
    { "startContainer", SPEC_HOOK_START_CONTAINER },
    { "poststart", SPEC_HOOK_POSTSTART },
    { "poststop", SPEC_HOOK_POSTSTOP },
    { NULL },
};

static const struct field hook_fields[] = {
    FIELD(struct spec_hook, path, "path", .check_text = check_absolute, .flags = FIELD_REQUIRED),
    FIELD(struct spec_hook, args, "args"),
    FIELD(struct spec_hook, env, "env"),
    FIELD(struct spec_hook, timeout_s, "timeout", RANGE(1, INT32_MAX)),
};

/* No args: what execv(3) gets is the path alone. */
static void check_hook(const struct node *node, void *target)
{
    struct spec_hook *hook = target;
    (void)node;
    if (hook->args && !hook->args[0])
        hook->args = NULL;
}

static const struct form hook_form =
    FORM(struct spec_hook, FIELDS(hook_fields), .check = check_hook);

#define HOOKS(point, json_name)                                                                    \
    ARRAY(struct spec, hooks[point].hooks, hooks[point].count, json_name, &hook_form)

static const struct field hooks_fields[] = {
    HOOKS(SPEC_HOOK_PRESTART, "prestart"),
    HOOKS(SPEC_HOOK_CREATE_RUNTIME, "createRuntime"),
    HOOKS(SPEC_HOOK_CREATE_CONTAINER, "createContainer"),
    HOOKS(SPEC_HOOK_START_CONTAINER, "startContainer"),
    HOOKS(SPEC_HOOK_POSTSTART, "poststart"),
    HOOKS(SPEC_HOOK_POSTSTOP, "poststop"),
};
const struct form spec_hooks_form = { FIELDS(hooks_fields) };
