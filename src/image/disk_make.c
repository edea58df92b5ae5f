// SPDX-License-Identifier: Apache-2.0
/*
 * What the file system has and has not, each for machines that write into an overlay which is
 * thrown away, and that are executed by software:
 *
 *   no journal          after a crash the overlay is gone; what is written twice costs twice
 *   no metadata_csum    the host's file system guards the file; a guest would compute CRCs of all
 *                       that it reads and writes of metadata
 *   no resize_inode     nobody grows it; its blocks would be read at each mount
 *   prezeroed           a sparse file reads as zeros, so no thread of the guest has to write zeros
 *                       into all inode tables after the first mount
 *   no reserved blocks  five percent for root would be lost
 */
#include "image/disk_make.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/program.h"
#include "image/user_namespace.h"

#define FEATURES "^has_journal,^metadata_csum,^resize_inode"

enum { BYTES_PER_INODE = 16384, MIBIBYTE = 1 << 20, PERCENT_TO_COPY = 100 };

struct making {
    const struct disk_plan *plan;
    struct disk_size content;
    const char *root; /* what mke2fs copies */
    char *last_line;  /* of what it said: owned */
};

static bool is_stacked(const struct disk_source *source)
{
    return source->directories[1] != NULL;
}

/* With a quarter more for the file system's own, and what the files' ends take. */
static uint64_t choose_size(const struct disk_plan *plan, const struct disk_size *content)
{
    uint64_t needed = content->bytes + content->bytes / 4 + (64ULL << 20);
    uint64_t bytes = plan->bytes                      ? plan->bytes
                     : needed > plan->least_bytes / 2 ? needed + plan->least_bytes
                                                      : plan->least_bytes;
    return (bytes + MIBIBYTE - 1) / MIBIBYTE * MIBIBYTE;
}

/* overlayfs separates layers by colons, and options by commas; both can be escaped. */
static void append_path(char **text, const char *path)
{
    for (; *path; path++)
        string_append(text, strchr(":,\\", *path) ? "\\%c" : "%c", *path);
}

static char *overlay_options(const struct disk_source *source)
{
    char *text = string_copy("lowerdir=");
    for (const char *const *layer = source->directories; *layer; layer++) {
        if (layer != source->directories)
            string_append(&text, ":");
        append_path(&text, *layer);
    }
    return text;
}

/* In the child that becomes mke2fs: a mount that nobody else ever sees. */
static bool mount_layers(void *context)
{
    const struct making *making = context;
    const struct disk_plan *plan = making->plan;
    if (!is_stacked(plan->source))
        return true;
    AUTO_FREE char *options = overlay_options(plan->source);
    AUTO_FREE char *in_namespace = string_format("%s,userxattr", options);
    if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        (mount("overlay", plan->mount_point, "overlay", MS_RDONLY, in_namespace) == 0 ||
         mount("overlay", plan->mount_point, "overlay", MS_RDONLY, options) == 0))
        return true;
    dprintf(2, "stack the layers of the image: %s\n", strerror(errno));
    return false;
}

static void take_line(void *context, const char *line)
{
    struct making *making = context;
    if (!line[0])
        return;
    free(making->last_line);
    making->last_line = string_copy(line);
}

/* How far it is: the blocks that the file has by now. */
static void show_progress(void *context)
{
    const struct making *making = context;
    struct progress *progress = making->plan->progress;
    struct stat status;
    if (!progress->terminal || stat(making->plan->path, &status) < 0)
        return;
    double done = (double)status.st_blocks * 512 / (double)(making->content.bytes + 1);
    unsigned int percent = done < 1 ? (unsigned int)(done * PERCENT_TO_COPY) : PERCENT_TO_COPY;
    if (!progress->open || percent != progress->shown)
        progress_phase(progress, percent, "copying files into the disk");
}

static int run_mke2fs(struct making *making, const char *extended, struct error *error)
{
    const struct disk_plan *plan = making->plan;
    uint64_t bytes = choose_size(plan, &making->content);
    uint64_t inodes = bytes / BYTES_PER_INODE;
    if (inodes < making->content.files + making->content.files / 2)
        inodes = 2 * making->content.files + 1024;
    AUTO_FREE char *size = string_format("%llum", (unsigned long long)bytes / MIBIBYTE);
    AUTO_FREE char *inode_count = string_format("%llu", (unsigned long long)inodes);
    const char *const args[] = { "mke2fs",     "-q",       "-F",        "-t", "ext4",      "-b",
                                 "4096",       "-m",       "0",         "-O", FEATURES,    "-E",
                                 extended,     "-L",       plan->label, "-N", inode_count, "-d",
                                 making->root, plan->path, size,        NULL };
    const struct program program = { .args = args,
                                     .package = "e2fsprogs",
                                     .output = PROGRAM_OUTPUT_NOWHERE,
                                     .prepare = mount_layers,
                                     .line = take_line,
                                     .tick = show_progress,
                                     .context = making };
    return program_run(&program, error);
}

/* mke2fs before 1.47 does not know that the file is all zeros. */
static int make(struct making *making, struct error *error)
{
    int status = run_mke2fs(making, "lazy_itable_init=1,assume_storage_prezeroed=1", error);
    if (status > 0 && making->last_line && strstr(making->last_line, "lazy_itable_init")) {
        unlink(making->plan->path);
        status = run_mke2fs(making, "lazy_itable_init=1", error);
    }
    if (status <= 0)
        return status;
    const char *reason = making->last_line ? making->last_line : "it gave no reason";
    if (strstr(reason, "No space left"))
        return error_set(error, ENOSPC, "make the disk %s", making->plan->path);
    return error_set(error, 0, "make the disk %s: %s", making->plan->path, reason);
}

static int run_making(void *context, bool squash, struct error *error)
{
    struct making *making = context;
    (void)squash; /* files of others show as the overflow user's: nothing can be done about it */
    int result = make(making, error);
    free(take_pointer(making->last_line));
    return result;
}

int disk_make(const struct disk_plan *plan, struct error *error)
{
    struct making making = { .plan = plan };
    making.root = is_stacked(plan->source) ? plan->mount_point : plan->source->directories[0];
    if (disk_source_measure(plan->source, &making.content, error) < 0)
        return -1;
    progress_phase(plan->progress, 0, "copying files into the disk");
    const struct user_namespace_work work = { .run = run_making, .context = &making };
    return user_namespace_run(&work, error);
}
