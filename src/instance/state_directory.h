// SPDX-License-Identifier: Apache-2.0
/*
 * STATE_ROOT/ID: what outlives the process that made an instance.
 *
 *   state.json   the record (instance/record.h), replaced as a whole by rename, fsynced
 *   config.json  the specification as it was when the instance was made: later edits have no
 * effect; written like the record gate         the start gate's socket, as long as the instance is
 * created and not started notify/      the sd_notify socket, where one was asked for
 *
 * STATE_ROOT/@seccomp keeps what outlives them all, and may be lost at any time: compiled filters
 * (container/seccomp_cache.h).
 *
 * The directory comes first, with a record of what is about to be made, and goes last: whatever
 * moment its maker is killed at, there is something to list and to delete. Its maker holds an
 * exclusive flock on the directory while the instance is being made.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "instance/instance.h"

/* Make STATE_ROOT (0700) and in it ID, locked; the descriptor. EEXIST: the id is in use. */
int state_directory_make(const struct host *host, const char *id, struct error *error);

/* Whether ID is in use now: a better error early; state_directory_make() is what decides. */
bool state_directory_exists(const struct host *host, const char *id);
int state_directory_id_in_use(const char *id, struct error *error);

/* Open ID; ENOENT: "instance ID does not exist". */
int state_directory_open(const struct host *host, const char *id, struct error *error);

/* Whether its maker is still at work. */
bool state_directory_is_locked(int state_directory_fd);
void state_directory_unlock(int state_directory_fd);

/* Write the record as it is now, what is only intended as well: by rename, fsynced. */
int state_directory_record(int state_directory_fd, const struct instance *instance,
                           struct error *error);

int state_directory_remove(const struct host *host, const char *id, struct error *error);

/* Its path, allocated. */
char *state_directory_path(const struct host *host, const char *id);

/* STATE_ROOT/@seccomp, which is no instance's: an id has no "@". Allocated. */
char *state_directory_seccomp_cache(const struct host *host);

/* The specification that the instance was made from. */
struct spec *state_directory_load_spec(int state_directory_fd, struct error *error);
