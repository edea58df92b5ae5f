// SPDX-License-Identifier: Apache-2.0
/*
 * A layer is kept under its chain ID (image-spec 1.1, config.md): the digest over its diff_id and
 * those of all layers below. The diff_id alone would not do, since what a layer becomes depends on
 * the ones below (layer_view.h). The directory's name is short because the kernel takes the options
 * of an overlay mount in one page: 160 of the ID's bits, which still nobody can make collide.
 */
#include "image/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "image/cache.h"
#include "image/layer.h"
#include "image/progress.h"
#include "image/user_namespace.h"

#define NAME_DIGITS 40

/* Layers that are in place already: their paths and, for looking into them, descriptors. */
struct stack {
    int *fds; /* topmost first */
    size_t count;
    struct string_list *paths; /* topmost first */
};

static void clear_stack(struct stack *stack)
{
    for (size_t i = 0; i < stack->count; i++)
        close(stack->fds[i]);
    free(stack->fds);
}
#define AUTO_STACK __attribute__((cleanup(clear_stack)))

static int push(struct stack *stack, const char *path, struct error *error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, errno, "open the layer %s", path);
    memmove(stack->fds + 1, stack->fds, stack->count * sizeof(int));
    stack->fds[0] = fd;
    stack->count++;
    string_list_add(stack->paths, path);
    char **items = stack->paths->items;
    char *newest = items[stack->paths->count - 1];
    memmove(items + 1, items, (stack->paths->count - 1) * sizeof(char *));
    items[0] = newest;
    return 0;
}

/* ChainID(1) = DiffID(1), ChainID(n) = Digest(ChainID(n-1) + " " + DiffID(n)) */
static int extend_chain(char chain[DIGEST_TEXT_SIZE], const char *diff_id, struct error *error)
{
    if (!chain[0]) {
        strcpy(chain, diff_id);
        return 0;
    }
    AUTO_FREE char *text = string_format("%s %s", chain, diff_id);
    AUTO_DIGEST struct digest *digest = digest_new("sha256", error);
    if (!digest || digest_update(digest, text, strlen(text), error) < 0)
        return -1;
    return digest_finish(digest, chain, error);
}

struct work {
    const struct oci_layer *layer;
    int blob_fd, target_fd;
    const struct stack *stack;
    struct progress progress;
    const struct log *log;
};

static void show_progress(void *context, uint64_t bytes)
{
    struct work *work = context;
    progress_bytes(&work->progress, bytes, work->layer->descriptor.size);
}

static int unpack_here(void *context, bool squash, struct error *error)
{
    struct work *work = context;
    const struct layer_source source = {
        .fd = work->blob_fd,
        .name = work->progress.title,
        .compression = work->layer->compression,
        .digest = work->layer->descriptor.digest,
        .diff_id = work->layer->diff_id,
        .size = work->layer->descriptor.size,
        .progress = show_progress,
        .context = work,
    };
    const struct layer_target target = {
        .fd = work->target_fd,
        .lower_fds = work->stack->fds,
        .lower_count = work->stack->count,
        .squash = squash,
        .limits = LAYER_LIMITS_DEFAULT,
        .log = work->log,
    };
    int result = layer_unpack(&source, &target, error);
    progress_end(&work->progress);
    return result;
}

static int fill_entry(int layout_fd, const struct oci_layer *layer, const char *title,
                      const struct stack *stack, struct cache_entry *entry, const struct log *log,
                      struct error *error)
{
    AUTO_CLOSE int blob_fd = oci_blob_open(layout_fd, &layer->descriptor, error);
    if (blob_fd < 0)
        return -1;
    AUTO_CLOSE int target_fd = openat(entry->kind_fd, entry->partial_name,
                                      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (target_fd < 0)
        return error_set(error, errno, "open %s", entry->partial_path);
    struct work work = {
        .layer = layer,
        .blob_fd = blob_fd,
        .target_fd = target_fd,
        .stack = stack,
        .log = log,
    };
    progress_begin(&work.progress, title);
    const struct user_namespace_work in_namespace = { .run = unpack_here, .context = &work };
    return user_namespace_run(&in_namespace, error);
}

static int unpack_one(int layout_fd, const struct oci_image *image, size_t position,
                      const char *chain, struct stack *stack, const struct log *log,
                      struct error *error)
{
    AUTO_CACHE_ENTRY struct cache_entry entry = CACHE_ENTRY_NONE;
    AUTO_FREE char *name = string_copy_n(digest_hex(chain), NAME_DIGITS);
    AUTO_FREE char *title = string_format("layer %zu of %zu", position + 1, image->layer_count);
    if (cache_begin("layers", name, &entry, error) < 0)
        return -1;
    if (!entry.complete &&
        (fill_entry(layout_fd, &image->layers[position], title, stack, &entry, log, error) < 0 ||
         cache_commit(&entry, error) < 0))
        return -1;
    return push(stack, entry.path, error);
}

int unpack_layers(int layout_fd, const struct oci_image *image, const struct log *log,
                  struct string_list *layers, struct error *error)
{
    char chain[DIGEST_TEXT_SIZE] = "";
    AUTO_STACK struct stack stack = { .fds = allocate(image->layer_count, sizeof(int)),
                                      .paths = layers };
    for (size_t i = 0; i < image->layer_count; i++)
        if (extend_chain(chain, image->layers[i].diff_id, error) < 0 ||
            unpack_one(layout_fd, image, i, chain, &stack, log, error) < 0)
            return -1;
    return 0;
}
