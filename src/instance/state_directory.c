// SPDX-License-Identifier: Apache-2.0
#include "instance/state_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/string.h"
#include "instance/record.h"
#include "instance/storage.h"
#include "spec/decode.h"

char *state_directory_path(const struct host *host, const char *id)
{
    return string_format("%s/%s", host->state_root, id);
}

char *state_directory_seccomp_cache(const struct host *host)
{
    return string_format("%s/@seccomp", host->state_root);
}

bool state_directory_exists(const struct host *host, const char *id)
{
    AUTO_FREE char *path = state_directory_path(host, id);
    return path_exists_at(AT_FDCWD, path);
}

int state_directory_id_in_use(const char *id, struct error *error)
{
    return error_set_code(error, EEXIST,
                          "instance %s exists already; choose another name or delete it first", id);
}

int state_directory_make(const struct host *host, const char *id, struct error *error)
{
    if (make_directories(host->state_root, 0700, error) < 0)
        return -1;
    AUTO_FREE char *path = state_directory_path(host, id);
    if (mkdir(path, 0700) < 0) {
        if (errno != EEXIST)
            return error_set(error, errno, "create state directory %s", path);
        return state_directory_id_in_use(id, error);
    }
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX) == 0)
        return take_fd(&fd);
    error_set(error, errno, "open state directory %s", path);
    rmdir(path);
    return -1;
}

int state_directory_open(const struct host *host, const char *id, struct error *error)
{
    if (!instance_id_is_valid(id))
        return error_set(error, 0, "\"%s\" is not a valid instance id", id);
    AUTO_FREE char *path = state_directory_path(host, id);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    if (errno != ENOENT)
        return error_set(error, errno, "open state directory %s", path);
    if (storage_exists(host, id))
        return error_set_code(error, ENOENT,
                              "instance %s is not running (`openvirt start %s` starts it)", id, id);
    return error_set_code(error, ENOENT, "instance %s does not exist", id);
}

bool state_directory_is_locked(int state_directory_fd)
{
    if (flock(state_directory_fd, LOCK_SH | LOCK_NB) < 0)
        return errno == EWOULDBLOCK;
    flock(state_directory_fd, LOCK_UN);
    return false;
}

void state_directory_unlock(int state_directory_fd)
{
    flock(state_directory_fd, LOCK_UN);
}

int state_directory_record(int state_directory_fd, const struct instance *instance,
                           struct error *error)
{
    AUTO_JSON struct json_object *record = record_encode(instance);
    AUTO_FREE char *text = json_text(record);
    if (replace_file_at(state_directory_fd, "state.json", text, strlen(text), 0600, true, error) <
        0)
        return error_wrap(error, "record the state of instance %s", instance->id);
    return 0;
}

int state_directory_remove(const struct host *host, const char *id, struct error *error)
{
    AUTO_CLOSE int root = open(host->state_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return error_set(error, errno, "open %s", host->state_root);
    if (remove_tree_at(root, id, error) < 0)
        return error_wrap(error, "remove the state directory of instance %s", id);
    return 0;
}

struct spec *state_directory_load_spec(int state_directory_fd, struct error *error)
{
    AUTO_PROBLEMS struct spec_problems problems = { 0 };
    return spec_load(state_directory_fd, "config.json", &problems, error);
}
