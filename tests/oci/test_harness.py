# SPDX-License-Identifier: Apache-2.0
"""The leak check itself: what it must find, it finds."""

import os
import subprocess

from harness import leaks, settings
from harness.case import RuntimeTest


class LeakCheck(RuntimeTest):
    def found_after(self, act, undo):
        before = leaks.Snapshot()
        act()
        try:
            return "\n".join(leaks.Snapshot().leaked_since(before))
        finally:
            undo()

    def test_a_mount_is_found(self):
        path = os.path.join(self.directory, "mounted")
        os.makedirs(path)
        found = self.found_after(
            lambda: subprocess.run(["mount", "-t", "tmpfs", "left", path], check=True),
            lambda: subprocess.run(["umount", path], check=True))
        self.assertIn("mount " + path, found)

    def test_a_mount_that_is_gone_is_found(self):
        path = os.path.join(self.directory, "mounted")
        os.makedirs(path)
        subprocess.run(["mount", "-t", "tmpfs", "left", path], check=True)
        found = self.found_after(lambda: subprocess.run(["umount", path], check=True), lambda: None)
        self.assertIn("unmounted " + path, found)

    def test_a_process_is_found_and_its_network_namespace(self):
        started = []
        found = self.found_after(
            lambda: started.append(subprocess.Popen(["unshare", "--net", "sh", "-c",
                                                     "echo ready; exec sleep 1000"],
                                                    stdout=subprocess.PIPE)) or
            started[0].stdout.readline(),
            lambda: (started[0].kill(), started[0].wait(), started[0].stdout.close()))
        self.assertIn("sleep 1000", found)
        self.assertIn("network namespace net:", found)

    def test_a_cgroup_is_found(self):
        root = "/sys/fs/cgroup/memory" if os.path.isdir("/sys/fs/cgroup/memory") else \
            "/sys/fs/cgroup"
        path = os.path.join(root, settings.TAG + "-left")
        self.assertIn(path, self.found_after(lambda: os.mkdir(path), lambda: os.rmdir(path)))

    def test_a_state_directory_is_found(self):
        path = os.path.join("/run/openvirt", settings.TAG + "-left")
        self.assertIn(path, self.found_after(lambda: os.makedirs(path), lambda: os.rmdir(path)))
