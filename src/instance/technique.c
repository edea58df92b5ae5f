// SPDX-License-Identifier: Apache-2.0
#include "instance/technique.h"

#include "base/string.h"
#include "container/gate.h"
#include "instance/create.h"

static const struct technique techniques[] = {
    {
        .name = "container",
        .create = instance_create_container,
        .start_child = container_start_child,
        .start = gate_open,
        .exec = container_exec,
    },
    {
        .name = "para",
        .unavailable = "para-virtualization is not in this version of openvirt",
    },
    {
        .name = "full",
        .unavailable = "full virtualization is not in this version of openvirt",
    },
};

const struct technique *technique_find(const char *name, struct error *error)
{
    for (size_t i = 0; i < ARRAY_LENGTH(techniques); i++) {
        if (!string_equal(techniques[i].name, name))
            continue;
        if (!techniques[i].unavailable)
            return &techniques[i];
        error_set(error, 0, "--as %s: %s; use --as container", name, techniques[i].unavailable);
        return NULL;
    }
    error_set(error, 0, "--as %s: no such technique; there are container, para and full", name);
    return NULL;
}
