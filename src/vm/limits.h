// SPDX-License-Identifier: Apache-2.0
/* Sizes that those who ask for a virtual machine have to know. */
#pragma once

#include <stdint.h>

/* What the monitor may need beyond the guest's memory: a bound for its cgroup. */
#define VM_MONITOR_MEMORY (UINT64_C(96) << 20)
#define VM_DEFAULT_MEMORY (UINT64_C(512) << 20)
