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
};

int archive_library_open(struct archive_functions *functions, struct error *error)
{
    return library_open("libarchive.so.13", "libarchive13", archive_symbols,
                        ARRAY_LENGTH(archive_symbols), functions, error);
}
