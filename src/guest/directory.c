// SPDX-License-Identifier: Apache-2.0
#include "guest/directory.h"

#include "guest/system_call.h"
#include "guest/text.h"

/* getdents64(2): what the kernel writes for each entry. */
struct entry {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
} __attribute__((packed));

static bool search(int fd, directory_match *matches, void *context, char *name, size_t size)
{
    char buffer[2048] __attribute__((aligned(8)));
    long count;
    while ((count = CALL3(__NR_getdents64, fd, buffer, sizeof(buffer))) > 0) {
        for (long at = 0; at < count; at += ((struct entry *)(buffer + at))->length) {
            const char *found = ((struct entry *)(buffer + at))->name;
            if (found[0] == '.' || text_length(found) >= size || !matches(found, context))
                continue;
            memcpy(name, found, text_length(found) + 1);
            return true;
        }
    }
    return false;
}

int directory_find(const char *path, directory_match *matches, void *context, char *name,
                   size_t size)
{
    int fd = sys_open(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return -ENOENT;
    bool found = search(fd, matches, context, name, size);
    sys_close(fd);
    return found ? 0 : -ENOENT;
}
