// SPDX-License-Identifier: Apache-2.0
#include "instance/identity.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/accounts.h"
#include "base/io.h"
#include "base/number.h"
#include "base/string.h"
#include "base/system_call.h"

enum { MOST_ADDITIONAL_GROUPS = 65536 /* NGROUPS_MAX */ };

void identity_free(struct identity *identity)
{
    free(identity->additional_gids);
    free(identity->home);
    *identity = (struct identity){ 0 };
}

/* overlayfs: a character device 0:0 hides what the layers below have at its place. */
static bool is_whiteout(int directory_fd, const char *path)
{
    struct stat status;
    return fstatat(directory_fd, path, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
}

/* overlayfs: the directory's lower versions are hidden as a whole. */
static bool is_opaque(int directory_fd, const char *path)
{
    char value;
    AUTO_CLOSE int fd = openat(directory_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd >= 0 && ((fgetxattr(fd, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y') ||
                       (fgetxattr(fd, "user.overlay.opaque", &value, 1) == 1 && value == 'y'));
}

/* The topmost layer's version of a file of /etc: opened, -1 with errno where there is none. */
static int open_layered(const int *root_fds, size_t root_count, const char *path)
{
    for (size_t i = 0; i < root_count; i++) {
        int fd = open_regular_file(root_fds[i], path, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
        if (fd >= 0)
            return fd;
        if (errno == EINVAL)
            break;
        if (is_whiteout(root_fds[i], path) || is_whiteout(root_fds[i], "etc") ||
            is_opaque(root_fds[i], "etc"))
            break;
    }
    errno = ENOENT;
    return -1;
}

/* The file's text; NULL without an error where it is missing or no regular file. */
static char *read_layered(const int *root_fds, size_t root_count, const char *path,
                          struct error *error)
{
    AUTO_CLOSE int fd = open_layered(root_fds, root_count, path);
    return fd < 0 ? NULL : accounts_read(fd, path, error);
}

static bool is_number(const char *word)
{
    return isdigit((unsigned char)word[0]);
}

static int take_number(const char *what, const char *word, uint32_t *id, struct error *error)
{
    /* (uid_t)-1 means "leave it" to setresuid(2), never an identity. */
    if (parse_uint32(word, id) < 0 || *id == UINT32_MAX)
        return error_set(error, 0, "%s %s is not a number from 0 to 4294967294", what, word);
    return 0;
}

static int resolve_user(char *passwd, const char *word, struct identity *identity, char **name,
                        struct error *error)
{
    struct account account;
    bool numeric = is_number(word);
    if (numeric && take_number("user", word, &identity->uid, error) < 0)
        return -1;
    if (!accounts_find(passwd, PASSWD_FIELDS, numeric ? NULL : word, identity->uid, &account)) {
        identity->home = string_copy("/");
        return numeric ? 0
                       : error_set(error, 0, "user %s is not in the root file system's /etc/passwd",
                                   word);
    }
    if (take_number("uid in /etc/passwd", account.fields[2], &identity->uid, error) < 0 ||
        take_number("gid in /etc/passwd", account.fields[3], &identity->gid, error) < 0)
        return -1;
    identity->home = string_copy(account_home(&account));
    *name = string_copy(account.fields[0]);
    return 0;
}

static int resolve_group(char *groups, const char *word, struct identity *identity,
                         struct error *error)
{
    struct account account;
    if (is_number(word))
        return take_number("group", word, &identity->gid, error);
    if (!accounts_find(groups, GROUP_FIELDS, word, 0, &account))
        return error_set(error, 0, "group %s is not in the root file system's /etc/group", word);
    return take_number("gid in /etc/group", account.fields[2], &identity->gid, error);
}

static bool is_member(char *members, const char *name)
{
    while (members) {
        const char *member = strsep(&members, ",");
        if (string_equal(member, name))
            return true;
    }
    return false;
}

static void add_memberships(char *groups, const char *name, struct identity *identity)
{
    struct account account;
    while (accounts_next(&groups, GROUP_FIELDS, &account)) {
        if (account.id == UINT32_MAX || identity->additional_gid_count == MOST_ADDITIONAL_GROUPS ||
            !is_member(account.fields[3], name))
            continue;
        identity->additional_gids = reallocate(
            identity->additional_gids, identity->additional_gid_count + 1, sizeof(account.id));
        identity->additional_gids[identity->additional_gid_count++] = account.id;
    }
}

/* The texts of the files (may be NULL) are cut up. */
static int resolve_words(char *passwd, char *groups, const char *user, const char *group,
                         struct identity *identity, struct error *error)
{
    AUTO_FREE char *name = NULL;
    if (resolve_user(passwd, user, identity, &name, error) < 0)
        return -1;
    if (group)
        return resolve_group(groups, group, identity, error);
    if (name)
        add_memberships(groups, name, identity);
    return 0;
}

int identity_resolve(const int *root_fds, size_t root_count, const char *words,
                     struct identity *identity, struct error *error)
{
    AUTO_ERROR struct error read_error = { 0 };
    AUTO_FREE char *user = string_copy(words && *words ? words : "0");
    char *group = strchr(user, ':');
    if (group)
        *group++ = '\0';
    if (!*user || (group && !*group))
        return error_set(error, 0, "user \"%s\" is not of the form USER[:GROUP]", words);
    AUTO_FREE char *passwd = read_layered(root_fds, root_count, "etc/passwd", &read_error);
    AUTO_FREE char *groups = NULL;
    if (!read_error.message)
        groups = read_layered(root_fds, root_count, "etc/group", &read_error);
    if (read_error.message)
        return error_move(error, &read_error);
    *identity = (struct identity){ 0 };
    if (resolve_words(passwd, groups, user, group, identity, error) == 0)
        return 0;
    identity_free(identity);
    return -1;
}
