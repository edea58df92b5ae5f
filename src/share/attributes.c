// SPDX-License-Identifier: Apache-2.0
/* What a guest asks about files, and what it changes of them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "share/session.h"

#define GETATTR_BASIC 0x7ffu

enum setattr_valid {
    SET_MODE = 1 << 0,
    SET_UID = 1 << 1,
    SET_GID = 1 << 2,
    SET_SIZE = 1 << 3,
    SET_ATIME = 1 << 4,
    SET_MTIME = 1 << 5,
    SET_CTIME = 1 << 6,
    SET_ATIME_GIVEN = 1 << 7,
    SET_MTIME_GIVEN = 1 << 8,
};

int operation_statfs(struct share_session *session, struct message_reader *in,
                     struct message_writer *out)
{
    struct fid *fid = fid_find(session, message_read_u32(in));
    struct statfs status;
    if (!fid)
        return -EBADF;
    if (fstatfs(fid->path_fd, &status) < 0)
        return -errno;
    message_write_u32(out, (uint32_t)status.f_type);
    message_write_u32(out, (uint32_t)status.f_bsize);
    message_write_u64(out, status.f_blocks);
    message_write_u64(out, status.f_bfree);
    message_write_u64(out, status.f_bavail);
    message_write_u64(out, status.f_files);
    message_write_u64(out, status.f_ffree);
    message_write_u64(out, 0); /* fsid: the host's is not the guest's business */
    message_write_u32(out, NAME_LIMIT - 1);
    return 0;
}

static void write_time(struct message_writer *out, const struct timespec *time)
{
    message_write_u64(out, (uint64_t)time->tv_sec);
    message_write_u64(out, (uint64_t)time->tv_nsec);
}

int operation_getattr(struct share_session *session, struct message_reader *in,
                      struct message_writer *out)
{
    struct fid *fid = fid_find(session, message_read_u32(in));
    struct stat status;
    struct qid qid;
    if (!fid)
        return -EBADF;
    if (fstat(fid->path_fd, &status) < 0)
        return -errno;
    qid_from_stat(&status, &qid);
    message_write_u64(out, GETATTR_BASIC);
    message_write_qid(out, &qid);
    message_write_u32(out, status.st_mode);
    message_write_u32(out, status.st_uid);
    message_write_u32(out, status.st_gid);
    message_write_u64(out, status.st_nlink);
    message_write_u64(out, status.st_rdev);
    message_write_u64(out, (uint64_t)status.st_size);
    message_write_u64(out, (uint64_t)status.st_blksize);
    message_write_u64(out, (uint64_t)status.st_blocks);
    write_time(out, &status.st_atim);
    write_time(out, &status.st_mtim);
    write_time(out, &status.st_ctim);
    for (unsigned i = 0; i < 4; i++) /* birth time, generation, data version: not told */
        message_write_u64(out, 0);
    return 0;
}

struct changes {
    uint32_t valid, mode, uid, gid;
    uint64_t size;
    struct timespec times[2];
};

static struct changes read_changes(struct message_reader *in)
{
    struct changes changes = { .valid = message_read_u32(in),
                               .mode = message_read_u32(in) & 07777 };
    changes.uid = message_read_u32(in);
    changes.gid = message_read_u32(in);
    changes.size = message_read_u64(in);
    for (unsigned i = 0; i < 2; i++) {
        changes.times[i].tv_sec = (time_t)message_read_u64(in);
        changes.times[i].tv_nsec = (long)message_read_u64(in);
    }
    return changes;
}

static void settle_time(struct timespec *time, bool wanted, bool given)
{
    if (!given)
        time->tv_nsec = wanted ? UTIME_NOW : UTIME_OMIT;
}

/* chmod and truncate do not take an O_PATH descriptor: they go by its name in /proc, which for
 * a symbolic link would be followed, so that is refused before. */
static int change(const struct fid *fid, struct changes *changes)
{
    char path[40];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fid->path_fd);
    if (changes->valid & (SET_UID | SET_GID) &&
        fchownat(fid->path_fd, "", changes->valid & SET_UID ? changes->uid : (uid_t)-1,
                 changes->valid & SET_GID ? changes->gid : (gid_t)-1,
                 AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (changes->valid & SET_MODE && chmod(path, changes->mode) < 0)
        return -errno;
    if (changes->valid & SET_SIZE && truncate(path, (off_t)changes->size) < 0)
        return -errno;
    if (!(changes->valid & (SET_ATIME | SET_MTIME)))
        return 0;
    settle_time(&changes->times[0], changes->valid & SET_ATIME, changes->valid & SET_ATIME_GIVEN);
    settle_time(&changes->times[1], changes->valid & SET_MTIME, changes->valid & SET_MTIME_GIVEN);
    return utimensat(AT_FDCWD, path, changes->times, 0) < 0 ? -errno : 0;
}

int operation_setattr(struct share_session *session, struct message_reader *in,
                      struct message_writer *out)
{
    struct fid *fid = fid_find(session, message_read_u32(in));
    struct changes changes = read_changes(in);
    struct stat status;
    (void)out;
    if (in->overrun || !fid)
        return -EBADF;
    if (fstat(fid->path_fd, &status) < 0)
        return -errno;
    bool by_name = changes.valid & ~(uint32_t)(SET_UID | SET_GID | SET_CTIME);
    if (by_name && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        return -EOPNOTSUPP;
    return change(fid, &changes);
}

int operation_readlink(struct share_session *session, struct message_reader *in,
                       struct message_writer *out)
{
    char target[PATH_LIMIT];
    struct fid *fid = fid_find(session, message_read_u32(in));
    if (!fid)
        return -EBADF;
    ssize_t length = readlinkat(fid->path_fd, "", target, sizeof(target) - 1);
    if (length < 0)
        return -errno;
    target[length] = 0;
    message_write_string(out, target);
    return 0;
}
