// SPDX-License-Identifier: Apache-2.0
#include "instance/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/string.h"

static const char *const stream_names[] = {
    [LOG_STREAM_STDOUT] = "stdout",
    [LOG_STREAM_STDERR] = "stderr",
};

static int open_current(struct log_file *log)
{
    struct stat status;
    log->fd = openat(log->directory_fd, "log",
                     O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (log->fd < 0)
        return -1;
    log->size = fstat(log->fd, &status) == 0 ? (uint64_t)status.st_size : 0;
    return 0;
}

int log_file_open(struct log_file *log, int directory_fd, uint64_t largest_size,
                  struct error *error)
{
    memset(log, 0, sizeof(*log));
    log->fd = -1;
    log->largest_size = largest_size ? largest_size : LOG_FILE_DEFAULT_SIZE;
    if (log->largest_size < LOG_FILE_SMALLEST_SIZE)
        log->largest_size = LOG_FILE_SMALLEST_SIZE;
    log->directory_fd = fcntl(directory_fd, F_DUPFD_CLOEXEC, 0);
    if (log->directory_fd < 0 || open_current(log) < 0) {
        error_set(error, errno, "open the log");
        log_file_close(log);
        return -1;
    }
    return 0;
}

void log_file_close(struct log_file *log)
{
    cleanup_close(&log->directory_fd);
    cleanup_close(&log->fd);
    log->directory_fd = log->fd = -1;
}

static void rotate(struct log_file *log)
{
    if (renameat(log->directory_fd, "log", log->directory_fd, "log.1") < 0)
        return; /* goes on in the large one; the next record tries again */
    int old_fd = log->fd;
    if (open_current(log) < 0)
        log->fd = old_fd; /* no room for a new one: the old one, now log.1, goes on */
    else
        close(old_fd);
}

static size_t time_text(char *text, size_t size)
{
    struct timespec now;
    struct tm utc;
    char seconds[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &utc);
    return (size_t)snprintf(text, size, "%s.%09ldZ", seconds, now.tv_nsec);
}

/* A record is written whole or, as far as a full disk allows, not at all. */
static bool write_record(struct log_file *log, const char *stream, char kind, const char *text,
                         size_t length)
{
    char head[80];
    size_t head_length = time_text(head, sizeof(head));
    head_length +=
        (size_t)snprintf(head + head_length, sizeof(head) - head_length, " %s %c ", stream, kind);
    struct iovec parts[] = { { head, head_length }, { (char *)text, length }, { (char *)"\n", 1 } };
    size_t whole = head_length + length + 1;
    if (log->size > 0 && log->size + whole > log->largest_size)
        rotate(log);
    ssize_t written;
    do
        written = writev(log->fd, parts, ARRAY_LENGTH(parts));
    while (written < 0 && errno == EINTR);
    if (written == (ssize_t)whole) {
        log->size += whole;
        return true;
    }
    if (written > 0 && ftruncate(log->fd, (off_t)log->size) < 0)
        log->size += (size_t)written; /* a broken line, which readers pass over */
    return false;
}

/* After a time without room, the log itself says what it lacks. */
static void tell_loss(struct log_file *log)
{
    char text[96];
    int length =
        snprintf(text, sizeof(text), "[%" PRIu64 " bytes of output lost: no room for the log]",
                 log->lost_bytes);
    if (write_record(log, stream_names[LOG_STREAM_STDERR], 'F', text, (size_t)length))
        log->lost_bytes = 0;
}

static void put(struct log_file *log, enum log_stream stream, char kind, const char *text,
                size_t length)
{
    if (log->lost_bytes)
        tell_loss(log);
    if (log->lost_bytes || !write_record(log, stream_names[stream], kind, text, length))
        log->lost_bytes += length + 1;
}

static void add_to_part(struct log_file *log, enum log_stream stream, const char *data,
                        size_t length)
{
    struct log_part *part = &log->parts[stream];
    while (length > 0) {
        size_t room = sizeof(part->text) - part->length;
        size_t count = length < room ? length : room;
        memcpy(part->text + part->length, data, count);
        part->length += count;
        data += count;
        length -= count;
        if (part->length < sizeof(part->text))
            continue;
        put(log, stream, 'P', part->text, part->length);
        part->length = 0;
    }
}

void log_file_take(struct log_file *log, enum log_stream stream, const char *data, size_t length)
{
    struct log_part *part = &log->parts[stream];
    for (const char *newline; length > 0 && (newline = memchr(data, '\n', length));) {
        size_t count = (size_t)(newline - data);
        add_to_part(log, stream, data, count);
        put(log, stream, 'F', part->text, part->length);
        part->length = 0;
        data += count + 1;
        length -= count + 1;
    }
    add_to_part(log, stream, data, length);
}

void log_file_flush(struct log_file *log)
{
    for (size_t stream = 0; stream < LOG_STREAM_COUNT; stream++) {
        struct log_part *part = &log->parts[stream];
        if (part->length)
            put(log, stream, 'P', part->text, part->length);
        part->length = 0;
    }
    if (log->lost_bytes)
        tell_loss(log);
}

bool log_record_parse(const char *line, size_t length, struct log_record *record)
{
    const char *end = line + length;
    const char *space = memchr(line, ' ', length);
    if (!space || end - space < (ptrdiff_t)strlen(" stdout F "))
        return false;
    *record = (struct log_record){ .time = line, .time_length = (size_t)(space - line) };
    const char *name = space + 1, *kind = name + strlen("stdout ");
    for (size_t stream = 0; stream < LOG_STREAM_COUNT; stream++) {
        if (memcmp(name, stream_names[stream], strlen("stdout")) != 0)
            continue;
        record->stream = stream;
        record->ends_line = *kind == 'F';
        record->text = kind + 2;
        record->length = (size_t)(end - record->text);
        return kind[-1] == ' ' && kind[1] == ' ' && (*kind == 'F' || *kind == 'P');
    }
    return false;
}
