// SPDX-License-Identifier: Apache-2.0
/*
 * json-c builds the document. It forgives more than a document from outside should be forgiven, so
 * the text first goes through a scan of its tokens: json-c saturates numbers, keeps the last of two
 * equal keys, takes NaN and control characters, and checks UTF-8 by lead bytes only. What remains
 * (that the tokens stand in a legal order) json-c checks well.
 *
 * Equal keys are found by counting: the text has one ':' outside of strings for each member, and a
 * document that has fewer members than that has lost one. Only then are the keys looked at one by
 * one, to name the culprit.
 */
#include "base/json.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/number.h"
#include "base/string.h"

enum { MAX_DEPTH = 64, MAX_FILE_SIZE = 16 << 20, MAX_NUMBER_LENGTH = 64 };

struct span {
    const char *start;
    size_t length;
};

/* A member's key as it stands in the text, quotes included, and which object it is in. */
struct key {
    size_t object;
    struct span literal;
};

struct scan {
    const char *start, *at, *end;
    size_t depth, object_count, member_count;
    size_t objects[MAX_DEPTH + 1]; /* the object that is open at each depth */
    struct span last_string;
    struct key *keys; /* NULL: do not collect */
    struct error *error;
};

static int fail_at(const struct scan *scan, const char *position, const char *what)
{
    size_t line = 1, column = 1;
    for (const char *at = scan->start; at < position; at++, column++)
        if (*at == '\n')
            line++, column = 0;
    return error_set(scan->error, 0, "JSON, line %zu column %zu: %s", line, column, what);
}

/* Bytes of the well-formed UTF-8 sequence at `at` (RFC 3629 section 4), 0 when it is not. */
static size_t utf8_length(const unsigned char *at, const unsigned char *end)
{
    static const struct {
        unsigned char lead_first, lead_last, second_first, second_last, length;
    } forms[] = {
        { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
        { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
        { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(forms); i++) {
        if (at[0] < forms[i].lead_first || at[0] > forms[i].lead_last)
            continue;
        if (end - at < forms[i].length || at[1] < forms[i].second_first ||
            at[1] > forms[i].second_last)
            return 0;
        for (size_t j = 2; j < forms[i].length; j++)
            if ((at[j] & 0xc0) != 0x80)
                return 0;
        return forms[i].length;
    }
    return 0;
}

static int scan_escape(struct scan *scan)
{
    static const char nul[] = "\\u0000";
    size_t left = (size_t)(scan->end - scan->at);
    if (left >= sizeof(nul) - 1 && !memcmp(scan->at, nul, sizeof(nul) - 1))
        return fail_at(scan, scan->at, "a string holds a NUL character");
    if (left < 2)
        return fail_at(scan, scan->at, "unterminated string");
    scan->at += 2;
    return 0;
}

static int scan_string(struct scan *scan)
{
    const char *start = scan->at++;
    while (scan->at < scan->end) {
        unsigned char byte = (unsigned char)*scan->at;
        if (byte == '"') {
            scan->at++;
            scan->last_string = (struct span){ start, (size_t)(scan->at - start) };
            return 0;
        }
        if (byte == '\\') {
            if (scan_escape(scan))
                return -1;
        } else if (byte < 0x20) {
            return fail_at(scan, scan->at, "a string holds a control character");
        } else if (byte < 0x80) {
            scan->at++;
        } else {
            size_t length = utf8_length((const void *)scan->at, (const void *)scan->end);
            if (!length)
                return fail_at(scan, scan->at, "invalid UTF-8");
            scan->at += length;
        }
    }
    return fail_at(scan, start, "unterminated string");
}

static const char *skip_digits(const char *at)
{
    return at + strspn(at, "0123456789");
}

/* RFC 8259 section 6; `integer` is whether it has neither fraction nor exponent. */
static bool number_is_well_formed(const char *text, bool *integer)
{
    const char *at = text + (*text == '-'), *digits = at;
    at = skip_digits(at);
    if (at == digits || (*digits == '0' && at - digits > 1))
        return false;
    *integer = !*at;
    if (*at == '.') {
        digits = ++at;
        at = skip_digits(at);
        if (at == digits)
            return false;
    }
    if (*at == 'e' || *at == 'E') {
        at += at[1] == '+' || at[1] == '-' ? 2 : 1;
        digits = at;
        at = skip_digits(at);
        if (at == digits)
            return false;
    }
    return !*at;
}

static bool number_fits(const char *text, bool integer)
{
    uint64_t unsigned_value;
    int64_t signed_value;
    if (!integer)
        return isfinite(strtod(text, NULL));
    return *text == '-' ? !parse_int64(text, &signed_value) : !parse_uint64(text, &unsigned_value);
}

static int scan_number(struct scan *scan, struct span token)
{
    char text[MAX_NUMBER_LENGTH + 1];
    bool integer;
    if (token.length > MAX_NUMBER_LENGTH)
        return fail_at(scan, token.start, "a number does not fit 64 bits");
    memcpy(text, token.start, token.length);
    text[token.length] = '\0';
    if (!number_is_well_formed(text, &integer))
        return fail_at(scan, token.start, "not a number as JSON has it");
    if (!number_fits(text, integer))
        return fail_at(scan, token.start, "a number does not fit 64 bits");
    return 0;
}

static bool is_literal(struct span token)
{
    static const char *const literals[] = { "null", "true", "false" };
    for (size_t i = 0; i < ARRAY_LENGTH(literals); i++)
        if (token.length == strlen(literals[i]) && !memcmp(token.start, literals[i], token.length))
            return true;
    return false;
}

/* A number or a literal name: all up to the next blank or punctuation. */
static int scan_word(struct scan *scan)
{
    struct span token = { scan->at, 0 };
    while (scan->at < scan->end && *scan->at && !strchr(" \t\n\r,:[]{}\"", *scan->at))
        scan->at++;
    token.length = (size_t)(scan->at - token.start);
    if (token.length && strchr("-0123456789", *token.start))
        return scan_number(scan, token);
    return is_literal(token) ? 0 : fail_at(scan, token.start, "unexpected character");
}

static int scan_open(struct scan *scan)
{
    if (scan->depth == MAX_DEPTH)
        return fail_at(scan, scan->at, "nested deeper than 64 levels");
    scan->objects[++scan->depth] = ++scan->object_count;
    scan->at++;
    return 0;
}

static int scan_member(struct scan *scan)
{
    if (scan->keys)
        scan->keys[scan->member_count] =
            (struct key){ scan->objects[scan->depth], scan->last_string };
    scan->member_count++;
    scan->at++;
    return 0;
}

static int scan_token(struct scan *scan)
{
    switch (*scan->at) {
    case ' ':
    case '\t':
    case '\n':
    case '\r':
    case ',':
        scan->at++;
        return 0;
    case '"':
        return scan_string(scan);
    case ':':
        return scan_member(scan);
    case '{':
    case '[':
        return scan_open(scan);
    case '}':
    case ']':
        if (!scan->depth)
            return fail_at(scan, scan->at, "nothing is open that could be closed here");
        scan->depth--;
        scan->at++;
        return 0;
    default:
        return scan_word(scan);
    }
}

static int scan_text(struct scan *scan)
{
    while (scan->at < scan->end)
        if (scan_token(scan))
            return -1;
    return 0;
}

static size_t count_members(struct json_object *value)
{
    size_t count = 0;
    if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++)
            count += count_members(json_object_array_get_idx(value, i));
    } else if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach(value, key, member)
        {
            (void)key;
            count += 1 + count_members(member);
        }
    }
    return count;
}

static char *key_text(struct span literal)
{
    AUTO_FREE char *text = string_copy_n(literal.start, literal.length);
    AUTO_JSON struct json_object *string = json_tokener_parse(text);
    return string_copy(json_object_get_string(string));
}

struct named_key {
    size_t object;
    char *name;
};

static int compare_keys(const void *left, const void *right)
{
    const struct named_key *a = left, *b = right;
    if (a->object != b->object)
        return a->object < b->object ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* The text is known to be well-formed and to have a key twice: say which. */
static int fail_on_duplicate(const char *text, size_t length, size_t member_count,
                             struct error *error)
{
    AUTO_FREE struct key *keys = allocate(member_count, sizeof(*keys));
    struct scan scan = {
        .start = text, .at = text, .end = text + length, .keys = keys, .error = error
    };
    if (scan_text(&scan))
        return -1;
    AUTO_FREE struct named_key *named = allocate(member_count, sizeof(*named));
    for (size_t i = 0; i < member_count; i++)
        named[i] = (struct named_key){ keys[i].object, key_text(keys[i].literal) };
    qsort(named, member_count, sizeof(*named), compare_keys);
    error_set(error, 0, "JSON: a key is there twice");
    for (size_t i = 1; i < member_count; i++) {
        if (compare_keys(&named[i - 1], &named[i]) == 0) {
            error_set(error, 0, "JSON: the key \"%s\" is there twice in one object", named[i].name);
            break;
        }
    }
    for (size_t i = 0; i < member_count; i++)
        free(named[i].name);
    return -1;
}

static void cleanup_tokener(struct json_tokener **tokener)
{
    if (*tokener)
        json_tokener_free(*tokener);
}

static struct json_object *build(const struct scan *scan, size_t length)
{
    __attribute__((cleanup(cleanup_tokener))) struct json_tokener *tokener =
        json_tokener_new_ex(MAX_DEPTH + 1);
    if (!tokener) {
        error_set(scan->error, ENOMEM, "JSON");
        return NULL;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    struct json_object *document = json_tokener_parse_ex(tokener, scan->start, (int)length);
    /* Only the end of the text ends a number at the top level: the NUL says so. */
    if (json_tokener_get_error(tokener) == json_tokener_continue)
        document = json_tokener_parse_ex(tokener, "", 1);
    enum json_tokener_error status = json_tokener_get_error(tokener);
    if (status == json_tokener_success && document)
        return document;
    size_t end = json_tokener_get_parse_end(tokener);
    if (status == json_tokener_continue || status == json_tokener_error_parse_eof)
        fail_at(scan, scan->end, "the document ends too early");
    else if (status == json_tokener_success)
        fail_at(scan, scan->start, "the document is null");
    else
        fail_at(scan, scan->start + (end < length ? end : length), json_tokener_error_desc(status));
    json_object_put(document);
    return NULL;
}

struct json_object *json_parse(const char *text, size_t length, struct error *error)
{
    struct scan scan = { .start = text, .at = text, .end = text + length, .error = error };
    if (length > MAX_FILE_SIZE) {
        error_set(error, 0, "JSON: larger than %d MiB", MAX_FILE_SIZE >> 20);
        return NULL;
    }
    if (scan_text(&scan))
        return NULL;
    AUTO_JSON struct json_object *document = build(&scan, length);
    if (!document)
        return NULL;
    if (count_members(document) != scan.member_count) {
        fail_on_duplicate(text, length, scan.member_count, error);
        return NULL;
    }
    return take_pointer(document);
}

struct json_object *json_parse_file(int dirfd, const char *path, struct error *error)
{
    size_t length;
    AUTO_FREE char *text = read_file_at(dirfd, path, MAX_FILE_SIZE, &length, error);
    if (!text)
        return NULL;
    struct json_object *document = json_parse(text, length, error);
    if (!document)
        error_wrap(error, "%s", path);
    return document;
}

char *json_text(struct json_object *object)
{
    return string_copy(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
                                                                  JSON_C_TO_STRING_NOSLASHESCAPE));
}
