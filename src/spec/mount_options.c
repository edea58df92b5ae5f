// SPDX-License-Identifier: Apache-2.0
/*
 * Runtime-spec config.md, "Linux mount options", and what podman and crun's users have come to rely
 * on (copy-symlink, src-nofollow, dest-nofollow). A later word undoes an earlier one.
 *
 * Of the flags of mount(2), some are the mount's (MOUNT_ATTR_*, mount_setattr(2)) and some are the
 * file system's (MS_*); read-only is both. The access time is one field of three values, of which
 * relatime is 0: each of its words clears the whole field.
 */
#include "spec/mount_options.h"

#include <sys/mount.h>

#include "base/string.h"

static void apply_attribute(const struct mount_draft *draft, const struct mount_option *option)
{
    struct spec_mount *mount = draft->mount;
    mount->attributes_set = (mount->attributes_set & ~option->clear) | option->set;
    mount->attributes_clear = (mount->attributes_clear & ~option->set) | option->clear;
}

static void apply_recursive(const struct mount_draft *draft, const struct mount_option *option)
{
    struct spec_mount *mount = draft->mount;
    mount->recursive_set = (mount->recursive_set & ~option->clear) | option->set;
    mount->recursive_clear = (mount->recursive_clear & ~option->set) | option->clear;
}

static void apply_superblock(const struct mount_draft *draft, const struct mount_option *option)
{
    struct spec_mount *mount = draft->mount;
    mount->superblock_flags = (mount->superblock_flags & ~option->clear) | option->set;
    mount->superblock_flags_clear = (mount->superblock_flags_clear & ~option->set) | option->clear;
}

static void apply_read_only(const struct mount_draft *draft, const struct mount_option *option)
{
    static const struct mount_option read_only = { .set = MOUNT_ATTR_RDONLY },
                                     writable = { .clear = MOUNT_ATTR_RDONLY };
    apply_attribute(draft, option->set ? &read_only : &writable);
    apply_superblock(draft, option);
}

static void apply_bind(const struct mount_draft *draft, const struct mount_option *option)
{
    draft->mount->bind = true;
    if (option->set & MS_REC)
        draft->mount->recursive = true;
}

/* Each word is a change of its own, in order: "shared" and then "slave" is not "slave". */
static void apply_propagation(const struct mount_draft *draft, const struct mount_option *option)
{
    draft->propagation[draft->mount->propagation_count++] = option->set;
}

static void apply_idmap(const struct mount_draft *draft, const struct mount_option *option)
{
    draft->mount->idmap = (enum spec_mount_idmap)option->set;
}

/* Set the bool at this offset of struct spec_mount. */
static void apply_switch(const struct mount_draft *draft, const struct mount_option *option)
{
    *(bool *)((char *)draft->mount + option->set) = true;
}

static void apply_nothing(const struct mount_draft *draft, const struct mount_option *option)
{
    (void)draft;
    (void)option;
}

#define ATTRIBUTE_ON(word, attribute)                                                              \
    { word, apply_attribute, attribute, 0 },                                                       \
    {                                                                                              \
        "r" word, apply_recursive, attribute, 0                                                    \
    }
#define ATTRIBUTE_OFF(word, attribute)                                                             \
    { word, apply_attribute, 0, attribute },                                                       \
    {                                                                                              \
        "r" word, apply_recursive, 0, attribute                                                    \
    }
#define ACCESS_TIME(word, value)                                                                   \
    { word, apply_attribute, value, MOUNT_ATTR__ATIME },                                           \
    {                                                                                              \
        "r" word, apply_recursive, value, MOUNT_ATTR__ATIME                                        \
    }
#define SUPERBLOCK(on, off, flag)                                                                  \
    { on, apply_superblock, flag, 0 },                                                             \
    {                                                                                              \
        off, apply_superblock, 0, flag                                                             \
    }
#define SWITCH(word, member)                                                                       \
    {                                                                                              \
        word, apply_switch, offsetof(struct spec_mount, member), 0                                 \
    }
#define PROPAGATION(word, flag)                                                                    \
    { word, apply_propagation, flag, 0 },                                                          \
    {                                                                                              \
        "r" word, apply_propagation, (flag) | MS_REC, 0                                            \
    }

const struct mount_option spec_mount_options[] = {
    { "ro", apply_read_only, MS_RDONLY, 0 },
    { "rw", apply_read_only, 0, MS_RDONLY },
    { "rro", apply_recursive, MOUNT_ATTR_RDONLY, 0 },
    { "rrw", apply_recursive, 0, MOUNT_ATTR_RDONLY },
    ATTRIBUTE_ON("nosuid", MOUNT_ATTR_NOSUID),
    ATTRIBUTE_OFF("suid", MOUNT_ATTR_NOSUID),
    ATTRIBUTE_ON("nodev", MOUNT_ATTR_NODEV),
    ATTRIBUTE_OFF("dev", MOUNT_ATTR_NODEV),
    ATTRIBUTE_ON("noexec", MOUNT_ATTR_NOEXEC),
    ATTRIBUTE_OFF("exec", MOUNT_ATTR_NOEXEC),
    ATTRIBUTE_ON("nodiratime", MOUNT_ATTR_NODIRATIME),
    ATTRIBUTE_OFF("diratime", MOUNT_ATTR_NODIRATIME),
    ATTRIBUTE_ON("nosymfollow", MOUNT_ATTR_NOSYMFOLLOW),
    ATTRIBUTE_OFF("symfollow", MOUNT_ATTR_NOSYMFOLLOW),
    ACCESS_TIME("atime", MOUNT_ATTR_RELATIME),
    ACCESS_TIME("noatime", MOUNT_ATTR_NOATIME),
    ACCESS_TIME("relatime", MOUNT_ATTR_RELATIME),
    ACCESS_TIME("norelatime", MOUNT_ATTR_RELATIME),
    ACCESS_TIME("strictatime", MOUNT_ATTR_STRICTATIME),
    ACCESS_TIME("nostrictatime", MOUNT_ATTR_RELATIME),
    SUPERBLOCK("sync", "async", MS_SYNCHRONOUS),
    SUPERBLOCK("lazytime", "nolazytime", MS_LAZYTIME),
    SUPERBLOCK("mand", "nomand", MS_MANDLOCK),
    SUPERBLOCK("iversion", "noiversion", MS_I_VERSION),
    SUPERBLOCK("silent", "loud", MS_SILENT),
    { "dirsync", apply_superblock, MS_DIRSYNC, 0 },
    { "defaults", apply_nothing, 0, 0 },
    { "bind", apply_bind, 0, 0 },
    { "rbind", apply_bind, MS_REC, 0 },
    SWITCH("remount", remount),
    PROPAGATION("private", MS_PRIVATE),
    PROPAGATION("shared", MS_SHARED),
    PROPAGATION("slave", MS_SLAVE),
    PROPAGATION("unbindable", MS_UNBINDABLE),
    { "idmap", apply_idmap, SPEC_IDMAP, 0 },
    { "ridmap", apply_idmap, SPEC_IDMAP_RECURSIVE, 0 },
    SWITCH("tmpcopyup", copy_up),
    SWITCH("copy-symlink", copy_symlink),
    SWITCH("src-nofollow", source_nofollow),
    SWITCH("dest-nofollow", destination_nofollow),
};
const size_t spec_mount_option_count = ARRAY_LENGTH(spec_mount_options);

const struct mount_option *mount_option_find(const char *word)
{
    for (size_t i = 0; i < spec_mount_option_count; i++)
        if (string_equal(spec_mount_options[i].name, word))
            return &spec_mount_options[i];
    return NULL;
}
