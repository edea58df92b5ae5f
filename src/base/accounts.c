// SPDX-License-Identifier: Apache-2.0
#include "base/accounts.h"

#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/number.h"
#include "base/string.h"

enum { MOST_FILE_BYTES = 1 << 20 };

char *accounts_read(int fd, const char *name, struct error *error)
{
    struct stat status;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return NULL;
    return read_fd(fd, name, MOST_FILE_BYTES, NULL, error);
}

/* Cut a line at its colons; false where it has more fields or fewer. */
static bool split(char *line, size_t field_count, struct account *account)
{
    size_t count = 0;
    while (line && count < field_count)
        account->fields[count++] = strsep(&line, ":");
    return !line && count == field_count;
}

bool accounts_next(char **text, size_t field_count, struct account *account)
{
    while (*text && **text)
        if (split(strsep(text, "\n"), field_count, account) && account->fields[0][0] &&
            parse_uint32(account->fields[2], &account->id) == 0)
            return true;
    return false;
}

bool accounts_find(char *text, size_t field_count, const char *name, uint32_t id,
                   struct account *account)
{
    while (accounts_next(&text, field_count, account))
        if (name ? string_equal(account->fields[0], name) : account->id == id)
            return true;
    return false;
}

const char *account_home(const struct account *account)
{
    return account->fields[5][0] == '/' ? account->fields[5] : "/";
}
