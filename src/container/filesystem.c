// SPDX-License-Identifier: Apache-2.0
#include "container/filesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>

#include "base/string.h"

enum { LONGEST_VALUE = 255 }; /* fs/fsopen.c: strndup_user(_value, 256) */

/* Superblock flags by their names in fsconfig(2) (fs/fs_context.c, common_set_sb_flag and
 * common_clear_sb_flag). */
static const struct {
    unsigned long flag;
    const char *set, *clear;
} superblock_flag_names[] = {
    { MS_RDONLY, "ro", "rw" },         { MS_SYNCHRONOUS, "sync", "async" },
    { MS_DIRSYNC, "dirsync", NULL },   { MS_LAZYTIME, "lazytime", "nolazytime" },
    { MS_MANDLOCK, "mand", "nomand" }, { MS_I_VERSION, "iversion", "noiversion" },
};

/* The end of the option that begins at `option`: a comma inside quotes is a part of the value. */
static const char *option_end(const char *option)
{
    bool quoted = false;
    for (; *option && (quoted || *option != ','); option++)
        if (*option == '"')
            quoted = !quoted;
    return option;
}

int filesystem_options_too_long(const char *options)
{
    while (options && *options) {
        const char *end = option_end(options);
        const char *equals = memchr(options, '=', (size_t)(end - options));
        if (equals && end - equals - 1 > LONGEST_VALUE)
            return true;
        options = *end ? end + 1 : end;
    }
    return false;
}

/* What the file system's own log says ("e tmpfs: Bad value for 'size'"), or NULL. */
static char *kernel_message(int context)
{
    char text[512];
    int saved = errno;
    ssize_t length = read(context, text, sizeof(text) - 1);
    errno = saved;
    if (length <= 2)
        return NULL;
    text[length] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return string_copy(text + 2); /* after the level and a blank */
}

static int configuration_failed(int context, const char *what, const char *type,
                                struct error *error)
{
    int code = errno;
    AUTO_FREE char *message = kernel_message(context);
    if (message)
        return error_set(error, code, "%s %s (%s)", what, type, message);
    return error_set(error, code, "%s %s", what, type);
}

static void strip_quotes(char *value)
{
    size_t length = strlen(value);
    if (length < 2 || value[0] != '"' || value[length - 1] != '"')
        return;
    memmove(value, value + 1, length - 2);
    value[length - 2] = '\0';
}

static int set_option(int context, char *option, struct error *error)
{
    char *equals = strchr(option, '=');
    int result;
    if (equals) {
        *equals = '\0';
        strip_quotes(equals + 1);
        result = fsconfig(context, FSCONFIG_SET_STRING, option, equals + 1, 0);
    } else {
        result = fsconfig(context, FSCONFIG_SET_FLAG, option, NULL, 0);
    }
    return result < 0 ? configuration_failed(context, "set option", option, error) : 0;
}

static int set_options(int context, const char *options, struct error *error)
{
    while (options && *options) {
        const char *end = option_end(options);
        if (end > options) {
            AUTO_FREE char *option = string_copy_n(options, (size_t)(end - options));
            if (set_option(context, option, error) < 0)
                return -1;
        }
        options = *end ? end + 1 : end;
    }
    return 0;
}

static int set_superblock_flags(int context, unsigned long set, unsigned long clear,
                                struct error *error)
{
    for (size_t i = 0; i < ARRAY_LENGTH(superblock_flag_names); i++) {
        unsigned long flag = superblock_flag_names[i].flag;
        const char *name = set & flag     ? superblock_flag_names[i].set
                           : clear & flag ? superblock_flag_names[i].clear
                                          : NULL;
        if (!name || fsconfig(context, FSCONFIG_SET_FLAG, name, NULL, 0) == 0)
            continue;
        /* With mount(2) a file system that does not count versions ignored this one. */
        if (flag != MS_I_VERSION || errno != EINVAL)
            return configuration_failed(context, "set option", name, error);
    }
    return 0;
}

int filesystem_mount(const struct filesystem_request *request, struct error *error)
{
    AUTO_CLOSE int context = fsopen(request->type, FSOPEN_CLOEXEC);
    if (context < 0 && errno == ENODEV)
        return error_set_code(error, ENODEV, "this kernel has no file system %s", request->type);
    if (context < 0)
        return error_set(error, errno, "make a file system %s", request->type);
    if (request->source && fsconfig(context, FSCONFIG_SET_STRING, "source", request->source, 0) < 0)
        return configuration_failed(context, "set the source of", request->type, error);
    if (set_superblock_flags(context, request->superblock_flags, 0, error) < 0 ||
        set_options(context, request->more_options, error) < 0 ||
        set_options(context, request->options, error) < 0)
        return -1;
    if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return configuration_failed(context, "make a file system", request->type, error);
    int fd = fsmount(context, FSMOUNT_CLOEXEC, (unsigned int)request->attributes);
    if (fd < 0)
        return configuration_failed(context, "mount a file system", request->type, error);
    return fd;
}

int filesystem_reconfigure(int mount_fd, const char *options, unsigned long superblock_flags,
                           unsigned long superblock_flags_clear, struct error *error)
{
    AUTO_CLOSE int context = fspick(mount_fd, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
    if (context < 0)
        return error_set(error, errno, "remount");
    if (set_superblock_flags(context, superblock_flags, superblock_flags_clear, error) < 0 ||
        set_options(context, options, error) < 0)
        return -1;
    if (fsconfig(context, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
        return configuration_failed(context, "change the options of", "the file system", error);
    return 0;
}
