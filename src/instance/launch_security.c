// SPDX-License-Identifier: Apache-2.0
/* What confines: capabilities, masked paths, the seccomp filter. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>

#include "base/json.h"
#include "base/string.h"
#include "instance/default_seccomp.h"
#include "instance/json_build.h"
#include "instance/launch_config.h"

/* podman's default: what package managers and servers need, and nothing that reaches the host. */
static const cap_value_t default_capabilities[] = {
    CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FOWNER,  CAP_FSETID,  CAP_KILL,       CAP_NET_BIND_SERVICE,
    CAP_SETGID, CAP_SETUID,       CAP_SETPCAP, CAP_SETFCAP, CAP_SYS_CHROOT,
};

/* What /proc and /sys show of the host's kernel and hardware; as in podman and docker. */
static const char *const masked_paths[] = {
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/selinux",
    NULL,
};

static const char *const readonly_paths[] = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL,
};

static uint64_t bit(cap_value_t capability)
{
    return 1ULL << capability;
}

/* "NET_ADMIN" or "CAP_NET_ADMIN", either case; "ALL". */
static int parse_capability(const char *option, const char *word, uint64_t *set,
                            struct error *error)
{
    cap_value_t capability;
    if (strcasecmp(word, "all") == 0) {
        *set = (2ULL << cap_max_bits()) / 2 - 1;
        return 0;
    }
    AUTO_FREE char *name =
        string_format("%s%s", strncasecmp(word, "cap_", 4) == 0 ? "" : "cap_", word);
    /* cap_from_name() also takes numbers, and text behind the name. */
    char *found = cap_from_name(name, &capability) == 0 ? cap_to_name(capability) : NULL;
    bool exact = found && strcasecmp(found, name) == 0 && !strpbrk(name, "0123456789");
    cap_free(found);
    if (!exact)
        return error_set(error, 0, "%s: \"%s\" is not a capability", option, word);
    *set = bit(capability);
    return 0;
}

static int add_all(const char *option, const struct string_list *words, uint64_t *set,
                   struct error *error)
{
    for (size_t i = 0; words && i < words->count; i++) {
        uint64_t one = 0;
        if (parse_capability(option, words->items[i], &one, error) < 0)
            return -1;
        *set |= one;
    }
    return 0;
}

static void add_set(struct json_object *capabilities, const char *key, uint64_t set)
{
    struct json_object *names = json_object_new_array();
    for (int capability = 0; capability < cap_max_bits(); capability++) {
        char *name = set & bit(capability) ? cap_to_name(capability) : NULL;
        if (!name)
            continue;
        for (char *letter = name; *letter; letter++)
            if (*letter >= 'a' && *letter <= 'z')
                *letter -= 'a' - 'A';
        json_object_array_add(names, json_object_new_string(name));
        cap_free(name);
    }
    json_add(capabilities, key, names);
}

/*
 * Root has the whole set. Another user has what was asked for by name, and keeps it across an exec
 * (ambient); the rest only bounds what set-uid programs may give. Inheritable is never more than
 * that (CVE-2022-27650).
 */
static void add_capabilities(const struct launch_context *context, struct json_object *process,
                             uint64_t all, uint64_t asked_for)
{
    bool root = context->identity.uid == 0;
    struct json_object *capabilities = json_object_new_object();
    add_set(capabilities, "bounding", all);
    add_set(capabilities, "effective", root ? all : asked_for);
    add_set(capabilities, "permitted", root ? all : asked_for);
    add_set(capabilities, "inheritable", root ? 0 : asked_for);
    add_set(capabilities, "ambient", root ? 0 : asked_for);
    json_add(process, "capabilities", capabilities);
}

static int decide_capabilities(const struct launch_request *request, uint64_t *all,
                               uint64_t *asked_for, struct error *error)
{
    uint64_t dropped = 0;
    *all = *asked_for = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(default_capabilities); i++)
        *all |= bit(default_capabilities[i]);
    if (add_all("--cap-add", request->capabilities_added, asked_for, error) < 0 ||
        add_all("--cap-drop", request->capabilities_dropped, &dropped, error) < 0)
        return -1;
    /* "--cap-drop all --cap-add x" leaves x: what is named one by one wins over "all". */
    uint64_t everything = (2ULL << cap_max_bits()) / 2 - 1;
    bool drop_all = dropped == everything;
    *all = drop_all ? *asked_for : (*all | *asked_for) & ~dropped;
    *asked_for &= *all;
    return 0;
}

static int add_seccomp(const struct launch_request *request, struct json_object *linux_section,
                       uint64_t capabilities, struct error *error)
{
    if (request->seccomp && string_equal(request->seccomp, "unconfined"))
        return 0;
    if (!request->seccomp) {
        json_add(linux_section, "seccomp", default_seccomp(capabilities));
        return 0;
    }
    struct json_object *profile = json_parse_file(AT_FDCWD, request->seccomp, error);
    if (!profile)
        return error_wrap(error, "--seccomp");
    json_add(linux_section, "seccomp", profile);
    return 0;
}

int launch_config_capabilities(const struct launch_context *context, struct json_object *config,
                               struct error *error)
{
    uint64_t all, asked_for;
    if (decide_capabilities(context->request, &all, &asked_for, error) < 0)
        return -1;
    add_capabilities(context, json_object_object_get(config, "process"), all, asked_for);
    return 0;
}

int launch_config_security(const struct launch_context *context, struct json_object *config,
                           struct json_object *linux_section, struct error *error)
{
    uint64_t all, asked_for;
    if (decide_capabilities(context->request, &all, &asked_for, error) < 0)
        return -1;
    add_capabilities(context, json_object_object_get(config, "process"), all, asked_for);
    json_add(linux_section, "maskedPaths", json_string_array(masked_paths));
    json_add(linux_section, "readonlyPaths", json_string_array(readonly_paths));
    return add_seccomp(context->request, linux_section, all, error);
}
