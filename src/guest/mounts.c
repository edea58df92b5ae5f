// SPDX-License-Identifier: Apache-2.0
#include "guest/mounts.h"

#include <linux/mount.h>

#include "guest/disk.h"
#include "guest/system_call.h"

#define ROOT "/root"

enum { PATH_SIZE = 4096, MOUNT_DISK_WAIT_MS = 10000 };

/* What a guest has wherever it runs; the target is made. In a root that has its own (a directory
 * that the image mounts over) they come first and are covered. */
struct standard {
    const char *type, *target;
    unsigned long flags;
    const char *options;
};

static const struct standard first_mounts[] = {
    { "proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
    { "sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
    { "devtmpfs", "/dev", MS_NOSUID, "mode=0755" },
};

static const struct standard later_mounts[] = {
    { "devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=0620,ptmxmode=0666" },
    { "tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777" },
    { "mqueue", "/dev/mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
    { "cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
};

static const struct {
    const char *target, *path;
} links[] = {
    { "/proc/self/fd", "/dev/fd" },
    { "/proc/self/fd/0", "/dev/stdin" },
    { "/proc/self/fd/1", "/dev/stdout" },
    { "/proc/self/fd/2", "/dev/stderr" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int make_directories(const char *path, int mode)
{
    char part[PATH_SIZE];
    int result = 0;
    for (const char *end = path; *end;) {
        end = text_find(end + 1, '/');
        struct text text = TEXT(part);
        text_add_bytes(&text, path, (size_t)(end - path));
        result = sys_mkdir(part, mode);
    }
    return result == -EEXIST ? 0 : result;
}

static void mount_standard(const struct standard *mounts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sys_mkdir(mounts[i].target, 0755);
        sys_mount(mounts[i].type, mounts[i].target, mounts[i].type, mounts[i].flags,
                  mounts[i].options);
    }
}

void mounts_begin(void)
{
    mount_standard(first_mounts, COUNT(first_mounts));
}

/* Take a mount of the initramfs along. */
static int move_mount(const char *target)
{
    char path[64];
    struct text text = TEXT(path);
    text_add(&text, ROOT);
    text_add(&text, target);
    sys_mkdir(path, 0755);
    return sys_mount(target, path, NULL, MS_MOVE, NULL);
}

/* As switch_root(8): what is mounted moves over, the new root covers the initramfs. */
static int become_root(const char **on)
{
    for (size_t i = 0; i < COUNT(first_mounts); i++) {
        *on = first_mounts[i].target;
        int result = move_mount(first_mounts[i].target);
        if (result < 0)
            return result;
    }
    *on = "/";
    int result = (int)CALL1(__NR_chdir, ROOT);
    if (result == 0)
        result = sys_mount(".", "/", NULL, MS_MOVE, NULL);
    if (result == 0)
        result = (int)CALL1(__NR_chroot, ".");
    if (result == 0)
        result = (int)CALL1(__NR_chdir, "/");
    return result;
}

int mounts_enter_root(struct fields *fields, const char **on)
{
    char path[PATH_SIZE];
    struct guest_root root;
    fields_copy(fields, &root, sizeof(root));
    const char *disk = fields_string(fields);
    const char *type = fields_string(fields);
    const char *options = fields_string(fields);
    *on = disk;
    if (!fields_are_good(fields))
        return -EBADMSG;
    int result = disk_find(disk, (int)root.wait_ms, path, sizeof(path));
    if (result < 0)
        return result;
    sys_mkdir(ROOT, 0755);
    result = sys_mount(path, ROOT, type, MS_NOATIME, options);
    if (result == 0)
        result = become_root(on);
    if (result < 0)
        return result;
    mount_standard(later_mounts, COUNT(later_mounts));
    for (size_t i = 0; i < COUNT(links); i++)
        sys_symlink(links[i].target, links[i].path);
    return 0;
}

/* The target as a file: an empty one where there is none. */
static int make_file(const char *path)
{
    char parent[PATH_SIZE];
    size_t length = text_length(path);
    while (length && path[length - 1] != '/')
        length--;
    struct text text = TEXT(parent);
    text_add_bytes(&text, path, length ? length - 1 : 0);
    make_directories(parent, 0755);
    int fd = sys_open(path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644);
    if (fd >= 0)
        sys_close(fd);
    return fd < 0 ? fd : 0;
}

int mounts_add(struct fields *fields, const char **on)
{
    char path[PATH_SIZE];
    struct guest_mount mount;
    fields_copy(fields, &mount, sizeof(mount));
    const char *source = fields_string(fields), *target = fields_string(fields);
    const char *type = fields_string(fields), *options = fields_string(fields);
    *on = target;
    if (!fields_are_good(fields) || target[0] != '/' || text_length(target) >= PATH_SIZE)
        return -EBADMSG;
    if (text_after(source, "LABEL=") || text_after(source, "SERIAL=")) {
        int found = disk_find(source, MOUNT_DISK_WAIT_MS, path, sizeof(path));
        if (found < 0)
            return found;
        source = path;
    }
    int result =
        mount.flags & GUEST_MOUNT_ON_FILE ? make_file(target) : make_directories(target, 0755);
    if (result < 0 && result != -EROFS)
        return result;
    return sys_mount(source, target, type, mount.mount_flags, options);
}

int mounts_seal_root(void)
{
    return sys_mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL);
}

/* The mount points of /proc/self/mounts, the newest first: each line's second word. */
static bool unmount_last(void)
{
    char table[16384];
    long length = text_read_file("/proc/self/mounts", table, sizeof(table));
    const char *last = NULL;
    for (const char *line = table; length > 0 && *line; line += *line == '\n') {
        const char *target = text_find(line, ' ');
        if (text_after(line, "/dev/") && text_after(target, " /") && target[2] != ' ')
            last = target + 1;
        line = text_find(line, '\n');
    }
    if (!last)
        return false;
    *(char *)text_find(last, ' ') = '\0';
    return CALL2(__NR_umount2, last, 0) == 0;
}

void mounts_end(void)
{
    CALL0(__NR_sync);
    while (unmount_last())
        ;
    mounts_seal_root();
    CALL0(__NR_sync);
}
