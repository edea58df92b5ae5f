// SPDX-License-Identifier: Apache-2.0
#include "guest/modules.h"

#include "guest/system_call.h"

#define ORDER "/modules/order"

enum { ORDER_SIZE = 8192 };

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

int modules_load(void (*failed)(void *context, const char *name, int error), void *context)
{
    char order[ORDER_SIZE];
    if (text_read_file(ORDER, order, sizeof(order)) < 0)
        return 0; /* a kernel with all built in */
    int count = 0;
    for (const char *line = order; *line; line += *line == '\n') {
        char path[256];
        struct text text = TEXT(path);
        const char *end = text_find(line, '\n');
        text_add(&text, "/modules/");
        text_add_bytes(&text, line, (size_t)(end - line));
        int result = load(path);
        if (!is_fine(result))
            failed(context, path, result);
        count += result >= 0;
        line = end;
    }
    return count;
}
