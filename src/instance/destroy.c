// SPDX-License-Identifier: Apache-2.0
#include "instance/destroy.h"

#include "container/hooks.h"
#include "container/resctrl.h"
#include "instance/state.h"
#include "instance/state_directory.h"

static void remove_resctrl_group(const struct host *host, const struct instance *instance)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *root = instance->resctrl_group ? resctrl_mount_point() : NULL;
    if (root && resctrl_remove(root, instance->resctrl_group, &error) < 0)
        log_warning(&host->log, "%s", error.message);
}

int instance_destroy(const struct host *host, const struct instance *instance,
                     const struct spec *spec, struct error *error)
{
    if (instance->cgroup && cgroup_destroy(instance->cgroup, error) < 0)
        return -1;
    remove_resctrl_group(host, instance);
    if (spec && spec->hooks[SPEC_HOOK_POSTSTOP].count) {
        AUTO_FREE char *state = instance_state_text(instance, "stopped");
        hooks_run_all(spec, SPEC_HOOK_POSTSTOP, state, &host->log);
    }
    return state_directory_remove(host, instance->id, error);
}
