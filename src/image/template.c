// SPDX-License-Identifier: Apache-2.0
/*
 * A Debian root by mmdebstrap(1), in the cache as CACHE/templates/debian-SUITE. The superuser has
 * it made in place; an ordinary user has it made as an archive (--mode=unshare), which is unpacked
 * in a user namespace where the files keep their owners.
 */
#include "image/template.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"
#include "image/cache.h"
#include "image/layer.h"
#include "image/mmdebstrap.h"
#include "image/progress.h"
#include "image/user_namespace.h"

#define OS_RELEASE_LIMIT 65536

/* VERSION_CODENAME of a Debian host, else "stable". Allocated. */
static char *default_suite(void)
{
    AUTO_ERROR struct error ignored = { 0 }; /* a host without the file is not Debian */
    AUTO_FREE char *text =
        read_file_at(AT_FDCWD, "/etc/os-release", OS_RELEASE_LIMIT, NULL, &ignored);
    AUTO_STRINGS char **lines = string_split(text ? text : "", "\n");
    const char *codename = NULL;
    bool debian = false;
    for (char **line = lines; *line; line++) {
        debian = debian || string_equal(*line, "ID=debian");
        if (string_starts_with(*line, "VERSION_CODENAME="))
            codename = *line + strlen("VERSION_CODENAME=");
    }
    return string_copy(debian && codename && codename[0] ? codename : "stable");
}

/* It becomes an argument of a program and part of a file name. */
static int check_suite(const char *suite, struct error *error)
{
    size_t length = strlen(suite);
    if (length == 0 || length > 64 || suite[0] == '-' ||
        strspn(suite, "abcdefghijklmnopqrstuvwxyz0123456789-") != length)
        return error_set(error, 0, "\"%s\" is not the name of a Debian suite, as bookworm is",
                         suite);
    return 0;
}

struct unpack_work {
    int archive_fd, target_fd;
    const struct log *log;
};

static int unpack_archive(void *context, bool squash, struct error *error)
{
    const struct unpack_work *work = context;
    const struct layer_source source = { .fd = work->archive_fd, .name = "the Debian root" };
    const struct layer_target target = {
        .fd = work->target_fd, .squash = squash, .limits = LAYER_LIMITS_DEFAULT, .log = work->log
    };
    return layer_unpack(&source, &target, error);
}

static int make_through_archive(const char *suite, const struct cache_entry *entry,
                                const struct log *log, struct progress *progress,
                                struct error *error)
{
    if (!user_namespace_has_ids())
        return error_set(error, 0,
                         "a Debian root has files of many owners, and you have no subordinate ids: "
                         "have lines for you added to /etc/subuid and /etc/subgid (usermod "
                         "--add-subuids 100000-165535 --add-subgids 100000-165535 YOU)");
    /* A file without a name: whatever happens, nothing of it stays. */
    AUTO_CLOSE int archive_fd = openat(entry->kind_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    AUTO_CLOSE int target_fd = openat(entry->kind_fd, entry->partial_name,
                                      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (archive_fd < 0 || target_fd < 0)
        return error_set(error, errno, "open %s", entry->partial_path);
    if (mmdebstrap_to_archive(suite, archive_fd, progress, error) < 0)
        return -1;
    if (lseek(archive_fd, 0, SEEK_SET) < 0)
        return error_set(error, errno, "rewind the archive");
    progress_phase(progress, 95, "unpacking");
    struct unpack_work work = { .archive_fd = archive_fd, .target_fd = target_fd, .log = log };
    const struct user_namespace_work in_namespace = { .run = unpack_archive, .context = &work };
    return user_namespace_run(&in_namespace, error);
}

static int make_root(const char *suite, const struct cache_entry *entry, const struct log *log,
                     struct error *error)
{
    AUTO_FREE char *title = string_format("debian %s", suite);
    AUTO_PROGRESS struct progress progress;
    progress_begin(&progress, title);
    progress_phase(&progress, 0, "making the root file system (once; it is cached)");
    return geteuid() == 0 ? mmdebstrap_to_directory(suite, entry->partial_path, &progress, error)
                          : make_through_archive(suite, entry, log, &progress, error);
}

int template_debian(const char *suite, const struct log *log, struct image *image,
                    struct error *error)
{
    AUTO_FREE char *own = suite ? NULL : default_suite();
    const char *chosen = suite ? suite : own;
    if (check_suite(chosen, error) < 0)
        return -1;
    AUTO_FREE char *name = string_format("debian-%s", chosen);
    AUTO_CACHE_ENTRY struct cache_entry entry = CACHE_ENTRY_NONE;
    if (cache_begin("templates", name, &entry, error) < 0)
        return -1;
    if (!entry.complete &&
        (make_root(chosen, &entry, log, error) < 0 || cache_commit(&entry, error) < 0))
        return error_wrap(error, "make a root file system of Debian %s", chosen);
    string_list_add(&image->layers, entry.path);
    string_list_add(&image->config.command, "/bin/bash");
    string_list_add(&image->config.environment,
                    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    return 0;
}
