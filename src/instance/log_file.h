// SPDX-License-Identifier: Apache-2.0
/*
 * The output of an instance in the background, as Kubernetes' container runtimes keep it (CRI log
 * format, kubelet's pkg/kubelet/kuberuntime/logs):
 *
 *     2026-11-22T16:20:03.123456789Z stdout F a whole line
 *     2026-11-22T16:20:03.223456789Z stderr P the beginning of one without its end yet
 *
 * F ends a line, P does not: it is cut for its length, or the output ended in it. When the file
 * reaches its size it becomes log.1 in place of the one before, and a new one is begun.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum log_stream { LOG_STREAM_STDOUT, LOG_STREAM_STDERR, LOG_STREAM_COUNT };

enum {
    LOG_FILE_DEFAULT_SIZE = 16 << 20,
    LOG_FILE_SMALLEST_SIZE = 64 << 10,
    LOG_LONGEST_TEXT = 8 << 10, /* of one record; a longer line is cut into P records */
};

struct log_file {
    int directory_fd, fd;
    uint64_t size, largest_size; /* bytes */
    uint64_t lost_bytes;         /* that could not be written: the disk is full */
    struct log_part {
        size_t length;
        char text[LOG_LONGEST_TEXT];
    } parts[LOG_STREAM_COUNT]; /* lines whose end has not come yet */
};

/* Append to `log` in the directory, or begin it. Both descriptors are then its own. */
int log_file_open(struct log_file *log, int directory_fd, uint64_t largest_size,
                  struct error *error);
void log_file_close(struct log_file *log);

/*
 * Take output. What cannot be written is counted and dropped, never an error: an instance goes on
 * with a full disk, and the log says later how much is missing.
 */
void log_file_take(struct log_file *log, enum log_stream stream, const char *data, size_t length);

/* Write what is left of a line that did not end. */
void log_file_flush(struct log_file *log);

/* One record of a log. */
struct log_record {
    const char *time;
    size_t time_length;
    enum log_stream stream;
    bool ends_line;
    const char *text;
    size_t length;
};

/* Take one line (without its newline) apart. False when it is none. */
bool log_record_parse(const char *line, size_t length, struct log_record *record);
