// SPDX-License-Identifier: Apache-2.0
/*
 * Resources that die with the scope that holds them.
 *
 * Every local variable that owns something carries one of these attributes; ownership leaves the
 * scope only through take_pointer() or take_fd(), so that a reader sees where it goes.
 */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PRINTF_LIKE(format_index, first_argument)                                                  \
    __attribute__((format(printf, format_index, first_argument)))

static inline void cleanup_free(void *pointer)
{
    free(*(void **)pointer);
}

static inline void cleanup_close(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void cleanup_closedir(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}

static inline void cleanup_fclose(FILE **file)
{
    if (*file)
        fclose(*file);
}

/* NULL-terminated array of allocated strings. */
static inline void cleanup_strings(char ***strings)
{
    if (!*strings)
        return;
    for (char **string = *strings; *string; string++)
        free(*string);
    free(*strings);
}

#define AUTO_FREE     __attribute__((cleanup(cleanup_free)))
#define AUTO_CLOSE    __attribute__((cleanup(cleanup_close)))
#define AUTO_CLOSEDIR __attribute__((cleanup(cleanup_closedir)))
#define AUTO_FCLOSE   __attribute__((cleanup(cleanup_fclose)))
#define AUTO_STRINGS  __attribute__((cleanup(cleanup_strings)))

/* Hand a pointer over: the variable is NULL afterwards, so its attribute frees nothing. */
#define take_pointer(variable)                                                                     \
    ({                                                                                             \
        __typeof__(variable) taken = variable;                                                     \
        (variable) = NULL;                                                                         \
        taken;                                                                                     \
    })

/* Hand a file descriptor over: the variable is -1 afterwards. */
static inline int take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))
