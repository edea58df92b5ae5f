// SPDX-License-Identifier: Apache-2.0
/*
 * The default configuration is kept as the JSON that it is. The two variants differ in what needs
 * privileges: a user without any cannot mount sysfs without its own network namespace, own devices
 * to gid 5, set a device cgroup, or have a network.
 */
#include "spec/default.h"

#include "base/json.h"
#include "base/string.h"

#define JSON(...)    #__VA_ARGS__
#define CAPABILITIES JSON([ "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE" ])

// clang-format off
static const char head[] = JSON(
{
    "ociVersion": "1.3.0",
    "process": {
        "terminal": true,
        "user": { "uid": 0, "gid": 0 },
        "args": [ "sh" ],
        "env": [ "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm" ],
        "cwd": "/",
        "capabilities": {
            "bounding": )CAPABILITIES JSON(,
            "effective": )CAPABILITIES JSON(,
            "permitted": )CAPABILITIES JSON(
        },
        "rlimits": [ { "type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024 } ],
        "noNewPrivileges": true
    },
    "root": { "path": "rootfs", "readonly": true },
    "hostname": "openvirt",
    "mounts": [
        { "destination": "/proc", "type": "proc", "source": "proc",
          "options": [ "nosuid", "noexec", "nodev" ] },
        { "destination": "/dev", "type": "tmpfs", "source": "tmpfs",
          "options": [ "nosuid", "strictatime", "mode=755", "size=65536k" ] },
        { "destination": "/dev/shm", "type": "tmpfs", "source": "shm",
          "options": [ "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" ] },
        { "destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
          "options": [ "nosuid", "noexec", "nodev" ] },
);

static const char privileged_mounts[] = JSON(
        { "destination": "/dev/pts", "type": "devpts", "source": "devpts",
          "options": [ "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" ] },
        { "destination": "/sys", "type": "sysfs", "source": "sysfs",
          "options": [ "nosuid", "noexec", "nodev", "ro" ] },
);

static const char rootless_mounts[] = JSON(
        { "destination": "/dev/pts", "type": "devpts", "source": "devpts",
          "options": [ "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620" ] },
        { "destination": "/sys", "type": "none", "source": "/sys",
          "options": [ "rbind", "nosuid", "noexec", "nodev", "rro" ] },
);

static const char middle[] = JSON(
        { "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
          "options": [ "nosuid", "noexec", "nodev", "relatime", "ro" ] }
    ],
    "linux": {
        "maskedPaths": [ "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore",
                         "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
                         "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap",
                         "/sys/firmware" ],
        "readonlyPaths": [ "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                           "/proc/sysrq-trigger" ],
        "namespaces": [
            { "type": "pid" }, { "type": "ipc" }, { "type": "uts" }, { "type": "mount" },
            { "type": "cgroup" },
);

static const char privileged_tail[] = JSON(
            { "type": "network" }
        ],
        "resources": { "devices": [ { "allow": false, "access": "rwm" } ] }
    }
});

static const char rootless_tail[] = JSON(
            { "type": "user" }
        ],
        "uidMappings": [ { "containerID": 0, "hostID": %u, "size": 1 } ],
        "gidMappings": [ { "containerID": 0, "hostID": %u, "size": 1 } ]
    }
});
// clang-format on

char *spec_default_text(bool rootless, uid_t uid, gid_t gid)
{
    AUTO_FREE char *mappings = string_format(rootless_tail, uid, gid);
    AUTO_FREE char *text =
        string_format("%s%s%s%s", head, rootless ? rootless_mounts : privileged_mounts, middle,
                      rootless ? mappings : privileged_tail);
    AUTO_JSON struct json_object *document = json_tokener_parse(text);
    const int style = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_PRETTY_TAB |
                      JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE;
    return string_format("%s\n", json_object_to_json_string_ext(document, style));
}
