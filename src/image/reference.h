// SPDX-License-Identifier: Apache-2.0
/* What a person writes for an image, taken apart (the forms are listed in image.h). */
#pragma once

#include "base/error.h"

enum reference_kind { REFERENCE_DIRECTORY, REFERENCE_DEBIAN, REFERENCE_OCI };

struct reference {
    enum reference_kind kind;
    char *path; /* of the directory or image layout; as given */
    char *tag;  /* tag or suite; NULL: none */
};

/* An error says which forms there are. */
int reference_parse(const char *name, struct reference *reference, struct error *error);
void reference_clear(struct reference *reference);

#define AUTO_REFERENCE __attribute__((cleanup(reference_clear)))
