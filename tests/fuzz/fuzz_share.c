// SPDX-License-Identifier: Apache-2.0
/* A guest that says anything to the 9P server: the input is messages, one behind the other. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mode.h"
#include "share/session.h"

/* A directory with a little in it, made once for the process; what the guest makes stays there. */
static int open_directory(void)
{
    static char path[] = "/tmp/openvirt-fuzz-share-XXXXXX";
    static int directory = -1;
    if (directory < 0) {
        PROMISE(mkdtemp(path));
        directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(openat(directory, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
        mkdirat(directory, "directory", 0755);
        PROMISE(symlinkat("/etc/passwd", directory, "link") == 0);
    }
    return openat(directory, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void fuzz_share(const uint8_t *data, size_t size)
{
    static const uint8_t attach[] = { 24,  0,   0,   0, 104, 0, 0, 1, 0, 0, 0, 255,
                                      255, 255, 255, 0, 0,   0, 0, 0, 0, 0, 0, 0 };
    struct share_session *session = malloc(sizeof(*session));
    uint8_t *reply = malloc(SHARE_MESSAGE_LIMIT);
    PROMISE(session && reply);
    share_session_open(session, open_directory(), false);
    session->may_chown = false;
    share_session_serve(session, attach, sizeof(attach), reply, SHARE_MESSAGE_LIMIT);
    while (size >= 2) {
        size_t length = data[0] | data[1] << 8;
        data += 2;
        size -= 2;
        if (length > size)
            length = size;
        size_t answer = share_session_serve(session, data, length, reply, SHARE_MESSAGE_LIMIT);
        PROMISE(answer == 0 || (answer >= MESSAGE_HEADER && answer <= SHARE_MESSAGE_LIMIT));
        data += length;
        size -= length;
    }
    share_session_close(session);
    free(reply);
    free(session);
}
