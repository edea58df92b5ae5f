// SPDX-License-Identifier: Apache-2.0
#include "container/cgroup/systemd.h"

#include <errno.h>

int systemd_plan(struct cgroup *cgroup, const struct cgroup_request *request, struct error *error)
{
    (void)cgroup, (void)request;
    return error_set(error, ENOTSUP, "the systemd driver is not built yet");
}
int systemd_start(struct cgroup *cgroup, pid_t pid, const struct spec_resources *resources,
                  struct error *error)
{
    (void)cgroup, (void)pid, (void)resources;
    return error_set(error, ENOTSUP, "the systemd driver is not built yet");
}
int systemd_update(struct cgroup *cgroup, const struct spec_resources *resources,
                   struct error *error)
{
    (void)cgroup, (void)resources;
    return error_set(error, ENOTSUP, "the systemd driver is not built yet");
}
int systemd_stop(struct cgroup *cgroup, struct error *error)
{
    (void)cgroup;
    return error_set(error, ENOTSUP, "the systemd driver is not built yet");
}
