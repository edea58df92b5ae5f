// SPDX-License-Identifier: Apache-2.0
/* Limits and annotations as properties of a scope: systemd.resource-control(5). */
#pragma once

#include "container/cgroup/internal.h"
#include "container/cgroup/systemd_bus.h"

/* Append one "(sv)" of org.systemd.property.NAME; the text is a GVariant: "uint64 7", "'words'". */
int systemd_append_annotation(struct systemd_bus *bus, sd_bus_message *message, const char *name,
                              const char *value, struct error *error);

/* Append all limits that systemd has a property for. */
int systemd_append_limits(struct systemd_bus *bus, sd_bus_message *message,
                          const struct cgroup *cgroup, const struct spec_resources *resources,
                          struct error *error);

/* Append DevicePolicy and DeviceAllow, or "auto" where they cannot say it. */
int systemd_append_devices(struct systemd_bus *bus, sd_bus_message *message,
                           const struct spec_resources *resources, struct error *error);

/* "0-2,7" as the bit mask that AllowedCPUs takes, lowest byte first. -1 for a damaged list. */
int systemd_cpu_mask(const char *list, uint8_t *mask, size_t size, size_t *used);
