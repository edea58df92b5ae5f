// SPDX-License-Identifier: Apache-2.0
#include "container/mountinfo.h"

#include <fcntl.h>

#include "base/io.h"
#include "base/string.h"

enum { LARGEST_MOUNTINFO = 64 << 20 };

/* Mount points have blanks and the like as \ooo. */
static void decode_octal(char *text)
{
    char *to = text;
    for (const char *from = text; *from; to++) {
        unsigned int value;
        if (from[0] == '\\' && sscanf(from + 1, "%3o", &value) == 1) {
            *to = (char)value;
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

static int visit_line(const char *line, mountinfo_visitor visit, void *context, struct error *error)
{
    unsigned long long id, parent_id;
    AUTO_FREE char *mount_point = NULL;
    if (sscanf(line, "%llu %llu %*s %*s %ms", &id, &parent_id, &mount_point) != 3)
        return error_set(error, 0, "cannot understand \"%s\" in /proc/self/mountinfo", line);
    decode_octal(mount_point);
    struct mountinfo_entry entry = { id, parent_id, mount_point };
    return visit(&entry, context, error);
}

int mountinfo_for_each(mountinfo_visitor visit, void *context, struct error *error)
{
    AUTO_FREE char *text =
        read_file_at(AT_FDCWD, "/proc/self/mountinfo", LARGEST_MOUNTINFO, NULL, error);
    if (!text)
        return -1;
    AUTO_STRINGS char **lines = string_split(text, "\n");
    int result = 0;
    for (char **line = lines; *line && result == 0; line++)
        result = visit_line(*line, visit, context, error);
    return result;
}

struct search {
    uint64_t id;
    char *mount_point;
};

static int find_id(const struct mountinfo_entry *entry, void *context, struct error *error)
{
    struct search *search = context;
    (void)error;
    if (entry->id != search->id)
        return 0;
    search->mount_point = string_copy(entry->mount_point);
    return 1;
}

char *mountinfo_mount_point(uint64_t id, struct error *error)
{
    struct search search = { .id = id };
    if (mountinfo_for_each(find_id, &search, error) == 0)
        error_set(error, 0, "mount %llu is not in /proc/self/mountinfo", (unsigned long long)id);
    return search.mount_point;
}
