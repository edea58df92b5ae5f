// SPDX-License-Identifier: Apache-2.0
/* `mounts` of the configuration: what every container has, volumes, tmpfs. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"
#include "instance/json_build.h"
#include "instance/launch_config.h"

enum { DEFAULT_SHM_BYTES = 64 << 20 };

/* What every container has. Options are as in podman's and docker's defaults. */
static const struct standard_mount {
    const char *destination, *type, *source, *options;
} standard_mounts[] = {
    { "/proc", "proc", "proc", "nosuid,noexec,nodev" },
    { "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k" },
    { "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev" },
    { "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev,relatime,ro" },
};

/* The words that may follow a volume's destination; all are mount options of the specification. */
static const char *const volume_options[] = {
    "ro",      "rw",           "bind",   "rbind",       "private",  "rprivate", "shared",
    "rshared", "slave",        "rslave", "exec",        "noexec",   "suid",     "nosuid",
    "dev",     "nodev",        "atime",  "noatime",     "relatime", "rro",      "idmap",
    "ridmap",  "src-nofollow", "sync",   "nosymfollow",
};

static void add_mount(struct json_object *mounts, const char *destination, const char *type,
                      const char *source, const char *options)
{
    struct json_object *mount = json_object_new_object();
    AUTO_STRINGS char **words = string_split(options, ",");
    json_add_string(mount, "destination", destination);
    json_add_string(mount, "type", type);
    json_add_string(mount, "source", source);
    json_add(mount, "options", json_string_array((const char *const *)words));
    json_object_array_add(mounts, mount);
}

/*
 * A sysfs shows the network namespace that its mounter owns, so one without a network namespace of
 * its own in a user namespace cannot mount it and gets the host's, read-only with all below.
 */
static void add_sys(const struct launch_context *context, struct json_object *mounts)
{
    if (context->host->rootless && context->request->network == LAUNCH_NETWORK_HOST)
        add_mount(mounts, "/sys", "bind", "/sys", "rbind,nosuid,noexec,nodev,rro");
    else
        add_mount(mounts, "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro");
}

/* Whether the id map of a rootless container reaches to group 5, tty: a map of one id does not. */
static bool has_tty_group(const struct launch_context *context, struct json_object *config)
{
    struct json_object *maps =
        json_object_object_get(json_object_object_get(config, "linux"), "gidMappings");
    return !context->host->rootless || json_object_array_length(maps) > 1;
}

static void add_standard(const struct launch_context *context, struct json_object *config,
                         struct json_object *mounts)
{
    const struct spec_i64 *shm = &context->request->shm_size;
    AUTO_FREE char *pts_options =
        string_format("nosuid,noexec,newinstance,ptmxmode=0666,mode=0620%s",
                      has_tty_group(context, config) ? ",gid=5" : "");
    AUTO_FREE char *shm_options = string_format("nosuid,noexec,nodev,mode=1777,size=%" PRId64,
                                                shm->set ? shm->value : (int64_t)DEFAULT_SHM_BYTES);
    add_sys(context, mounts);
    for (size_t i = 0; i < ARRAY_LENGTH(standard_mounts); i++)
        add_mount(mounts, standard_mounts[i].destination, standard_mounts[i].type,
                  standard_mounts[i].source, standard_mounts[i].options);
    add_mount(mounts, "/dev/pts", "devpts", "devpts", pts_options);
    add_mount(mounts, "/dev/shm", "tmpfs", "shm", shm_options);
}

/* Names resolve as on the host where the network is the host's. */
static void add_name_files(const struct launch_context *context, struct json_object *mounts)
{
    static const char *const files[] = { "hosts", "hostname" };
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        AUTO_FREE char *source = string_format("%s/%s", context->storage, files[i]);
        AUTO_FREE char *destination = string_format("/etc/%s", files[i]);
        add_mount(mounts, destination, "bind", source, "bind,rprivate,nosuid,nodev,noexec");
    }
    if (context->request->network == LAUNCH_NETWORK_HOST &&
        path_exists_at(AT_FDCWD, "/etc/resolv.conf"))
        add_mount(mounts, "/etc/resolv.conf", "bind", "/etc/resolv.conf",
                  "bind,rprivate,ro,nosuid,nodev,noexec");
}

static bool is_volume_option(const char *word)
{
    for (size_t i = 0; i < ARRAY_LENGTH(volume_options); i++)
        if (string_equal(volume_options[i], word))
            return true;
    return false;
}

static int check_volume_options(const char *volume, const char *options, struct error *error)
{
    AUTO_STRINGS char **words = string_split(options, ",");
    for (char **word = words; *word; word++)
        if (!is_volume_option(*word))
            return error_set(error, 0, "--volume %s: unknown option \"%s\"", volume, *word);
    return 0;
}

/* HOST:CONTAINER[:OPTIONS]; a colon in a path cannot be written, as in podman and docker. */
static int add_volume(struct json_object *mounts, const char *volume, struct error *error)
{
    AUTO_FREE char *host = string_copy(volume);
    char *container = strchr(host, ':');
    if (container)
        *container++ = '\0';
    char *options = container ? strchr(container, ':') : NULL;
    if (options)
        *options++ = '\0';
    if (!container || !*host || container[0] != '/' || !container[1])
        return error_set(
            error, 0,
            "--volume: \"%s\" is not HOST:CONTAINER[:OPTIONS], with an absolute path CONTAINER",
            volume);
    if (!strchr(host, '/') && !string_equal(host, ".") && !string_equal(host, ".."))
        return error_set(error, 0,
                         "--volume %s: there are no named volumes: write ./%s for the directory",
                         volume, host);
    if (check_volume_options(volume, options ? options : "", error) < 0)
        return -1;
    AUTO_FREE char *source = realpath(host, NULL);
    if (!source)
        return error_set(error, errno, "--volume %s: %s", volume, host);
    AUTO_FREE char *all_options =
        string_format("rbind,rprivate,nosuid,nodev,%s", options ? options : "rw");
    add_mount(mounts, container, "bind", source, all_options);
    return 0;
}

/* CONTAINER[:OPTIONS] */
static int add_tmpfs(struct json_object *mounts, const char *word, struct error *error)
{
    AUTO_FREE char *path = string_copy(word);
    char *options = strchr(path, ':');
    if (options)
        *options++ = '\0';
    if (path[0] != '/' || !path[1])
        return error_set(error, 0, "--tmpfs: \"%s\" is not an absolute path", path);
    AUTO_FREE char *all_options =
        string_format("nosuid,nodev,noexec,%s", options ? options : "mode=1777");
    add_mount(mounts, path, "tmpfs", "tmpfs", all_options);
    return 0;
}

int launch_config_mounts(const struct launch_context *context, struct json_object *config,
                         struct error *error)
{
    const struct launch_request *request = context->request;
    struct json_object *mounts = json_object_new_array();
    json_add(config, "mounts", mounts);
    if (!launch_is_vm(request)) {
        add_standard(context, config, mounts);
        add_name_files(context, mounts);
    }
    for (size_t i = 0; request->tmpfs && i < request->tmpfs->count; i++)
        if (add_tmpfs(mounts, request->tmpfs->items[i], error) < 0)
            return -1;
    for (size_t i = 0; request->volumes && i < request->volumes->count; i++)
        if (add_volume(mounts, request->volumes->items[i], error) < 0)
            return -1;
    return 0;
}
