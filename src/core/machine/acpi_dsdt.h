// SPDX-License-Identifier: Apache-2.0
/* The definition block of the DSDT: what is on the board and cannot be found otherwise. */
#pragma once

#include "core/machine/acpi.h"
#include "core/machine/aml.h"

void acpi_write_dsdt(struct aml *aml, const struct acpi_request *request);
