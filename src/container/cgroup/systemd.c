// SPDX-License-Identifier: Apache-2.0
#include "container/cgroup/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "base/io.h"
#include "container/cgroup/devices.h"
#include "container/cgroup/limits.h"
#include "container/cgroup/systemd_bus.h"
#include "container/cgroup/systemd_properties.h"

#define ANNOTATION_PREFIX "org.systemd.property."

/* "a-b.slice" is below "a.slice"; "-.slice" is the root (systemd.slice(5)). */
static char *expand_slice(const char *slice)
{
    char *path = string_copy("");
    if (string_equal(slice, "-.slice"))
        return path;
    size_t stem = strlen(slice) - strlen(".slice");
    for (size_t i = 1; i <= stem; i++) {
        if (i != stem && slice[i] != '-')
            continue;
        string_append(&path, "/%.*s.slice", (int)i, slice);
    }
    return path;
}

static bool is_slice(const char *slice)
{
    return string_ends_with(slice, ".slice") && slice[0] != '.' && !strchr(slice, '/') &&
           !strstr(slice, "--") && (slice[0] != '-' || string_equal(slice, "-.slice")) &&
           (string_equal(slice, "-.slice") || !string_ends_with(slice, "-.slice"));
}

/* "SLICE:PREFIX:NAME", the first two of which may be empty. */
static int decode_path(struct cgroup_systemd *systemd, const struct cgroup_request *request,
                       struct error *error)
{
    const char *text = request->spec->cgroups_path ? request->spec->cgroups_path : "";
    const char *default_slice = systemd->user ? "user.slice" : "system.slice";
    const char *first = strchr(text, ':'), *second = first ? strchr(first + 1, ':') : NULL;
    if (!text[0]) {
        systemd->slice = string_copy(default_slice);
        systemd->unit = string_format("openvirt-%s.scope", request->container_id);
        return 0;
    }
    if (!second || strchr(second + 1, ':') || !second[1] || strchr(first, '/'))
        return error_set_code(error, EINVAL,
                              "linux.cgroupsPath: \"%s\" is not of the form slice:prefix:name that "
                              "systemd's cgroups need",
                              text);
    systemd->slice =
        first == text ? string_copy(default_slice) : string_copy_n(text, (size_t)(first - text));
    if (!is_slice(systemd->slice))
        return error_set_code(error, EINVAL, "linux.cgroupsPath: \"%s\" is not the name of a slice",
                              systemd->slice);
    AUTO_FREE char *prefix = string_copy_n(first + 1, (size_t)(second - first - 1));
    systemd->unit = string_format("%s%s%s.scope", prefix, prefix[0] ? "-" : "", second + 1);
    return 0;
}

static void take_annotations(struct cgroup_systemd *systemd, const struct spec *spec)
{
    for (size_t i = 0; i < spec->annotation_count; i++) {
        const struct spec_key_value *entry = &spec->annotations[i];
        if (string_starts_with(entry->key, ANNOTATION_PREFIX))
            string_list_take(
                &systemd->properties,
                string_format("%s=%s", entry->key + strlen(ANNOTATION_PREFIX), entry->value));
    }
}

int systemd_plan(struct cgroup *cgroup, const struct cgroup_request *request, struct error *error)
{
    struct cgroup_systemd *systemd = &cgroup->systemd;
    systemd->user = request->rootless;
    take_annotations(systemd, request->spec);
    if (decode_path(systemd, request, error) < 0)
        return -1;
    AUTO_SYSTEMD_BUS struct systemd_bus bus = { 0 };
    if (systemd_bus_open(&bus, systemd->user, error) < 0)
        return -1;
    AUTO_FREE char *base = systemd_bus_control_group(&bus, error);
    if (!base)
        return -1;
    AUTO_FREE char *slice = expand_slice(systemd->slice);
    AUTO_FREE char *path = string_format("%s%s/%s", base, slice, systemd->unit);
    return cgroup_set_path(cgroup, path, error);
}

static const char *const accounting[] = {
    "CPUAccounting",
    "IOAccounting",
    "MemoryAccounting",
    "TasksAccounting",
};

static int append_basics(struct systemd_bus *bus, sd_bus_message *message,
                         const struct cgroup_systemd *systemd, pid_t pid)
{
    AUTO_FREE char *description = string_format("openvirt container %s", systemd->unit);
    int result = bus->message_append(message, "(sv)(sv)(sv)(sv)(sv)(sv)", "Description", "s",
                                     description, "Slice", "s", systemd->slice, "Delegate", "b", 1,
                                     "DefaultDependencies", "b", 0, "CollectMode", "s",
                                     "inactive-or-failed", "PIDs", "au", 1, (uint32_t)pid);
    for (size_t i = 0; i < ARRAY_LENGTH(accounting) && result >= 0; i++)
        result = bus->message_append(message, "(sv)", accounting[i], "b", 1);
    return result;
}

static int append_annotations(struct systemd_bus *bus, sd_bus_message *message,
                              const struct cgroup_systemd *systemd, struct error *error)
{
    for (size_t i = 0; i < systemd->properties.count; i++) {
        AUTO_FREE char *name = string_copy(systemd->properties.items[i]);
        char *value = strchr(name, '=');
        *value = '\0';
        if (systemd_append_annotation(bus, message, name, value + 1, error) < 0)
            return -1;
    }
    return 0;
}

static int append_properties(struct systemd_bus *bus, sd_bus_message *message,
                             const struct cgroup *cgroup, pid_t pid,
                             const struct spec_resources *resources, struct error *error)
{
    int result = append_basics(bus, message, &cgroup->systemd, pid);
    if (result < 0)
        return error_set(error, -result, "describe the scope in a D-Bus message");
    if (systemd_append_limits(bus, message, cgroup, resources, error) < 0)
        return -1;
    if (!cgroup->systemd.user && systemd_append_devices(bus, message, resources, error) < 0)
        return -1;
    return append_annotations(bus, message, &cgroup->systemd, error);
}

/* StartTransientUnit(s name, s mode, a(sv) properties, a(sa(sv)) auxiliary units) */
static int start_scope(struct systemd_bus *bus, const struct cgroup *cgroup, pid_t pid,
                       const struct spec_resources *resources, struct error *error)
{
    const char *method = "StartTransientUnit";
    sd_bus_message *message = systemd_bus_message(bus, method, error);
    if (!message)
        return -1;
    int result = bus->message_append(message, "ss", cgroup->systemd.unit, "replace");
    if (result >= 0)
        result = bus->message_open_container(message, 'a', "(sv)");
    if (result < 0)
        result = error_set(error, -result, "make a D-Bus message for %s", method);
    else
        result = append_properties(bus, message, cgroup, pid, resources, error);
    if (result == 0 && (bus->message_close_container(message) < 0 ||
                        bus->message_append(message, "a(sa(sv))", 0) < 0))
        result = error_set(error, 0, "make a D-Bus message for %s", method);
    if (result == 0)
        result = systemd_bus_run_job(bus, message, method, error);
    bus->message_unref(message);
    return result;
}

static int call_with_unit(struct systemd_bus *bus, const char *method, const char *unit,
                          struct error *error)
{
    sd_bus_message *message = systemd_bus_message(bus, method, error);
    if (!message)
        return -1;
    int result = bus->message_append(message, "s", unit);
    result = result < 0 ? error_set(error, -result, "make a D-Bus message for %s", method)
                        : systemd_bus_call(bus, message, method, error);
    bus->message_unref(message);
    return result;
}

/* A scope of an earlier life may have failed and still be remembered. */
static int start_scope_again(struct systemd_bus *bus, const struct cgroup *cgroup, pid_t pid,
                             const struct spec_resources *resources, struct error *error)
{
    AUTO_ERROR struct error failure = { 0 }, ignored = { 0 };
    if (start_scope(bus, cgroup, pid, resources, &failure) == 0)
        return 0;
    if (failure.code != EEXIST ||
        call_with_unit(bus, "ResetFailedUnit", cgroup->systemd.unit, &ignored) < 0)
        return error_move(error, &failure);
    return start_scope(bus, cgroup, pid, resources, error);
}

/* Where systemd has really put the process: the v2 line, or that of name=systemd. */
static int find_path(struct cgroup *cgroup, pid_t pid, struct error *error)
{
    AUTO_FREE char *file = string_format("/proc/%d/cgroup", pid);
    AUTO_FREE char *text = read_file_at(AT_FDCWD, file, 1 << 20, NULL, error);
    if (!text)
        return -1;
    AUTO_FREE char *path = membership_find(text, "name=systemd");
    if (!path)
        path = membership_find(text, NULL);
    if (!path || !string_ends_with(path, cgroup->systemd.unit))
        return error_set(error, 0, "systemd has left process %d in cgroup %s, not in %s", pid,
                         path ? path : "(none)", cgroup->systemd.unit);
    return cgroup_set_path(cgroup, path, error);
}

/* v1: systemd makes directories only in the hierarchies that it manages; ours are the others. */
static int join_directories(struct cgroup *cgroup, pid_t pid, struct error *error)
{
    for (size_t i = 0; i < cgroup->count; i++) {
        struct cgroup_directory *directory = &cgroup->directories[i];
        if (directory_is_v2(directory)) {
            directory_enable_controllers(directory, NULL);
            directory->present = path_exists_at(AT_FDCWD, directory->path);
        } else if (directory_make_levels(directory, error) < 0) {
            return -1;
        }
    }
    return cgroup->count > 1 ? cgroup_attach_directories(cgroup, pid, error) : 0;
}

int systemd_start(struct cgroup *cgroup, pid_t pid, const struct spec_resources *resources,
                  struct error *error)
{
    AUTO_SYSTEMD_BUS struct systemd_bus bus = { 0 };
    if (systemd_bus_open(&bus, cgroup->systemd.user, error) < 0)
        return -1;
    if (start_scope_again(&bus, cgroup, pid, resources, error) < 0)
        return error_wrap(error, "start %s", cgroup->systemd.unit);
    if (find_path(cgroup, pid, error) < 0 || join_directories(cgroup, pid, error) < 0)
        return -1;
    AUTO_LIMITS struct limit_list limits = { 0 };
    if (limits_collect(cgroup, resources, &limits, error) < 0 || limits_apply(&limits, error) < 0)
        return -1;
    return devices_apply(cgroup, resources, true, error);
}

/* AttachProcessesToUnit(s unit, s subcgroup, au pids) */
int systemd_attach(struct cgroup *cgroup, pid_t pid, const char *below, struct error *error)
{
    const char *method = "AttachProcessesToUnit";
    AUTO_SYSTEMD_BUS struct systemd_bus bus = { 0 };
    if (systemd_bus_open(&bus, cgroup->systemd.user, error) < 0)
        return -1;
    sd_bus_message *message = systemd_bus_message(&bus, method, error);
    if (!message)
        return -1;
    int result = bus.message_append(message, "ssau", cgroup->systemd.unit, below, 1, (uint32_t)pid);
    result = result < 0 ? error_set(error, -result, "make a D-Bus message for %s", method)
                        : systemd_bus_call(&bus, message, method, error);
    bus.message_unref(message);
    return result;
}

/* SetUnitProperties(s name, b runtime, a(sv) properties) */
static int set_properties(struct systemd_bus *bus, sd_bus_message *message,
                          const struct cgroup *cgroup, const struct spec_resources *resources,
                          struct error *error)
{
    int result = bus->message_append(message, "sb", cgroup->systemd.unit, 1);
    if (result >= 0)
        result = bus->message_open_container(message, 'a', "(sv)");
    if (result < 0)
        return error_set(error, -result, "make a D-Bus message for SetUnitProperties");
    if (systemd_append_limits(bus, message, cgroup, resources, error) < 0)
        return -1;
    if (!cgroup->systemd.user && resources->device_rule_count > 0 &&
        systemd_append_devices(bus, message, resources, error) < 0)
        return -1;
    if (bus->message_close_container(message) < 0)
        return error_set(error, 0, "make a D-Bus message for SetUnitProperties");
    return systemd_bus_call(bus, message, "SetUnitProperties", error);
}

int systemd_update(struct cgroup *cgroup, const struct spec_resources *resources,
                   struct error *error)
{
    AUTO_SYSTEMD_BUS struct systemd_bus bus = { 0 };
    if (systemd_bus_open(&bus, cgroup->systemd.user, error) < 0)
        return -1;
    sd_bus_message *message = systemd_bus_message(&bus, "SetUnitProperties", error);
    if (!message)
        return -1;
    int result = set_properties(&bus, message, cgroup, resources, error);
    bus.message_unref(message);
    return result;
}

/* StopUnit would wait for processes that ignore SIGTERM; ours get SIGKILL anyway. */
static void kill_processes(struct cgroup *cgroup)
{
    AUTO_ERROR struct error ignored = { 0 };
    AUTO_FREE pid_t *pids = NULL;
    size_t count = 0;
    if (cgroup_processes(cgroup, &pids, &count, &ignored) == 0 && count > 0)
        cgroup_kill(cgroup, SIGKILL, &ignored);
}

int systemd_stop(struct cgroup *cgroup, struct error *error)
{
    kill_processes(cgroup);
    AUTO_SYSTEMD_BUS struct systemd_bus bus = { 0 };
    if (systemd_bus_open(&bus, cgroup->systemd.user, error) < 0)
        return -1;
    sd_bus_message *message = systemd_bus_message(&bus, "StopUnit", error);
    if (!message)
        return -1;
    AUTO_ERROR struct error failure = { 0 }, ignored = { 0 };
    int result = bus.message_append(message, "ss", cgroup->systemd.unit, "replace");
    result = result < 0 ? error_set(&failure, -result, "make a D-Bus message for StopUnit")
                        : systemd_bus_run_job(&bus, message, "StopUnit", &failure);
    bus.message_unref(message);
    call_with_unit(&bus, "ResetFailedUnit", cgroup->systemd.unit, &ignored);
    if (result < 0 && failure.code != ENOENT)
        return error_move(error, &failure);
    return 0;
}
