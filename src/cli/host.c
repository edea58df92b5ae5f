// SPDX-License-Identifier: Apache-2.0
#include "cli/host.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/string.h"

#define MEMBER(name) offsetof(struct global_options, name)

static const char *const log_formats[] = { "text", "json", NULL };
static const char *const cgroup_managers[] = { "cgroupfs", "systemd", "disabled", NULL };
static const char *const rootless_choices[] = { "auto", "true", "false", NULL };

static const struct option_definition global_options[] = {
    { 0, "root", "DIR", OPTION_STRING, MEMBER(root),
      "state directory (default: /run/openvirt, or $XDG_RUNTIME_DIR/openvirt)" },
    { 0, "storage", "DIR", OPTION_STRING, MEMBER(storage),
      "where `run` keeps instances (default: /var/lib/openvirt/instances, or "
      "$XDG_DATA_HOME/openvirt/instances)" },
    { 0, "log", "TARGET", OPTION_STRING, MEMBER(log),
      "log to FILE, file:FILE, journald:TAG or syslog:TAG (default: standard error)" },
    { 0, "log-format", "FORMAT", OPTION_CHOICE, MEMBER(log_format), "text or json",
      .choices = log_formats },
    { 0, "log-level", "LEVEL", OPTION_STRING, MEMBER(log_level),
      "error, warning, info or debug (default: warning)" },
    { 0, "debug", NULL, OPTION_FLAG, MEMBER(debug), "the same as --log-level debug" },
    { 0, "systemd-cgroup", NULL, OPTION_FLAG, MEMBER(systemd_cgroup),
      "the same as --cgroup-manager systemd" },
    { 0, "cgroup-manager", "MANAGER", OPTION_CHOICE, MEMBER(cgroup_manager),
      "cgroupfs, systemd or disabled (default: cgroupfs)", .choices = cgroup_managers },
    { 0, "rootless", "BOOL", OPTION_CHOICE, MEMBER(rootless),
      "do without privileges: true, false or auto (default: auto)", .choices = rootless_choices },
    { 'v', "version", NULL, OPTION_FLAG, MEMBER(version), "show the version" },
    { 0 },
};

const struct option_group global_option_groups[] = {
    { "Options", global_options, 0 },
    { .options = NULL },
};

/* Names of the levels, those of other runtimes (logrus) included. */
static const struct {
    const char *name;
    enum log_level level;
} log_levels[] = {
    { "error", LOG_LEVEL_ERROR }, { "warning", LOG_LEVEL_WARNING }, { "info", LOG_LEVEL_INFO },
    { "debug", LOG_LEVEL_DEBUG }, { "warn", LOG_LEVEL_WARNING },    { "fatal", LOG_LEVEL_ERROR },
    { "panic", LOG_LEVEL_ERROR }, { "trace", LOG_LEVEL_DEBUG },
};

static int set_log_level(struct log *log, const char *name, struct error *error)
{
    for (size_t i = 0; i < ARRAY_LENGTH(log_levels); i++)
        if (string_equal(log_levels[i].name, name)) {
            log->level = log_levels[i].level;
            return 0;
        }
    return error_set(error, 0, "--log-level: \"%s\" is none of error, warning, info, debug", name);
}

int host_open_log(struct host *host, const struct global_options *options, struct error *error)
{
    host->log = LOG_TO_STDERR;
    host->log.format = options->log_format == 2 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
    if (options->log_level && set_log_level(&host->log, options->log_level, error) < 0)
        return -1;
    if (options->debug)
        host->log.level = LOG_LEVEL_DEBUG;
    return options->log ? log_open(&host->log, options->log, error) : 0;
}

/*
 * The first line of uid_map maps every id to itself only in the initial user namespace
 * (user_namespaces(7)); podman calls us as root of another one.
 */
static bool in_initial_user_namespace(void)
{
    unsigned int first, host_first, count;
    AUTO_FCLOSE FILE *map = fopen("/proc/self/uid_map", "re");
    if (!map || fscanf(map, "%u %u %u", &first, &host_first, &count) != 3)
        return true;
    return first == 0 && host_first == 0 && count == UINT32_MAX;
}

/* A directory that others can write into must not have been prepared for us by them. */
static int check_private_directory(const char *path, struct error *error)
{
    struct stat status;
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return error_set(error, errno, "make state directory %s", path);
    if (lstat(path, &status) < 0)
        return error_set(error, errno, "state directory %s", path);
    if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 077))
        return error_set(error, 0,
                         "state directory %s is not a directory that only we can read: remove it, "
                         "or set XDG_RUNTIME_DIR or --root",
                         path);
    return 0;
}

/* Without XDG_RUNTIME_DIR: /run/user/UID where a login made it, else a directory in /tmp. */
static char *fallback_state_root(struct error *error)
{
    struct stat status;
    AUTO_FREE char *runtime = string_format("/run/user/%u", getuid());
    if (lstat(runtime, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid())
        return string_format("%s/openvirt", runtime);
    AUTO_FREE char *path = string_format("/tmp/openvirt-%u", getuid());
    return check_private_directory(path, error) < 0 ? NULL : take_pointer(path);
}

static char *absolute_path(const char *path, struct error *error)
{
    if (path[0] == '/')
        return string_copy(path);
    AUTO_FREE char *directory = getcwd(NULL, 0);
    if (!directory) {
        error_set(error, errno, "working directory");
        return NULL;
    }
    return string_format("%s/%s", directory, path);
}

static char *state_root(const struct global_options *options, bool privileged, struct error *error)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (options->root && !*options->root) {
        error_set(error, 0, "--root: the path is empty");
        return NULL;
    }
    if (options->root)
        return absolute_path(options->root, error);
    if (privileged)
        return string_copy("/run/openvirt");
    if (runtime && runtime[0] == '/')
        return string_format("%s/openvirt", runtime);
    return fallback_state_root(error);
}

int host_open(struct host *host, const struct global_options *options, struct error *error)
{
    static const enum cgroup_manager managers[] = {
        CGROUP_MANAGER_CGROUPFS, /* not given */
        CGROUP_MANAGER_CGROUPFS,
        CGROUP_MANAGER_SYSTEMD,
        CGROUP_MANAGER_DISABLED,
    };
    bool privileged = geteuid() == 0 && in_initial_user_namespace();
    host->rootless = options->rootless > 1 ? options->rootless == 2 : !privileged;
    host->cgroup_manager = managers[options->cgroup_manager];
    if (options->systemd_cgroup && !options->cgroup_manager)
        host->cgroup_manager = CGROUP_MANAGER_SYSTEMD;
    host->state_root = state_root(options, privileged, error);
    if (!host->state_root)
        return -1;
    if (options->storage)
        host->storage_root = absolute_path(options->storage, error);
    return options->storage && !host->storage_root ? -1 : 0;
}

void host_close(struct host *host)
{
    free((char *)host->state_root);
    free((char *)host->storage_root);
    host->state_root = host->storage_root = NULL;
    log_close(&host->log);
}
