// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>

#include "base/string.h"

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

/* Syslog priorities (RFC 5424, 6.2.1) that the journal understands as well. */
static const int level_priorities[] = {
    [LOG_LEVEL_ERROR] = LOG_ERR,
    [LOG_LEVEL_WARNING] = LOG_WARNING,
    [LOG_LEVEL_INFO] = LOG_INFO,
    [LOG_LEVEL_DEBUG] = LOG_DEBUG,
};

static int datagram_socket(const char *path, struct error *error)
{
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return error_set(error, errno, "open log: connect to %s", path);
    return take_fd(&fd);
}

static int open_target(struct log *log, const char *target, struct error *error)
{
    if (string_starts_with(target, "journald:")) {
        log->target = LOG_TARGET_JOURNALD;
        return datagram_socket("/run/systemd/journal/socket", error);
    }
    if (string_starts_with(target, "syslog:")) {
        log->target = LOG_TARGET_SYSLOG;
        return datagram_socket("/dev/log", error);
    }
    const char *path = string_starts_with(target, "file:") ? target + strlen("file:") : target;
    log->target = LOG_TARGET_FILE;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(error, errno, "open log file %s", path);
    return fd;
}

int log_open(struct log *log, const char *target, struct error *error)
{
    struct log opened = *log;
    opened.fd = open_target(&opened, target, error);
    if (opened.fd < 0)
        return -1;
    *log = opened;
    return 0;
}

void log_close(struct log *log)
{
    if (log->target != LOG_TARGET_STDERR && log->fd >= 0)
        close(log->fd);
    log->fd = STDERR_FILENO;
    log->target = LOG_TARGET_STDERR;
}

static void timestamp(char *buffer, size_t size)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(buffer, size, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

static char *json_line(enum log_level level, const char *text)
{
    char time_text[32];
    timestamp(time_text, sizeof(time_text));
    struct json_object *line = json_object_new_object();
    json_object_object_add(line, "level", json_object_new_string(level_names[level]));
    json_object_object_add(line, "msg", json_object_new_string(text));
    json_object_object_add(line, "time", json_object_new_string(time_text));
    char *result =
        string_format("%s\n", json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
    json_object_put(line);
    return result;
}

static char *line_for(const struct log *log, enum log_level level, const char *text)
{
    int priority = level_priorities[level];
    if (log->target == LOG_TARGET_JOURNALD)
        return string_format("PRIORITY=%d\nSYSLOG_IDENTIFIER=openvirt\nMESSAGE=%s\n", priority,
                             text);
    if (log->target == LOG_TARGET_SYSLOG)
        return string_format("<%d>openvirt: %s", LOG_USER | priority, text);
    if (log->format == LOG_FORMAT_JSON)
        return json_line(level, text);
    if (level == LOG_LEVEL_ERROR)
        return string_format("openvirt: %s\n", text);
    return string_format("openvirt: %s: %s\n", level_names[level], text);
}

void log_write(const struct log *log, enum log_level level, const char *format, ...)
{
    if (level > log->level)
        return;
    va_list arguments;
    va_start(arguments, format);
    AUTO_FREE char *text = string_vformat(format, arguments);
    va_end(arguments);
    /* Names out of images and containers are in it: one line, and no orders to a terminal. */
    for (char *letter = text; *letter; letter++)
        if ((unsigned char)*letter < ' ' || *letter == 0x7F)
            *letter = *letter == '\n' ? ' ' : '?';
    AUTO_FREE char *line = line_for(log, level, text);
    /* A log that cannot be written has nobody left to tell. */
    if (write(log->fd, line, strlen(line)) < 0)
        return;
}
