// SPDX-License-Identifier: Apache-2.0
#include "cli/environment.h"

int environment_from_options(const struct string_list *words, struct string_list *env,
                             struct error *error)
{
    for (size_t i = 0; i < words->count; i++) {
        const char *word = words->items[i], *value;
        if (*word == '=' || !*word)
            return error_set(error, 0, "--env: \"%s\" has no name", word);
        if (strchr(word, '='))
            string_list_add(env, word);
        else if ((value = getenv(word)))
            string_list_take(env, string_format("%s=%s", word, value));
    }
    return 0;
}
