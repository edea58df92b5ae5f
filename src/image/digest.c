// SPDX-License-Identifier: Apache-2.0
#include "image/digest.h"

#include <openssl/evp.h>
#include <stdint.h>

#include "base/library.h"
#include "base/string.h"

struct crypto_functions {
    __typeof__(EVP_MD_CTX_new) *context_new;
    __typeof__(EVP_MD_CTX_free) *context_free;
    __typeof__(EVP_DigestInit_ex) *initialize;
    __typeof__(EVP_DigestUpdate) *update;
    __typeof__(EVP_DigestFinal_ex) *finish;
    __typeof__(EVP_sha256) *sha256;
    __typeof__(EVP_sha512) *sha512;
};

#define SYMBOL(function, member)                                                                   \
    {                                                                                              \
        function, offsetof(struct crypto_functions, member)                                        \
    }

static const struct library_symbol crypto_symbols[] = {
    SYMBOL("EVP_MD_CTX_new", context_new),
    SYMBOL("EVP_MD_CTX_free", context_free),
    SYMBOL("EVP_DigestInit_ex", initialize),
    SYMBOL("EVP_DigestUpdate", update),
    SYMBOL("EVP_DigestFinal_ex", finish),
    SYMBOL("EVP_sha256", sha256),
    SYMBOL("EVP_sha512", sha512),
};

/* The registered algorithms that image-spec requires or allows (descriptor.md). */
static const struct algorithm {
    const char *name;
    size_t digits;
} algorithms[] = {
    { "sha256", 64 },
    { "sha512", 128 },
};

struct digest {
    struct crypto_functions crypto;
    const struct algorithm *algorithm;
    EVP_MD_CTX *context;
};

static const struct algorithm *find_algorithm(const char *text)
{
    size_t length = strcspn(text, ":");
    for (size_t i = 0; i < ARRAY_LENGTH(algorithms); i++)
        if (strlen(algorithms[i].name) == length && strncmp(text, algorithms[i].name, length) == 0)
            return &algorithms[i];
    return NULL;
}

const char *digest_hex(const char *digest)
{
    return strchr(digest, ':') + 1;
}

bool digest_is_valid(const char *text)
{
    const struct algorithm *algorithm = find_algorithm(text);
    if (!algorithm || !strchr(text, ':'))
        return false;
    const char *hex = digest_hex(text);
    return strlen(hex) == algorithm->digits && strspn(hex, "0123456789abcdef") == algorithm->digits;
}

struct digest *digest_new(const char *like, struct error *error)
{
    AUTO_DIGEST struct digest *digest = allocate(1, sizeof(*digest));
    digest->algorithm = find_algorithm(like);
    if (!digest->algorithm) {
        error_set(error, 0, "digest algorithm of \"%s\" is not supported: sha256 and sha512 are",
                  like);
        return NULL;
    }
    if (library_open("libcrypto.so.3", "libssl3", crypto_symbols, ARRAY_LENGTH(crypto_symbols),
                     &digest->crypto, error) < 0)
        return NULL;
    const EVP_MD *type =
        digest->algorithm->digits == 64 ? digest->crypto.sha256() : digest->crypto.sha512();
    digest->context = digest->crypto.context_new();
    if (!digest->context || !digest->crypto.initialize(digest->context, type, NULL)) {
        error_set(error, 0, "libcrypto cannot compute %s here", digest->algorithm->name);
        return NULL;
    }
    return take_pointer(digest);
}

void digest_free(struct digest *digest)
{
    if (!digest)
        return;
    if (digest->context)
        digest->crypto.context_free(digest->context);
    free(digest);
}

int digest_update(struct digest *digest, const void *data, size_t length, struct error *error)
{
    if (!digest->crypto.update(digest->context, data, length))
        return error_set(error, 0, "libcrypto: computing %s failed", digest->algorithm->name);
    return 0;
}

int digest_finish(struct digest *digest, char text[DIGEST_TEXT_SIZE], struct error *error)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    if (!digest->crypto.finish(digest->context, raw, &length) ||
        length * 2 != digest->algorithm->digits)
        return error_set(error, 0, "libcrypto: computing %s failed", digest->algorithm->name);
    char *next = stpcpy(stpcpy(text, digest->algorithm->name), ":");
    for (unsigned int i = 0; i < length; i++) {
        *next++ = digits[raw[i] >> 4];
        *next++ = digits[raw[i] & 15];
    }
    *next = '\0';
    return 0;
}

int digest_verify(struct digest *digest, const char *expected, const char *what,
                  struct error *error)
{
    char found[DIGEST_TEXT_SIZE];
    if (digest_finish(digest, found, error) < 0)
        return -1;
    if (!string_equal(found, expected))
        return error_set(error, 0, "%s is damaged: its digest is %s, not %s", what, found,
                         expected);
    return 0;
}
