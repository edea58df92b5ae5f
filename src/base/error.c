// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <stdarg.h>
#include <string.h>

#include "base/string.h"

/* Takes ownership of `text`. */
static int set(struct error *error, int code, char *text)
{
    free(error->message);
    *error = (struct error){ .code = code, .message = text };
    return -1;
}

int error_set(struct error *error, int errno_value, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    AUTO_FREE char *text = string_vformat(format, arguments);
    va_end(arguments);

    return set(error, errno_value,
               errno_value ? string_format("%s: %s", text, strerror(errno_value))
                           : take_pointer(text));
}

int error_set_code(struct error *error, int errno_value, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = string_vformat(format, arguments);
    va_end(arguments);

    return set(error, errno_value, text);
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
