# SPDX-License-Identifier: Apache-2.0
"""OCI bundles: a small root file system and a config.json made from a base with changes."""

import copy
import json
import os
import shutil

from . import settings

DIRECTORIES = ["bin", "dev", "etc", "home", "mnt", "proc", "run", "sys", "tmp", "usr/bin", "var"]

ALL_CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID",
                    "CAP_KILL", "CAP_MKNOD", "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP",
                    "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_ADMIN", "CAP_SYS_CHROOT",
                    "CAP_SYS_NICE", "CAP_NET_ADMIN", "CAP_SYS_PTRACE", "CAP_SYS_TIME"]

MASKED = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
          "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"]
READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]

BASE = {
    "ociVersion": "1.0.2",
    "process": {
        "terminal": False,
        "user": {"uid": 0, "gid": 0},
        "args": ["/bin/guest", "ids"],
        "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
        "cwd": "/",
        "capabilities": {name: ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
                         for name in ("bounding", "effective", "permitted")},
        "noNewPrivileges": True,
    },
    "root": {"path": "rootfs", "readonly": False},
    "hostname": "guest",
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
         "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
         "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
        {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
         "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
        {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
         "options": ["nosuid", "noexec", "nodev"]},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs",
         "options": ["nosuid", "noexec", "nodev", "ro"]},
    ],
    "linux": {
        "namespaces": [{"type": name} for name in ("pid", "network", "ipc", "uts", "mount")],
        "maskedPaths": MASKED,
        "readonlyPaths": READONLY,
    },
}


def _share(source, target):
    """A hard link where the file system allows it: the files are large and nobody changes them."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def make_root(path, private=False):
    """The least that a shell and the test program need; /bin/true and the like are busybox.

    private: copies instead of links, for what a tool packs. A link that another test makes or
    removes meanwhile changes st_ctime and st_nlink, and tar says "file changed as we read it"."""
    for name in DIRECTORIES:
        os.makedirs(os.path.join(path, name), exist_ok=True)
    os.chmod(os.path.join(path, "tmp"), 0o1777)
    # One copy on the same file system serves all roots; the originals stay untouched.
    cache = os.path.join(settings.WORK, "programs")
    for name, source in (("guest", settings.GUEST), ("busybox", settings.BUSYBOX)):
        shared = os.path.join(cache, name)
        if not os.path.exists(shared):
            os.makedirs(cache, exist_ok=True)
            temporary = "%s.%d" % (shared, os.getpid())
            shutil.copy(source, temporary)
            os.rename(temporary, shared)
        (shutil.copy if private else _share)(shared, os.path.join(path, "bin", name))
    for name in ("sh", "true", "false", "cat", "ls", "sleep", "id", "mount", "stat", "env", "kill",
                 "ps", "readlink", "test"):
        os.symlink("busybox", os.path.join(path, "bin", name))
    with open(os.path.join(path, "etc", "passwd"), "w", encoding="ascii") as file:
        file.write("root:x:0:0:root:/root:/bin/sh\nperson:x:1000:1000:person:/home:/bin/sh\n")
    with open(os.path.join(path, "etc", "group"), "w", encoding="ascii") as file:
        file.write("root:x:0:\nperson:x:1000:\n")


class Bundle:
    """A directory with config.json and rootfs/. `config` may be changed until save()."""

    def __init__(self, path, with_root=True):
        self.path = path
        self.rootfs = os.path.join(path, "rootfs")
        self.config = copy.deepcopy(BASE)
        os.makedirs(self.rootfs)
        if with_root:
            make_root(self.rootfs)

    @property
    def process(self):
        return self.config["process"]

    @property
    def linux(self):
        return self.config["linux"]

    def guest(self, *words):
        self.process["args"] = ["/bin/guest", *map(str, words)]
        return self

    def shell(self, script):
        self.process["args"] = ["/bin/sh", "-c", script]
        return self

    def mount(self, destination, type=None, source=None, options=None, **more):
        entry = {"destination": destination}
        for key, value in (("type", type), ("source", source), ("options", options)):
            if value is not None:
                entry[key] = value
        entry.update(more)
        self.config["mounts"].append(entry)
        return self

    def without_mount(self, destination):
        self.config["mounts"] = [entry for entry in self.config["mounts"]
                                 if entry["destination"] != destination]
        return self

    def namespace(self, type, path=None):
        """Ask for a namespace, new or by path; replaces what was asked before."""
        self.without_namespace(type)
        self.linux["namespaces"].append({"type": type, **({"path": path} if path else {})})
        return self

    def without_namespace(self, type):
        self.linux["namespaces"] = [entry for entry in self.linux["namespaces"]
                                    if entry["type"] != type]
        return self

    def user_namespace(self, host_id=100000, size=65536):
        self.namespace("user")
        for key in ("uidMappings", "gidMappings"):
            self.linux[key] = [{"containerID": 0, "hostID": host_id, "size": size}]
        self.give_root_to(host_id)
        return self

    def give_root_to(self, uid):
        for directory, _, _ in os.walk(self.rootfs):
            os.chown(directory, uid, uid)
            os.chmod(self.path, 0o755)

    def capabilities(self, names, *sets):
        for name in sets or ("bounding", "effective", "permitted"):
            self.process["capabilities"][name] = list(names)
        return self

    def resources(self, **resources):
        self.linux.setdefault("resources", {}).update(resources)
        return self

    def hook(self, point, script, timeout=None):
        """A hook on the host (or in the container for the *Container points) by /bin/sh."""
        entry = {"path": "/bin/sh", "args": ["sh", "-c", script],
                 "env": ["PATH=/usr/bin:/bin"]}
        if timeout is not None:
            entry["timeout"] = timeout
        self.config.setdefault("hooks", {}).setdefault(point, []).append(entry)
        return self

    def file(self, name, text="", mode=0o644):
        """A file of the root file system; returns its path on the host."""
        path = os.path.join(self.rootfs, name.lstrip("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def save(self):
        with open(os.path.join(self.path, "config.json"), "w", encoding="utf-8") as file:
            json.dump(self.config, file)
        return self
