// SPDX-License-Identifier: Apache-2.0
#include "instance/technique.h"

#include "base/string.h"
#include "container/gate.h"
#include "instance/create.h"
#include "instance/vm_create.h"

static int exec_in_container(const struct technique_exec *exec, struct container_child *child,
                             struct error *error)
{
    return container_exec(exec->request, child, error);
}

static const struct technique techniques[] = {
    {
        .name = "container",
        .create = instance_create_container,
        .start_child = container_start_child,
        .start = gate_open,
        .exec = exec_in_container,
    },
    {
        .name = "para",
        .create = instance_create_para,
        .start_child = instance_start_vm_child,
        .start = gate_open,
        .exec = instance_exec_vm,
        .pause = instance_pause_vm,
        .resume = instance_resume_vm,
    },
    {
        .name = "full",
        .create = instance_create_full,
        .start_child = instance_start_vm_child,
        .start = gate_open,
        .exec = instance_exec_vm,
        .pause = instance_pause_vm,
        .resume = instance_resume_vm,
    },
};

const struct technique *technique_find(const char *name, struct error *error)
{
    for (size_t i = 0; i < ARRAY_LENGTH(techniques); i++)
        if (string_equal(techniques[i].name, name))
            return &techniques[i];
    error_set(error, 0, "--as %s: no such technique; there are container, para and full", name);
    return NULL;
}
