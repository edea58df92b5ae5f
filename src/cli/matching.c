// SPDX-License-Identifier: Apache-2.0
#include "cli/matching.h"

#include <regex.h>

#include "base/string.h"

static int compile(regex_t *regex, const char *expression, struct error *error)
{
    char reason[128];
    int failure = regcomp(regex, expression, REG_EXTENDED | REG_NOSUB);
    if (failure == 0)
        return 0;
    regerror(failure, regex, reason, sizeof(reason));
    return error_set(error, 0, "regular expression \"%s\": %s", expression, reason);
}

/* Keep what failed and go on: the messages are joined by "; ". */
static void collect(struct error *all, struct error *one)
{
    if (!all->message) {
        error_move(all, one);
        return;
    }
    string_append(&all->message, "; %s", one->message);
    error_clear(one);
}

int act_on_matching(const struct host *host, const char *expression, instance_act *act,
                    const void *context, struct error *error)
{
    regex_t regex;
    struct instance **instances = NULL;
    size_t count = 0;
    if (compile(&regex, expression, error) < 0)
        return -1;
    if (instance_list(host, &instances, &count, error) < 0) {
        regfree(&regex);
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        AUTO_ERROR struct error one = { 0 };
        const char *id = instances[i]->id;
        if (regexec(&regex, id, 0, NULL, 0) == 0 && act(host, id, context, &one) < 0)
            collect(error, &one);
        instance_free(instances[i]);
    }
    free(instances);
    regfree(&regex);
    return error->message ? -1 : 0;
}
