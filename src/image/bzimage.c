// SPDX-License-Identifier: Apache-2.0
/*
 * The offsets are those of Documentation/arch/x86/boot.rst of the kernel ("The Real-Mode Kernel
 * Header"). The payload begins payload_offset bytes behind the setup code; behind the compressed
 * data stand 4 bytes, the size of the kernel when unpacked, but with gzip, which ends in that
 * itself.
 */
#include "image/bzimage.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"
#include "image/archive.h"
#include "image/interrupt.h"

enum {
    SETUP_SECTS = 0x1f1,
    BOOT_FLAG = 0x1fe,
    HEADER = 0x202,
    VERSION = 0x206,
    KERNEL_VERSION = 0x20e,
    XLOADFLAGS = 0x236,
    PAYLOAD_OFFSET = 0x248,
    PAYLOAD_LENGTH = 0x24c,
    HEADER_END = 0x250,
    SECTOR = 512,
    XLF_KERNEL_64 = 1,
    PROTOCOL_2_08 = 0x208, /* the first with a payload_offset */
    PROTOCOL_2_12 = 0x20c, /* the first with xloadflags */
    VERSION_BASE = 0x200,
    BUFFER_SIZE = 128 << 10,
};

/* More than any kernel has, and less than a disk. */
#define VMLINUX_LIMIT (1ULL << 30)

static uint16_t get16(const uint8_t *header, size_t offset)
{
    return (uint16_t)(header[offset] | header[offset + 1] << 8);
}

static uint32_t get32(const uint8_t *header, size_t offset)
{
    return get16(header, offset) | (uint32_t)get16(header, offset + 2) << 16;
}

static int not_a_kernel(const char *name, const char *why, struct error *error)
{
    return error_set(error, 0, "%s is no Linux kernel for x86 (bzImage): %s", name, why);
}

static void read_version(int fd, const uint8_t *header, struct bzimage *image)
{
    uint16_t offset = get16(header, KERNEL_VERSION);
    ssize_t count =
        !offset ? 0 : pread(fd, image->version, sizeof(image->version) - 1, offset + VERSION_BASE);
    image->version[count > 0 ? count : 0] = '\0';
}

int bzimage_read(int fd, const char *name, struct bzimage *image, struct error *error)
{
    uint8_t header[HEADER_END];
    struct stat status;
    *image = (struct bzimage){ 0 };
    if (fstat(fd, &status) < 0)
        return error_set(error, errno, "look at %s", name);
    ssize_t count = pread(fd, header, sizeof(header), 0);
    if (count < 0)
        return error_set(error, errno, "read %s", name);
    if (count != sizeof(header) || get16(header, BOOT_FLAG) != 0xaa55 ||
        memcmp(header + HEADER, "HdrS", 4) != 0)
        return not_a_kernel(name, "it has no boot header", error);
    unsigned int protocol = get16(header, VERSION);
    read_version(fd, header, image);
    image->has_64_bits = protocol >= PROTOCOL_2_12 && get16(header, XLOADFLAGS) & XLF_KERNEL_64;
    if (protocol < PROTOCOL_2_08)
        return 0;
    uint32_t setup = (header[SETUP_SECTS] ? header[SETUP_SECTS] + 1U : 5U) * SECTOR;
    uint64_t offset = (uint64_t)setup + get32(header, PAYLOAD_OFFSET);
    image->payload_length = get32(header, PAYLOAD_LENGTH);
    if (offset + image->payload_length > (uint64_t)status.st_size || image->payload_length < 8)
        return not_a_kernel(name, "it is shorter than its header says", error);
    image->payload_offset = (uint32_t)offset;
    return 0;
}

struct extraction {
    struct archive_functions archive;
    struct archive *reader;
    int fd;
    uint64_t at, end;
    char *buffer;
    struct error failure;
};

static void clear(struct extraction *extraction)
{
    if (extraction->reader)
        extraction->archive.read_free(extraction->reader);
    free(extraction->buffer);
    error_clear(&extraction->failure);
}
#define AUTO_EXTRACTION __attribute__((cleanup(clear)))

static la_ssize_t feed(struct archive *reader, void *context, const void **buffer)
{
    struct extraction *extraction = context;
    uint64_t left = extraction->end - extraction->at;
    size_t size = left < BUFFER_SIZE ? (size_t)left : BUFFER_SIZE;
    *buffer = extraction->buffer;
    ssize_t count = -1;
    if (interrupt_check(&extraction->failure) == 0) {
        count = pread(extraction->fd, extraction->buffer, size, (off_t)extraction->at);
        if (count < 0)
            error_set(&extraction->failure, errno, "read the kernel");
    }
    if (count < 0)
        extraction->archive.set_error(reader, EIO, "%s", extraction->failure.message);
    else
        extraction->at += (uint64_t)count;
    return count;
}

static bool open_reader(struct extraction *extraction)
{
    const struct archive_functions *archive = &extraction->archive;
    extraction->reader = archive->read_new();
    return extraction->reader && archive->support_filter_gzip(extraction->reader) == ARCHIVE_OK &&
           archive->support_filter_xz(extraction->reader) == ARCHIVE_OK &&
           archive->support_filter_zstd(extraction->reader) == ARCHIVE_OK &&
           archive->support_filter_lz4(extraction->reader) == ARCHIVE_OK &&
           archive->support_filter_lzma(extraction->reader) == ARCHIVE_OK &&
           archive->support_filter_bzip2(extraction->reader) == ARCHIVE_OK &&
           archive->support_format_raw(extraction->reader) == ARCHIVE_OK &&
           archive->read_open(extraction->reader, extraction, NULL, feed, NULL) == ARCHIVE_OK;
}

static int damaged(struct extraction *extraction, const char *name, struct error *error)
{
    if (extraction->failure.message)
        return error_move(error, &extraction->failure);
    const char *reason =
        extraction->reader ? extraction->archive.error_string(extraction->reader) : NULL;
    return error_set(error, 0, "unpack the kernel in %s: %s", name,
                     reason ? reason : "libarchive gave no reason");
}

/* The unpacked bytes. 1: they are no ELF file, so the compression is none that was found. */
static int copy(struct extraction *extraction, const char *name, int target_fd, struct error *error)
{
    AUTO_FREE char *buffer = allocate(BUFFER_SIZE, 1);
    for (uint64_t length = 0;;) {
        la_ssize_t count = extraction->archive.read_data(extraction->reader, buffer, BUFFER_SIZE);
        if (count < 0)
            return damaged(extraction, name, error);
        if (length == 0 && (count < SELFMAG || memcmp(buffer, ELFMAG, SELFMAG) != 0))
            return 1;
        if (count == 0)
            return 0;
        length += (uint64_t)count;
        if (length > VMLINUX_LIMIT)
            return error_set(error, EFBIG, "unpack the kernel in %s", name);
        if (write_all(target_fd, buffer, (size_t)count) < 0)
            return error_set(error, errno, "write the kernel of %s", name);
    }
}

static bool is_gzip(int fd, uint64_t offset)
{
    uint8_t magic[2] = { 0 };
    return pread(fd, magic, sizeof(magic), (off_t)offset) == sizeof(magic) && magic[0] == 0x1f &&
           magic[1] == 0x8b;
}

int bzimage_extract(int fd, const char *name, const struct bzimage *image, int target_fd,
                    struct error *error)
{
    struct archive_entry *entry;
    if (!image->payload_length)
        return 1;
    AUTO_EXTRACTION struct extraction extraction = { .fd = fd, .at = image->payload_offset };
    extraction.end = extraction.at + image->payload_length - (is_gzip(fd, extraction.at) ? 0 : 4);
    extraction.buffer = allocate(BUFFER_SIZE, 1);
    if (archive_library_open(&extraction.archive, error) < 0)
        return -1;
    if (!open_reader(&extraction))
        return damaged(&extraction, name, error);
    if (extraction.archive.read_next_header(extraction.reader, &entry) != ARCHIVE_OK)
        return damaged(&extraction, name, error);
    return copy(&extraction, name, target_fd, error);
}
