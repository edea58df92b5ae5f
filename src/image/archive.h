// SPDX-License-Identifier: Apache-2.0
/* The functions of libarchive that we need; opened when the first archive is read or written. */
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include "base/error.h"

struct archive_functions {
    __typeof__(archive_read_new) *read_new;
    __typeof__(archive_read_free) *read_free;
    __typeof__(archive_read_support_filter_none) *support_filter_none;
    __typeof__(archive_read_support_filter_gzip) *support_filter_gzip;
    __typeof__(archive_read_support_filter_zstd) *support_filter_zstd;
    __typeof__(archive_read_support_filter_bzip2) *support_filter_bzip2;
    __typeof__(archive_read_support_filter_lz4) *support_filter_lz4;
    __typeof__(archive_read_support_filter_lzma) *support_filter_lzma;
    __typeof__(archive_read_support_filter_xz) *support_filter_xz;
    __typeof__(archive_read_support_format_ar) *support_format_ar;
    __typeof__(archive_read_support_format_raw) *support_format_raw;
    __typeof__(archive_read_support_format_tar) *support_format_tar;
    __typeof__(archive_read_open) *read_open;
    __typeof__(archive_read_next_header) *read_next_header;
    __typeof__(archive_read_data) *read_data;
    __typeof__(archive_read_data_block) *read_data_block;
    __typeof__(archive_errno) *error_number;
    __typeof__(archive_error_string) *error_string;
    __typeof__(archive_set_error) *set_error;
    __typeof__(archive_entry_pathname) *pathname;
    __typeof__(archive_entry_pathname_utf8) *pathname_utf8;
    __typeof__(archive_entry_hardlink) *hardlink;
    __typeof__(archive_entry_hardlink_utf8) *hardlink_utf8;
    __typeof__(archive_entry_symlink) *symlink;
    __typeof__(archive_entry_symlink_utf8) *symlink_utf8;
    __typeof__(archive_entry_filetype) *filetype;
    __typeof__(archive_entry_perm) *permissions;
    __typeof__(archive_entry_size) *size;
    __typeof__(archive_entry_uid) *uid;
    __typeof__(archive_entry_gid) *gid;
    __typeof__(archive_entry_mtime) *mtime;
    __typeof__(archive_entry_mtime_nsec) *mtime_nsec;
    __typeof__(archive_entry_rdevmajor) *rdev_major;
    __typeof__(archive_entry_rdevminor) *rdev_minor;
    __typeof__(archive_entry_xattr_reset) *xattr_reset;
    __typeof__(archive_entry_xattr_next) *xattr_next;
    __typeof__(archive_write_new) *write_new;
    __typeof__(archive_write_free) *write_free;
    __typeof__(archive_write_close) *write_close;
    __typeof__(archive_write_set_format_cpio_newc) *write_format_cpio_newc;
    __typeof__(archive_write_set_bytes_in_last_block) *write_bytes_in_last_block;
    __typeof__(archive_write_open_fd) *write_open_fd;
    __typeof__(archive_write_header) *write_header;
    __typeof__(archive_write_data) *write_data;
    __typeof__(archive_entry_new) *entry_new;
    __typeof__(archive_entry_free) *entry_free;
    __typeof__(archive_entry_set_pathname) *set_pathname;
    __typeof__(archive_entry_set_mode) *set_mode;
    __typeof__(archive_entry_set_size) *set_size;
    __typeof__(archive_entry_set_nlink) *set_link_count;
    __typeof__(archive_entry_set_rdevmajor) *set_rdev_major;
    __typeof__(archive_entry_set_rdevminor) *set_rdev_minor;
};

int archive_library_open(struct archive_functions *functions, struct error *error);
