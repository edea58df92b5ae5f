// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/string.h"
#include "container/seccomp.h"
#include "mode.h"
#include "spec/decode.h"

/* What has been written is read again, and says the same. */
void fuzz_json(const uint8_t *data, size_t size)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_JSON struct json_object *document = json_parse((const char *)data, size, &error);
    PROMISE(!document == (error.message != NULL));
    if (!document)
        return;
    AUTO_FREE char *text = json_text(document);
    AUTO_JSON struct json_object *again = json_parse(text, strlen(text), &error);
    PROMISE(again);
    AUTO_FREE char *text_again = json_text(again);
    PROMISE(!strcmp(text, text_again));
}

static void check_problems(const struct spec_problem *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        PROMISE(list[i].path && list[i].message && *list[i].message);
        PROMISE(!strpbrk(list[i].path, "\n\r\t") && !strpbrk(list[i].message, "\n\r\t"));
    }
}

static struct spec *decode(struct spec *decoder(const char *, size_t, struct spec_problems *),
                           const void *data, size_t size)
{
    AUTO_PROBLEMS struct spec_problems problems = { 0 };
    AUTO_ERROR struct error error = { 0 };
    struct spec *spec = decoder(data, size, &problems);
    PROMISE(!spec == (problems.error_count > 0));
    check_problems(problems.errors, problems.error_count);
    check_problems(problems.warnings, problems.warning_count);
    if (!spec)
        PROMISE(spec_problems_to_error(&problems, "config.json", &error) == -1);
    return spec;
}

static size_t total_length(const char *const *strings)
{
    size_t length = 0;
    for (; strings && *strings; strings++)
        length += strlen(*strings);
    return length;
}

/* What readers of a struct spec rely on without looking. */
static void check_process(const struct spec_process *process)
{
    PROMISE(process->cwd && *process->cwd == '/');
    PROMISE(process->env && process->args && process->args[0]);
    PROMISE(total_length(process->env) < SIZE_MAX && total_length(process->args) < SIZE_MAX);
    for (size_t i = 0; i < process->rlimit_count; i++)
        PROMISE(process->rlimits[i].soft <= process->rlimits[i].hard);
}

static void check_mount(const struct spec_mount *mount)
{
    PROMISE(mount->destination && *mount->destination == '/');
    PROMISE(mount->data);
    PROMISE(!mount->uid_mapping_count == !mount->gid_mapping_count);
    PROMISE(!(mount->superblock_flags & mount->superblock_flags_clear));
}

void fuzz_config(const uint8_t *data, size_t size)
{
    AUTO_SPEC struct spec *spec = decode(spec_decode, data, size);
    if (!spec)
        return;
    PROMISE(spec->oci_version && spec->resources);
    if (spec->process)
        check_process(spec->process);
    for (size_t i = 0; i < spec->mount_count; i++)
        check_mount(&spec->mounts[i]);
    for (size_t i = 0; i < spec->annotation_count; i++)
        PROMISE(spec->annotations[i].key && spec->annotations[i].value);
}

void fuzz_process(const uint8_t *data, size_t size)
{
    AUTO_SPEC struct spec *spec = decode(spec_decode_process, data, size);
    if (spec)
        check_process(spec->process);
}

void fuzz_resources(const uint8_t *data, size_t size)
{
    AUTO_SPEC struct spec *spec = decode(spec_decode_resources, data, size);
    if (spec)
        PROMISE(spec->resources);
}

static void compile(const struct spec_seccomp *seccomp)
{
    const struct log log = { .level = LOG_LEVEL_ERROR, .fd = STDERR_FILENO };
    AUTO_ERROR struct error error = { 0 };
    AUTO_SECCOMP_PROGRAM struct seccomp_program *program = seccomp_program_new(seccomp, &error);
    PROMISE(program);
    int result = seccomp_compile(seccomp, program, &log, &error);
    PROMISE((result == 0) == (error.message == NULL));
}

void fuzz_seccomp(const uint8_t *data, size_t size)
{
    static const char head[] = "{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"r\"},"
                               "\"linux\":{\"seccomp\":";
    AUTO_FREE char *text = string_format("%s%.*s}}", head, (int)size, (const char *)data);
    AUTO_SPEC struct spec *spec = decode(spec_decode, text, strlen(text));
    if (spec && spec->seccomp)
        compile(spec->seccomp);
}
