// SPDX-License-Identifier: Apache-2.0
/*
 * Messages to people and to the programs that call us: text on stderr, or one JSON object a line
 * with level, msg and time (RFC 3339), the form that containerd and podman parse.
 */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };
enum log_target { LOG_TARGET_STDERR, LOG_TARGET_FILE, LOG_TARGET_JOURNALD, LOG_TARGET_SYSLOG };

struct log {
    enum log_level level;
    enum log_format format;
    enum log_target target;
    int fd; /* owned for LOG_TARGET_FILE, LOG_TARGET_JOURNALD and LOG_TARGET_SYSLOG; else
               STDERR_FILENO */
};

/* A log that writes warnings and errors as text to stderr. */
#define LOG_TO_STDERR ((struct log){ .level = LOG_LEVEL_WARNING, .fd = STDERR_FILENO })

/*
 * Open the target named by `--log`: a path, or "file:PATH", "journald:TAG", "syslog:TAG".
 * The log's level and format stay as they are.
 */
int log_open(struct log *log, const char *target, struct error *error);
void log_close(struct log *log);

void log_write(const struct log *log, enum log_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);

#define log_error(log, ...)   log_write(log, LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(log, ...) log_write(log, LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(log, ...)    log_write(log, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(log, ...)   log_write(log, LOG_LEVEL_DEBUG, __VA_ARGS__)
