// SPDX-License-Identifier: Apache-2.0
#include "container/home.h"

#include <fcntl.h>

#include "base/accounts.h"
#include "base/string.h"

char *home_directory_of(uid_t uid)
{
    AUTO_ERROR struct error ignored = { 0 }; /* a file that cannot be read names nobody */
    AUTO_CLOSE int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    AUTO_FREE char *text = fd < 0 ? NULL : accounts_read(fd, "/etc/passwd", &ignored);
    struct account account;
    bool found = accounts_find(text, PASSWD_FIELDS, NULL, uid, &account);
    return string_copy(found ? account_home(&account) : "/");
}
