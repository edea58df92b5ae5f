// SPDX-License-Identifier: Apache-2.0
/* The rows of the technique table that are virtual machines: their process is the monitor
 * (vm/monitor.h), forked off the one that makes the instance. */
#pragma once

#include "instance/technique.h"

int instance_create_full(const struct technique_create *create, struct container_child *child,
                         struct error *error);
int instance_create_para(const struct technique_create *create, struct container_child *child,
                         struct error *error);

/* `run`: open the gate; returns when the command runs in the guest. Booting takes a while: the
 * signals that end things interrupt it. */
int instance_start_vm_child(struct container_child *child, struct error *error);

/* `exec`: a process of ours that stands for the one in the guest. */
int instance_exec_vm(const struct technique_exec *exec, struct container_child *child,
                     struct error *error);

int instance_pause_vm(int state_directory_fd, struct error *error);
int instance_resume_vm(int state_directory_fd, struct error *error);
