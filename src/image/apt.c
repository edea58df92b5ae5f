// SPDX-License-Identifier: Apache-2.0
#include "image/apt.h"

#include <stdlib.h>

#include "base/io.h"
#include "image/program.h"

/* What the first error may hold, and what a person can do about it. */
static const struct hint {
    const char *text, *advice;
} hints[] = {
    { "No space left", "" }, /* says all, though it begins as others do */
    { "Could not resolve", "; is the network up, or a proxy needed (http_proxy)?" },
    { "Failed to fetch", "; is the network up, or a proxy needed (http_proxy)?" },
    { "Unable to fetch", "; is the network up, or a proxy needed (http_proxy)?" },
    { "No packages found", "; are the package sources of Debian in /etc/apt?" },
    { "Unable to locate package", "; are the package sources of Debian in /etc/apt?" },
};

void apt_clear(struct apt *apt)
{
    string_list_free(&apt->lines);
    free(apt->private_directory);
    free(apt->first_error);
}

/* "dlstatus:1:45.3:Retrieving file 1 of 1": progress-reporting.md of apt. */
static void show_progress(const struct apt *apt, const char *line)
{
    const char *percent = strchr(line + strlen("dlstatus:"), ':');
    if (!percent || !apt->phase || !apt->progress->terminal)
        return;
    double done = strtod(percent + 1, NULL);
    unsigned int shown = apt->percent + (unsigned int)(done * apt->span / 100);
    if (!apt->progress->open || shown != apt->progress->shown)
        progress_phase(apt->progress, shown, apt->phase);
}

static void take_line(void *context, const char *line)
{
    struct apt *apt = context;
    if (string_starts_with(line, "dlstatus:"))
        show_progress(apt, line);
    else if (string_starts_with(line, "E: ") && !apt->first_error)
        apt->first_error = string_copy(line + strlen("E: "));
    else
        string_list_add(&apt->lines, line);
}

static void add_option(struct string_list *args, const char *name, const char *value)
{
    string_list_add(args, "-o");
    string_list_take(args, string_format("%s=%s", name, value));
}

static void add_options(struct string_list *args, const struct apt *apt)
{
    /* The user _apt, which apt becomes for downloads, cannot write into our directory. */
    add_option(args, "APT::Sandbox::User", "root");
    add_option(args, "APT::Status-Fd", "1");
    add_option(args, "Acquire::Languages", "none");
    if (!apt->private_directory)
        return;
    AUTO_FREE char *lists = string_format("%s/lists", apt->private_directory);
    AUTO_FREE char *cache = string_format("%s/cache", apt->private_directory);
    add_option(args, "Dir::State::Lists", lists);
    add_option(args, "Dir::Cache", cache);
    add_option(args, "Dir::State::status", "/dev/null");
    add_option(args, "APT::Architecture", apt->architecture);
    add_option(args, "APT::Architectures", apt->architecture);
}

static const char *advice_for(const char *message)
{
    for (size_t i = 0; i < ARRAY_LENGTH(hints); i++)
        if (strstr(message, hints[i].text))
            return hints[i].advice;
    return "";
}

/* PROGRAM -qq OPTIONS WORD...; its lines are in apt->lines afterwards. */
static int run(struct apt *apt, const char *directory, const char *const *words,
               struct error *error)
{
    AUTO_STRING_LIST struct string_list args = { 0 };
    string_list_add(&args, words[0]);
    string_list_add(&args, "-qq");
    add_options(&args, apt);
    for (size_t i = 1; words[i]; i++)
        string_list_add(&args, words[i]);
    string_list_free(&apt->lines);
    free(take_pointer(apt->first_error));
    const struct program program = {
        .args = (const char *const *)args.items,
        .package = "apt, which Debian has; elsewhere give --kernel a file",
        .directory = directory,
        .output = PROGRAM_OUTPUT_HEARD,
        .line = take_line,
        .context = apt,
    };
    int status = program_run(&program, error);
    if (status <= 0)
        return status;
    const char *reason = apt->first_error ? apt->first_error : "it gave no reason";
    return error_set(error, 0, "%s: %s%s", words[0], reason, advice_for(reason));
}

int apt_use_private_lists(struct apt *apt, const char *directory, struct error *error)
{
    AUTO_FREE char *lists = string_format("%s/lists/partial", directory);
    AUTO_FREE char *archives = string_format("%s/cache/archives/partial", directory);
    if (make_directories(lists, 0700, error) < 0 || make_directories(archives, 0700, error) < 0)
        return -1;
    free(apt->private_directory);
    apt->private_directory = string_copy(directory);
    return run(apt, NULL, (const char *const[]){ "apt-get", "update", NULL }, error);
}

static char *qualified(const struct apt *apt, const char *package)
{
    return string_format("%s:%s", package, apt->architecture);
}

char *apt_resolve(struct apt *apt, const char *package, const char *prefix, struct error *error)
{
    AUTO_FREE char *name = qualified(apt, package);
    AUTO_FREE char *depends = string_format("  Depends: %s", prefix);
    if (run(apt, NULL, (const char *const[]){ "apt-cache", "depends", name, NULL }, error) < 0)
        return NULL;
    for (size_t i = 0; i < apt->lines.count; i++)
        if (string_starts_with(apt->lines.items[i], depends)) {
            const char *found = apt->lines.items[i] + strlen("  Depends: ");
            return string_copy_n(found, strcspn(found, ":")); /* linux-image-...:i386 */
        }
    return string_copy(package);
}

char *apt_file_name(struct apt *apt, const char *package, struct error *error)
{
    AUTO_FREE char *name = qualified(apt, package);
    const char *const words[] = { "apt-get", "download", "--print-uris", name, NULL };
    if (run(apt, NULL, words, error) < 0)
        return NULL;
    for (size_t i = 0; i < apt->lines.count; i++) {
        /* 'URI' FILE SIZE CHECKSUM */
        AUTO_STRINGS char **parts = string_split(apt->lines.items[i], " ");
        if (parts[0] && parts[0][0] == '\'' && parts[1] && string_ends_with(parts[1], ".deb"))
            return string_copy(parts[1]);
    }
    error_set(error, 0, "apt-get does not say where package %s is", name);
    return NULL;
}

int apt_download(struct apt *apt, const char *package, const char *directory, struct error *error)
{
    AUTO_FREE char *name = qualified(apt, package);
    return run(apt, directory, (const char *const[]){ "apt-get", "download", name, NULL }, error);
}
