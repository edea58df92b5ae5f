// SPDX-License-Identifier: Apache-2.0
/* passwd(5): NAME:PASSWORD:UID:GID:GECOS:HOME:SHELL */
#include "guest/home.h"

#include "guest/system_call.h"

enum { UID_FIELD = 2, HOME_FIELD = 5, PASSWD_SIZE = 1 << 20 };

/* Where a field of a line begins; its end where there are fewer. */
static const char *field(const char *line, const char *end, int number)
{
    while (number && line < end)
        number -= *line++ == ':';
    return line;
}

static const char *field_end(const char *field, const char *end)
{
    while (field < end && *field != ':')
        field++;
    return field;
}

static bool is_of(const char *line, const char *end, uint32_t uid)
{
    const char *digits = field(line, end, UID_FIELD);
    const char *after = field_end(digits, end);
    for (const char *digit = digits; digit < after; digit++)
        if (*digit < '0' || *digit > '9')
            return false;
    return digits < after && text_number(digits) == uid;
}

static bool find(const char *text, uint32_t uid, struct text *home)
{
    for (const char *line = text; *line; line += *line == '\n') {
        const char *end = text_find(line, '\n');
        const char *directory = field(line, end, HOME_FIELD);
        if (is_of(line, end, uid) && *directory == '/') {
            text_add_bytes(home, directory, (size_t)(field_end(directory, end) - directory));
            return true;
        }
        line = end;
    }
    return false;
}

void home_of(uint32_t uid, struct text *home)
{
    char *text = map_memory(PASSWD_SIZE);
    if (!text || text_read_file("/etc/passwd", text, PASSWD_SIZE) < 0 || !find(text, uid, home))
        text_add(home, "/");
    if (text)
        unmap_memory(text, PASSWD_SIZE);
}
