// SPDX-License-Identifier: Apache-2.0
#include "cli/each.h"

#include "base/string.h"

int act_on_each(const struct host *host, const struct words *words, name_act *act,
                const void *context, struct error *error)
{
    AUTO_FREE char *messages = NULL;
    for (size_t i = 0; i < words->count; i++) {
        AUTO_ERROR struct error one = { 0 };
        if (act(host, words->operands[i], context, &one) == 0)
            puts(words->operands[i]);
        else
            string_append(&messages, "%s%s", messages ? "; " : "", one.message);
    }
    return messages ? error_set(error, 0, "%s", messages) : 0;
}
