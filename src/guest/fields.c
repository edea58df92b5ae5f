// SPDX-License-Identifier: Apache-2.0
#include "guest/fields.h"

const void *fields_take(struct fields *fields, size_t length)
{
    if (length > fields->left) {
        fields->bad = true;
        return NULL;
    }
    const void *taken = fields->data;
    fields->data += length;
    fields->left -= length;
    return taken;
}

void fields_copy(struct fields *fields, void *to, size_t length)
{
    const void *from = fields_take(fields, length);
    if (from)
        memcpy(to, from, length);
    else
        memset(to, 0, length);
}

const char *fields_string(struct fields *fields)
{
    struct guest_string counted;
    fields_copy(fields, &counted, sizeof(counted));
    uint8_t *bytes = fields->data;
    if (!fields_take(fields, counted.length))
        return "";
    /* Moved down by one, over its length, which makes room for the NUL. */
    char *string = (char *)bytes - 1;
    memmove(string, bytes, counted.length);
    string[counted.length] = '\0';
    fields->bad = fields->bad || text_length(string) != counted.length;
    return string;
}

bool fields_are_good(const struct fields *fields)
{
    return !fields->bad && fields->left == 0;
}
