// SPDX-License-Identifier: Apache-2.0
#include "instance/create.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/number.h"
#include "base/socket.h"
#include "base/string.h"
#include "container/hooks.h"
#include "container/preflight.h"
#include "instance/destroy.h"
#include "instance/process_state.h"
#include "instance/state.h"
#include "instance/state_directory.h"
#include "spec/decode.h"

static char *now_text(void)
{
    struct timespec now;
    struct tm utc;
    char text[40];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t length = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + length, sizeof(text) - length, ".%09ldZ", now.tv_nsec);
    return string_copy(text);
}

static void log_problems(const struct host *host, const struct spec_problems *problems)
{
    for (size_t i = 0; i < problems->warning_count; i++)
        log_warning(&host->log, "config.json: %s: %s", problems->warnings[i].path,
                    problems->warnings[i].message);
}

static char *absolute_bundle(const char *bundle, struct error *error)
{
    char *path = realpath(bundle ? bundle : ".", NULL);
    if (!path)
        error_set(error, errno, "open bundle %s", bundle);
    return path;
}

static struct spec *load_spec(const struct host *host, const char *bundle, const char *config,
                              struct error *error)
{
    AUTO_PROBLEMS struct spec_problems problems = { 0 };
    AUTO_CLOSE int bundle_fd = open(bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (bundle_fd < 0) {
        error_set(error, errno, "open bundle %s", bundle);
        return NULL;
    }
    struct spec *spec = spec_load(bundle_fd, config ? config : "config.json", &problems, error);
    log_problems(host, &problems);
    return spec;
}

static char *absolute_root(const struct spec *spec, const char *bundle, struct error *error)
{
    if (!spec->root_path) {
        error_set(error, 0, "root.path is missing: a container needs a root file system");
        return NULL;
    }
    AUTO_FREE char *joined = spec->root_path[0] == '/'
                                 ? string_copy(spec->root_path)
                                 : string_format("%s/%s", bundle, spec->root_path);
    char *path = realpath(joined, NULL);
    struct stat status;
    if (path && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return path;
    error_set(error, path ? ENOTDIR : errno, "root.path: open root file system %s", joined);
    free(path);
    return NULL;
}

/* A console socket goes with process.terminal and with nothing else. */
static int check_terminal(const struct instance_build *build, bool has_console, struct error *error)
{
    bool wanted = build->spec->process && build->spec->process->terminal;
    if (wanted && !has_console)
        return error_set(error, 0,
                         "process.terminal is true: --console-socket is needed to hand "
                         "the terminal over");
    if (!wanted && build->request->console_socket)
        return error_set(error, 0, "--console-socket is given, but process.terminal is not true");
    return 0;
}

static int plan_cgroup(struct instance_build *build, struct error *error)
{
    const struct host *host = build->host;
    if (host->cgroup_manager == CGROUP_MANAGER_DISABLED)
        return 0;
    struct cgroup_request request = {
        .container_id = build->request->id,
        .spec = build->spec,
        .manager = host->cgroup_manager,
        .rootless = host->rootless,
        .log = &host->log,
    };
    return cgroup_plan(&request, &build->instance->cgroup, error);
}

static struct instance *new_instance(const struct instance_build *build, char *bundle, char *root)
{
    const struct instance_create_request *request = build->request;
    struct instance *instance = allocate(1, sizeof(*instance));
    struct json_object *annotations;
    instance->id = string_copy(request->id);
    instance->technique = string_copy(build->technique->name);
    instance->bundle = bundle;
    instance->rootfs = root;
    instance->oci_version = string_copy(build->spec->oci_version);
    instance->created = now_text();
    instance->owner = geteuid();
    instance->image = request->image ? string_copy(request->image) : NULL;
    instance->storage = request->storage ? string_copy(request->storage) : NULL;
    instance->remove_when_stopped = request->remove_when_stopped;
    if (json_object_object_get_ex(build->spec->document, "annotations", &annotations))
        instance->annotations = json_object_get(annotations);
    return instance;
}

/* decode: all that can be wrong is found here, and nothing has been made yet. */
static int decode_request(struct instance_build *build, bool has_console, struct error *error)
{
    const struct instance_create_request *request = build->request;
    if (!instance_id_is_valid(request->id))
        return error_set(error, 0,
                         "\"%s\" is not a valid instance id: 1 to 128 letters, digits and _ + . -",
                         request->id);
    if (handed_fds_find(request->preserve_fds, &build->handed_fds, error) < 0)
        return -1;
    if (state_directory_exists(build->host, request->id))
        return state_directory_id_in_use(request->id, error);
    build->technique = technique_find(request->technique ? request->technique : "container", error);
    if (!build->technique)
        return -1;
    AUTO_FREE char *bundle = absolute_bundle(request->bundle, error);
    if (!bundle)
        return -1;
    build->spec = load_spec(build->host, bundle, request->config, error);
    if (!build->spec)
        return -1;
    AUTO_FREE char *root = absolute_root(build->spec, bundle, error);
    if (!root || check_terminal(build, has_console, error) < 0 ||
        preflight_check(build->spec, &build->host->log, error) < 0)
        return -1;
    build->instance = new_instance(build, take_pointer(bundle), take_pointer(root));
    return plan_cgroup(build, error);
}

/*
 * Taking back what was made wants descriptors too, and not to have any left is a reason to take it
 * back: so those are held from before anything is made. The child inherits them and keeps them up
 * to its exec: they must be nobody's (a copy of our stderr would keep a caller waiting for its
 * end).
 */
static int keep_reserve(struct instance_build *build, struct error *error)
{
    for (size_t i = 0; i < INSTANCE_RESERVE_FDS; i++) {
        build->reserve_fds[i] = eventfd(0, EFD_CLOEXEC);
        if (build->reserve_fds[i] < 0)
            return error_set(error, errno, "keep file descriptors for the case of an error");
    }
    return 0;
}

static void give_reserve_up(struct instance_build *build)
{
    for (size_t i = 0; i < INSTANCE_RESERVE_FDS; i++) {
        if (build->reserve_fds[i] > 0)
            close(build->reserve_fds[i]);
        build->reserve_fds[i] = 0;
    }
}

/* The record of what is about to be made comes before any of it. */
static int make_state_directory(struct instance_build *build, struct error *error)
{
    build->state_directory_fd = state_directory_make(build->host, build->request->id, error);
    if (build->state_directory_fd < 0)
        return -1;
    if (getenv("NOTIFY_SOCKET") && mkdirat(build->state_directory_fd, "notify", 0755) < 0)
        return error_set(error, errno, "create the directory of the notify socket");
    AUTO_FREE char *config = json_text(build->spec->document);
    if (replace_file_at(build->state_directory_fd, "config.json", config, strlen(config), 0600,
                        true, error) < 0)
        return error_wrap(error, "keep config.json in the state directory");
    return state_directory_record(build->state_directory_fd, build->instance, error);
}

int instance_record_pid(const struct technique_create *create, pid_t pid, struct error *error)
{
    char state;
    create->instance->pid = pid;
    if (process_state_read(pid, &create->instance->pid_start_time, &state) < 0)
        return error_set(error, ESRCH, "look at the instance's process");
    return state_directory_record(create->state_directory_fd, create->instance, error);
}

static int record_pid(void *context, pid_t pid, struct error *error)
{
    return instance_record_pid(context, pid, error);
}

static char *hook_state(void *context, pid_t pid, const char *status)
{
    const struct technique_create *create = context;
    if (pid)
        create->instance->pid = pid;
    return instance_state_text(create->instance, status);
}

int instance_create_container(const struct technique_create *create, struct container_child *child,
                              struct error *error)
{
    const struct instance_create_request *request = create->request;
    AUTO_FREE char *directory = state_directory_path(create->host, request->id);
    AUTO_FREE char *seccomp_cache = state_directory_seccomp_cache(create->host);
    struct container_request container = {
        .id = request->id,
        .bundle = create->instance->bundle,
        .root = create->instance->rootfs,
        .overlay = request->overlay,
        .spec = create->spec,
        .cgroup = create->instance->cgroup,
        .state_directory_fd = create->state_directory_fd,
        .state_directory = directory,
        .seccomp_cache = seccomp_cache,
        .console_socket_fd = create->console_socket_fd,
        .preserve_fds = create->handed_fds.preserve,
        .listen_fds = create->handed_fds.listen,
        .no_pivot = request->no_pivot,
        .new_keyring = !request->no_new_keyring,
        .notify_socket = getenv("NOTIFY_SOCKET") != NULL,
        .start_at_once = create->start_at_once,
        .log = &create->host->log,
        .created = record_pid,
        .state = hook_state,
        .context = (void *)create,
    };
    int result = container_create(&container, child, error);
    if (child->resctrl_made) {
        const char *clos_id = create->spec->intel_rdt->clos_id;
        create->instance->resctrl_group = string_copy(clos_id ? clos_id : request->id);
    }
    return result;
}

static int invoke(struct instance_build *build, bool start_at_once, int console_socket_fd,
                  struct error *error)
{
    struct technique_create create = {
        .host = build->host,
        .request = build->request,
        .instance = build->instance,
        .spec = build->spec,
        .state_directory_fd = build->state_directory_fd,
        .start_at_once = start_at_once,
        .console_socket_fd = console_socket_fd,
        .handed_fds = build->handed_fds,
    };
    if (build->technique->create(&create, &build->child, error) < 0)
        return -1;
    if (build->instance->resctrl_group &&
        state_directory_record(build->state_directory_fd, build->instance, error) < 0)
        return -1;
    if (build->request->pid_file &&
        instance_write_pid_file(build->request->pid_file, build->child.pid, error) < 0)
        return -1;
    if (build->request->pidfd_socket)
        return instance_send_pidfd(build->request->pidfd_socket, build->child.pidfd, error);
    return 0;
}

int instance_build(struct instance_build *build, bool start_at_once, int console_socket_fd,
                   struct error *error)
{
    if (decode_request(build, console_socket_fd >= 0, error) < 0 ||
        keep_reserve(build, error) < 0) {
        instance_build_close(build);
        return -1;
    }
    if (make_state_directory(build, error) < 0 ||
        invoke(build, start_at_once, console_socket_fd, error) < 0) {
        instance_build_abandon(build);
        return -1;
    }
    return 0;
}

void instance_build_close(struct instance_build *build)
{
    give_reserve_up(build);
    container_child_close(&build->child);
    cleanup_close(&build->state_directory_fd);
    build->state_directory_fd = -1;
    spec_free(build->spec);
    instance_free(build->instance);
    build->spec = NULL;
    build->instance = NULL;
}

void instance_build_abandon(struct instance_build *build)
{
    AUTO_ERROR struct error error = { 0 };
    give_reserve_up(build);
    container_child_abandon(&build->child);
    if (build->state_directory_fd >= 0 &&
        instance_destroy(build->host, build->instance, build->spec, &error) < 0)
        log_warning(&build->host->log, "%s", error.message);
    instance_build_close(build);
}

int instance_write_pid_file(const char *path, pid_t pid, struct error *error)
{
    AUTO_FREE char *for_directory = string_copy(path), *for_name = string_copy(path);
    AUTO_CLOSE int directory = open(dirname(for_directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return error_set(error, errno, "write pid file %s", path);
    char text[16];
    int length = snprintf(text, sizeof(text), "%d", pid);
    if (replace_file_at(directory, basename(for_name), text, (size_t)length, 0644, false, error) <
        0)
        return error_wrap(error, "write pid file %s", path);
    return 0;
}

int instance_send_pidfd(const char *socket_path, int pidfd, struct error *error)
{
    AUTO_CLOSE int socket_fd = socket_connect(socket_path, error);
    if (socket_fd < 0 || socket_send_fds(socket_fd, "pidfd", 5, &pidfd, 1, error) < 0)
        return error_wrap(error, "--pidfd-socket %s", socket_path);
    return 0;
}

int instance_create(const struct host *host, const struct instance_create_request *request,
                    struct error *error)
{
    AUTO_CLOSE int console_socket_fd = -1;
    if (request->console_socket) {
        console_socket_fd = socket_connect(request->console_socket, error);
        if (console_socket_fd < 0)
            return error_wrap(error, "--console-socket");
    }
    struct instance_build build = { .host = host,
                                    .request = request,
                                    .state_directory_fd = -1,
                                    .child = { .pidfd = -1, .gate_fd = -1 } };
    if (instance_build(&build, false, console_socket_fd, error) < 0)
        return error_wrap(error, "create %s", request->id);
    instance_build_close(&build);
    return 0;
}
