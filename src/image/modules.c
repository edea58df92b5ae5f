// SPDX-License-Identifier: Apache-2.0
#include "image/modules.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/io.h"
#include "image/kernel_name.h"
#include "image/module_info.h"

enum { BUILTIN_LIMIT = 1 << 20, DEEPEST = 16 };

/* Machines as bits. */
enum { MICRO = 1 << BOOT_MACHINE_MICRO, PC = 1 << BOOT_MACHINE_PC };

enum importance {
    REQUIRED, /* the machine does not come up without it */
    OPTIONAL, /* something is missing without it, or the kernel has no such module */
    LATER,    /* the same, and it can wait */
};

/* In the order in which they are loaded, each behind what it depends on. */
static const struct wanted {
    const char *name;
    unsigned int machines;
    enum importance importance;
} wanted[] = {
    { "virtio_pci", MICRO, REQUIRED },
    { "virtio_console", MICRO, REQUIRED },
    { "virtio_blk", MICRO, REQUIRED },
    { "ata_piix", PC, REQUIRED },
    { "sd_mod", PC, REQUIRED },
    { "crc32c_generic", MICRO | PC, OPTIONAL }, /* ext4 asks for it by what it does, not by name */
    { "crc32c_intel", MICRO | PC, OPTIONAL },
    { "ext4", MICRO | PC, REQUIRED },
    { "virtio_net", MICRO, OPTIONAL },
    { "e1000", PC, OPTIONAL },
    { "9pnet_virtio", MICRO, OPTIONAL },
    { "9p", MICRO, OPTIONAL },
    { "virtio_rng", MICRO, LATER },
    { "virtio_balloon", MICRO, LATER },
    { "vmw_vsock_virtio_transport", MICRO, LATER },
    { "button", MICRO | PC, LATER }, /* the power button of ACPI */
};

/* A kernel's modules: where each is. Names with "-" and "_" are the same: modprobe(8). */
struct known {
    char *name, *path;
};

struct tree {
    struct known *modules; /* sorted by name */
    size_t count;
    char *builtin; /* the text of modules.builtin; NULL: not there */
    struct string_list chosen;
};

static void clear_tree(struct tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        free(tree->modules[i].name);
        free(tree->modules[i].path);
    }
    free(tree->modules);
    free(tree->builtin);
    string_list_free(&tree->chosen);
}
#define AUTO_TREE __attribute__((cleanup(clear_tree)))

static void make_canonical(char *name)
{
    for (char *letter = name; (letter = strchr(letter, '-')); letter++)
        *letter = '_';
}

static void add_module(struct tree *tree, const char *directory, const char *file)
{
    char *name = string_copy_n(file, strlen(file) - strlen(".ko"));
    make_canonical(name);
    tree->modules = reallocate(tree->modules, tree->count + 1, sizeof(*tree->modules));
    tree->modules[tree->count++] =
        (struct known){ .name = name, .path = string_format("%s/%s", directory, file) };
}

static void walk(struct tree *tree, const char *path, int depth)
{
    AUTO_CLOSEDIR DIR *directory = depth < DEEPEST ? opendir(path) : NULL;
    if (!directory)
        return;
    for (struct dirent *item = readdir(directory); item; item = readdir(directory)) {
        AUTO_FREE char *child = string_format("%s/%s", path, item->d_name);
        if (item->d_name[0] == '.')
            continue;
        if (string_ends_with(item->d_name, ".ko"))
            add_module(tree, path, item->d_name);
        else
            walk(tree, child, depth + 1);
    }
}

static int compare(const void *left, const void *right)
{
    return strcmp(((const struct known *)left)->name, ((const struct known *)right)->name);
}

static const char *find(const struct tree *tree, const char *name)
{
    AUTO_FREE char *canonical = string_copy(name);
    make_canonical(canonical);
    const struct known key = { .name = canonical };
    const struct known *found =
        tree->count ? bsearch(&key, tree->modules, tree->count, sizeof(key), compare) : NULL;
    return found ? found->path : NULL;
}

/* A line of modules.builtin ends in "/NAME.ko"; or it has no such list, and nobody knows. */
static bool is_built_in(const struct tree *tree, const char *name)
{
    AUTO_FREE char *ending = string_format("/%s.ko\n", name);
    return !tree->builtin || strstr(tree->builtin, ending);
}

static bool is_chosen(const struct tree *tree, const char *path)
{
    for (size_t i = 0; i < tree->chosen.count; i++)
        if (string_equal(tree->chosen.items[i], path))
            return true;
    return false;
}

/* A module behind all that it depends on. `depth` ends what a circle would not. */
static int choose(struct tree *tree, const char *path, struct string_list *list, int depth,
                  struct error *error)
{
    AUTO_STRING_LIST struct string_list depends = { 0 };
    if (is_chosen(tree, path) || depth >= DEEPEST)
        return 0;
    if (module_info(path, "depends", &depends, error) < 0)
        return -1;
    for (size_t i = 0; i < depends.count; i++) {
        const char *needed = find(tree, depends.items[i]);
        if (needed && choose(tree, needed, list, depth + 1, error) < 0)
            return -1;
    }
    string_list_add(&tree->chosen, path);
    string_list_add(list, path);
    return 0;
}

/* Those of its package; for a kernel from a file, those that the host has of that release. */
static char *modules_directory(const struct kernel *kernel)
{
    char *own = string_format("%s/modules", kernel->directory);
    AUTO_FREE char *release = string_copy_n(kernel->version, strcspn(kernel->version, " "));
    if (path_exists_at(AT_FDCWD, own) || !kernel_name_is_valid(release))
        return own;
    free(own);
    return string_format("/lib/modules/%s", release);
}

static void read_tree(const struct kernel *kernel, struct tree *tree)
{
    AUTO_ERROR struct error ignored = { 0 }; /* without the list all may be built in */
    AUTO_FREE char *modules = modules_directory(kernel);
    AUTO_FREE char *builtin = string_format("%s/modules.builtin", modules);
    AUTO_FREE char *drivers = string_format("%s/kernel", modules);
    tree->builtin = read_file_at(AT_FDCWD, builtin, BUILTIN_LIMIT, NULL, &ignored);
    walk(tree, drivers, 0);
    if (tree->count)
        qsort(tree->modules, tree->count, sizeof(*tree->modules), compare);
}

static int choose_wanted(struct tree *tree, const struct kernel *kernel,
                         const struct wanted *module, struct modules *modules, struct error *error)
{
    const char *path = find(tree, module->name);
    if (!path && module->importance == REQUIRED && !is_built_in(tree, module->name))
        return error_set(error, 0,
                         "kernel %s has no module %s, without which the machine does not start",
                         kernel->name, module->name);
    modules->has_9p = modules->has_9p || (path && string_equal(module->name, "9p"));
    return path ? choose(tree, path,
                         module->importance == LATER ? &modules->later : &modules->first, 0, error)
                : 0;
}

int modules_choose(const struct kernel *kernel, enum boot_machine machine, struct modules *modules,
                   struct error *error)
{
    AUTO_TREE struct tree tree = { 0 };
    *modules = (struct modules){ 0 };
    read_tree(kernel, &tree);
    for (size_t i = 0; i < ARRAY_LENGTH(wanted); i++)
        if (wanted[i].machines & 1U << machine &&
            choose_wanted(&tree, kernel, &wanted[i], modules, error) < 0)
            return -1;
    return 0;
}

void modules_clear(struct modules *modules)
{
    string_list_free(&modules->first);
    string_list_free(&modules->later);
}

/*
 * scripts/sign-file.c of the kernel: behind the module stand the signature, struct module_signature
 * of 12 bytes, of which the last four are the signature's length (big-endian), and a text.
 */
size_t module_length_without_signature(const void *module, size_t length)
{
    static const char marker[] = "~Module signature appended~\n";
    enum { MARKER = sizeof(marker) - 1, TRAILER = 12 };
    const unsigned char *end = (const unsigned char *)module + length;
    if (length < MARKER + TRAILER || memcmp(end - MARKER, marker, MARKER) != 0)
        return length;
    const unsigned char *size = end - MARKER - 4;
    size_t signature =
        (size_t)size[0] << 24 | (size_t)size[1] << 16 | (size_t)size[2] << 8 | size[3];
    size_t behind = signature + TRAILER + MARKER;
    return behind <= length ? length - behind : length;
}
