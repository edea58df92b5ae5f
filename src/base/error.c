// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <stdarg.h>
#include <string.h>

#include "base/string.h"

int error_set(struct error *error, int errno_value, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = string_vformat(format, arguments);
    va_end(arguments);

    free(error->message);
    error->code = errno_value;
    error->message = text;
    if (errno_value) {
        error->message = string_format("%s: %s", text, strerror(errno_value));
        free(text);
    }
    return -1;
}

int error_wrap(struct error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    AUTO_FREE char *context = string_vformat(format, arguments);
    va_end(arguments);

    AUTO_FREE char *inner = error->message;
    error->message = string_format("%s: %s", context, inner ? inner : "unknown error");
    return -1;
}

void error_clear(struct error *error)
{
    free(error->message);
    *error = (struct error){ 0 };
}

int error_move(struct error *to, struct error *from)
{
    error_clear(to);
    *to = *from;
    *from = (struct error){ 0 };
    return -1;
}
