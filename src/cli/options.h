// SPDX-License-Identifier: Apache-2.0
/*
 * Options of the command line, declared as tables and read into a struct.
 *
 * A verb has one struct for what its options say, zeroed before the parse, so that zero means "not
 * given". Its groups are tables of definitions, each with the offset at which the group's struct
 * lies in the verb's; so `run` embeds what `create` takes without a second list.
 *
 * Understood: -b VALUE, -bVALUE, -it (flags together), --name VALUE, --name=VALUE, --flag=false,
 * and
 * "--", behind which nothing is an option.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/string.h"

/* The type of the member that an option writes. */
enum option_type {
    OPTION_FLAG,         /* bool; takes a value only as --name=true or --name=false */
    OPTION_STRING,       /* const char *, into argv */
    OPTION_LIST,         /* struct string_list: one item an occurrence */
    OPTION_CHOICE,       /* int: 1 + the position in .choices; 0: not given */
    OPTION_UINT,         /* struct option_uint */
    OPTION_INT,          /* struct option_int */
    OPTION_SIZE,         /* struct option_int: bytes, with a unit; "-1" is unlimited */
    OPTION_DURATION,     /* struct option_uint: milliseconds, from "5", "5s", "1m30s", "500ms" */
    OPTION_IGNORED_FLAG, /* nothing: accepted because callers of other runtimes pass it */
    OPTION_IGNORED,      /* the same, with a value */
};

struct option_uint {
    bool set;
    uint64_t value;
};

struct option_int {
    bool set;
    int64_t value;
};

struct option_definition {
    char short_name;       /* 0: none */
    const char *long_name; /* without the dashes */
    const char *argument;  /* what --help calls the value: "FILE"; NULL for flags */
    enum option_type type;
    size_t offset; /* of the member, in the group's struct */
    const char *help;
    const char *const *choices; /* OPTION_CHOICE: NULL-terminated */
    uint64_t maximum;           /* OPTION_UINT: the largest value; 0: that of uint64_t */
    bool hidden;                /* not in --help nor completion: another spelling of the same */
};

struct option_group {
    const char *title;                       /* heading in --help; NULL: "Options" */
    const struct option_definition *options; /* ends with .long_name == NULL */
    size_t offset;                           /* of the group's struct, in the verb's */
};

/* How the words that are no options are read. */
enum operand_style {
    OPERANDS_ANYWHERE,     /* options may stand before and after them */
    OPERANDS_FIRST_ENDS,   /* the first one ends the options */
    OPERANDS_THEN_COMMAND, /* so it does; "--" may stand between it and the command that follows */
};

struct option_result {
    const char **operands; /* NULL-terminated; into argv; the array is the caller's to free */
    size_t operand_count;
    size_t
        operands_before_dashes; /* how many stood before "--"; operand_count where there is none */
    bool dashes;                /* there was a "--" */
    bool help;                  /* -h or --help: nothing was checked further */
};

/*
 * Read argv[0..argc-1] (without the verb). `groups` is an array that ends with .options == NULL,
 * `target` the verb's struct. -1 is a usage error that names the option, with the nearest existing
 * one where it is unknown; what was read so far is to be freed all the same.
 */
int options_parse(const struct option_group *groups, enum operand_style style, int argc,
                  char *const *argv, void *target, struct option_result *result,
                  struct error *error);

/* Free what the parse allocated: the lists in `target`, and the operands. */
void options_free(const struct option_group *groups, void *target, struct option_result *result);

/* "5", "5s", "1m30s", "500ms", "1h" -> milliseconds. 0, or -1 with errno. */
int parse_duration(const char *text, uint64_t *milliseconds);
