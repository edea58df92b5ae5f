// SPDX-License-Identifier: Apache-2.0
/* Content digests as image-spec 1.1 (descriptor.md, "Digests") writes them: "sha256:HEX". */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define DIGEST_TEXT_SIZE (7 + 128 + 1) /* "sha512:" + 128 hexadecimal digits + NUL */

/* sha256 or sha512 with exactly as many lower-case hexadecimal digits as that has. */
bool digest_is_valid(const char *text);

/* The digits after the colon of a valid digest. */
const char *digest_hex(const char *digest);

/* A digest that is being computed. */
struct digest;

/* `like` names the algorithm: "sha256", or a whole digest. NULL when libcrypto is not there. */
struct digest *digest_new(const char *like, struct error *error);
void digest_free(struct digest *digest); /* NULL is fine */

int digest_update(struct digest *digest, const void *data, size_t length, struct error *error);

/* The text form; ends the computation. */
int digest_finish(struct digest *digest, char text[DIGEST_TEXT_SIZE], struct error *error);

/* End the computation and compare: an error that shows both when they differ. */
int digest_verify(struct digest *digest, const char *expected, const char *what,
                  struct error *error);

static inline void digest_cleanup(struct digest **digest)
{
    digest_free(*digest);
}
#define AUTO_DIGEST __attribute__((cleanup(digest_cleanup)))
