// SPDX-License-Identifier: Apache-2.0
/*
 *   file -> [size, digest] -> gzip or zstd -> [limit, diff_id] -> tar -> files
 *
 * libarchive would do both steps in one reader, but what is between them must be hashed: so one
 * reader uncompresses a "raw" archive, and a second one takes tar from it. Both ends are read to
 * the last byte, also behind the end of the archive, before any digest is compared.
 */
#include "image/layer.h"

#include <errno.h>
#include <locale.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"
#include "image/archive.h"
#include "image/digest.h"
#include "image/interrupt.h"
#include "image/layer_directory.h"
#include "image/layer_entry.h"

#define BUFFER_SIZE (128 << 10)
#define TAR_BLOCK   512

struct stream {
    const struct layer_source *source;
    struct archive_functions archive;
    struct archive *filter; /* NULL: the layer is plain */
    struct archive *tar;
    const struct layer_work *work;       /* what is made of the archive */
    struct digest *digest, *diff_digest; /* NULL: not asked for */
    uint64_t read, uncompressed, limit;
    bool padded; /* zeros were given for the padding that the archive lacks */
    char *compressed_buffer, *plain_buffer;
    struct error failure; /* born inside of a callback, and so the true reason */
};

static void clear_stream(struct stream *stream)
{
    if (stream->tar)
        stream->archive.read_free(stream->tar);
    if (stream->filter)
        stream->archive.read_free(stream->filter);
    digest_free(stream->digest);
    digest_free(stream->diff_digest);
    free(stream->compressed_buffer);
    free(stream->plain_buffer);
    error_clear(&stream->failure);
}
#define AUTO_STREAM __attribute__((cleanup(clear_stream)))

/* Read from the file; the count, 0 at the end, -1 with stream->failure. */
static ssize_t read_source(struct stream *stream, void *buffer, size_t size)
{
    if (interrupt_check(&stream->failure) < 0)
        return -1;
    ssize_t count = read_all(stream->source->fd, buffer, size);
    if (count < 0)
        return error_set(&stream->failure, errno, "read");
    stream->read += (uint64_t)count;
    if (stream->digest &&
        digest_update(stream->digest, buffer, (size_t)count, &stream->failure) < 0)
        return -1;
    if (stream->source->progress)
        stream->source->progress(stream->source->context, stream->read);
    return count;
}

static la_ssize_t feed_filter(struct archive *filter, void *context, const void **buffer)
{
    struct stream *stream = context;
    *buffer = stream->compressed_buffer;
    ssize_t count = read_source(stream, stream->compressed_buffer, BUFFER_SIZE);
    if (count < 0)
        stream->archive.set_error(filter, EIO, "%s", stream->failure.message);
    return count;
}

static ssize_t read_filter(struct stream *stream)
{
    la_ssize_t count = stream->archive.read_data(stream->filter, stream->plain_buffer, BUFFER_SIZE);
    if (count < 0 && !stream->failure.message)
        return error_set(&stream->failure, 0, "uncompress: %s",
                         stream->archive.error_string(stream->filter));
    return count;
}

/* The next piece of the uncompressed archive, in plain_buffer. */
static ssize_t read_plain(struct stream *stream)
{
    ssize_t count = stream->filter ? read_filter(stream)
                                   : read_source(stream, stream->plain_buffer, BUFFER_SIZE);
    if (count <= 0)
        return count;
    stream->uncompressed += (uint64_t)count;
    if (stream->uncompressed > stream->limit)
        return error_set(&stream->failure, EFBIG, "uncompressed, it has more than %llu bytes",
                         (unsigned long long)stream->limit);
    if (stream->diff_digest && digest_update(stream->diff_digest, stream->plain_buffer,
                                             (size_t)count, &stream->failure) < 0)
        return -1;
    return count;
}

/*
 * Some writers (umoci insert 0.4) leave out the padding behind the last file, which Go's reader and
 * so everybody else forgives. Only there: a file that ends early has no such excuse.
 */
static ssize_t missing_padding(struct stream *stream)
{
    size_t length = TAR_BLOCK - stream->uncompressed % TAR_BLOCK;
    if (!stream->work->data_complete || length == TAR_BLOCK || stream->padded)
        return 0;
    stream->padded = true;
    memset(stream->plain_buffer, 0, length);
    return (ssize_t)length;
}

static la_ssize_t feed_tar(struct archive *tar, void *context, const void **buffer)
{
    struct stream *stream = context;
    *buffer = stream->plain_buffer;
    ssize_t count = read_plain(stream);
    if (count == 0)
        return missing_padding(stream);
    if (count < 0)
        stream->archive.set_error(tar, EIO, "%s", stream->failure.message);
    return count;
}

/* An error of libarchive, or what one of our callbacks had to say before it. */
static int archive_failed(struct stream *stream, struct archive *reader, struct error *error)
{
    if (stream->failure.message)
        return error_move(error, &stream->failure);
    const char *text = stream->archive.error_string(reader);
    return error_set(error, 0, "%s", text ? text : "unreadable archive");
}

static int open_filter(struct stream *stream, struct error *error)
{
    const struct archive_functions *archive = &stream->archive;
    struct archive_entry *entry;
    stream->filter = archive->read_new();
    if (!stream->filter)
        return error_set(error, ENOMEM, "libarchive");
    if (stream->source->compression == LAYER_GZIP)
        archive->support_filter_gzip(stream->filter);
    else
        archive->support_filter_zstd(stream->filter);
    archive->support_format_raw(stream->filter);
    if (archive->read_open(stream->filter, stream, NULL, feed_filter, NULL) != ARCHIVE_OK ||
        archive->read_next_header(stream->filter, &entry) != ARCHIVE_OK)
        return archive_failed(stream, stream->filter, error);
    return 0;
}

static int open_tar(struct stream *stream, struct error *error)
{
    const struct archive_functions *archive = &stream->archive;
    stream->tar = archive->read_new();
    if (!stream->tar)
        return error_set(error, ENOMEM, "libarchive");
    archive->support_filter_none(stream->tar);
    archive->support_format_tar(stream->tar);
    if (archive->read_open(stream->tar, stream, NULL, feed_tar, NULL) != ARCHIVE_OK)
        return archive_failed(stream, stream->tar, error);
    return 0;
}

static int open_stream(struct stream *stream, struct error *error)
{
    const struct layer_source *source = stream->source;
    if (archive_library_open(&stream->archive, error) < 0)
        return -1;
    if (source->digest && !(stream->digest = digest_new(source->digest, error)))
        return -1;
    if (source->diff_id && !(stream->diff_digest = digest_new(source->diff_id, error)))
        return -1;
    stream->compressed_buffer = allocate(BUFFER_SIZE, 1);
    stream->plain_buffer = allocate(BUFFER_SIZE, 1);
    if (source->compression != LAYER_PLAIN && open_filter(stream, error) < 0)
        return -1;
    return open_tar(stream, error);
}

static int make_entries(struct stream *stream, struct layer_work *work, struct error *error)
{
    if (layer_root_inherit(work, error) < 0)
        return -1;
    for (;;) {
        struct archive_entry *entry;
        int result = stream->archive.read_next_header(stream->tar, &entry);
        if (result == ARCHIVE_EOF)
            return layer_entry_finish(work, error);
        /* A warning is about an attribute that libarchive could not convert. */
        if (result < ARCHIVE_WARN)
            return archive_failed(stream, stream->tar, error);
        if (layer_entry_make(work, stream->tar, entry, error) < 0)
            return stream->failure.message ? error_move(error, &stream->failure) : -1;
    }
}

/* Read what is behind the archive's end: the digests are over all of it. */
static int drain(struct stream *stream, struct error *error)
{
    ssize_t count;
    do
        count = read_plain(stream);
    while (count > 0);
    while (count == 0 && stream->filter) {
        count = read_source(stream, stream->compressed_buffer, BUFFER_SIZE);
        if (count == 0)
            return 0;
        count = count > 0 ? 0 : -1;
    }
    return count < 0 ? error_move(error, &stream->failure) : 0;
}

static int verify(struct stream *stream, struct error *error)
{
    const struct layer_source *source = stream->source;
    if (source->digest && stream->read != source->size)
        return error_set(error, 0, "it is damaged: %llu bytes, not %llu",
                         (unsigned long long)stream->read, (unsigned long long)source->size);
    if (source->digest && digest_verify(stream->digest, source->digest, "it", error) < 0)
        return -1;
    if (source->diff_id &&
        digest_verify(stream->diff_digest, source->diff_id, "its uncompressed form", error) < 0)
        return -1;
    return 0;
}

static int unpack(const struct layer_source *source, const struct layer_target *target,
                  struct error *error)
{
    AUTO_STREAM struct stream stream = { .source = source, .limit = target->limits.bytes };
    AUTO_LAYER_WORK struct layer_work work = {
        .target = target,
        .archive = &stream.archive,
        .view = { .fd = target->fd,
                  .lower_fds = target->lower_fds,
                  .lower_count = target->lower_count },
        .cached_fd = -1,
    };
    stream.work = &work;
    if (open_stream(&stream, error) < 0 || make_entries(&stream, &work, error) < 0 ||
        drain(&stream, error) < 0)
        return -1;
    return verify(&stream, error);
}

int layer_unpack(const struct layer_source *source, const struct layer_target *target,
                 struct error *error)
{
    /* libarchive turns the UTF-8 names of pax headers into the locale's character set. */
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
    int result = unpack(source, target, error);
    if (utf8) {
        uselocale(before);
        freelocale(utf8);
    }
    return result < 0 ? error_wrap(error, "unpack %s", source->name) : 0;
}
