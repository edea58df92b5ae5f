// SPDX-License-Identifier: Apache-2.0
/*
 * The first process of the machines that bench/machines compares: says that user space is there,
 * loads the modules of /modules in the order of their names, reads /dev/vda once through the page
 * cache, tells how fast that was, and powers off.
 */
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void load_modules(void)
{
    glob_t modules;
    if (glob("/modules/*.ko", 0, NULL, &modules) != 0)
        return;
    for (size_t i = 0; i < modules.gl_pathc; i++) {
        int fd = open(modules.gl_pathv[i], O_RDONLY | O_CLOEXEC);
        if (syscall(SYS_finit_module, fd, "", 0) != 0)
            perror(modules.gl_pathv[i]);
        close(fd);
    }
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void read_disk(void)
{
    static char buffer[256 << 10];
    size_t total = 0;
    ssize_t length;
    int fd = open("/dev/vda", O_RDONLY | O_CLOEXEC);
    double began = seconds();
    while (fd >= 0 && (length = read(fd, buffer, sizeof(buffer))) > 0)
        total += (size_t)length;
    if (total > 0)
        printf("DISK %.1f\n", (double)total / 1e6 / (seconds() - began));
}

int main(void)
{
    printf("USERSPACE\n");
    fflush(stdout);
    mount("dev", "/dev", "devtmpfs", 0, NULL);
    load_modules();
    read_disk();
    fflush(stdout);
    sync();
    reboot(RB_POWER_OFF);
    for (;;)
        pause();
}
