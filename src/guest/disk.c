// SPDX-License-Identifier: Apache-2.0
#include "guest/disk.h"

#include "guest/directory.h"
#include "guest/system_call.h"
#include "guest/text.h"

enum { LOOK_AGAIN_MS = 5 };

/* The superblock of ext2 and its successors: Documentation/filesystems/ext4/super.rst. */
enum {
    SUPERBLOCK_OFFSET = 1024,
    SUPERBLOCK_MAGIC_OFFSET = 0x38, /* 2 bytes, 0xef53 */
    SUPERBLOCK_LABEL_OFFSET = 0x78,
    SUPERBLOCK_LABEL_SIZE = 16,
    SUPERBLOCK_PART = 0x88, /* the bytes that hold both */
};

static void device_path(char *path, size_t size, const char *name)
{
    struct text text = { .data = path, .size = size };
    text_add(&text, "/dev/");
    text_add(&text, name);
}

static bool has_label(const char *name, void *context)
{
    char path[64], label[SUPERBLOCK_LABEL_SIZE + 1] = { 0 };
    uint8_t block[SUPERBLOCK_OFFSET + SUPERBLOCK_PART];
    device_path(path, sizeof(path), name);
    int fd = sys_open(path, O_RDONLY, 0);
    if (fd < 0)
        return false;
    long count = sys_read(fd, block, sizeof(block));
    sys_close(fd);
    const uint8_t *superblock = block + SUPERBLOCK_OFFSET;
    if (count != sizeof(block) || superblock[SUPERBLOCK_MAGIC_OFFSET] != 0x53 ||
        superblock[SUPERBLOCK_MAGIC_OFFSET + 1] != 0xef)
        return false;
    memcpy(label, superblock + SUPERBLOCK_LABEL_OFFSET, SUPERBLOCK_LABEL_SIZE);
    return text_equal(label, context);
}

/* virtio-blk shows it as a text. */
static bool has_virtio_serial(const char *name, const char *serial)
{
    char path[128], value[64];
    struct text text = TEXT(path);
    text_add(&text, "/sys/block/");
    text_add(&text, name);
    text_add(&text, "/serial");
    return text_read_file(path, value, sizeof(value)) > 0 && text_equal(value, serial);
}

/* An ATA disk as the SCSI layer shows it: the page 0x80 of INQUIRY, 4 bytes and then the serial
 * number, filled up with blanks in front or behind. */
static bool has_scsi_serial(const char *name, const char *serial)
{
    char path[128], page[256];
    struct text text = TEXT(path);
    text_add(&text, "/sys/block/");
    text_add(&text, name);
    text_add(&text, "/device/vpd_pg80");
    long length = text_read_file(path, page, sizeof(page));
    if (length <= 4)
        return false;
    char *begin = page + 4, *end = page + length;
    while (begin < end && *begin == ' ')
        begin++;
    while (end > begin && end[-1] == ' ')
        end--;
    *end = '\0';
    return text_equal(begin, serial);
}

static bool has_serial(const char *name, void *context)
{
    return has_virtio_serial(name, context) || has_scsi_serial(name, context);
}

static const struct {
    const char *prefix;
    directory_match *matches;
} ways[] = {
    { "LABEL=", has_label },
    { "SERIAL=", has_serial },
};

static int find_once(const char *description, char *path, size_t size)
{
    char name[32];
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        const char *value = text_after(description, ways[i].prefix);
        if (!value)
            continue;
        if (directory_find("/sys/block", ways[i].matches, (void *)value, name, sizeof(name)) < 0)
            return -ENODEV;
        device_path(path, size, name);
        return 0;
    }
    struct text text = { .data = path, .size = size };
    text_add(&text, description);
    return CALL4(__NR_faccessat, AT_FDCWD, path, 0, 0) < 0 ? -ENODEV : 0;
}

int disk_find(const char *description, int wait_ms, char *path, size_t size)
{
    for (; find_once(description, path, size) < 0; wait_ms -= LOOK_AGAIN_MS) {
        if (wait_ms <= 0)
            return -ENODEV;
        sleep_ms(LOOK_AGAIN_MS);
    }
    return 0;
}
