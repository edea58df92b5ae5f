// SPDX-License-Identifier: Apache-2.0
/*
 * A server of 9P2000.L over one directory of the host, for one guest.
 *
 * The guest is hostile. A fid holds an O_PATH descriptor of something below the directory; a walk
 * goes one name at a time from such a descriptor, never through a symbolic link, never by "..": so
 * nothing outside can be named, whatever the guest or other processes rename meanwhile. Only
 * regular files and directories are ever opened: devices, sockets and FIFOs of the host are not the
 * guest's to use. Messages are copied once before they are looked at.
 */
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include "base/error.h"
#include "share/message.h"

#define SHARE_MESSAGE_LIMIT (256u << 10) /* msize: the longest message either way */
#define SHARE_FIDS          2048         /* each may hold two descriptors */

struct fid {
    uint32_t number;
    bool used;
    int path_fd; /* O_PATH */
    int open_fd; /* -1: not opened */
    uid_t owner; /* n_uname of the attach: who creates files */
    bool is_directory;
};

struct share_session {
    int root_fd;
    bool read_only;
    uint32_t message_size; /* negotiated */
    bool may_chown;        /* we are root: what a guest's user creates is that user's */
    unsigned fid_count;    /* slots of `fids` that were ever used */
    struct fid fids[SHARE_FIDS];
};

/* `root_fd` becomes the session's. */
void share_session_open(struct share_session *session, int root_fd, bool read_only);
/* All fids are gone: a driver starts anew. */
void share_session_reset(struct share_session *session);
void share_session_close(struct share_session *session);

/*
 * Answer one message. Returns the length of the answer in `reply` (room bytes; at least
 * MESSAGE_HEADER + 4), 0 when the request is no message at all.
 */
size_t share_session_serve(struct share_session *session, const uint8_t *request, size_t length,
                           uint8_t *reply, size_t room);

/* -- For the operations -- */

/* Each reads its arguments, acts, writes its answer behind the header; 0 or a negative errno. */
typedef int share_operation(struct share_session *session, struct message_reader *in,
                            struct message_writer *out);

struct fid *fid_find(struct share_session *session, uint32_t number);
/* A new fid; NULL: the number is in use, or there are too many. Takes `path_fd` in any case. */
struct fid *fid_add(struct share_session *session, uint32_t number, int path_fd, uid_t owner);
void fid_remove(struct fid *fid);

int qid_of(int path_fd, struct qid *qid);
void qid_from_stat(const struct stat *status, struct qid *qid);
/* One component of a path, not "." nor "..". */
bool name_is_plain(const char *name);
/* Open what an O_PATH descriptor stands for; only regular files and directories. */
int fid_reopen(int path_fd, int flags);

share_operation operation_version, operation_attach, operation_walk, operation_clunk,
    operation_flush, operation_remove, operation_statfs, operation_getattr, operation_setattr,
    operation_readlink, operation_lopen, operation_read, operation_write, operation_readdir,
    operation_fsync, operation_lock, operation_getlock, operation_lcreate, operation_symlink,
    operation_mknod, operation_link, operation_mkdir, operation_rename, operation_renameat,
    operation_unlinkat;
