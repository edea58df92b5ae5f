// SPDX-License-Identifier: Apache-2.0
#include "share/session.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define TYPES 128

/* No entry: not supported. `changes`: refused where the share is read-only. */
static const struct {
    share_operation *operate;
    bool changes;
} operations[TYPES] = {
    [TVERSION] = { operation_version },
    [TATTACH] = { operation_attach },
    [TFLUSH] = { operation_flush },
    [TWALK] = { operation_walk },
    [TREAD] = { operation_read },
    [TWRITE] = { operation_write, true },
    [TCLUNK] = { operation_clunk },
    [TREMOVE] = { operation_remove },
    [TSTATFS] = { operation_statfs },
    [TLOPEN] = { operation_lopen },
    [TLCREATE] = { operation_lcreate, true },
    [TSYMLINK] = { operation_symlink, true },
    [TMKNOD] = { operation_mknod, true },
    [TRENAME] = { operation_rename, true },
    [TREADLINK] = { operation_readlink },
    [TGETATTR] = { operation_getattr },
    [TSETATTR] = { operation_setattr, true },
    [TREADDIR] = { operation_readdir },
    [TFSYNC] = { operation_fsync },
    [TLOCK] = { operation_lock },
    [TGETLOCK] = { operation_getlock },
    [TLINK] = { operation_link, true },
    [TMKDIR] = { operation_mkdir, true },
    [TRENAMEAT] = { operation_renameat, true },
    [TUNLINKAT] = { operation_unlinkat, true },
};

struct fid *fid_find(struct share_session *session, uint32_t number)
{
    for (unsigned i = 0; i < session->fid_count; i++)
        if (session->fids[i].used && session->fids[i].number == number)
            return &session->fids[i];
    return NULL;
}

static struct fid *free_slot(struct share_session *session)
{
    for (unsigned i = 0; i < session->fid_count; i++)
        if (!session->fids[i].used)
            return &session->fids[i];
    return session->fid_count < SHARE_FIDS ? &session->fids[session->fid_count++] : NULL;
}

struct fid *fid_add(struct share_session *session, uint32_t number, int path_fd, uid_t owner)
{
    struct stat status;
    struct fid *fid = fid_find(session, number) ? NULL : free_slot(session);
    if (!fid || fstat(path_fd, &status) < 0) {
        close(path_fd);
        return NULL;
    }
    *fid = (struct fid){
        .number = number,
        .used = true,
        .path_fd = path_fd,
        .open_fd = -1,
        .owner = owner,
        .is_directory = S_ISDIR(status.st_mode),
    };
    return fid;
}

void fid_remove(struct fid *fid)
{
    close(fid->path_fd);
    if (fid->open_fd >= 0)
        close(fid->open_fd);
    fid->used = false;
}

void share_session_open(struct share_session *session, int root_fd, bool read_only)
{
    session->root_fd = root_fd;
    session->read_only = read_only;
    session->message_size = SHARE_MESSAGE_LIMIT;
    session->may_chown = geteuid() == 0;
    session->fid_count = 0;
}

void share_session_reset(struct share_session *session)
{
    for (unsigned i = 0; i < session->fid_count; i++)
        if (session->fids[i].used)
            fid_remove(&session->fids[i]);
    session->fid_count = 0;
    session->message_size = SHARE_MESSAGE_LIMIT;
}

void share_session_close(struct share_session *session)
{
    share_session_reset(session);
    close(session->root_fd);
}

static int operate(struct share_session *session, uint8_t type, struct message_reader *in,
                   struct message_writer *out)
{
    if (type >= TYPES || !operations[type].operate)
        return -EOPNOTSUPP;
    if (session->read_only && operations[type].changes)
        return -EROFS;
    return operations[type].operate(session, in, out);
}

static size_t finish(struct message_writer *out, uint8_t type, uint16_t tag)
{
    size_t length = out->at;
    out->at = 0;
    message_write_u32(out, (uint32_t)length);
    message_write_u8(out, type);
    message_write_u16(out, tag);
    return length;
}

size_t share_session_serve(struct share_session *session, const uint8_t *request, size_t length,
                           uint8_t *reply, size_t room)
{
    struct message_reader in = { .bytes = request, .length = length };
    struct message_writer out = { .bytes = reply, .room = room, .at = MESSAGE_HEADER };
    uint32_t size = message_read_u32(&in);
    uint8_t type = message_read_u8(&in);
    uint16_t tag = message_read_u16(&in);
    if (in.overrun || size > length || size < MESSAGE_HEADER || room < MESSAGE_HEADER + 4)
        return 0;
    in.length = size;
    if (out.room > session->message_size)
        out.room = session->message_size;
    int result = operate(session, type, &in, &out);
    if (result == 0 && !out.overrun)
        return finish(&out, (uint8_t)(type + 1), tag);
    out = (struct message_writer){ .bytes = reply, .room = room, .at = MESSAGE_HEADER };
    message_write_u32(&out, result < 0 ? (uint32_t)-result : EMSGSIZE);
    return finish(&out, RLERROR, tag);
}
