// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>

#include "base/io.h"
#include "base/string.h"
#include "cli/verbs.h"
#include "spec/default.h"

struct spec_options {
    const char *bundle;
    bool rootless;
};

#define MEMBER(name) offsetof(struct spec_options, name)

static const struct option_definition options_table[] = {
    { 'b', "bundle", "DIR", OPTION_STRING, MEMBER(bundle), "where to write it (default: .)" },
    { 0, "rootless", NULL, OPTION_FLAG, MEMBER(rootless), "one that works without privileges" },
    { 0 },
};

static const struct option_group groups[] = {
    { NULL, options_table, 0 },
    { .options = NULL },
};

/* O_EXCL: whatever is there, a link too, is somebody's work. */
static int write_new_file(const char *path, const char *text, struct error *error)
{
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST)
        return error_set(error, 0, "%s exists: remove it first", path);
    if (fd < 0)
        return error_set(error, errno, "make %s", path);
    if (write_all(fd, text, strlen(text)) == 0)
        return 0;
    error_set(error, errno, "write %s", path);
    unlink(path);
    return -1;
}

static int run_spec(const struct host *host, const void *options, const struct words *words,
                    struct error *error)
{
    (void)host;
    (void)words;
    const struct spec_options *given = options;
    AUTO_FREE char *path = string_format("%s/config.json", given->bundle ? given->bundle : ".");
    AUTO_FREE char *text = spec_default_text(given->rootless, geteuid(), getegid());
    return write_new_file(path, text, error);
}

const struct command command_spec = {
    .name = "spec",
    .summary = "Write a config.json to begin with",
    .section = COMMAND_OCI,
    .groups = groups,
    .options_size = sizeof(struct spec_options),
    .run = run_spec,
};
