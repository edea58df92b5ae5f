// SPDX-License-Identifier: Apache-2.0
#include "guest/modules.h"

#include "guest/system_call.h"

enum { ORDER_SIZE = 8192, LEAST_URGENT = 19 };

static int load(const char *path)
{
    int fd = sys_open(path, O_RDONLY, 0);
    if (fd < 0)
        return fd;
    int result = (int)CALL3(__NR_finit_module, fd, "", 0);
    sys_close(fd);
    sys_unlink(path); /* the initramfs is memory that the guest can use */
    return result;
}

/* Part of the kernel or loaded already; or written for hardware (CRC instructions) that is not
 * there. */
static bool is_fine(int result)
{
    return result >= 0 || result == -EEXIST || result == -ENODEV;
}

void modules_load(const char *list, void (*failed)(void *context, const char *name, int error),
                  void *context)
{
    char order[ORDER_SIZE];
    if (text_read_file(list, order, sizeof(order)) < 0)
        return; /* a kernel with all built in */
    for (const char *line = order; *line; line += *line == '\n') {
        char path[256];
        struct text text = TEXT(path);
        const char *end = text_find(line, '\n');
        text_add(&text, "/modules/");
        text_add_bytes(&text, line, (size_t)(end - line));
        int result = load(path);
        if (!is_fine(result))
            failed(context, path, result);
        line = end;
    }
}

int modules_prepare_later(void (*failed)(void *context, const char *name, int error), void *context)
{
    int pipe[2];
    char byte;
    int result = sys_pipe(pipe);
    if (result < 0)
        return result;
    int pid = sys_fork();
    if (pid == 0) {
        sys_close(pipe[1]);
        sys_read(pipe[0], &byte, 1);
        CALL3(__NR_setpriority, 0, 0, LEAST_URGENT);
        modules_load(MODULES_LATER, failed, context);
        sys_exit(0);
    }
    sys_close(pipe[0]);
    return pipe[1];
}
