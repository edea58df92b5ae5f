// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest/fields.h"

/* GUEST_HOST: host name and domain name. */
int network_name_host(struct fields *fields, const char **on);

/* GUEST_NETWORK: the loopback and the first Ethernet interface, and /etc/resolv.conf. */
int network_set_up(struct fields *fields, const char **on);
