// SPDX-License-Identifier: Apache-2.0
#include "image/subordinate_ids.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/number.h"
#include "base/string.h"

enum { MOST_FILE_BYTES = 1 << 20 };

/* "USER:START:COUNT" of this user; false for others' lines and for malformed ones. */
static bool take_line(char *line, const char *user_name, const char *user_id,
                      struct spec_id_mapping *mapping)
{
    const char *user = strsep(&line, ":"), *start = strsep(&line, ":");
    if (!start || !line)
        return false;
    bool ours = (user_name && string_equal(user, user_name)) || string_equal(user, user_id);
    return ours && parse_uint32(start, &mapping->host_id) == 0 &&
           parse_uint32(line, &mapping->size) == 0 && mapping->size > 0 &&
           mapping->size <= UINT32_MAX - mapping->host_id;
}

int subordinate_id_mappings(const char *path, const char *user_name, uint32_t user_id,
                            uint32_t own_id, struct spec_id_mapping *mappings, struct error *error)
{
    size_t count = 0;
    mappings[count++] = (struct spec_id_mapping){ .host_id = own_id, .size = 1 };
    if (!path_exists_at(AT_FDCWD, path))
        return (int)count;
    AUTO_FREE char *text = read_file_at(AT_FDCWD, path, MOST_FILE_BYTES, NULL, error);
    if (!text)
        return -1;
    AUTO_FREE char *id_text = string_format("%u", user_id);
    uint32_t next_id = 1;
    for (char *rest = text; rest && count <= MOST_SUBORDINATE_RANGES;) {
        struct spec_id_mapping mapping = { .container_id = next_id };
        if (!take_line(strsep(&rest, "\n"), user_name, id_text, &mapping) ||
            mapping.size > UINT32_MAX - next_id)
            continue;
        next_id += mapping.size;
        mappings[count++] = mapping;
    }
    return (int)count;
}

static int own_mappings(const char *path, uint32_t own_id, struct spec_id_mapping *mappings,
                        struct error *error)
{
    const struct passwd *user = getpwuid(getuid());
    return subordinate_id_mappings(path, user ? user->pw_name : NULL, getuid(), own_id, mappings,
                                   error);
}

int own_uid_mappings(struct spec_id_mapping *mappings, struct error *error)
{
    return own_mappings("/etc/subuid", geteuid(), mappings, error);
}

int own_gid_mappings(struct spec_id_mapping *mappings, struct error *error)
{
    return own_mappings("/etc/subgid", getegid(), mappings, error);
}
