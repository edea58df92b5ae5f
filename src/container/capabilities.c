// SPDX-License-Identifier: Apache-2.0
#include "container/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/string.h"

/* The sets in which the kernel keeps them; 64 bits are two words each. */
struct capability_sets {
    uint64_t effective, permitted, inheritable;
};

static int read_sets(struct capability_sets *sets, struct error *error)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2] = { 0 };
    if (syscall(SYS_capget, &header, data) < 0)
        return error_set(error, errno, "read our capabilities");
    sets->effective = data[0].effective | (uint64_t)data[1].effective << 32;
    sets->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
    sets->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
    return 0;
}

static int write_sets(const struct capability_sets *sets, struct error *error)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2];
    for (int word = 0; word < 2; word++) {
        data[word].effective = (uint32_t)(sets->effective >> (32 * word));
        data[word].permitted = (uint32_t)(sets->permitted >> (32 * word));
        data[word].inheritable = (uint32_t)(sets->inheritable >> (32 * word));
    }
    if (syscall(SYS_capset, &header, data) < 0)
        return error_set(error, errno, "process.capabilities: set capabilities");
    return 0;
}

/* "CAP_SYS_ADMIN" */
static void capability_name(int capability, char *name, size_t size)
{
    char *known = cap_to_name(capability);
    snprintf(name, size, "%s", known ? known : "?");
    cap_free(known);
    for (char *letter = name; *letter; letter++)
        *letter = *letter >= 'a' && *letter <= 'z' ? (char)(*letter - 'a' + 'A') : *letter;
}

/* "CAP_KILL, CAP_CHOWN"; allocated. */
static char *capability_names(uint64_t set)
{
    char name[64], *names = string_copy("");
    for (int capability = 0; capability < 64; capability++) {
        if (!(set >> capability & 1))
            continue;
        capability_name(capability, name, sizeof(name));
        string_append(&names, "%s%s", *names ? ", " : "", name);
    }
    return names;
}

static void warn_about(uint64_t missing, const struct log *log)
{
    if (!missing)
        return;
    AUTO_FREE char *names = capability_names(missing);
    log_warning(log, "process.capabilities: openvirt does not have %s, so it cannot be granted",
                names);
}

int capabilities_drop_bounding(const struct spec_capabilities *wanted, struct error *error)
{
    /* The kernel says where its capabilities end: newer ones than the header's go as well. */
    for (int capability = 0; capability < 64; capability++) {
        if (wanted->bounding >> capability & 1)
            continue;
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
            continue;
        if (errno == EINVAL)
            return 0;
        if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 0)
            continue;
        char name[64];
        capability_name(capability, name, sizeof(name));
        return error_set(error, errno, "process.capabilities.bounding: drop %s", name);
    }
    return 0;
}

/*
 * An ambient capability is one that is permitted and inheritable too (capabilities(7)). Old tools
 * ask for more (`crun spec` does), which every runtime leaves out: no warning.
 */
static int raise_ambient(uint64_t wanted, const struct capability_sets *sets, const struct log *log,
                         struct error *error)
{
    uint64_t ambient = wanted & sets->permitted & sets->inheritable;
    if (wanted & ~ambient) {
        AUTO_FREE char *names = capability_names(wanted & ~ambient);
        log_info(log,
                 "process.capabilities.ambient: %s is left out, it is not in the permitted and "
                 "inheritable sets",
                 names);
    }
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
        return error_set(error, errno, "process.capabilities.ambient: clear the set");
    for (int capability = 0; capability < 64; capability++)
        if (ambient >> capability & 1 &&
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0) {
            AUTO_FREE char *name = capability_names(1ULL << capability);
            return error_set(error, errno, "process.capabilities.ambient: raise %s", name);
        }
    return 0;
}

int capabilities_set(const struct spec_capabilities *wanted, uint64_t kept, const struct log *log,
                     struct error *error)
{
    struct capability_sets ours;
    if (read_sets(&ours, error) < 0)
        return -1;
    struct capability_sets sets = {
        .permitted = wanted->permitted & ours.permitted,
        .effective = wanted->effective & wanted->permitted & ours.permitted,
        /* cap_inh_is_capped(), security/commoncap.c: within what we have and the bounding set. */
        .inheritable =
            wanted->inheritable & (ours.inheritable | (ours.permitted & wanted->bounding)),
    };
    warn_about((wanted->permitted & ~sets.permitted) | (wanted->effective & ~sets.effective) |
                   (wanted->inheritable & ~sets.inheritable),
               log);
    sets.permitted |= kept & ours.permitted;
    sets.effective |= kept & ours.permitted;
    if (write_sets(&sets, error) < 0)
        return -1;
    return raise_ambient(wanted->ambient, &sets, log, error);
}

int capabilities_give_up(const struct spec_capabilities *wanted, uint64_t kept, struct error *error)
{
    struct capability_sets sets;
    if (read_sets(&sets, error) < 0)
        return -1;
    sets.permitted &= wanted->permitted | ~kept;
    sets.effective &= (wanted->effective & wanted->permitted) | ~kept;
    return write_sets(&sets, error);
}
