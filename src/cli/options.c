// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <errno.h>
#include <inttypes.h>

#include "base/number.h"
#include "cli/nearest.h"

/* One parse: where in argv it is, and where the results go. */
struct parse {
    const struct option_group *groups;
    int argc, position;
    char *const *argv;
    char *target;
    struct option_result *result;
    struct error *error;
};

/* A definition together with the group that gives its member's place. */
struct found_option {
    const struct option_group *group;
    const struct option_definition *definition;
};

typedef bool option_matcher(const struct option_definition *definition, const char *name,
                            size_t length);

static bool long_name_matches(const struct option_definition *definition, const char *name,
                              size_t length)
{
    return strlen(definition->long_name) == length &&
           memcmp(definition->long_name, name, length) == 0;
}

static bool short_name_matches(const struct option_definition *definition, const char *name,
                               size_t length)
{
    (void)length;
    return definition->short_name == *name;
}

static bool find_option(const struct option_group *groups, option_matcher *matches,
                        const char *name, size_t length, struct found_option *found)
{
    for (; groups->options; groups++)
        for (const struct option_definition *d = groups->options; d->long_name; d++)
            if (matches(d, name, length)) {
                *found = (struct found_option){ groups, d };
                return true;
            }
    return false;
}

static bool takes_value(const struct option_definition *definition)
{
    return definition->type != OPTION_FLAG && definition->type != OPTION_IGNORED_FLAG;
}

/* --- Values ------------------------------------------------------------------------------------
 */

static int store_flag(const struct option_definition *definition, void *member, const char *value)
{
    (void)definition;
    if (!string_equal(value, "true") && !string_equal(value, "false"))
        return -1;
    *(bool *)member = string_equal(value, "true");
    return 0;
}

static int store_string(const struct option_definition *definition, void *member, const char *value)
{
    (void)definition;
    *(const char **)member = value;
    return 0;
}

static int store_list(const struct option_definition *definition, void *member, const char *value)
{
    (void)definition;
    string_list_add(member, value);
    return 0;
}

static int store_choice(const struct option_definition *definition, void *member, const char *value)
{
    for (int i = 0; definition->choices[i]; i++)
        if (string_equal(definition->choices[i], value)) {
            *(int *)member = i + 1;
            return 0;
        }
    return -1;
}

static int store_uint(const struct option_definition *definition, void *member, const char *value)
{
    struct option_uint *number = member;
    if (parse_uint64(value, &number->value) < 0)
        return -1;
    if (definition->maximum && number->value > definition->maximum)
        return -1;
    number->set = true;
    return 0;
}

static int store_int(const struct option_definition *definition, void *member, const char *value)
{
    (void)definition;
    struct option_int *number = member;
    if (parse_int64(value, &number->value) < 0)
        return -1;
    number->set = true;
    return 0;
}

static int store_size(const struct option_definition *definition, void *member, const char *value)
{
    (void)definition;
    struct option_int *number = member;
    uint64_t bytes;
    bool unlimited = string_equal(value, "-1");
    if (!unlimited && (parse_size(value, &bytes) < 0 || bytes > INT64_MAX))
        return -1;
    *number = (struct option_int){ .set = true, .value = unlimited ? -1 : (int64_t)bytes };
    return 0;
}

static int store_duration(const struct option_definition *definition, void *member,
                          const char *value)
{
    (void)definition;
    struct option_uint *number = member;
    if (parse_duration(value, &number->value) < 0)
        return -1;
    number->set = true;
    return 0;
}

static int store_nothing(const struct option_definition *definition, void *member,
                         const char *value)
{
    (void)definition;
    (void)member;
    (void)value;
    return 0;
}

static const struct {
    int (*store)(const struct option_definition *definition, void *member, const char *value);
    const char *expected; /* for the message; NULL: the choices, or it cannot fail */
} kinds[] = {
    [OPTION_FLAG] = { store_flag, "true or false" },
    [OPTION_STRING] = { store_string, NULL },
    [OPTION_LIST] = { store_list, NULL },
    [OPTION_CHOICE] = { store_choice, NULL },
    [OPTION_UINT] = { store_uint, "a number" },
    [OPTION_INT] = { store_int, "a number" },
    [OPTION_SIZE] = { store_size, "a size such as 512m or 2g, or -1 for no limit" },
    [OPTION_DURATION] = { store_duration, "a time such as 5s or 1m30s" },
    [OPTION_IGNORED_FLAG] = { store_nothing, NULL },
    [OPTION_IGNORED] = { store_nothing, NULL },
};

static int wrong_value(const struct option_definition *definition, const char *value,
                       struct error *error)
{
    const char *const *choice = definition->choices;
    if (definition->type != OPTION_CHOICE && definition->maximum)
        return error_set(error, 0, "--%s: \"%s\" is not a number up to %" PRIu64,
                         definition->long_name, value, definition->maximum);
    if (definition->type != OPTION_CHOICE)
        return error_set(error, 0, "--%s: \"%s\" is not %s", definition->long_name, value,
                         kinds[definition->type].expected);
    AUTO_FREE char *list = string_copy(*choice++);
    for (; *choice; choice++)
        string_append(&list, ", %s", *choice);
    return error_set(error, 0, "--%s: \"%s\" is none of %s", definition->long_name, value, list);
}

static int store(struct parse *parse, const struct found_option *found, const char *value)
{
    const struct option_definition *definition = found->definition;
    void *member = parse->target + found->group->offset + definition->offset;
    if (kinds[definition->type].store(definition, member, value) < 0)
        return wrong_value(definition, value, parse->error);
    return 0;
}

/* --- Words -------------------------------------------------------------------------------------
 */

/* The value of an option that did not carry it: the next word, whatever it looks like. */
static const char *next_value(struct parse *parse, const struct option_definition *definition)
{
    if (parse->position < parse->argc)
        return parse->argv[parse->position++];
    /* "flag needs an argument" is what podman looks for when it asks what `restore` can do. */
    error_set(parse->error, 0, "flag needs an argument: --%s %s", definition->long_name,
              definition->argument);
    return NULL;
}

static int unknown_long_option(struct parse *parse, const char *name, size_t length)
{
    AUTO_FREE char *word = string_copy_n(name, length);
    struct nearest nearest = nearest_to(word);
    for (const struct option_group *group = parse->groups; group->options; group++)
        for (const struct option_definition *d = group->options; d->long_name; d++)
            if (!d->hidden)
                nearest_offer(&nearest, d->long_name);
    if (nearest.word)
        return error_set(parse->error, 0, "unknown option --%s, did you mean --%s?", word,
                         nearest.word);
    return error_set(parse->error, 0, "unknown option --%s", word);
}

static int parse_long_option(struct parse *parse, const char *name)
{
    size_t length = strcspn(name, "=");
    const char *value = name[length] ? name + length + 1 : NULL;
    struct found_option found;
    if (!find_option(parse->groups, long_name_matches, name, length, &found)) {
        if (!string_equal(name, "help"))
            return unknown_long_option(parse, name, length);
        parse->result->help = true;
        return 0;
    }
    if (!value)
        value = takes_value(found.definition) ? next_value(parse, found.definition) : "true";
    return value ? store(parse, &found, value) : -1;
}

/* The letters of one word: "-it", or "-bDIR" where the first that takes a value ends them. */
static int parse_short_options(struct parse *parse, const char *letters)
{
    for (; *letters; letters++) {
        struct found_option found;
        if (!find_option(parse->groups, short_name_matches, letters, 1, &found)) {
            if (*letters != 'h')
                return error_set(parse->error, 0, "unknown option -%c", *letters);
            parse->result->help = true;
            return 0;
        }
        if (takes_value(found.definition)) {
            const char *value = letters[1] ? letters + 1 : next_value(parse, found.definition);
            return value ? store(parse, &found, value) : -1;
        }
        if (store(parse, &found, "true") < 0)
            return -1;
    }
    return 0;
}

static void add_operand(struct parse *parse, const char *word)
{
    parse->result->operands[parse->result->operand_count++] = word;
}

static void add_remaining_operands(struct parse *parse)
{
    while (parse->position < parse->argc)
        add_operand(parse, parse->argv[parse->position++]);
}

static int parse_word(struct parse *parse, enum operand_style style, const char *word)
{
    if (string_equal(word, "--")) {
        parse->result->dashes = true;
        parse->result->operands_before_dashes = parse->result->operand_count;
        add_remaining_operands(parse);
        return 0;
    }
    if (word[0] == '-' && word[1] == '-')
        return parse_long_option(parse, word + 2);
    if (word[0] == '-' && word[1])
        return parse_short_options(parse, word + 1);
    add_operand(parse, word);
    if (style == OPERANDS_ANYWHERE)
        return 0;
    if (style == OPERANDS_THEN_COMMAND && parse->position < parse->argc &&
        string_equal(parse->argv[parse->position], "--"))
        return parse_word(parse, style, parse->argv[parse->position++]);
    add_remaining_operands(parse);
    return 0;
}

int options_parse(const struct option_group *groups, enum operand_style style, int argc,
                  char *const *argv, void *target, struct option_result *result,
                  struct error *error)
{
    struct parse parse = { .groups = groups,
                           .argc = argc,
                           .argv = argv,
                           .target = target,
                           .result = result,
                           .error = error };
    *result = (struct option_result){ .operands = allocate((size_t)argc + 1, sizeof(char *)) };
    while (parse.position < argc && !result->help)
        if (parse_word(&parse, style, argv[parse.position++]) < 0)
            return -1;
    if (!result->dashes)
        result->operands_before_dashes = result->operand_count;
    return 0;
}

void options_free(const struct option_group *groups, void *target, struct option_result *result)
{
    for (; groups->options; groups++)
        for (const struct option_definition *d = groups->options; d->long_name; d++)
            if (d->type == OPTION_LIST)
                string_list_free((void *)((char *)target + groups->offset + d->offset));
    free(result->operands);
    *result = (struct option_result){ 0 };
}

/* --- Durations ---------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    uint64_t milliseconds;
} duration_units[] = {
    { "ms", 1 },
    { "s", 1000 },
    { "m", 60 * 1000 },
    { "h", 60 * 60 * 1000 },
};

/* The factor of a unit of `length` letters; 0 for none. No letters at all are seconds. */
static uint64_t duration_unit(const char *name, size_t length)
{
    if (length == 0)
        return 1000;
    for (size_t i = 0; i < ARRAY_LENGTH(duration_units); i++)
        if (strlen(duration_units[i].name) == length &&
            strncmp(duration_units[i].name, name, length) == 0)
            return duration_units[i].milliseconds;
    return 0;
}

int parse_duration(const char *text, uint64_t *milliseconds)
{
    static const char digits[] = "0123456789";
    uint64_t sum = 0;
    do {
        size_t digit_count = strspn(text, digits);
        size_t unit_length = strcspn(text + digit_count, digits);
        AUTO_FREE char *number = string_copy_n(text, digit_count);
        uint64_t unit = duration_unit(text + digit_count, unit_length), value;
        if (!unit || parse_uint64(number, &value) < 0 ||
            __builtin_mul_overflow(value, unit, &value) ||
            __builtin_add_overflow(sum, value, &sum)) {
            errno = EINVAL;
            return -1;
        }
        text += digit_count + unit_length;
    } while (*text);
    *milliseconds = sum;
    return 0;
}
