// SPDX-License-Identifier: Apache-2.0
/*
 * The files are read in order, log.1 before log. A follower drains the file that it has open, looks
 * whether `log` has become another one meanwhile (then it has been rotated, and its end has just
 * been read), and then waits for the directory to change (inotify) or the keeper to end (pidfd).
 */
#include "instance/log_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "instance/log_file.h"

enum { LONGEST_LINE = LOG_LONGEST_TEXT + 128 };

struct log_reader {
    const struct log_query *query;
    FILE *outputs[LOG_STREAM_COUNT];
    int fd;
    uint64_t skip;  /* lines still to be passed over */
    uint64_t lines; /* counted, when nothing is printed */
    bool counting;
    bool in_line[LOG_STREAM_COUNT]; /* the last record of the stream was a part of a line */
    size_t used;
    char buffer[2 * LONGEST_LINE];
};

static bool is_wanted(const struct log_reader *reader, const struct log_record *record)
{
    const char *since = reader->query->since;
    return !since || strncmp(record->time, since, record->time_length) >= 0;
}

static void print_record(struct log_reader *reader, const struct log_record *record)
{
    FILE *output = reader->outputs[record->stream];
    if (reader->query->timestamps && !reader->in_line[record->stream])
        fprintf(output, "%.*s ", (int)record->time_length, record->time);
    fwrite(record->text, 1, record->length, output);
    if (record->ends_line)
        putc('\n', output);
    reader->in_line[record->stream] = !record->ends_line;
}

/* The records of a line count as one. */
static void take_record(struct log_reader *reader, const struct log_record *record)
{
    if (!is_wanted(reader, record))
        return;
    if (reader->counting) {
        reader->lines += record->ends_line;
        return;
    }
    if (reader->skip == 0)
        print_record(reader, record);
    else
        reader->skip -= record->ends_line;
}

/* Whole lines out of the buffer; what has no end yet stays. */
static void take_lines(struct log_reader *reader)
{
    char *start = reader->buffer, *end = reader->buffer + reader->used;
    for (char *newline; (newline = memchr(start, '\n', (size_t)(end - start)));
         start = newline + 1) {
        struct log_record record;
        if (log_record_parse(start, (size_t)(newline - start), &record))
            take_record(reader, &record);
    }
    reader->used = (size_t)(end - start);
    if (reader->used > LONGEST_LINE) /* no record is as long: not ours */
        reader->used = 0;
    memmove(reader->buffer, start, reader->used);
}

/* To the end of the open file. */
static int drain(struct log_reader *reader, struct error *error)
{
    for (;;) {
        ssize_t count =
            read(reader->fd, reader->buffer + reader->used, sizeof(reader->buffer) - reader->used);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_set(error, errno, "read the log");
        if (count == 0)
            return 0;
        reader->used += (size_t)count;
        take_lines(reader);
    }
}

static int open_log(const struct storage *storage, const char *name)
{
    return openat(storage->directory_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

/* Open the next file in place of the one before; false where it is not there. */
static bool open_next(struct log_reader *reader, const struct storage *storage, const char *name)
{
    int fd = open_log(storage, name);
    if (fd < 0)
        return false;
    cleanup_close(&reader->fd);
    reader->fd = fd;
    reader->used = 0;
    return true;
}

static int read_all_files(struct log_reader *reader, const struct storage *storage,
                          struct error *error)
{
    static const char *const names[] = { "log.1", "log" };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        if (open_next(reader, storage, names[i]) && drain(reader, error) < 0)
            return -1;
    return 0;
}

static bool was_rotated(const struct log_reader *reader, const struct storage *storage)
{
    struct stat ours, current;
    return reader->fd < 0 || fstat(reader->fd, &ours) < 0 ||
           (fstatat(storage->directory_fd, "log", &current, AT_SYMLINK_NOFOLLOW) == 0 &&
            ours.st_ino != current.st_ino);
}

static int drain_rotated(struct log_reader *reader, const struct storage *storage,
                         struct error *error)
{
    if (reader->fd >= 0 && drain(reader, error) < 0)
        return -1;
    if (!was_rotated(reader, storage))
        return 0;
    if (reader->fd >= 0 && drain(reader, error) < 0) /* what came before the rename */
        return -1;
    return open_next(reader, storage, "log") ? drain(reader, error) : 0;
}

static int open_watch(const struct storage *storage, struct error *error)
{
    AUTO_CLOSE int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch < 0 || inotify_add_watch(watch, storage->path,
                                       IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF) < 0)
        return error_set(error, errno, "watch %s", storage->path);
    return take_fd(&watch);
}

static int open_keeper(const struct storage *storage)
{
    AUTO_ERROR struct error ignored = { 0 };
    AUTO_RUN struct storage_run run = { 0 };
    if (storage_read_run(storage, &run, &ignored) < 0 || run.keeper <= 0)
        return -1;
    AUTO_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, run.keeper, 0);
    return storage_is_kept(storage) ? take_fd(&pidfd) : -1;
}

static void swallow_events(int watch)
{
    char events[4096];
    while (read(watch, events, sizeof(events)) > 0)
        ;
}

static int follow(struct log_reader *reader, const struct storage *storage, struct error *error)
{
    AUTO_CLOSE int keeper = open_keeper(storage);
    AUTO_CLOSE int watch = open_watch(storage, error);
    if (watch < 0)
        return -1;
    for (bool ended = keeper < 0;;) {
        if (drain_rotated(reader, storage, error) < 0)
            return -1;
        for (size_t stream = 0; stream < LOG_STREAM_COUNT; stream++)
            if (fflush(reader->outputs[stream]) != 0)
                return error_set(error, errno, "write the log");
        if (ended)
            return 0;
        struct pollfd polls[] = { { .fd = watch, .events = POLLIN },
                                  { .fd = keeper, .events = POLLIN } };
        if (poll(polls, ARRAY_LENGTH(polls), -1) < 0 && errno != EINTR)
            return error_set(error, errno, "wait for the log");
        ended = polls[1].revents != 0;
        swallow_events(watch);
    }
}

/* How many of the lines that are there are too many. */
static int find_skip(const struct storage *storage, const struct log_query *query, uint64_t *skip,
                     struct error *error)
{
    struct log_reader counter = { .query = query, .fd = -1, .counting = true };
    int result = read_all_files(&counter, storage, error);
    cleanup_close(&counter.fd);
    *skip = counter.lines > query->lines ? counter.lines - query->lines : 0;
    return result;
}

int log_read(const struct storage *storage, const struct log_query *query, FILE *output,
             FILE *errors, struct error *error)
{
    struct log_reader reader = { .query = query, .outputs = { output, errors }, .fd = -1 };
    if (query->limit_lines && find_skip(storage, query, &reader.skip, error) < 0)
        return -1;
    int result = read_all_files(&reader, storage, error);
    reader.skip = 0; /* of a last line that has no end yet, too */
    if (result == 0 && query->follow)
        result = follow(&reader, storage, error);
    cleanup_close(&reader.fd);
    return result;
}
