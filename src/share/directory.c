// SPDX-License-Identifier: Apache-2.0
/* What changes a directory: making, linking, renaming, removing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "share/session.h"

struct target {
    struct fid *directory;
    char name[NAME_LIMIT];
};

static void read_target(struct share_session *session, struct message_reader *in,
                        struct target *target)
{
    target->directory = fid_find(session, message_read_u32(in));
    message_read_string(in, target->name, sizeof(target->name));
}

static int check_target(const struct message_reader *in, const struct target *target)
{
    if (in->overrun)
        return -EINVAL;
    if (!target->directory || !target->directory->is_directory)
        return -EBADF;
    return name_is_plain(target->name) ? 0 : -EINVAL;
}

/* What a guest's user makes is that user's, where we are allowed to give it away. */
static int made(const struct share_session *session, const struct target *target, uint32_t group,
                struct message_writer *out)
{
    struct qid qid;
    AUTO_CLOSE int fd =
        openat(target->directory->path_fd, target->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (session->may_chown &&
        fchownat(fd, "", target->directory->owner, group, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    int result = qid_of(fd, &qid);
    message_write_qid(out, &qid);
    return result;
}

/* The fid of the directory becomes that of the open file (9P2000.L, lcreate). */
static int become(struct fid *fid, int fd)
{
    char path[40];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int path_fd = open(path, O_PATH | O_CLOEXEC);
    if (path_fd < 0)
        return -errno;
    close(fid->path_fd);
    fid->path_fd = path_fd;
    fid->open_fd = fd;
    fid->is_directory = false;
    return 0;
}

int operation_lcreate(struct share_session *session, struct message_reader *in,
                      struct message_writer *out)
{
    struct target target;
    read_target(session, in, &target);
    uint32_t flags = message_read_u32(in), mode = message_read_u32(in),
             group = message_read_u32(in);
    int result = check_target(in, &target);
    if (result < 0 || target.directory->open_fd >= 0)
        return result < 0 ? result : -EINVAL;
    AUTO_CLOSE int fd = openat(target.directory->path_fd, target.name,
                               (int)(flags & (O_ACCMODE | O_TRUNC)) | O_CREAT | O_EXCL |
                                   O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
                               mode & 07777);
    if (fd < 0)
        return -errno;
    result = made(session, &target, group, out);
    if (result == 0)
        result = become(target.directory, fd);
    if (result == 0)
        take_fd(&fd);
    message_write_u32(out, 0); /* iounit */
    return result;
}

int operation_mkdir(struct share_session *session, struct message_reader *in,
                    struct message_writer *out)
{
    struct target target;
    read_target(session, in, &target);
    uint32_t mode = message_read_u32(in), group = message_read_u32(in);
    int result = check_target(in, &target);
    if (result < 0)
        return result;
    if (mkdirat(target.directory->path_fd, target.name, mode & 07777) < 0)
        return -errno;
    return made(session, &target, group, out);
}

int operation_symlink(struct share_session *session, struct message_reader *in,
                      struct message_writer *out)
{
    struct target target;
    char text[PATH_LIMIT];
    read_target(session, in, &target);
    message_read_string(in, text, sizeof(text));
    uint32_t group = message_read_u32(in);
    int result = check_target(in, &target);
    if (result < 0)
        return result;
    if (symlinkat(text, target.directory->path_fd, target.name) < 0)
        return -errno;
    return made(session, &target, group, out);
}

/* FIFOs, sockets and plain files; a device node on the host is not the guest's to make. */
int operation_mknod(struct share_session *session, struct message_reader *in,
                    struct message_writer *out)
{
    struct target target;
    read_target(session, in, &target);
    uint32_t mode = message_read_u32(in);
    message_read_u32(in); /* major, minor */
    message_read_u32(in);
    uint32_t group = message_read_u32(in);
    int result = check_target(in, &target);
    if (result < 0)
        return result;
    if (S_ISCHR(mode) || S_ISBLK(mode))
        return -EPERM;
    if (mknodat(target.directory->path_fd, target.name, mode, 0) < 0)
        return -errno;
    return made(session, &target, group, out);
}

int operation_link(struct share_session *session, struct message_reader *in,
                   struct message_writer *out)
{
    struct target target;
    char path[40];
    target.directory = fid_find(session, message_read_u32(in));
    struct fid *from = fid_find(session, message_read_u32(in));
    message_read_string(in, target.name, sizeof(target.name));
    int result = check_target(in, &target);
    (void)out;
    if (result < 0 || !from)
        return result < 0 ? result : -EBADF;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", from->path_fd);
    return linkat(AT_FDCWD, path, target.directory->path_fd, target.name, AT_SYMLINK_FOLLOW) < 0
               ? -errno
               : 0;
}

int operation_renameat(struct share_session *session, struct message_reader *in,
                       struct message_writer *out)
{
    struct target from, to;
    read_target(session, in, &from);
    read_target(session, in, &to);
    int result = check_target(in, &from);
    (void)out;
    if (result == 0)
        result = check_target(in, &to);
    if (result < 0)
        return result;
    return renameat(from.directory->path_fd, from.name, to.directory->path_fd, to.name) < 0 ? -errno
                                                                                            : 0;
}

/* By fid alone: the name is gone with the walk. Clients fall back to renameat. */
int operation_rename(struct share_session *session, struct message_reader *in,
                     struct message_writer *out)
{
    (void)session;
    (void)in;
    (void)out;
    return -EOPNOTSUPP;
}

int operation_unlinkat(struct share_session *session, struct message_reader *in,
                       struct message_writer *out)
{
    struct target target;
    read_target(session, in, &target);
    uint32_t flags = message_read_u32(in);
    int result = check_target(in, &target);
    (void)out;
    if (result < 0)
        return result;
    return unlinkat(target.directory->path_fd, target.name, (int)flags & AT_REMOVEDIR) < 0 ? -errno
                                                                                           : 0;
}
