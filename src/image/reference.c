// SPDX-License-Identifier: Apache-2.0
#include "image/reference.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/string.h"

static bool is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

void reference_clear(struct reference *reference)
{
    free(reference->path);
    free(reference->tag);
    *reference = (struct reference){ 0 };
}

static int parse_debian(const char *rest, struct reference *reference, struct error *error)
{
    (void)error; /* the suite is checked by those who know suites */
    reference->tag = rest[0] == ':' ? string_copy(rest + 1) : NULL;
    return 0;
}

/*
 * Both a directory's name and a tag may hold colons (docker.io/library/x:1). The shortest directory
 * that is there wins; where none is, the first colon parts them, so that the error names the
 * directory that a person meant.
 */
static int parse_oci(const char *rest, struct reference *reference, struct error *error)
{
    const char *end = strchrnul(rest, ':');
    for (const char *colon = end;; colon = strchrnul(colon + 1, ':')) {
        AUTO_FREE char *path = string_copy_n(rest, (size_t)(colon - rest));
        if (is_directory(path)) {
            end = colon;
            break;
        }
        if (!*colon)
            break;
    }
    if (end == rest)
        return error_set(error, 0, "\"oci:%s\": the directory is missing: oci:DIR[:TAG]", rest);
    if (*end && !end[1])
        return error_set(error, 0, "\"oci:%s\": the tag behind the colon is missing", rest);
    reference->path = string_copy_n(rest, (size_t)(end - rest));
    reference->tag = *end ? string_copy(end + 1) : NULL;
    return 0;
}

static const struct scheme {
    const char *prefix;
    bool alone; /* may stand without anything behind it */
    enum reference_kind kind;
    int (*parse)(const char *rest, struct reference *reference, struct error *error);
} schemes[] = {
    { "oci:", false, REFERENCE_OCI, parse_oci },
    { "debian:", false, REFERENCE_DEBIAN, parse_debian },
    { "debian", true, REFERENCE_DEBIAN, parse_debian },
};

static bool scheme_matches(const struct scheme *scheme, const char *name)
{
    return scheme->alone ? string_equal(name, scheme->prefix)
                         : string_starts_with(name, scheme->prefix);
}

static int unknown(const char *name, struct error *error)
{
    if (name[0] && is_directory(name))
        return error_set(error, 0,
                         "image \"%s\" is not known; for the directory of that name write "
                         "./%s",
                         name, name);
    return error_set(error, 0,
                     "image \"%s\" is not known; there are: debian[:SUITE], oci:DIR[:TAG] (an OCI "
                     "image layout), and directories, with a slash in their name (./rootfs)",
                     name);
}

int reference_parse(const char *name, struct reference *reference, struct error *error)
{
    *reference = (struct reference){ 0 };
    for (size_t i = 0; i < ARRAY_LENGTH(schemes); i++) {
        if (!scheme_matches(&schemes[i], name))
            continue;
        reference->kind = schemes[i].kind;
        return schemes[i].parse(name + strcspn(name, ":") +
                                    (schemes[i].kind == REFERENCE_OCI ? 1 : 0),
                                reference, error);
    }
    if (!strchr(name, '/'))
        return unknown(name, error);
    reference->kind = REFERENCE_DIRECTORY;
    reference->path = string_copy(name);
    return 0;
}
