// SPDX-License-Identifier: Apache-2.0
#include "image/disk_source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "image/digest.h"
#include "image/interrupt.h"
#include "image/user_namespace.h"

enum { KEY_LENGTH = 32, BLOCK = 4096, DEEPEST = 512 };

/* In memory that a child in a user namespace shares with us. */
struct answer {
    struct disk_size size;
    char digest[DIGEST_TEXT_SIZE];
};

struct walk {
    struct answer *answer;
    struct digest *digest; /* NULL: not asked for */
};

struct work {
    const struct disk_source *source;
    struct answer *answer;
    bool wants_digest;
};

/* Where the times of a file are equal, its contents are. */
static int digest_file(struct digest *digest, const char *name, const struct stat *status,
                       struct error *error)
{
    const uint64_t numbers[] = { status->st_dev,
                                 status->st_ino,
                                 status->st_mode,
                                 status->st_uid,
                                 status->st_gid,
                                 status->st_rdev,
                                 (uint64_t)status->st_size,
                                 (uint64_t)status->st_mtim.tv_sec,
                                 (uint64_t)status->st_mtim.tv_nsec,
                                 (uint64_t)status->st_ctim.tv_sec,
                                 (uint64_t)status->st_ctim.tv_nsec };
    if (digest_update(digest, name, strlen(name) + 1, error) < 0)
        return -1;
    return digest_update(digest, numbers, sizeof(numbers), error);
}

static int compare_names(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

static int is_entry(const struct dirent *item)
{
    return !string_equal(item->d_name, ".") && !string_equal(item->d_name, "..");
}

static int walk_directory(struct walk *walk, int parent, const char *name, int depth,
                          struct error *error);

static int walk_entry(struct walk *walk, int fd, const char *name, int depth, struct error *error)
{
    struct stat status;
    if (fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : error_set(error, errno, "look at %s", name);
    walk->answer->size.files++;
    if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISLNK(status.st_mode))
        walk->answer->size.bytes += ((uint64_t)status.st_size + BLOCK - 1) / BLOCK * BLOCK;
    if (walk->digest && digest_file(walk->digest, name, &status, error) < 0)
        return -1;
    return S_ISDIR(status.st_mode) ? walk_directory(walk, fd, name, depth + 1, error) : 0;
}

static int walk_directory(struct walk *walk, int parent, const char *name, int depth,
                          struct error *error)
{
    struct dirent **items = NULL;
    if (depth > DEEPEST)
        return error_set(error, ELOOP, "directories are too deep at %s", name);
    AUTO_CLOSE int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int count = fd < 0 ? -1 : scandirat(fd, ".", &items, is_entry, compare_names);
    if (count < 0)
        return error_set(error, errno, "read the directory %s", name);
    int result = interrupt_check(error);
    for (int i = 0; i < count; i++) {
        if (result == 0)
            result = walk_entry(walk, fd, items[i]->d_name, depth, error);
        free(items[i]);
    }
    free(items);
    return result;
}

static int run_walk(void *context, bool squash, struct error *error)
{
    const struct work *work = context;
    AUTO_DIGEST struct digest *digest = work->wants_digest ? digest_new("sha256", error) : NULL;
    struct walk walk = { .answer = work->answer, .digest = digest };
    (void)squash;
    if (work->wants_digest && !digest)
        return -1;
    for (const char *const *directory = work->source->directories; *directory; directory++)
        if (walk_directory(&walk, AT_FDCWD, *directory, 0, error) < 0)
            return -1;
    return digest ? digest_finish(digest, work->answer->digest, error) : 0;
}

static int walk_all(const struct disk_source *source, bool wants_digest, struct answer *result,
                    struct error *error)
{
    struct answer *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return error_set(error, errno, "get memory");
    struct work work = { .source = source, .answer = shared, .wants_digest = wants_digest };
    const struct user_namespace_work in_namespace = { .run = run_walk, .context = &work };
    int status = user_namespace_run(&in_namespace, error);
    *result = *shared;
    munmap(shared, sizeof(*shared));
    return status;
}

int disk_source_measure(const struct disk_source *source, struct disk_size *size,
                        struct error *error)
{
    struct answer answer;
    if (walk_all(source, false, &answer, error) < 0)
        return -1;
    *size = answer.size;
    return 0;
}

/* A directory of the cache is another when it was made again. */
static int digest_names(const struct disk_source *source, struct digest *digest,
                        struct error *error)
{
    struct stat status;
    for (const char *const *directory = source->directories; *directory; directory++) {
        if (stat(*directory, &status) < 0)
            return error_set(error, errno, "look at %s", *directory);
        if (digest_file(digest, *directory, &status, error) < 0)
            return -1;
    }
    return 0;
}

char *disk_source_key(const struct disk_source *source, bool changes, const char *form,
                      uint64_t bytes, struct error *error)
{
    struct answer answer = { 0 };
    char text[DIGEST_TEXT_SIZE];
    AUTO_DIGEST struct digest *digest = digest_new("sha256", error);
    if (!digest || (changes && walk_all(source, true, &answer, error) < 0) ||
        (!changes && digest_names(source, digest, error) < 0) ||
        digest_update(digest, form, strlen(form) + 1, error) < 0 ||
        digest_update(digest, &bytes, sizeof(bytes), error) < 0 ||
        digest_update(digest, answer.digest, strlen(answer.digest), error) < 0 ||
        digest_finish(digest, text, error) < 0)
        return NULL;
    return string_copy_n(digest_hex(text), KEY_LENGTH);
}
