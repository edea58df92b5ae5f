// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/string.h"
#include "instance/record.h"
#include "mode.h"

/* A record that is taken can be written, and read again. */
void fuzz_state(const uint8_t *data, size_t size)
{
    const struct log log = { .level = LOG_LEVEL_ERROR, .fd = STDERR_FILENO };
    AUTO_ERROR struct error error = { 0 };
    AUTO_INSTANCE struct instance *instance = record_decode((const char *)data, size, &log, &error);
    PROMISE(!instance == (error.message != NULL));
    if (!instance)
        return;
    AUTO_JSON struct json_object *record = record_encode(instance);
    AUTO_FREE char *text = json_text(record);
    AUTO_INSTANCE struct instance *again = record_decode(text, strlen(text), &log, &error);
    PROMISE(again);
    PROMISE(string_equal(again->id, instance->id) && again->pid == instance->pid);
}
