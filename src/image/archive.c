// SPDX-License-Identifier: Apache-2.0
#include "image/archive.h"

#include <stddef.h>

#include "base/library.h"

#define SYMBOL(function, member)                                                                   \
    {                                                                                              \
#function, offsetof(struct archive_functions, member)                                      \
    }

static const struct library_symbol archive_symbols[] = {
    SYMBOL(archive_read_new, read_new),
    SYMBOL(archive_read_free, read_free),
    SYMBOL(archive_read_support_filter_none, support_filter_none),
    SYMBOL(archive_read_support_filter_gzip, support_filter_gzip),
    SYMBOL(archive_read_support_filter_zstd, support_filter_zstd),
    SYMBOL(archive_read_support_filter_bzip2, support_filter_bzip2),
    SYMBOL(archive_read_support_filter_lz4, support_filter_lz4),
    SYMBOL(archive_read_support_filter_lzma, support_filter_lzma),
    SYMBOL(archive_read_support_filter_xz, support_filter_xz),
    SYMBOL(archive_read_support_format_ar, support_format_ar),
    SYMBOL(archive_read_support_format_raw, support_format_raw),
    SYMBOL(archive_read_support_format_tar, support_format_tar),
    SYMBOL(archive_read_open, read_open),
    SYMBOL(archive_read_next_header, read_next_header),
    SYMBOL(archive_read_data, read_data),
    SYMBOL(archive_read_data_block, read_data_block),
    SYMBOL(archive_errno, error_number),
    SYMBOL(archive_error_string, error_string),
    SYMBOL(archive_set_error, set_error),
    SYMBOL(archive_entry_pathname, pathname),
    SYMBOL(archive_entry_pathname_utf8, pathname_utf8),
    SYMBOL(archive_entry_hardlink, hardlink),
    SYMBOL(archive_entry_hardlink_utf8, hardlink_utf8),
    SYMBOL(archive_entry_symlink, symlink),
    SYMBOL(archive_entry_symlink_utf8, symlink_utf8),
    SYMBOL(archive_entry_filetype, filetype),
    SYMBOL(archive_entry_perm, permissions),
    SYMBOL(archive_entry_size, size),
    SYMBOL(archive_entry_uid, uid),
    SYMBOL(archive_entry_gid, gid),
    SYMBOL(archive_entry_mtime, mtime),
    SYMBOL(archive_entry_mtime_nsec, mtime_nsec),
    SYMBOL(archive_entry_rdevmajor, rdev_major),
    SYMBOL(archive_entry_rdevminor, rdev_minor),
    SYMBOL(archive_entry_xattr_reset, xattr_reset),
    SYMBOL(archive_entry_xattr_next, xattr_next),
    SYMBOL(archive_write_new, write_new),
    SYMBOL(archive_write_free, write_free),
    SYMBOL(archive_write_close, write_close),
    SYMBOL(archive_write_set_format_cpio_newc, write_format_cpio_newc),
    SYMBOL(archive_write_set_bytes_in_last_block, write_bytes_in_last_block),
    SYMBOL(archive_write_open_fd, write_open_fd),
    SYMBOL(archive_write_header, write_header),
    SYMBOL(archive_write_data, write_data),
    SYMBOL(archive_entry_new, entry_new),
    SYMBOL(archive_entry_free, entry_free),
    SYMBOL(archive_entry_set_pathname, set_pathname),
    SYMBOL(archive_entry_set_mode, set_mode),
    SYMBOL(archive_entry_set_size, set_size),
    SYMBOL(archive_entry_set_nlink, set_link_count),
    SYMBOL(archive_entry_set_rdevmajor, set_rdev_major),
    SYMBOL(archive_entry_set_rdevminor, set_rdev_minor),
};

int archive_library_open(struct archive_functions *functions, struct error *error)
{
    return library_open("libarchive.so.13", "libarchive13", archive_symbols,
                        ARRAY_LENGTH(archive_symbols), functions, error);
}
