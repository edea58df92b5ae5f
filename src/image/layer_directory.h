// SPDX-License-Identifier: Apache-2.0
/* Directories of a layer: found, made on the way as the layers below have them, made opaque. */
#pragma once

#include "image/layer_entry.h"

/* Owner, mode and times of something that is being made. */
struct layer_attributes {
    uid_t uid;
    gid_t gid;
    mode_t mode;
    struct timespec mtime;
};

/* What an entry is made in. */
struct layer_place {
    int directory_fd;      /* the work's; valid until the next one is looked for */
    const char *directory; /* resolved; the work's too */
    char *name;            /* last component, owned; "" for the root of the layer */
};

/* Resolve a name of the archive and make the directories on the way. */
int layer_place_find(struct layer_work *work, const char *name, struct layer_place *place,
                     struct error *error);
void layer_place_clear(struct layer_place *place);

/*
 * Later entries win over earlier ones of the same name: remove what is there, but keep a directory
 * for a directory. `whiteout` tells that it was a whiteout, so that a directory must be opaque.
 */
int layer_place_empty(const struct layer_place *place, bool for_directory, bool *whiteout,
                      struct error *error);

/* Open a resolved directory of the layer, making what is not there as the layers below have it. */
int layer_directory_open(struct layer_work *work, const char *path, struct error *error);

/* Give the layer's root what the one below has, until an entry says otherwise. */
int layer_root_inherit(struct layer_work *work, struct error *error);

/* Close the directory that is kept open from one entry to the next. */
void layer_place_forget(struct layer_work *work);

/* The path of NAME in a resolved directory. Allocated. */
char *layer_path(const char *directory, const char *name);

int layer_make_opaque(int directory_fd, struct error *error);
int layer_make_opaque_at(const struct layer_place *place, struct error *error);

/* Set owner, then mode (which chown would strip of set-id bits), of what is open (not O_PATH). */
int layer_apply_attributes(int fd, const char *name, const struct layer_attributes *attributes,
                           struct error *error);

/* The error for an owner that the kernel refuses (EINVAL) because the user namespace lacks it. */
int layer_owner_unmapped(const char *name, const struct layer_attributes *attributes,
                         struct error *error);

/* Remember a directory's time for the end. */
void layer_remember_time(struct layer_work *work, const char *path, struct timespec mtime);

/* Owner as it is to be written: 0 where only one id is mapped. */
uid_t layer_owner(const struct layer_work *work, int64_t id);

/* Copy the attributes that a layer may carry from one file to another, both as /proc/self/fd paths.
 */
int layer_copy_xattrs(const char *from, const char *to, struct error *error);

/* Set one, dropping those that an image has no say in. */
int layer_set_xattr(const char *path, const char *name, const void *value, size_t size,
                    struct error *error);

#define AUTO_LAYER_PLACE __attribute__((cleanup(layer_place_clear)))
