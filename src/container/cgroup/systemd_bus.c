// SPDX-License-Identifier: Apache-2.0
#include "container/cgroup/systemd_bus.h"

#include <errno.h>
#include <time.h>

#include "base/library.h"
#include "base/string.h"

#define DESTINATION "org.freedesktop.systemd1"
#define OBJECT      "/org/freedesktop/systemd1"
#define MANAGER     "org.freedesktop.systemd1.Manager"

#define JOB_TIMEOUT_S 60

#define SYMBOL(name, member)                                                                       \
    {                                                                                              \
        "sd_bus_" name, offsetof(struct systemd_bus, member)                                       \
    }

static const struct library_symbol symbols[] = {
    SYMBOL("new", bus_new),
    SYMBOL("set_address", set_address),
    SYMBOL("start", start),
    SYMBOL("open_system", open_system),
    SYMBOL("open_user", open_user),
    SYMBOL("flush_close_unref", flush_close_unref),
    SYMBOL("message_new_method_call", message_new_method_call),
    SYMBOL("message_append", message_append),
    SYMBOL("message_append_array", message_append_array),
    SYMBOL("message_open_container", message_open_container),
    SYMBOL("message_close_container", message_close_container),
    SYMBOL("message_read", message_read),
    SYMBOL("message_unref", message_unref),
    SYMBOL("call", call),
    SYMBOL("match_signal", match_signal),
    SYMBOL("process", process),
    SYMBOL("wait", wait),
    SYMBOL("get_property_string", get_property_string),
    SYMBOL("error_free", error_free),
};

void systemd_bus_close(struct systemd_bus *bus)
{
    if (bus->connection)
        bus->flush_close_unref(bus->connection);
    bus->connection = NULL;
}

/* The manager's own socket needs no D-Bus daemon; systemctl takes it too. */
static int open_private(struct systemd_bus *bus, const char *address)
{
    int result = bus->bus_new(&bus->connection);
    if (result >= 0)
        result = bus->set_address(bus->connection, address);
    if (result >= 0)
        result = bus->start(bus->connection);
    if (result < 0)
        systemd_bus_close(bus);
    return result;
}

static int open_user(struct systemd_bus *bus)
{
    const char *runtime_directory = getenv("XDG_RUNTIME_DIR");
    if (runtime_directory) {
        AUTO_FREE char *address = string_format("unix:path=%s/systemd/private", runtime_directory);
        if (open_private(bus, address) >= 0)
            return 0;
    }
    return bus->open_user(&bus->connection);
}

static int open_system(struct systemd_bus *bus)
{
    if (geteuid() == 0 && open_private(bus, "unix:path=/run/systemd/private") >= 0)
        return 0;
    return bus->open_system(&bus->connection);
}

int systemd_bus_open(struct systemd_bus *bus, bool user, struct error *error)
{
    *bus = (struct systemd_bus){ 0 };
    if (library_open("libsystemd.so.0", "libsystemd0", symbols, ARRAY_LENGTH(symbols), bus, error) <
        0)
        return -1;
    int result = user ? open_user(bus) : open_system(bus);
    if (result < 0) {
        bus->connection = NULL;
        return error_set(error, -result,
                         "connect to systemd's %s manager; use --cgroup-manager cgroupfs where "
                         "there is none",
                         user ? "user" : "system");
    }
    return 0;
}

sd_bus_message *systemd_bus_message(struct systemd_bus *bus, const char *method,
                                    struct error *error)
{
    sd_bus_message *message = NULL;
    int result = bus->message_new_method_call(bus->connection, &message, DESTINATION, OBJECT,
                                              MANAGER, method);
    if (result < 0)
        error_set(error, -result, "make a D-Bus message for %s", method);
    return message;
}

static int describe(const sd_bus_error *bus_error, int result, const char *method,
                    struct error *error)
{
    int code = -result;
    if (bus_error->name && string_ends_with(bus_error->name, ".NoSuchUnit"))
        code = ENOENT;
    if (bus_error->name && string_ends_with(bus_error->name, ".UnitExists"))
        code = EEXIST;
    if (!bus_error->message)
        return error_set(error, code, "systemd: %s", method);
    return error_set_code(error, code, "systemd: %s: %s", method, bus_error->message);
}

static int call(struct systemd_bus *bus, sd_bus_message *message, const char *method,
                sd_bus_message **reply, struct error *error)
{
    sd_bus_error bus_error = SD_BUS_ERROR_NULL;
    int result = bus->call(bus->connection, message, 0, &bus_error, reply);
    if (result < 0)
        describe(&bus_error, result, method, error);
    bus->error_free(&bus_error);
    return result < 0 ? -1 : 0;
}

int systemd_bus_call(struct systemd_bus *bus, sd_bus_message *message, const char *method,
                     struct error *error)
{
    sd_bus_message *reply = NULL;
    int result = call(bus, message, method, &reply, error);
    bus->message_unref(reply);
    return result;
}

struct job {
    struct systemd_bus *bus;
    const char *path;
    char *result; /* NULL while it runs */
};

/* JobRemoved(u id, o job, s unit, s result) */
static int job_removed(sd_bus_message *message, void *context, sd_bus_error *bus_error)
{
    (void)bus_error;
    struct job *job = context;
    uint32_t id;
    const char *path, *unit, *result;
    if (job->bus->message_read(message, "uoss", &id, &path, &unit, &result) >= 0 &&
        string_equal(path, job->path) && !job->result)
        job->result = string_copy(result);
    return 0;
}

static int wait_for_job(struct systemd_bus *bus, struct job *job, const char *method,
                        struct error *error)
{
    time_t end = time(NULL) + JOB_TIMEOUT_S;
    while (!job->result) {
        int result = bus->process(bus->connection, NULL);
        if (result == 0)
            result = bus->wait(bus->connection, (uint64_t)JOB_TIMEOUT_S * 1000000);
        if (result < 0 && result != -EINTR)
            return error_set(error, -result, "systemd: wait for the job of %s", method);
        if (time(NULL) > end)
            return error_set(error, ETIMEDOUT, "systemd: the job of %s", method);
    }
    if (!string_equal(job->result, "done"))
        return error_set(error, 0, "systemd: the job of %s ended as \"%s\"", method, job->result);
    return 0;
}

/* Signals that arrive before the reply wait in the connection's queue, so that none is missed. */
static int watch_jobs(struct systemd_bus *bus, struct job *job, struct error *error)
{
    AUTO_ERROR struct error ignored = { 0 };
    sd_bus_message *subscribe = systemd_bus_message(bus, "Subscribe", error);
    if (!subscribe)
        return -1;
    systemd_bus_call(bus, subscribe, "Subscribe", &ignored);
    bus->message_unref(subscribe);
    int result = bus->match_signal(bus->connection, NULL, NULL, OBJECT, MANAGER, "JobRemoved",
                                   job_removed, job);
    return result < 0 ? error_set(error, -result, "watch systemd's jobs") : 0;
}

int systemd_bus_run_job(struct systemd_bus *bus, sd_bus_message *message, const char *method,
                        struct error *error)
{
    struct job job = { .bus = bus };
    sd_bus_message *reply = NULL;
    if (watch_jobs(bus, &job, error) < 0 || call(bus, message, method, &reply, error) < 0)
        return -1;
    int result = bus->message_read(reply, "o", &job.path);
    result = result < 0 ? error_set(error, -result, "systemd: the reply to %s", method)
                        : wait_for_job(bus, &job, method, error);
    bus->message_unref(reply);
    free(job.result);
    return result;
}

char *systemd_bus_control_group(struct systemd_bus *bus, struct error *error)
{
    sd_bus_error bus_error = SD_BUS_ERROR_NULL;
    char *path = NULL;
    int result = bus->get_property_string(bus->connection, DESTINATION, OBJECT, MANAGER,
                                          "ControlGroup", &bus_error, &path);
    if (result < 0)
        describe(&bus_error, result, "read ControlGroup", error);
    bus->error_free(&bus_error);
    return path;
}
