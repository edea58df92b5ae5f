// SPDX-License-Identifier: Apache-2.0
#include "instance/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "container/sealed.h"
#include "image/image.h"
#include "instance/launch_config.h"
#include "instance/monitor.h"
#include "instance/storage.h"

/* Everything between the words and the run. */
struct launch {
    const struct host *host;
    const struct launch_request *request;
    struct image *image;
    struct launch_context context;
    char *name, *storage_path;
    struct json_object *config;
    struct storage storage;
    struct storage_record record;
};

static void launch_release(struct launch *launch)
{
    image_free(launch->image);
    string_list_free(&launch->context.command);
    identity_free(&launch->context.identity);
    boot_files_clear(&launch->context.boot_files);
    free(launch->name);
    free(launch->storage_path);
    json_object_put(launch->config);
    storage_close(&launch->storage);
    storage_record_free(&launch->record);
}

#define AUTO_LAUNCH __attribute__((cleanup(launch_release)))

/* 48 random bits: nobody meets the same twice. */
static char *made_up_name(struct error *error)
{
    unsigned char bytes[6];
    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
        error_set(error, errno, "make up a name");
        return NULL;
    }
    return string_format("%02x%02x%02x%02x%02x%02x", bytes[0], bytes[1], bytes[2], bytes[3],
                         bytes[4], bytes[5]);
}

static void close_all(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

/* The user's name is looked up in the root file system, layer by layer. */
static int find_identity(struct launch *launch, struct error *error)
{
    const struct image *image = launch->image;
    const char *words = launch->request->user ? launch->request->user : image->config.user;
    size_t wanted = image->directory ? 1 : image->layers.count, count = 0;
    AUTO_FREE int *fds = allocate(wanted, sizeof(int));
    for (; count < wanted; count++) {
        const char *path = image->directory ? image->directory : image->layers.items[count];
        fds[count] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fds[count] < 0) {
            close_all(fds, count);
            return error_set(error, errno, "open %s", path);
        }
    }
    int result = identity_resolve(fds, count, words, &launch->context.identity, error);
    close_all(fds, count);
    return result;
}

/* decode: from the words to a configuration; nothing has been made yet but the image. */
static int decode(struct launch *launch, struct error *error)
{
    const struct launch_request *request = launch->request;
    launch->name = request->name ? string_copy(request->name) : made_up_name(error);
    if (!launch->name || (launch_is_vm(request) && launch_check_vm(request, error) < 0) ||
        image_resolve(request->image, &launch->host->log, &launch->image, error) < 0)
        return -1;
    launch->storage_path = storage_path(launch->host, launch->name, error);
    if (!launch->storage_path)
        return -1;
    launch->context.host = launch->host;
    launch->context.request = request;
    launch->context.image = launch->image;
    launch->context.name = launch->name;
    launch->context.storage = launch->storage_path;
    if (launch_command(request, launch->image, &launch->context.command, error) < 0 ||
        find_identity(launch, error) < 0 ||
        (launch_is_vm(request) && launch_boot_files(&launch->context, error) < 0))
        return -1;
    launch->config = launch_config(&launch->context, error);
    return launch->config ? 0 : -1;
}

static void fill_record(struct launch *launch)
{
    const struct launch_request *request = launch->request;
    const char *of_image = launch->image->config.stop_signal;
    const char *stop_signal = request->stop_signal ? request->stop_signal : of_image;
    launch->record = (struct storage_record){
        .image = string_copy(request->image),
        .technique = request->technique ? string_copy(request->technique) : NULL,
        .state_root = string_copy(launch->host->state_root),
        .created = time_text_now(),
        .stop_signal = stop_signal && *stop_signal ? string_copy(stop_signal) : NULL,
        .remove_when_stopped = request->remove_when_stopped,
        .log_size = request->log_size,
    };
    for (size_t i = 0; i < launch->context.command.count; i++)
        string_list_add(&launch->record.words, launch->context.command.items[i]);
    for (size_t i = 0; !launch->image->directory && i < launch->image->layers.count; i++)
        string_list_add(&launch->record.layers, launch->image->layers.items[i]);
}

static int put_file(const struct launch *launch, const char *name, mode_t mode, const char *text,
                    struct error *error)
{
    AUTO_CLOSE int fd = openat(launch->storage.directory_fd, name,
                               O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0 || write_all(fd, text, strlen(text)) < 0 || fchmod(fd, mode) < 0)
        return error_set(error, errno, "write %s/%s", launch->storage.path, name);
    return 0;
}

/* The overlay's root is as its upper directory: it takes after the topmost layer's. */
static int make_upper(const struct launch *launch, struct error *error)
{
    struct stat status;
    int directory = launch->storage.directory_fd;
    const char *layer = launch->image->layers.items[0];
    if (stat(layer, &status) < 0)
        return error_set(error, errno, "open %s", layer);
    if (mkdirat(directory, "upper", 0755) < 0 || mkdirat(directory, "work", 0700) < 0 ||
        mkdirat(directory, "rootfs", 0700) < 0 ||
        fchmodat(directory, "upper", status.st_mode & 07777, 0) < 0)
        return error_set(error, errno, "make the directories of %s", launch->storage.path);
    if (geteuid() == 0 &&
        fchownat(directory, "upper", status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
        return error_set(error, errno, "make %s/upper", launch->storage.path);
    return 0;
}

static int fill_storage(struct launch *launch, struct error *error)
{
    const char *hostname = launch->request->hostname ? launch->request->hostname : launch->name;
    AUTO_FREE char *config = json_text(launch->config);
    AUTO_FREE char *hostname_line = string_format("%s\n", hostname);
    AUTO_FREE char *hosts = string_format("127.0.0.1\tlocalhost %s\n"
                                          "::1\tlocalhost ip6-localhost ip6-loopback %s\n",
                                          hostname, hostname);
    if (put_file(launch, "config.json", 0600, config, error) < 0 ||
        put_file(launch, "hostname", 0644, hostname_line, error) < 0 ||
        put_file(launch, "hosts", 0644, hosts, error) < 0)
        return -1;
    if (launch_is_vm(launch->request) && !launch->image->directory &&
        mkdirat(launch->storage.directory_fd, "rootfs", 0700) < 0)
        return error_set(error, errno, "make %s/rootfs", launch->storage.path);
    if (!launch_is_vm(launch->request) && !launch->image->directory &&
        make_upper(launch, error) < 0)
        return -1;
    fill_record(launch);
    return storage_write_record(&launch->storage, &launch->record, error);
}

/* Where the layers and the instance's own directories are. */
struct overlay_paths {
    struct rootfs_overlay overlay;
    char *upper, *work;
};

static void overlay_paths_release(struct overlay_paths *paths)
{
    free(paths->upper);
    free(paths->work);
}

static struct overlay_paths overlay_of(const struct storage *storage,
                                       const struct storage_record *record)
{
    struct overlay_paths paths = { .upper = string_format("%s/upper", storage->path),
                                   .work = string_format("%s/work", storage->path) };
    paths.overlay = (struct rootfs_overlay){
        .lower_directories = (const char *const *)record->layers.items,
        .upper_directory = paths.upper,
        .work_directory = paths.work,
    };
    return paths;
}

static struct instance_create_request create_request(const struct storage *storage,
                                                     const struct storage_record *record,
                                                     const struct rootfs_overlay *overlay)
{
    return (struct instance_create_request){
        .id = storage->name,
        .bundle = storage->path,
        .overlay = record->layers.count ? overlay : NULL,
        .technique = record->technique,
        .image = record->image,
        .storage = storage->path,
        .remove_when_stopped = record->remove_when_stopped,
    };
}

static int close_input(struct error *error)
{
    AUTO_CLOSE int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
        return error_set(error, errno, "open /dev/null");
    return 0;
}

static int run_in_foreground(struct launch *launch, struct instance_create_request *request,
                             struct error *error)
{
    request->foreground_terminal = launch->request->terminal;
    AUTO_RUN struct storage_run run = { .keeper = getpid(), .started = time_text_now() };
    if (storage_write_run(&launch->storage, &run, error) < 0 ||
        (!launch->request->interactive && close_input(error) < 0))
        return -1;
    int status = instance_run(launch->host, request, error);
    if (status < 0)
        return -1;
    run.exit_status = status;
    run.finished = time_text_now();
    AUTO_ERROR struct error late = { 0 };
    int result = launch->request->remove_when_stopped
                     ? storage_remove(&launch->storage, &late)
                     : storage_write_run(&launch->storage, &run, &late);
    if (result < 0) /* the command's own status is worth more than ours */
        log_warning(&launch->host->log, "%s", late.message);
    return status;
}

static int run_in_background(struct launch *launch, const struct instance_create_request *request,
                             struct error *error)
{
    if (monitor_start(launch->host, request, &launch->storage, &launch->record,
                      launch->request->terminal, error) < 0)
        return -1;
    printf("%s\n", launch->name);
    return 0;
}

static int invoke(struct launch *launch, struct error *error)
{
    __attribute__((cleanup(overlay_paths_release))) struct overlay_paths paths =
        overlay_of(&launch->storage, &launch->record);
    struct instance_create_request request =
        create_request(&launch->storage, &launch->record, &paths.overlay);
    return launch->request->detach ? run_in_background(launch, &request, error)
                                   : run_in_foreground(launch, &request, error);
}

int launch_run(const struct host *host, const struct launch_request *request, struct error *error)
{
    AUTO_LAUNCH struct launch launch = { .host = host,
                                         .request = request,
                                         .storage = STORAGE_CLOSED };
    if (decode(&launch, error) < 0 || storage_create(host, launch.name, &launch.storage, error) < 0)
        return -1;
    int status = fill_storage(&launch, error) < 0 ? -1 : invoke(&launch, error);
    if (status >= 0)
        return status;
    /* What never ran leaves nothing. */
    AUTO_ERROR struct error ignored = { 0 };
    storage_remove(&launch.storage, &ignored);
    return -1;
}

static bool wants_terminal(const struct storage *storage)
{
    AUTO_ERROR struct error ignored = { 0 };
    AUTO_JSON struct json_object *config =
        json_parse_file(storage->directory_fd, "config.json", &ignored);
    struct json_object *process = config ? json_object_object_get(config, "process") : NULL;
    return process && json_object_get_boolean(json_object_object_get(process, "terminal"));
}

static int restart(const struct host *host, struct storage *storage, struct error *error)
{
    AUTO_RECORD struct storage_record record = { 0 };
    if (storage_lock(storage, error) < 0)
        return error->code == EBUSY ? error_set(error, 0, "it is running") : -1;
    if (storage_read_record(storage, &record, error) < 0 ||
        instance_delete(host, storage->name, true, error) < 0)
        return -1;
    __attribute__((cleanup(overlay_paths_release))) struct overlay_paths paths =
        overlay_of(storage, &record);
    struct instance_create_request request = create_request(storage, &record, &paths.overlay);
    return monitor_start(host, &request, storage, &record, wants_terminal(storage), error);
}

int launch_start(const struct host *host, const char *name, struct error *error)
{
    AUTO_STORAGE struct storage storage = STORAGE_CLOSED;
    AUTO_INSTANCE struct instance *instance = instance_load(host, name, error);
    if (!instance && error->code != ENOENT)
        return -1;
    if (instance && (instance->status != INSTANCE_STOPPED || !instance->storage)) {
        error_clear(error);
        return instance_start(host, name, error);
    }
    error_clear(error);
    if (sealed_copy_begin_again(error) < 0 || storage_open(host, name, &storage, error) < 0)
        return -1;
    if (restart(host, &storage, error) < 0)
        return error_wrap(error, "start %s", name);
    return 0;
}
