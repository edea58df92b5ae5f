// SPDX-License-Identifier: Apache-2.0
/* What the container is to see below a mount of type "cgroup". */
#include "container/cgroup/internal.h"

void cgroup_mount_points_free(struct cgroup_mount_points *points)
{
    for (size_t i = 0; i < points->count; i++) {
        free(points->entries[i].name);
        free(points->entries[i].host_path);
        free(points->entries[i].hierarchy_path);
        free(points->entries[i].v1_options);
    }
    free(points->entries);
    *points = (struct cgroup_mount_points){ 0 };
}

/* A hierarchy without a controller is mounted by "none,name=systemd" (cgroups(7)). */
static char *v1_options(const char *controllers)
{
    if (!controllers)
        return NULL;
    return string_format("%s%s", string_starts_with(controllers, "name=") ? "none," : "",
                         controllers);
}

static struct cgroup_mount_point mount_point_of(const struct cgroup_directory *directory)
{
    return (struct cgroup_mount_point){
        .name = string_copy(directory->name),
        .host_path = string_copy(directory->path),
        .hierarchy_path = string_copy(directory->mount_point),
        .v1_options = v1_options(directory->controllers),
    };
}

int cgroup_mount_points(const struct cgroup *cgroup, struct cgroup_mount_points *points,
                        struct error *error)
{
    (void)error;
    *points = (struct cgroup_mount_points){
        .unified = cgroup->count == 1 && directory_is_v2(&cgroup->directories[0]),
        .entries = allocate(cgroup->count + 1, sizeof(*points->entries)),
    };
    for (size_t i = 0; i < cgroup->count; i++) {
        if (cgroup->directories[i].present)
            points->entries[points->count++] = mount_point_of(&cgroup->directories[i]);
    }
    return 0;
}
