// SPDX-License-Identifier: Apache-2.0
/*
 * Golden pairs for the decoder: a piece of config.json, and the one error it must give (its path
 * and the beginning of its message), or NULL when it must be taken.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/string.h"
#include "spec/decode.h"

#define CONFIG "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"}%s%s}"
#define PROCESS                                                                                    \
    "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},\"process\":{\"cwd\":\"/\","         \
    "\"args\":[\"sh\"]%s%s}}"
#define LINUX                                                                                      \
    "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},\"linux\":{\"namespaces\":["         \
    "{\"type\":\"user\"},{\"type\":\"time\"},{\"type\":\"network\"}]%s%s}}"
#define MOUNT                                                                                      \
    "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},\"mounts\":[{"                       \
    "\"destination\":\"/mnt\",\"source\":\"/src\"%s%s}]}"
#define BARE "{%s%s}" /* process.json, or the document of `update` */
#define SECCOMP                                                                                    \
    "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},\"linux\":{\"seccomp\":{"            \
    "\"defaultAction\":\"SCMP_ACT_ALLOW\"%s%s}}}"

struct golden {
    const char *text;
    const char *error;
};

/* `form` is one of the above; `text` the members to put in. The caller frees. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static inline char *fill(const char *form, const char *text)
{
    bool alone = form[0] == '{' && form[1] == '%';
    return string_format(form, *text && !alone ? "," : "", text);
}
#pragma GCC diagnostic pop

typedef struct spec *decoder(const char *text, size_t length, struct spec_problems *problems);

static inline void check_golden(decoder *decode, const char *form, const struct golden *golden)
{
    AUTO_FREE char *text = fill(form, golden->text);
    AUTO_PROBLEMS struct spec_problems problems = { 0 };
    AUTO_SPEC struct spec *spec = decode(text, strlen(text), &problems);
    AUTO_ERROR struct error error = { 0 };
    if (problems.error_count)
        spec_problems_to_error(&problems, "x", &error);
    if (!golden->error && !spec)
        fail_msg("refused: %s: %s", golden->text, error.message);
    if (golden->error && spec)
        fail_msg("taken: %s", golden->text);
    if (!golden->error)
        return;
    const char *message = error.message + strlen("x: ");
    if (problems.error_count != 1 || !string_starts_with(message, golden->error))
        fail_msg("%s gives \"%s\", not \"%s\"", golden->text, message, golden->error);
}

#define CHECK_ALL(decode, form, goldens)                                                           \
    do {                                                                                           \
        for (size_t i_ = 0; i_ < ARRAY_LENGTH(goldens); i_++)                                      \
            check_golden(decode, form, &(goldens)[i_]);                                            \
    } while (0)

/* Decode what must be taken. */
static inline struct spec *must_decode(decoder *decode, const char *form, const char *text)
{
    check_golden(decode, form, &(struct golden){ text, NULL });
    AUTO_FREE char *document = fill(form, text);
    AUTO_PROBLEMS struct spec_problems problems = { 0 };
    return decode(document, strlen(document), &problems);
}
