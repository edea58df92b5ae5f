// SPDX-License-Identifier: Apache-2.0
/*
 * The keeper of an instance in the background: a small process in a session of its own that is the
 * instance's parent. It writes the output to the log, records the exit status, takes away what is
 * left of the run, and with --rm everything else too.
 */
#pragma once

#include "base/error.h"
#include "instance/instance.h"
#include "instance/storage.h"

/*
 * Start the instance of `request` under a monitor that takes over the storage's lock. Returns when
 * its command has really started (or failed to: then nothing of the run is left, and the storage is
 * the caller's to remove).
 */
int monitor_start(const struct host *host, const struct instance_create_request *request,
                  struct storage *storage, const struct storage_record *record, bool terminal,
                  struct error *error);
