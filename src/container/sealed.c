// SPDX-License-Identifier: Apache-2.0
/*
 * The copy holds only what the kernel maps: the file up to the end of its last PT_LOAD segment.
 * What lies behind it (section headers, symbols, debug information) is never read by exec or the
 * dynamic loader, and copying it would cost more than the rest of this file.
 */
#include "container/sealed.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>

#include "base/io.h"
#include "base/string.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

enum {
    ALL_SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
    MOST_SEGMENTS = 64,
    MOST_ARGUMENTS = 8 << 20
};

/* A regular file has no seals: F_GET_SEALS fails with EINVAL. */
static bool is_sealed(int fd)
{
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & ALL_SEALS) == ALL_SEALS;
}

static int loaded_size(int fd, size_t *size, struct error *error)
{
    Elf64_Ehdr header;
    Elf64_Phdr segments[MOST_SEGMENTS];
    if (pread(fd, &header, sizeof(header), 0) != sizeof(header) || header.e_phnum > MOST_SEGMENTS)
        return error_set(error, errno, "read the ELF header of /proc/self/exe");
    size_t length = header.e_phnum * sizeof(segments[0]);
    if (pread(fd, segments, length, (off_t)header.e_phoff) != (ssize_t)length)
        return error_set(error, errno, "read the program headers of /proc/self/exe");
    *size = 0;
    for (size_t i = 0; i < header.e_phnum; i++) {
        size_t end = segments[i].p_offset + segments[i].p_filesz;
        if (segments[i].p_type == PT_LOAD && end > *size)
            *size = end;
    }
    return 0;
}

/* Kernels before 6.3 do not know MFD_EXEC, where memfds are executable without asking. */
static int make_memfd(void)
{
    unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int fd = memfd_create("openvirt", flags | MFD_EXEC);
    return fd < 0 && errno == EINVAL ? memfd_create("openvirt", flags) : fd;
}

static int copy_sealed(int from, struct error *error)
{
    size_t size;
    if (loaded_size(from, &size, error) < 0)
        return -1;
    AUTO_CLOSE int copy = make_memfd();
    if (copy < 0)
        return error_set(error, errno, "create a memory file for a sealed copy of openvirt");
    for (size_t done = 0; done < size;) {
        ssize_t count = sendfile(copy, from, NULL, size - done);
        if (count <= 0)
            return error_set(error, count ? errno : EIO, "copy openvirt into a sealed memory file");
        done += (size_t)count;
    }
    if (fcntl(copy, F_ADD_SEALS, ALL_SEALS) < 0)
        return error_set(error, errno, "seal the copy of openvirt");
    return take_fd(&copy);
}

int sealed_copy_enter(char **argv, struct error *error)
{
    AUTO_CLOSE int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (self < 0)
        return error_set(error, errno, "open /proc/self/exe; is /proc mounted?");
    if (is_sealed(self)) {
        prctl(PR_SET_NAME, "openvirt");
        return 0;
    }
    AUTO_CLOSE int copy = copy_sealed(self, error);
    if (copy < 0)
        return -1;
    fexecve(copy, argv, environ);
    return error_set(error, errno, "execute the sealed copy of openvirt");
}

int sealed_copy_begin_again(struct error *error)
{
    size_t length;
    AUTO_STRING_LIST struct string_list words = { 0 };
    AUTO_FREE char *text =
        read_file_at(AT_FDCWD, "/proc/self/cmdline", MOST_ARGUMENTS, &length, error);
    if (!text)
        return -1;
    for (size_t at = 0; at < length; at += strlen(text + at) + 1)
        string_list_add(&words, text + at);
    prctl(PR_SET_DUMPABLE, 0);
    return sealed_copy_enter(words.items, error);
}
