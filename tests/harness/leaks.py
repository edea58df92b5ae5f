# SPDX-License-Identifier: Apache-2.0
"""What a run of tests leaves behind on the machine: mounts, cgroups, processes, namespaces, state.

The run has a mount namespace of its own and is the subreaper of all that it starts, so that the
mounts and processes it sees are its own; cgroups and state directories are told by the run's tag.
"""

import contextlib
import ctypes
import os
import signal

from . import settings

PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNS = 0x20000
MS_BIND, MS_REC, MS_PRIVATE, MS_SHARED = 0x1000, 0x4000, 1 << 18, 1 << 20
STATE_ROOTS = ["/run/openvirt", "/run/crun", "/run/runc", "/run/netns", "/var/run/netns"]


def _must(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, "%s: %s" % (what, os.strerror(error)))


def isolate(shared=True, hide_unified=not settings.OURS):
    """Own mount namespace, with shared propagation as on a machine with systemd: a mount that a
    runtime lets out of the container shows here."""
    libc = ctypes.CDLL(None, use_errno=True)
    _must(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl(PR_SET_CHILD_SUBREAPER)")
    if os.geteuid() == 0:
        _must(libc.unshare(CLONE_NEWNS), "unshare(CLONE_NEWNS)")
        _must(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount --make-rprivate")
        if shared:
            _must(libc.mount(b"none", b"/", None, MS_REC | MS_SHARED, None), "--make-rshared")
        # `ip netns` would mount here, in our namespace alone, and leave it.
        os.makedirs("/run/netns", exist_ok=True)
        _must(libc.mount(b"netns", b"/run/netns", b"tmpfs", 0, None), "mount /run/netns")
        if hide_unified:
            hide_unified_controllers(libc)


def hide_unified_controllers(libc):
    """crun refuses a hybrid machine whose cgroup2 has controllers ("cgroups in hybrid mode not
    supported"); where crun takes part in a comparison, it sees none."""
    path = b"/sys/fs/cgroup/unified/cgroup.controllers"
    if os.path.exists(path):
        _must(libc.mount(b"/dev/null", path, None, MS_BIND, None), "mount --bind %s" % path)


def descendants():
    """Processes below this one, zombies left out; {pid: command}."""
    children = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % name, encoding="utf-8", errors="replace") as file:
                head, tail = file.read().rsplit(")", 1)
            fields = tail.split()
            with open("/proc/%s/cmdline" % name, "rb") as file:
                command = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if fields[0] != "Z":
            children.setdefault(int(fields[1]), []).append((int(name), command or head))
    found, queue = {}, [os.getpid()]
    while queue:
        for pid, command in children.get(queue.pop(), []):
            found[pid] = command
            queue.append(pid)
    return found


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def remove():
    """End and remove what was left, so that one leak does not show again in the next run."""
    for pid in descendants():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for path in sorted(tagged_cgroups(), reverse=True):
        try:
            os.rmdir(path)
        except OSError:
            pass


def mounts():
    """{(id, name): mount point}; by id, since others may rename what lies above a mount point, and
    by its own name, since the kernel gives the id of a mount that is gone to the next one."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        fields = [line.split() for line in file]
    return {(line[0], os.path.basename(line[4])): line[4] for line in fields}


def new_mounts(before):
    return sorted(path for id, path in mounts().items() if id not in before)


def tagged_cgroups():
    found = set()
    for directory, names, _ in os.walk("/sys/fs/cgroup"):
        found.update(os.path.join(directory, name) for name in names
                     if settings.TAG in os.path.join(directory, name))
    return found


def tagged_states():
    found = set()
    for root in STATE_ROOTS:
        if os.path.isdir(root):
            found.update(os.path.join(root, name) for name in os.listdir(root)
                         if settings.TAG in name)
    return found


def network_namespaces():
    """Those of processes of this run, and those held by a mount."""
    found = set()
    for pid in [os.getpid(), *descendants()]:
        try:
            found.add(os.readlink("/proc/%d/ns/net" % pid))
        except OSError:
            pass
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        found.update("mount " + line.split()[3] for line in file if line.split()[3][:4] == "net:")
    return found


class Snapshot:
    def __init__(self):
        reap()
        self.mounts = mounts()
        self.facts = {
            "cgroup": tagged_cgroups(),
            "state directory": tagged_states(),
            "process": {"%d %s" % item for item in descendants().items()},
            "network namespace": network_namespaces(),
        }

    def leaked_since(self, before):
        """Lines of what is here now and was not before."""
        lines = []
        lines += ["mount %s" % path for id, path in self.mounts.items() if id not in before.mounts]
        lines += ["unmounted %s" % path for id, path in before.mounts.items()
                  if id not in self.mounts and os.path.lexists(path)]
        for kind, now in self.facts.items():
            lines += ["%s %s" % (kind, item) for item in sorted(now - before.facts[kind])]
        return lines
