// SPDX-License-Identifier: Apache-2.0
/* Where a guest begins, and how it gets from one file to another. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "share/session.h"

#define WALK_NAMES 16 /* P9_MAXWELEM */

enum { QID_DIRECTORY = 0x80, QID_SYMBOLIC_LINK = 0x02 };

/* Files of two mounted file systems may share an inode number; the device number keeps them apart.
 */
void qid_from_stat(const struct stat *status, struct qid *qid)
{
    qid->type = S_ISDIR(status->st_mode)   ? QID_DIRECTORY
                : S_ISLNK(status->st_mode) ? QID_SYMBOLIC_LINK
                                           : 0;
    qid->version = (uint32_t)status->st_mtim.tv_sec ^ (uint32_t)(status->st_size << 8);
    qid->path = (uint64_t)status->st_ino ^ (uint64_t)status->st_dev << 48;
}

int qid_of(int path_fd, struct qid *qid)
{
    struct stat status;
    if (fstat(path_fd, &status) < 0)
        return -errno;
    qid_from_stat(&status, qid);
    return 0;
}

bool name_is_plain(const char *name)
{
    return name[0] && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* A version starts a session anew (9P, version(5)). */
int operation_version(struct share_session *session, struct message_reader *in,
                      struct message_writer *out)
{
    char version[NAME_LIMIT];
    uint32_t size = message_read_u32(in);
    message_read_string(in, version, sizeof(version));
    if (in->overrun || size < 4096)
        return -EINVAL;
    share_session_reset(session);
    session->message_size = size < SHARE_MESSAGE_LIMIT ? size : SHARE_MESSAGE_LIMIT;
    message_write_u32(out, session->message_size);
    message_write_string(out, strcmp(version, "9P2000.L") == 0 ? version : "unknown");
    return 0;
}

int operation_attach(struct share_session *session, struct message_reader *in,
                     struct message_writer *out)
{
    char user[NAME_LIMIT], tree[PATH_LIMIT];
    struct qid qid;
    uint32_t number = message_read_u32(in);
    message_read_u32(in); /* afid: there is no authentication */
    message_read_string(in, user, sizeof(user));
    message_read_string(in, tree, sizeof(tree));
    uint32_t owner = message_read_u32(in);
    if (in->overrun)
        return -EINVAL;
    int fd = fcntl(session->root_fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    struct fid *fid = fid_add(session, number, fd, owner == UINT32_MAX ? 0 : owner);
    if (!fid)
        return -EBUSY;
    int result = qid_of(fid->path_fd, &qid);
    message_write_qid(out, &qid);
    return result;
}

/* Walk as far as the names exist; the descriptor of the last, or a negative errno. */
static int walk(int from, struct message_reader *in, unsigned names, struct message_writer *out,
                uint16_t *walked)
{
    int fd = fcntl(from, F_DUPFD_CLOEXEC, 0);
    for (*walked = 0; fd >= 0 && *walked < names; ++*walked) {
        char name[NAME_LIMIT];
        struct qid qid;
        message_read_string(in, name, sizeof(name));
        int next = in->overrun || !name_is_plain(name)
                       ? (errno = EACCES, -1)
                       : openat(fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        int error = errno;
        close(fd);
        fd = next;
        errno = error;
        if (fd >= 0 && qid_of(fd, &qid) == 0)
            message_write_qid(out, &qid);
    }
    return fd < 0 ? -errno : fd;
}

int operation_walk(struct share_session *session, struct message_reader *in,
                   struct message_writer *out)
{
    struct fid *from = fid_find(session, message_read_u32(in));
    uint32_t number = message_read_u32(in);
    uint16_t names = message_read_u16(in), walked;
    size_t count_at = out->at;
    if (in->overrun || !from || names > WALK_NAMES)
        return from ? -EINVAL : -EBADF;
    message_write_u16(out, 0);
    int fd = walk(from->path_fd, in, names, out, &walked);
    uid_t owner = from->owner;
    if (fd < 0 && walked <= 1)
        return fd;
    /* Some of the names exist: say which, make no fid (9P, walk(5)). */
    uint16_t found = fd < 0 ? (uint16_t)(walked - 1) : walked;
    out->bytes[count_at] = (uint8_t)found;
    if (fd < 0)
        return 0;
    if (number == from->number)
        fid_remove(from);
    return fid_add(session, number, fd, owner) ? 0 : -EBUSY;
}

int operation_clunk(struct share_session *session, struct message_reader *in,
                    struct message_writer *out)
{
    struct fid *fid = fid_find(session, message_read_u32(in));
    (void)out;
    if (!fid)
        return -EBADF;
    fid_remove(fid);
    return 0;
}

/* Requests are answered one after the other: what is to be flushed has been answered. */
int operation_flush(struct share_session *session, struct message_reader *in,
                    struct message_writer *out)
{
    (void)session;
    (void)in;
    (void)out;
    return 0;
}

/* 9P2000.L clients use unlinkat; remove still has to let the fid go. */
int operation_remove(struct share_session *session, struct message_reader *in,
                     struct message_writer *out)
{
    operation_clunk(session, in, out);
    return -EOPNOTSUPP;
}
