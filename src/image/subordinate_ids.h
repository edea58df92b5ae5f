// SPDX-License-Identifier: Apache-2.0
/*
 * The ranges of ids that /etc/subuid and /etc/subgid lend to a user (subuid(5)). What unpacks an
 * image and what runs it map them alike: an owner in the image is the same owner in the container.
 */
#pragma once

#include "base/error.h"
#include "spec/value.h"

/* More ranges than one user is ever given; uid_map itself takes 340 lines. */
enum { MOST_SUBORDINATE_RANGES = 64, MOST_ID_MAPPINGS = MOST_SUBORDINATE_RANGES + 1 };

/*
 * The id map of a user namespace in which `own_id` is root and the lent ranges follow from id 1 on.
 * `path` is the file, `user_name` (may be NULL) and `user_id` who we are. `mappings` has room for
 * MOST_ID_MAPPINGS; returns their number, 1 where nothing is lent, or -1.
 */
int subordinate_id_mappings(const char *path, const char *user_name, uint32_t user_id,
                            uint32_t own_id, struct spec_id_mapping *mappings, struct error *error);

/* The same of the calling user, by /etc/subuid and by /etc/subgid. */
int own_uid_mappings(struct spec_id_mapping *mappings, struct error *error);
int own_gid_mappings(struct spec_id_mapping *mappings, struct error *error);
