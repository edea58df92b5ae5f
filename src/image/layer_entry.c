// SPDX-License-Identifier: Apache-2.0
#include "image/layer_entry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"
#include "image/layer_directory.h"
#include "image/layer_link.h"
#include "image/layer_whiteout.h"

/* What an entry says, apart from its data. */
struct header {
    const char *name, *hard_link, *symbolic_link;
    mode_t type;
    dev_t device;
    uint64_t size;
    struct layer_attributes attributes;
};

void layer_work_clear(struct layer_work *work)
{
    layer_place_forget(work);
    for (size_t i = 0; i < work->time_count; i++)
        free(work->times[i].path);
    free(work->times);
}

static const char *either(const char *text, const char *utf8)
{
    return text ? text : utf8;
}

static int check_owner_range(int64_t id)
{
    /* (uid_t)-1 means "leave it" to chown(2), so it cannot be an owner. */
    return id >= 0 && id < UINT32_MAX;
}

static int read_header(const struct layer_work *work, struct archive_entry *entry,
                       struct header *header, struct error *error)
{
    const struct archive_functions *archive = work->archive;
    header->name = either(archive->pathname(entry), archive->pathname_utf8(entry));
    header->hard_link = either(archive->hardlink(entry), archive->hardlink_utf8(entry));
    header->symbolic_link = either(archive->symlink(entry), archive->symlink_utf8(entry));
    if (!header->name)
        return error_set(error, 0, "an entry has no readable name");
    if (archive->size(entry) < 0)
        return error_set(error, 0, "%s: negative size", header->name);
    if (!check_owner_range(archive->uid(entry)) || !check_owner_range(archive->gid(entry)))
        return error_set(error, 0, "%s: owner out of range", header->name);
    header->type = archive->filetype(entry);
    header->size = (uint64_t)archive->size(entry);
    header->device = makedev(archive->rdev_major(entry), archive->rdev_minor(entry));
    header->attributes = (struct layer_attributes){
        .uid = layer_owner(work, archive->uid(entry)),
        .gid = layer_owner(work, archive->gid(entry)),
        .mode = archive->permissions(entry) & 07777,
        .mtime = { .tv_sec = archive->mtime(entry), .tv_nsec = archive->mtime_nsec(entry) },
    };
    return 0;
}

static int count_entry(struct layer_work *work, const struct header *header, struct error *error)
{
    const struct layer_limits *limits = &work->target->limits;
    if (++work->entries > limits->entries)
        return error_set(error, 0, "the layer has more than %llu entries",
                         (unsigned long long)limits->entries);
    if (header->type != AE_IFREG)
        return 0;
    if (header->size > limits->bytes - work->bytes)
        return error_set_code(error, EFBIG, "%s: the layer's files have more than %llu bytes",
                              header->name, (unsigned long long)limits->bytes);
    work->bytes += header->size;
    return 0;
}

static int set_xattrs(struct layer_work *work, struct archive_entry *entry,
                      const struct layer_place *place, struct error *error)
{
    if (work->archive->xattr_reset(entry) == 0)
        return 0;
    /* The directory by descriptor, and the last component is not followed. */
    AUTO_FREE char *path = string_format("/proc/self/fd/%d/%s", place->directory_fd,
                                         place->name[0] ? place->name : ".");
    const char *name;
    const void *value;
    size_t size;
    while (work->archive->xattr_next(entry, &name, &value, &size) == ARCHIVE_OK)
        if (layer_set_xattr(path, name, value, size, error) < 0)
            return -1;
    return 0;
}

/* Owner, mode and time of what cannot be opened: links, devices, FIFOs. */
static int finish_special(const struct layer_place *place, const struct header *header,
                          struct error *error)
{
    const struct layer_attributes *attributes = &header->attributes;
    const struct timespec times[2] = { attributes->mtime, attributes->mtime };
    if (fchownat(place->directory_fd, place->name, attributes->uid, attributes->gid,
                 AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno != EINVAL)
            return error_set(error, errno, "set the owner of %s", header->name);
        return layer_owner_unmapped(header->name, attributes, error);
    }
    /* Nobody else writes here, and it is not a link: the mode cannot reach anything else. */
    if (header->type != AE_IFLNK &&
        fchmodat(place->directory_fd, place->name, attributes->mode, 0) < 0)
        return error_set(error, errno, "set the mode of %s", header->name);
    if (utimensat(place->directory_fd, place->name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return error_set(error, errno, "set the time of %s", header->name);
    return 0;
}

static int copy_data(struct layer_work *work, struct archive *reader, int fd,
                     const struct header *header, struct error *error)
{
    const void *block;
    size_t length;
    la_int64_t offset;
    for (;;) {
        int result = work->archive->read_data_block(reader, &block, &length, &offset);
        if (result == ARCHIVE_EOF)
            break;
        if (result < ARCHIVE_WARN)
            return error_set(error, 0, "%s: %s", header->name, work->archive->error_string(reader));
        if (offset < 0 || (uint64_t)offset + length > header->size)
            return error_set(error, 0, "%s: data beyond its size", header->name);
        if (length == 0)
            continue;
        if (lseek(fd, offset, SEEK_SET) < 0 || write_all(fd, block, length) < 0)
            return error_set(error, errno, "write %s", header->name);
        work->data_complete = (uint64_t)offset + length == header->size;
    }
    /* Holes of sparse files, at the end too. */
    if (ftruncate(fd, (off_t)header->size) < 0)
        return error_set(error, errno, "set the size of %s", header->name);
    return 0;
}

static int make_file(struct layer_work *work, struct archive *reader,
                     const struct layer_place *place, const struct header *header,
                     struct error *error)
{
    AUTO_CLOSE int fd = openat(place->directory_fd, place->name,
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(error, errno, "create %s", header->name);
    if (copy_data(work, reader, fd, header, error) < 0 ||
        layer_apply_attributes(fd, header->name, &header->attributes, error) < 0)
        return -1;
    const struct timespec times[2] = { header->attributes.mtime, header->attributes.mtime };
    if (futimens(fd, times) < 0)
        return error_set(error, errno, "set the time of %s", header->name);
    return 0;
}

static int make_directory(struct layer_work *work, struct archive *reader,
                          const struct layer_place *place, const struct header *header,
                          struct error *error)
{
    (void)reader;
    const char *name = place->name[0] ? place->name : ".";
    if (place->name[0] && mkdirat(place->directory_fd, name, 0700) < 0 && errno != EEXIST)
        return error_set(error, errno, "create directory %s", header->name);
    AUTO_CLOSE int fd =
        openat(place->directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, errno, "open directory %s", header->name);
    AUTO_FREE char *path = layer_path(place->directory, place->name);
    layer_remember_time(work, path, header->attributes.mtime);
    return layer_apply_attributes(fd, header->name, &header->attributes, error);
}

static int make_symbolic_link(struct layer_work *work, struct archive *reader,
                              const struct layer_place *place, const struct header *header,
                              struct error *error)
{
    (void)work, (void)reader;
    if (!header->symbolic_link)
        return error_set(error, 0, "%s: a link without a readable target", header->name);
    if (symlinkat(header->symbolic_link, place->directory_fd, place->name) < 0)
        return error_set(error, errno, "create link %s", header->name);
    return finish_special(place, header, error);
}

static int make_fifo(struct layer_work *work, struct archive *reader,
                     const struct layer_place *place, const struct header *header,
                     struct error *error)
{
    (void)work, (void)reader;
    if (mkfifoat(place->directory_fd, place->name, 0600) < 0)
        return error_set(error, errno, "create FIFO %s", header->name);
    return finish_special(place, header, error);
}

static int make_device(struct layer_work *work, struct archive *reader,
                       const struct layer_place *place, const struct header *header,
                       struct error *error)
{
    (void)reader;
    mode_t type = header->type == AE_IFCHR ? S_IFCHR : S_IFBLK;
    if (mknodat(place->directory_fd, place->name, type | 0600, header->device) == 0)
        return finish_special(place, header, error);
    if (errno != EPERM)
        return error_set(error, errno, "create device %s", header->name);
    /* An ordinary user cannot make devices; the container gets its own /dev anyway. */
    log_debug(work->target->log, "image: device %s is left out: not permitted", header->name);
    return 0;
}

static int skip_socket(struct layer_work *work, struct archive *reader,
                       const struct layer_place *place, const struct header *header,
                       struct error *error)
{
    (void)reader, (void)place, (void)error;
    log_debug(work->target->log, "image: socket %s is left out", header->name);
    return 0;
}

static const struct maker {
    mode_t type;
    int (*make)(struct layer_work *, struct archive *, const struct layer_place *,
                const struct header *, struct error *);
    bool has_attributes;
} makers[] = {
    { AE_IFREG, make_file, true },          { AE_IFDIR, make_directory, true },
    { AE_IFLNK, make_symbolic_link, true }, { AE_IFIFO, make_fifo, true },
    { AE_IFCHR, make_device, false },       { AE_IFBLK, make_device, false },
    { AE_IFSOCK, skip_socket, false },
};

static const struct maker *find_maker(mode_t type)
{
    for (size_t i = 0; i < ARRAY_LENGTH(makers); i++)
        if (makers[i].type == type)
            return &makers[i];
    return NULL;
}

static int make_at(struct layer_work *work, struct archive *reader, struct archive_entry *entry,
                   const struct layer_place *place, const struct header *header,
                   struct error *error)
{
    const struct maker *maker = find_maker(header->type);
    bool opaque = false;
    if (!maker)
        return error_set(error, 0, "%s: unknown type of file", header->name);
    if (!place->name[0] && header->type != AE_IFDIR)
        return error_set(error, 0, "\"%s\" would replace the root directory", header->name);
    if (place->name[0] && layer_place_empty(place, header->type == AE_IFDIR, &opaque, error) < 0)
        return -1;
    if (maker->make(work, reader, place, header, error) < 0)
        return -1;
    if (opaque && layer_make_opaque_at(place, error) < 0)
        return -1;
    return maker->has_attributes ? set_xattrs(work, entry, place, error) : 0;
}

int layer_entry_make(struct layer_work *work, struct archive *reader, struct archive_entry *entry,
                     struct error *error)
{
    struct header header;
    AUTO_LAYER_PLACE struct layer_place place = { .directory_fd = -1 };
    work->data_complete = false;
    if (read_header(work, entry, &header, error) < 0 || count_entry(work, &header, error) < 0 ||
        layer_place_find(work, header.name, &place, error) < 0)
        return -1;
    if (string_starts_with(place.name, LAYER_WHITEOUT_PREFIX))
        return layer_whiteout_make(work, &place, error);
    if (header.hard_link)
        return layer_link_make(work, &place, header.hard_link, error);
    return make_at(work, reader, entry, &place, &header, error);
}

int layer_entry_finish(struct layer_work *work, struct error *error)
{
    for (size_t i = 0; i < work->time_count; i++) {
        const struct layer_directory_time *time = &work->times[i];
        const struct timespec times[2] = { time->mtime, time->mtime };
        AUTO_CLOSE int fd = layer_open(work->view.fd, time->path, O_RDONLY | O_DIRECTORY);
        if (fd >= 0 && futimens(fd, times) < 0)
            return error_set(error, errno, "set the time of %s", time->path);
    }
    return 0;
}
