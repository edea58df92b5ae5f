// SPDX-License-Identifier: Apache-2.0
/*
 * Which devices a container may use. The rules of linux.resources.devices come first, in their
 * order; then those that keep the default devices of the specification (config-linux.md, "Default
 * Devices") usable, and making device nodes possible: a node alone opens nothing.
 *
 * Without any rule everything else is denied.
 */
#pragma once

#include "container/cgroup/internal.h"

struct device_rules {
    struct spec_device_rule *rules; /* allocated */
    size_t count;
    size_t first_default; /* from here on they are ours */
};

void device_rules_complete(const struct spec_resources *resources, struct device_rules *rules);

static inline void device_rules_free(struct device_rules *rules)
{
    free(rules->rules);
}
#define AUTO_DEVICE_RULES __attribute__((cleanup(device_rules_free)))

/* Allow everything except ..., or nothing except ...: what v1 and systemd can be told. */
struct device_exceptions {
    bool allow_others;
    struct spec_device_rule *items; /* allocated; `allow` is the opposite of allow_others */
    size_t count;
};

static inline void device_exceptions_free(struct device_exceptions *exceptions)
{
    free(exceptions->items);
}
#define AUTO_DEVICE_EXCEPTIONS __attribute__((cleanup(device_exceptions_free)))

/* Fails where a rule takes a part out of an exception: then only a program (v2) can follow. */
int device_exceptions_of(const struct device_rules *rules, struct device_exceptions *exceptions,
                         struct error *error);

/* The rule as v1 writes it, "c 1:3 rwm"; the caller frees. */
char *device_rule_text(const struct spec_device_rule *rule);
bool device_rule_is_default(const struct spec_device_rule *rule);

/* Write the rules; `fresh`: the cgroup was made just now and has what its parent has. */
int devices_v1_apply(struct cgroup_directory *directory, const struct spec_resources *resources,
                     bool fresh, struct error *error);
int devices_v2_apply(struct cgroup_directory *directory, const struct spec_resources *resources,
                     bool fresh, struct error *error);

/* By the one of the two that the host has. */
int devices_apply(struct cgroup *cgroup, const struct spec_resources *resources, bool fresh,
                  struct error *error);
