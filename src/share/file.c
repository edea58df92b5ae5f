// SPDX-License-Identifier: Apache-2.0
/* Files and directories that are open. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "share/session.h"

/* Flags of 9P2000.L are those of Linux on x86; what else a guest asks for is not its business. */
#define ALLOWED_FLAGS (O_ACCMODE | O_TRUNC | O_APPEND | O_EXCL | O_DIRECTORY | O_DSYNC | O_SYNC)

int fid_reopen(int path_fd, int flags)
{
    char path[40];
    struct stat status;
    if (fstat(path_fd, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        return -ENXIO;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
    int fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int operation_lopen(struct share_session *session, struct message_reader *in,
                    struct message_writer *out)
{
    struct fid *fid = fid_find(session, message_read_u32(in));
    uint32_t flags = message_read_u32(in) & ALLOWED_FLAGS;
    struct qid qid;
    if (in->overrun || !fid || fid->open_fd >= 0)
        return fid ? -EINVAL : -EBADF;
    if (session->read_only && ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC))
        return -EROFS;
    /* O_APPEND is the client's to carry out: it says at which offset it writes. */
    int fd = fid_reopen(fid->path_fd, (int)flags & ~(O_EXCL | O_APPEND));
    if (fd < 0)
        return fd;
    fid->open_fd = fd;
    int result = qid_of(fd, &qid);
    message_write_qid(out, &qid);
    message_write_u32(out, 0); /* iounit: as much as a message holds */
    return result;
}

int operation_read(struct share_session *session, struct message_reader *in,
                   struct message_writer *out)
{
    struct fid *fid = fid_find(session, message_read_u32(in));
    uint64_t offset = message_read_u64(in);
    size_t count = message_read_u32(in), count_at = out->at;
    if (in->overrun || !fid || fid->open_fd < 0)
        return -EBADF;
    message_write_u32(out, 0);
    if (out->overrun)
        return -EMSGSIZE;
    if (count > out->room - out->at)
        count = out->room - out->at;
    ssize_t done = pread(fid->open_fd, out->bytes + out->at, count, (off_t)offset);
    if (done < 0)
        return -errno;
    out->at += (size_t)done;
    message_patch_u32(out, count_at, (uint32_t)done);
    return 0;
}

int operation_write(struct share_session *session, struct message_reader *in,
                    struct message_writer *out)
{
    struct fid *fid = fid_find(session, message_read_u32(in));
    uint64_t offset = message_read_u64(in);
    uint32_t count = message_read_u32(in);
    const uint8_t *bytes = message_read_bytes(in, count);
    if (in->overrun || !fid || fid->open_fd < 0)
        return -EBADF;
    ssize_t done = pwrite(fid->open_fd, bytes, count, (off_t)offset);
    if (done < 0)
        return -errno;
    message_write_u32(out, (uint32_t)done);
    return 0;
}

int operation_fsync(struct share_session *session, struct message_reader *in,
                    struct message_writer *out)
{
    struct fid *fid = fid_find(session, message_read_u32(in));
    uint32_t data_only = message_read_u32(in);
    (void)out;
    if (!fid || fid->open_fd < 0)
        return -EBADF;
    return (data_only ? fdatasync(fid->open_fd) : fsync(fid->open_fd)) < 0 ? -errno : 0;
}

struct linux_dirent64 {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

/* One entry as readdir(9P2000.L) has it: qid, offset of the next, type, name. */
static bool write_entry(struct message_writer *out, const struct linux_dirent64 *entry,
                        uint64_t device)
{
    size_t before = out->at;
    struct qid qid = { .type = entry->type == DT_DIR   ? 0x80
                               : entry->type == DT_LNK ? 0x02
                                                       : 0,
                       .path = entry->inode ^ device << 48 };
    message_write_qid(out, &qid);
    message_write_u64(out, (uint64_t)entry->offset);
    message_write_u8(out, entry->type);
    message_write_string(out, entry->name);
    if (out->overrun)
        out->at = before;
    return !out->overrun;
}

/* Fill up with entries; what does not fit is read again with the next request's offset. */
static int write_entries(int fd, uint64_t device, struct message_writer *out)
{
    _Alignas(8) uint8_t buffer[16384];
    for (;;) {
        long length = syscall(SYS_getdents64, fd, buffer, sizeof(buffer));
        if (length <= 0)
            return length < 0 ? -errno : 0;
        for (long at = 0; at < length;) {
            const struct linux_dirent64 *entry = (const void *)(buffer + at);
            if (!write_entry(out, entry, device))
                return 0;
            at += entry->length;
        }
    }
}

int operation_readdir(struct share_session *session, struct message_reader *in,
                      struct message_writer *out)
{
    struct fid *fid = fid_find(session, message_read_u32(in));
    uint64_t offset = message_read_u64(in);
    uint32_t count = message_read_u32(in);
    size_t count_at = out->at, first = count_at + 4;
    struct stat status;
    if (in->overrun || !fid || fid->open_fd < 0 || !fid->is_directory)
        return -EBADF;
    if (lseek(fid->open_fd, (off_t)offset, SEEK_SET) < 0 || fstat(fid->open_fd, &status) < 0)
        return -errno;
    message_write_u32(out, 0);
    if (out->overrun)
        return -EMSGSIZE;
    struct message_writer entries = { .bytes = out->bytes, .room = out->room, .at = first };
    if (count < entries.room - first)
        entries.room = first + count;
    int result = write_entries(fid->open_fd, status.st_dev, &entries);
    if (entries.at == first && entries.overrun)
        return -EMSGSIZE; /* not even one fits: the client would take it for the end */
    out->at = entries.at;
    message_patch_u32(out, count_at, (uint32_t)(entries.at - first));
    return result;
}

/* -- Locks: open file description locks, so that each open fid is an owner -- */

enum { LOCK_SUCCESS = 0, LOCK_BLOCKED = 1 };
enum { READ_LOCK = 0, WRITE_LOCK = 1, NO_LOCK = 2 };

static struct flock lock_of(uint8_t type, uint64_t start, uint64_t length)
{
    return (struct flock){
        .l_type = type == READ_LOCK    ? F_RDLCK
                  : type == WRITE_LOCK ? F_WRLCK
                                       : F_UNLCK,
        .l_whence = SEEK_SET,
        .l_start = (off_t)start,
        .l_len = (off_t)length,
    };
}

int operation_lock(struct share_session *session, struct message_reader *in,
                   struct message_writer *out)
{
    char client[NAME_LIMIT];
    struct fid *fid = fid_find(session, message_read_u32(in));
    uint8_t type = message_read_u8(in);
    message_read_u32(in); /* flags: whether the client would wait, which it does by asking again */
    uint64_t start = message_read_u64(in), length = message_read_u64(in);
    message_read_u32(in); /* process */
    message_read_string(in, client, sizeof(client));
    if (in->overrun || !fid || fid->open_fd < 0)
        return -EBADF;
    struct flock lock = lock_of(type, start, length);
    if (fcntl(fid->open_fd, F_OFD_SETLK, &lock) == 0)
        message_write_u8(out, LOCK_SUCCESS);
    else if (errno == EAGAIN || errno == EACCES)
        message_write_u8(out, LOCK_BLOCKED);
    else
        return -errno;
    return 0;
}

int operation_getlock(struct share_session *session, struct message_reader *in,
                      struct message_writer *out)
{
    char client[NAME_LIMIT];
    struct fid *fid = fid_find(session, message_read_u32(in));
    uint8_t type = message_read_u8(in);
    uint64_t start = message_read_u64(in), length = message_read_u64(in);
    uint32_t process = message_read_u32(in);
    message_read_string(in, client, sizeof(client));
    if (in->overrun || !fid || fid->open_fd < 0)
        return -EBADF;
    struct flock lock = lock_of(type, start, length);
    if (fcntl(fid->open_fd, F_OFD_GETLK, &lock) < 0)
        return -errno;
    message_write_u8(out, lock.l_type == F_UNLCK ? NO_LOCK : lock.l_type == F_WRLCK);
    message_write_u64(out, (uint64_t)lock.l_start);
    message_write_u64(out, (uint64_t)lock.l_len);
    message_write_u32(out, process);
    message_write_string(out, client);
    return 0;
}
