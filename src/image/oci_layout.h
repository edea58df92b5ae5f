// SPDX-License-Identifier: Apache-2.0
/*
 * An OCI image layout on disk (image-spec 1.1, image-layout.md): the marker file, index.json and
 * blobs by digest. Everything in it is hostile until its digest has been verified.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "image/digest.h"

struct json_object;

/* What refers to a blob (descriptor.md). */
struct oci_descriptor {
    char *media_type, *digest;
    uint64_t size;
};

void oci_descriptor_clear(struct oci_descriptor *descriptor);

/* Decode the object; `what` is its place for messages, as "index.json: manifests[2]". */
int oci_descriptor_decode(struct json_object *object, const char *what,
                          struct oci_descriptor *descriptor, struct error *error);

/* Open DIR after checking its marker file; a directory descriptor. */
int oci_layout_open(const char *directory, struct error *error);

/* Open a blob: a regular file inside the layout of exactly the size that the descriptor tells. */
int oci_blob_open(int layout_fd, const struct oci_descriptor *descriptor, struct error *error);

/* Read a small JSON blob with size and digest verified. The caller puts the reference. */
struct json_object *oci_blob_json(int layout_fd, const struct oci_descriptor *descriptor,
                                  struct error *error);

/*
 * The descriptor of the manifest that `tag` (NULL: the only one) means on this machine; indexes in
 * indexes are followed. An ambiguous or unknown tag is an error that lists the tags there are.
 */
int oci_layout_find(int layout_fd, const char *tag, struct oci_descriptor *manifest,
                    struct error *error);

#define AUTO_OCI_DESCRIPTOR __attribute__((cleanup(oci_descriptor_clear)))
