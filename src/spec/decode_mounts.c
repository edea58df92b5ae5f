// SPDX-License-Identifier: Apache-2.0
/*
 * mounts: runtime-spec config.md, "Mounts" and "Linux mount options". Options that are not the
 * runtime's are the file system's own and go to it unread, comma-separated.
 *
 * `idmap=uids=A-B-N#A-B-N;gids=A-B-N` (and ridmap) is crun's way to write the mappings of an
 * id-mapped mount as an option: N ids from A in the file system are B and up on the host, or, with
 * "@" before the triplet, B and up in the container's user namespace.
 */
#include <string.h>

#include "base/number.h"
#include "base/string.h"
#include "spec/mount_options.h"
#include "spec/sections.h"

/* Mappings of one kind, and those of the container that "@" refers to. */
struct id_map {
    const struct spec_id_mapping *mappings;
    size_t count;
};

/* "A-B-N" into a mapping; false when it is none. */
static bool parse_triplet(const char *text, struct spec_id_mapping *mapping)
{
    AUTO_STRINGS char **parts = string_split(text, "-");
    return parts[0] && parts[1] && parts[2] && !parts[3] &&
           !parse_uint32(parts[0], &mapping->container_id) &&
           !parse_uint32(parts[1], &mapping->host_id) && !parse_uint32(parts[2], &mapping->size);
}

/* Turn ids of the container's user namespace into the host's; false when they are not mapped. */
static bool make_absolute(struct spec_id_mapping *mapping, const struct id_map *container)
{
    for (size_t i = 0; i < container->count; i++) {
        const struct spec_id_mapping *outer = &container->mappings[i];
        uint64_t offset = (uint64_t)mapping->host_id - outer->container_id;
        if (mapping->host_id >= outer->container_id && offset + mapping->size <= outer->size) {
            mapping->host_id = (uint32_t)(outer->host_id + offset);
            return true;
        }
    }
    return false;
}

static struct id_map parse_triplets(const struct node *node, const char *text,
                                    const struct id_map *container)
{
    AUTO_STRINGS char **triplets = string_split(text, "#");
    size_t count = 0;
    while (triplets[count])
        count++;
    struct spec_id_mapping *mappings =
        arena_allocate(node->reader->arena, count, sizeof(*mappings));
    for (size_t i = 0; i < count; i++) {
        bool relative = triplets[i][0] == '@';
        if (!parse_triplet(triplets[i] + relative, &mappings[i]))
            node_error(node, "\"%s\" is not FROM-TO-COUNT", triplets[i]);
        else if (relative && !make_absolute(&mappings[i], container))
            node_error(node, "\"%s\" is not mapped in the container's user namespace", triplets[i]);
        else
            spec_id_mapping_form.check(node, &mappings[i]);
    }
    return (struct id_map){ mappings, count };
}

/* What follows "idmap=". */
static void decode_idmap(const struct node *node, const char *text, struct spec_mount *mount)
{
    const struct spec *spec = node->reader->spec;
    const struct id_map uids = { spec->uid_mappings, spec->uid_mapping_count },
                        gids = { spec->gid_mappings, spec->gid_mapping_count };
    AUTO_STRINGS char **parts = string_split(text, ";");
    for (char **part = parts; *part; part++) {
        if (string_starts_with(*part, "uids=")) {
            struct id_map map = parse_triplets(node, *part + strlen("uids="), &uids);
            mount->uid_mappings = map.mappings;
            mount->uid_mapping_count = map.count;
        } else if (string_starts_with(*part, "gids=")) {
            struct id_map map = parse_triplets(node, *part + strlen("gids="), &gids);
            mount->gid_mappings = map.mappings;
            mount->gid_mapping_count = map.count;
        } else {
            node_error(node, "\"%s\" is neither uids= nor gids=", *part);
        }
    }
    if (!mount->uid_mapping_count || !mount->gid_mapping_count)
        node_error(node, "needs both uids= and gids=");
}

/* One of our words; false when the option is the file system's. */
static bool apply_option(const struct node *node, const char *text, const struct mount_draft *draft)
{
    const char *mappings = NULL;
    if (string_starts_with(text, "idmap="))
        mappings = text + strlen("idmap=");
    else if (string_starts_with(text, "ridmap="))
        mappings = text + strlen("ridmap=");
    const struct mount_option *option = mount_option_find(!mappings      ? text
                                                          : *text == 'r' ? "ridmap"
                                                                         : "idmap");
    if (!option)
        return false;
    option->apply(draft, option);
    if (mappings)
        decode_idmap(node, mappings, draft->mount);
    return true;
}

static char *append_option(char *end, const char *data, const char *text)
{
    if (end != data)
        *end++ = ',';
    return stpcpy(end, text);
}

static void read_options(const struct node *node, const struct field *field, void *target)
{
    struct spec_mount *mount = target;
    (void)field;
    if (!node_is(node, json_type_array))
        return;
    size_t count = json_object_array_length(node->value), length = 1;
    for (size_t i = 0; i < count; i++)
        length += (size_t)json_object_get_string_len(json_object_array_get_idx(node->value, i)) + 1;
    char *data = arena_allocate(node->reader->arena, length, 1), *end = data;
    struct mount_draft draft = { mount, arena_allocate(node->reader->arena, count,
                                                       sizeof(*mount->propagation)) };
    mount->data = data;
    mount->propagation = draft.propagation;
    for (size_t i = 0; i < count; i++) {
        struct node element = node_element(node, i);
        const char *text = node_text(&element);
        if (text && *text && !apply_option(&element, text, &draft))
            end = append_option(end, data, text);
    }
}

static const struct field mount_fields[] = {
    FIELD(struct spec_mount, destination, "destination", .flags = FIELD_REQUIRED),
    FIELD(struct spec_mount, source, "source"),
    FIELD(struct spec_mount, type, "type"),
    CUSTOM("options", read_options),
    ARRAY(struct spec_mount, uid_mappings, uid_mapping_count, "uidMappings", &spec_id_mapping_form),
    ARRAY(struct spec_mount, gid_mappings, gid_mapping_count, "gidMappings", &spec_id_mapping_form),
};

/* "A relative path ... is deprecated and MUST be treated as relative to /". */
static void make_destination_absolute(const struct node *node, struct spec_mount *mount)
{
    if (!mount->destination || *mount->destination == '/')
        return;
    size_t size = strlen(mount->destination) + 2;
    char *absolute = arena_allocate(node->reader->arena, size, 1);
    absolute[0] = '/';
    memcpy(absolute + 1, mount->destination, size - 1);
    member_warning(node, "destination", "a relative destination is deprecated, taken as %s",
                   absolute);
    mount->destination = absolute;
}

static void check_idmap(const struct node *node, struct spec_mount *mount)
{
    const struct spec *spec = node->reader->spec;
    if (!mount->uid_mapping_count != !mount->gid_mapping_count)
        node_error(node, "uidMappings and gidMappings must come together");
    else if (mount->uid_mapping_count && mount->idmap == SPEC_IDMAP_NONE)
        mount->idmap = SPEC_IDMAP;
    else if (mount->idmap != SPEC_IDMAP_NONE && !mount->uid_mapping_count &&
             !spec->namespaces[SPEC_NAMESPACE_USER].wanted)
        node_error(node, "idmap needs uidMappings and gidMappings, or a user namespace");
}

static void check_mount(const struct node *node, void *target)
{
    struct spec_mount *mount = target;
    make_destination_absolute(node, mount);
    check_idmap(node, mount);
    if (!mount->data)
        mount->data = "";
    if (mount->type && string_equal(mount->type, "bind"))
        mount->bind = true;
    if (mount->bind && !mount->source && !mount->remount)
        member_error(node, "source", "is required for a bind mount");
    if (mount->copy_up && (!mount->type || !string_equal(mount->type, "tmpfs")))
        member_error(node, "options", "tmpcopyup is for type tmpfs only");
}

const struct form spec_mount_form =
    FORM(struct spec_mount, FIELDS(mount_fields), .check = check_mount);
