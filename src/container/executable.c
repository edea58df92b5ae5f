// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/string.h"
#include "container/process.h"

/* What execvpe(3) takes where the environment has no PATH. */
static const char DEFAULT_PATH[] = "/bin:/usr/bin";

/* BINPRM_BUF_SIZE, linux/binfmts.h: as much of a script's first line as the kernel reads. */
enum { SCRIPT_LINE = 256 };

static const char *search_path(const struct spec_process *process)
{
    for (const char *const *variable = process->env; *variable; variable++)
        if (string_starts_with(*variable, "PATH="))
            return *variable + strlen("PATH=");
    return DEFAULT_PATH;
}

/* 0 when the effective user may execute it, else an errno value. */
static int probe(const char *path)
{
    struct stat status;
    if (stat(path, &status) < 0)
        return errno;
    if (!S_ISREG(status.st_mode))
        return EACCES;
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? errno : 0;
}

/* As execvpe(3): a directory that cannot be searched does not end the search. */
static char *search(const char *name, const char *directories, int *failure)
{
    *failure = ENOENT;
    for (const char *directory = directories;; directory++) {
        const char *end = strchrnul(directory, ':');
        /* An empty part is the working directory. */
        AUTO_FREE char *path =
            end == directory ? string_format("./%s", name)
                             : string_format("%.*s/%s", (int)(end - directory), directory, name);
        int result = probe(path);
        if (result == 0)
            return take_pointer(path);
        if (result == EACCES)
            *failure = EACCES;
        if (!*end)
            return NULL;
        directory = end;
    }
}

/* exec_failed() and the shebang line want a path that does not depend on the working directory. */
static char *absolute(char *path)
{
    if (path[0] == '/')
        return path;
    AUTO_FREE char *directory = getcwd(NULL, 0);
    char *result = string_format("%s/%s", directory ? directory : "", path);
    free(path);
    return result;
}

char *process_find_executable(const struct spec_process *process, struct error *error)
{
    const char *name = process->args[0];
    int failure = 0;
    if (!*name) {
        error_set_code(error, ENOENT, "exec: process.args[0] is empty");
        return NULL;
    }
    if (strchr(name, '/')) {
        failure = probe(name);
        if (failure) {
            error_set(error, failure, "exec: \"%s\"", name);
            return NULL;
        }
        return absolute(string_copy(name));
    }
    char *path = search(name, search_path(process), &failure);
    if (path)
        return absolute(path);
    if (failure == EACCES)
        error_set(error, failure, "exec: \"%s\"", name);
    else
        error_set_code(error, ENOENT, "exec: \"%s\": executable file not found in $PATH", name);
    return NULL;
}

/* The interpreter of a script; allocated, NULL when the file is none (or cannot be read). */
static char *script_interpreter(const char *path)
{
    char line[SCRIPT_LINE + 1] = { 0 };
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || read(fd, line, SCRIPT_LINE) < 3 || line[0] != '#' || line[1] != '!')
        return NULL;
    char *start = line + 2 + strspn(line + 2, " \t");
    return string_copy_n(start, strcspn(start, " \t\n"));
}

int process_exec_failed(const char *path, int exec_errno, struct error *error)
{
    AUTO_FREE char *interpreter = exec_errno == ENOENT ? script_interpreter(path) : NULL;
    if (interpreter && string_ends_with(interpreter, "\r"))
        return error_set(error, exec_errno,
                         "exec: \"%s\": its first line ends in CR LF, so the kernel looks for the "
                         "interpreter \"%.*s\\r\"; save the script with Unix line ends",
                         path, (int)strlen(interpreter) - 1, interpreter);
    if (interpreter)
        return error_set(error, exec_errno, "exec: \"%s\": its interpreter %s is missing", path,
                         interpreter);
    if (exec_errno == ENOENT && faccessat(AT_FDCWD, path, F_OK, 0) == 0)
        return error_set(error, exec_errno,
                         "exec: \"%s\": the dynamic loader that it names is missing", path);
    if (exec_errno == ENOEXEC)
        return error_set(error, exec_errno,
                         "exec: \"%s\": neither a program for this machine nor a script with a #! "
                         "line",
                         path);
    return error_set(error, exec_errno, "exec: \"%s\"", path);
}
