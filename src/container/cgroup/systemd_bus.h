// SPDX-License-Identifier: Apache-2.0
/* A connection to a systemd manager, by libsystemd's sd-bus, which is opened when it is needed. */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "base/error.h"

struct systemd_bus {
    sd_bus *connection;
    int (*bus_new)(sd_bus **);
    int (*set_address)(sd_bus *, const char *);
    int (*start)(sd_bus *);
    int (*open_system)(sd_bus **);
    int (*open_user)(sd_bus **);
    sd_bus *(*flush_close_unref)(sd_bus *);
    int (*message_new_method_call)(sd_bus *, sd_bus_message **, const char *, const char *,
                                   const char *, const char *);
    int (*message_append)(sd_bus_message *, const char *, ...);
    int (*message_append_array)(sd_bus_message *, char, const void *, size_t);
    int (*message_open_container)(sd_bus_message *, char, const char *);
    int (*message_close_container)(sd_bus_message *);
    int (*message_read)(sd_bus_message *, const char *, ...);
    sd_bus_message *(*message_unref)(sd_bus_message *);
    int (*call)(sd_bus *, sd_bus_message *, uint64_t, sd_bus_error *, sd_bus_message **);
    int (*match_signal)(sd_bus *, sd_bus_slot **, const char *, const char *, const char *,
                        const char *, sd_bus_message_handler_t, void *);
    int (*process)(sd_bus *, sd_bus_message **);
    int (*wait)(sd_bus *, uint64_t);
    int (*get_property_string)(sd_bus *, const char *, const char *, const char *, const char *,
                               sd_bus_error *, char **);
    void (*error_free)(sd_bus_error *);
};

/* The system's manager, or the one of the user that we run for. */
int systemd_bus_open(struct systemd_bus *bus, bool user, struct error *error);
void systemd_bus_close(struct systemd_bus *bus);
#define AUTO_SYSTEMD_BUS __attribute__((cleanup(systemd_bus_close)))

/* A call of org.freedesktop.systemd1.Manager; NULL with the error set. */
sd_bus_message *systemd_bus_message(struct systemd_bus *bus, const char *method,
                                    struct error *error);

/* Make the call. -1 with error->code ENOENT for an unknown unit, EEXIST for one that exists. */
int systemd_bus_call(struct systemd_bus *bus, sd_bus_message *message, const char *method,
                     struct error *error);

/* The same for a method that starts a job; returns when the job is done. */
int systemd_bus_run_job(struct systemd_bus *bus, sd_bus_message *message, const char *method,
                        struct error *error);

/* The cgroup below which the manager keeps everything: "" or "/user.slice/...". Allocated. */
char *systemd_bus_control_group(struct systemd_bus *bus, struct error *error);
