// SPDX-License-Identifier: Apache-2.0
/* The document as a whole: runtime-spec config.md. */
#include "spec/decode.h"

#include <ctype.h>
#include <string.h>

#include "base/io.h"
#include "base/string.h"
#include "spec/problems.h"
#include "spec/sections.h"
#include "spec/words.h"

enum { MAX_CONFIG_SIZE = 16 << 20, HOST_NAME_LENGTH = 64 /* __NEW_UTS_LEN, linux/utsname.h */ };

/* A number of a version core: no leading zero. */
static const char *skip_number(const char *at)
{
    const char *end = at + strspn(at, "0123456789");
    return end == at || (*at == '0' && end - at > 1) ? NULL : end;
}

/* Pre-release or build: identifiers of [0-9A-Za-z-] with dots between them. */
static const char *skip_identifiers(const char *at)
{
    for (;; at++) {
        const char *start = at;
        while (isalnum((unsigned char)*at) || *at == '-')
            at++;
        if (at == start)
            return NULL;
        if (*at != '.')
            return at;
    }
}

/* Whether it is a semantic version 2.0.0 (semver.org, 2, 9 and 10). */
static bool is_semantic_version(const char *at)
{
    for (int part = 0; part < 3; part++) {
        at = skip_number(at);
        if (!at || (part < 2 && *at++ != '.'))
            return false;
    }
    if (*at == '-')
        at = skip_identifiers(at + 1);
    if (at && *at == '+')
        at = skip_identifiers(at + 1);
    return at && !*at;
}

/*
 * What 1.x defines stays as it is in all of 1.x, so that a later 1.x is readable; only what it has
 * added is unknown here, and unknown properties are ignored.
 */
static void check_version(const struct node *node, const char *text)
{
    if (!is_semantic_version(text))
        node_error(node, "\"%s\" is not a semantic version", text);
    else if (!string_starts_with(text, "1."))
        node_error(node, "version %s is not supported (1.0.0 to 1.3.0 are)", text);
    else if (strtoul(text + 2, NULL, 10) > 3)
        node_warning(node, "version %s is later than 1.3.0, what it added is ignored", text);
}

static void check_host_name(const struct node *node, const char *text)
{
    if (strlen(text) > HOST_NAME_LENGTH)
        node_error(node, "is longer than %d bytes", HOST_NAME_LENGTH);
}

const struct word spec_unsafe_annotations[] = {
    { "org.systemd.property." },
    { NULL },
};

static const struct field root_fields[] = {
    FIELD(struct spec, root_path, "path", .flags = FIELD_REQUIRED),
    FIELD(struct spec, root_readonly, "readonly"),
};
static const struct form root_form = { FIELDS(root_fields) };

/* linux stands before mounts: id mappings of mounts may refer to those of the container. */
static const struct field config_fields[] = {
    FIELD(struct spec, oci_version, "ociVersion", .check_text = check_version,
          .flags = FIELD_REQUIRED),
    SECTION("root", &root_form),
    FIELD(struct spec, hostname, "hostname", .check_text = check_host_name),
    FIELD(struct spec, domainname, "domainname", .check_text = check_host_name),
    OBJECT(struct spec, process, "process", &spec_process_form),
    SECTION("linux", &spec_linux_form),
    ARRAY(struct spec, mounts, mount_count, "mounts", &spec_mount_form),
    SECTION("hooks", &spec_hooks_form),
    TEXT_MAP(struct spec, annotations, annotation_count, "annotations"),
    SECTION("vm", &spec_vm_form),
};

static void check_config(const struct node *node, void *target)
{
    struct spec *spec = target;
    struct node root;
    /* "On all other platforms, this field is REQUIRED"; a VM may have its image instead. */
    if (!spec->vm.image_path && !node_member(node, "root", &root))
        member_error(node, "root", "is required");
    if ((spec->hostname || spec->domainname) && !spec->namespaces[SPEC_NAMESPACE_UTS].wanted)
        member_error(node, spec->hostname ? "hostname" : "domainname", "needs a uts namespace");
}

static const struct form config_form =
    FORM(struct spec, FIELDS(config_fields), .check_always = check_config);

static const struct spec_resources no_resources;

/* Parse the text, and fill `target` (in the spec or of its arena) from it. */
static struct spec *decode(const char *text, size_t length, const struct form *form,
                           void *(*target)(struct spec *spec), struct spec_problems *problems)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_SPEC struct spec *spec = allocate(1, sizeof(*spec));
    *problems = (struct spec_problems){ 0 };
    spec->resources = &no_resources;
    spec->document = json_parse(text, length, &error);
    if (!spec->document) {
        problems_add_error(problems, string_copy(""), take_pointer(error.message));
        return NULL;
    }
    spec->arena = arena_new();
    struct reader reader = { .arena = spec->arena, .problems = problems, .spec = spec };
    struct node node = { .reader = &reader, .value = spec->document };
    read_form(&node, form, target(spec));
    return problems->error_count ? NULL : take_pointer(spec);
}

static void *target_spec(struct spec *spec)
{
    return spec;
}

static void *target_process(struct spec *spec)
{
    void *process = arena_allocate(spec->arena, 1, sizeof(struct spec_process));
    spec->process = process;
    return process;
}

static void *target_resources(struct spec *spec)
{
    void *resources = arena_allocate(spec->arena, 1, sizeof(struct spec_resources));
    spec->resources = resources;
    return resources;
}

struct spec *spec_decode(const char *text, size_t length, struct spec_problems *problems)
{
    return decode(text, length, &config_form, target_spec, problems);
}

struct spec *spec_decode_process(const char *text, size_t length, struct spec_problems *problems)
{
    return decode(text, length, &spec_process_form, target_process, problems);
}

struct spec *spec_decode_resources(const char *text, size_t length, struct spec_problems *problems)
{
    return decode(text, length, &spec_resources_form, target_resources, problems);
}

struct spec *spec_load(int dirfd, const char *path, struct spec_problems *problems,
                       struct error *error)
{
    size_t length;
    *problems = (struct spec_problems){ 0 };
    AUTO_FREE char *text = read_file_at(dirfd, path, MAX_CONFIG_SIZE, &length, error);
    if (!text)
        return NULL;
    struct spec *spec = spec_decode(text, length, problems);
    if (!spec)
        spec_problems_to_error(problems, path, error);
    return spec;
}
