# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the runtime at any point of create, start and delete.

strace kills it at its Nth system call, N spread over the whole verb. After each death `list` must
work, `delete --force` must clean up, and nothing may be left: state, mounts, cgroups, processes.
"""

import errno
import os
import re
import shutil
import unittest

from harness import leaks, settings
from harness.case import RuntimeTest, cgroups_of
from harness.runtime import wait_until

POINTS = 200 if settings.SOAK else 60


@unittest.skipUnless(shutil.which("strace"), "strace is not installed")
class Killed(RuntimeTest):
    def traced(self, *options):
        """The runtime alone is traced: what it has cloned lives or dies by its own rules."""
        return ["strace", "-qq", "-o", os.path.join(self.directory, "trace"), *options]

    def calls_of(self, verb, act):
        """How many system calls the verb makes."""
        container = self.prepared(verb)
        act(container, self.traced(), True)
        with open(os.path.join(self.directory, "trace"), encoding="utf-8", errors="replace") as file:
            count = sum(bool(re.match(r"\w+\(", line)) for line in file)
        container.delete("--force")
        self.assertGreater(count, 20)
        return count

    def prepared(self, verb):
        """A container as it is before the verb."""
        container = self.container(self.template)
        if verb == "create":
            return container
        container.create()
        if verb == "delete":
            container.kill("KILL")
            container.wait_stopped()
        return container

    def test_the_state_is_whole_on_the_disk_before_it_has_its_name(self):
        """Also what is only intended: each file is fsynced, renamed, and its directory fsynced."""
        container = self.container(self.bundle().guest("sleep", 1000))
        container.create(prefix=self.traced("-e", "trace=fsync,renameat"))
        with open(os.path.join(self.directory, "trace"), encoding="utf-8") as file:
            calls = re.findall(r'^(fsync|renameat)\((\d+)(?:, .*"(.*)")?', file.read(), re.M)
        renames = [(index, call) for index, call in enumerate(calls) if call[2].endswith(".json")]
        self.assertEqual([name for _, (_, _, name) in renames],
                         ["config.json", "state.json", "state.json"])
        for index, (_, directory, name) in renames:
            with self.subTest(name, call=index):
                before, after = calls[index - 1], calls[index + 1]
                self.assertEqual((before[0], before[1] != directory), ("fsync", True))
                self.assertEqual(after[:2], ("fsync", directory))

    def die_at_each_point(self, verb, act):
        # One bundle for all: the root file system is no part of this.
        self.template = self.bundle().guest("sleep", 1000)
        self.template.hook("poststop", "true")
        count = self.calls_of(verb, act)
        before = leaks.mounts()
        points = sorted({1 + index * count // POINTS for index in range(POINTS)})
        self.assertGreaterEqual(len(points), min(50, count - 1))
        for point in points:
            container = self.prepared(verb)
            inject = "inject=all:signal=SIGKILL:when=%d" % point
            act(container, self.traced("-e", inject), None)
            self.runtime.call("list")
            self.runtime.call("list", "--format", "json")
            container.call("state", ok=None)
            container.delete("--force")
            with self.subTest("%s, system call %d of %d" % (verb, point, count)):
                self.check_nothing_left(container, before)
            self.containers.remove(container)

    def check_nothing_left(self, container, mounts):
        self.assertEqual(os.listdir(self.runtime.root), [])
        self.assertEqual(cgroups_of(container.id), [])
        self.assertEqual([path for path in leaks.new_mounts(mounts) if self.directory in path], [])
        mine = os.path.realpath(self.template.rootfs)
        wait_until(lambda: not self.processes(mine), "no process of it is left", timeout=5)

    def processes(self, rootfs):
        """Of this test: its test program by the file, its runtime by the words of its command."""
        guest = os.stat(os.path.join(rootfs, "bin", "guest"))
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                exe = os.stat("/proc/%s/exe" % pid)
                with open("/proc/%s/cmdline" % pid, "rb") as file:
                    words = file.read()
            except OSError:
                continue
            same = (exe.st_dev, exe.st_ino) == (guest.st_dev, guest.st_ino)
            if same and b"sleep\x001000" in words and self.is_descendant(pid) or \
                    self.runtime.root.encode() in words:
                found.append((pid, words))
        return found

    def is_descendant(self, pid):
        """One that is ending has no mounts any more: EINVAL, then ESRCH or ENOENT."""
        try:
            with open("/proc/%s/mountinfo" % pid, encoding="utf-8") as file:
                return self.template.path in file.read()
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ESRCH, errno.ENOENT):
                raise
            return False

    def test_create(self):
        self.die_at_each_point("create", lambda container, prefix, ok:
                               container.create(prefix=prefix, ok=ok))

    def test_start(self):
        self.die_at_each_point("start", lambda container, prefix, ok:
                               container.start(prefix=prefix, ok=ok))

    def test_delete(self):
        self.die_at_each_point("delete", lambda container, prefix, ok:
                               container.delete(prefix=prefix, ok=ok))

    def test_delete_by_force(self):
        self.die_at_each_point("start", lambda container, prefix, ok:
                               container.delete("--force", prefix=prefix, ok=ok))

    def test_the_points_are_deaths(self):
        """That the injection works: at the first call nothing of the verb has happened."""
        container = self.container(self.bundle().guest("exit", 0))
        inject = self.traced("-e", "inject=all:signal=SIGKILL:when=2")
        result = container.create(prefix=inject, ok=None)
        self.assertEqual(result.status, -9)
