# SPDX-License-Identifier: Apache-2.0
"""run by an ordinary user, who is root in a user namespace of one id."""

import os
import shutil
import tempfile

from harness import settings
from harness.people import IMAGE_CONFIG, PeopleTest, make_layout


class Rootless(PeopleTest):
    """We become user 4711, who has no line in /etc/subuid."""

    uid = 4711

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("becoming an ordinary user needs root")
        # The build and the tests' own directory may be closed to others. First, so that it goes last.
        home = tempfile.mkdtemp(prefix=settings.TAG + ".", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        super().setUp()
        self.runtime.path = shutil.copy(settings.RUNTIME, home)
        self.runtime.root = os.path.join(home, "state")
        self.storage = os.path.join(home, "storage")
        self.runtime.options = ["--storage", self.storage, "--log-level", "error"]
        self.environment.update(HOME=home, XDG_RUNTIME_DIR=home,
                                XDG_CACHE_HOME=os.path.join(home, "cache"))
        self.layout = os.path.join(home, "layout")
        make_layout(self.layout, self.rootfs, IMAGE_CONFIG)
        os.chmod(self.runtime.path, 0o755)
        for directory, names, files in os.walk(home):
            for path in [directory, *(os.path.join(directory, name) for name in names + files)]:
                os.chown(path, self.uid, self.uid)

    @property
    def image(self):
        return "oci:%s:latest" % self.layout

    def call(self, *words, **keywords):
        prefix = ["setpriv", "--reuid", str(self.uid), "--regid", str(self.uid), "--clear-groups"]
        return super().call(*words, prefix=prefix, **keywords)

    def test_root_inside_is_the_user_outside(self):
        result = self.call("run", "--rm", "-n", self.new_id(), self.image, "--",
                           "/bin/sh", "-c", "id -u; cat /proc/self/uid_map")
        lines = result.stdout.split()
        self.assertEqual(lines[:4], ["0", "0", str(self.uid), "1"])

    def test_it_is_isolated_all_the_same(self):
        result = self.call("run", "--rm", "-n", "box", self.image, "--",
                           "/bin/guest", "names", ",", "confinement", ",", "ids")
        self.assertIncludes(result.values, {"hostname": "box", "seccomp": "2", "pid": "1"})

    def test_a_whole_life(self):
        name = self.new_id()
        image = self.image
        self.call("run", "-d", "-n", name, image, "--", "/bin/sh", "-c",
                  "echo written >>/file; cat /file; exec sleep 100")
        self.wait_log(name, "written")
        self.assertEqual(self.call("exec", name, "/bin/id", "-u").stdout, "0\n")
        self.call("stop", name)
        self.call("start", name)
        self.wait_log(name, "written\nwritten\nwritten\n")
        self.call("rm", "--force", name)
        self.assertEqual(self.stored(), [])

    def test_nothing_is_said_where_all_that_was_asked_for_is_there(self):
        result = self.call("--log-level", "warning", "run", "--rm", "-n", self.new_id(), self.image,
                           "--", "/bin/true")
        self.assertEqual(result.stderr, "")

    def test_a_limit_is_in_force_or_an_error_with_its_reason(self):
        """Ordinary users can set limits with systemd alone, or in a cgroup of their own."""
        result = self.call("run", "--rm", "-n", self.new_id(), "-m", "64m", self.image, "--",
                           "/bin/cat", "/sys/fs/cgroup/memory.max", ok=None)
        if result.status == 0:
            self.assertEqual(result.stdout, "%d\n" % (64 << 20))
        else:
            self.assertIn("the limits asked for", result.stderr)
        self.assertEqual(self.stored(), [])
