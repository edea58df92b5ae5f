// SPDX-License-Identifier: Apache-2.0
/* Hardware task switches and the stacks that a TSS holds (SDM volume 3, chapter 8). */
#pragma once

#include "core/x86/interpreter/descriptor.h"

enum task_reason { TASK_BY_JUMP, TASK_BY_CALL, TASK_BY_EVENT, TASK_BY_IRET };

struct task_request {
    uint16_t selector;
    enum task_reason reason;
    uint64_t return_rip; /* what the old task saves */
    bool external;       /* EXT of error codes */
    bool resume;         /* the old task saves RFLAGS.RF as 1 */
    bool has_error_code;
    uint32_t error_code; /* pushed in the new task */
};

/* False: a fault, in the old task when nothing was changed, else in the new one. The caller has
 * checked privileges. */
bool task_switch(struct cpu *cpu, const struct task_request *request);

/* SSn and ESPn of the current TSS. */
bool task_stack(struct cpu *cpu, unsigned privilege, bool external, uint16_t *selector,
                uint32_t *pointer);
