# SPDX-License-Identifier: Apache-2.0
"""podman of an ordinary user drives the runtime.

The user exists in a mount namespace alone; see tests/harness/person.py.
"""

import os
import shutil
import subprocess
import tempfile
import unittest

from harness import settings
from harness.bundle import make_root
from harness.person import ENTER, ID, lay_out
from harness.runtime import Failure, Result

NAME = os.path.basename(settings.RUNTIME)
CONFIGURATION = """
[containers]
default_ulimits = ["nofile=1024:1024"]
[engine]
runtime = "{name}"
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime_supports_json = ["{name}"]
runtime_supports_nocgroup = ["{name}"]
[engine.runtimes]
{name} = ["{path}"]
"""


@unittest.skipUnless(os.geteuid() == 0, "needs root to become another user")
@unittest.skipUnless(shutil.which("podman") and shutil.which("newuidmap"),
                     "podman or newuidmap is not installed")
class RootlessPodman(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Short: podman's sockets lie below it.
        cls.directory = tempfile.mkdtemp(prefix="p", dir=settings.WORK)
        os.chmod(cls.directory, 0o755)
        cls.home = lay_out(cls.directory)
        program = os.path.join(cls.directory, NAME)
        shutil.copy(settings.RUNTIME, program)
        with open(cls.home + "/conf", "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(name=NAME, path=program))
        root = os.path.join(cls.directory, "image")
        make_root(root, private=True)
        cls.archive = os.path.join(cls.home, "image.tar")
        subprocess.run(["tar", "-C", root, "-cf", cls.archive, "."], check=True)
        for directory, names, files in os.walk(cls.home):
            for name in [".", *names, *files]:
                os.chown(os.path.join(directory, name), ID, ID)
        cls.addClassCleanup(cls.clean)
        cls.podman("import", "--quiet", cls.archive, "box")

    @classmethod
    def clean(cls):
        cls.podman("rm", "--all", "--force", "--time", "0", ok=None)
        cls.podman("system", "migrate", ok=None)  # ends the process that keeps its namespaces
        # Its store belongs to subordinate ids.
        shutil.rmtree(cls.directory, ignore_errors=True)

    @classmethod
    def podman(cls, *words, ok=True):
        command = ["unshare", "--mount", "bash", "-c", ENTER, "bash", cls.directory, "podman",
                   "--root", cls.home + "/root", "--runroot", cls.home + "/run/root",
                   "--tmpdir", cls.home + "/run/tmp", "--storage-driver", "vfs", *map(str, words)]
        environment = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": cls.home + "/run",
                       "HOME": cls.home, "CONTAINERS_CONF": cls.home + "/conf"}
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, env=environment, timeout=90,
                              cwd="/")
        result = Result(["podman", *map(str, words)], done.returncode, done.stdout, done.stderr)
        if ok is not None and ok != (done.returncode == 0):
            raise Failure("must %s: %s" % ("succeed" if ok else "fail", result))
        return result

    def run_box(self, *words, ok=True, options=()):
        return self.podman("run", "--rm", "--network", "none", *options, "box", *words, ok=ok)

    def test_it_is_rootless(self):
        self.assertEqual(self.podman("info", "--format", "{{.Host.Security.Rootless}} "
                                     "{{.Host.OCIRuntime.Name}}").stdout.split(), ["true", NAME])

    def test_a_container_runs(self):
        result = self.run_box("/bin/sh", "-c", "id -u; exit 42", ok=None)
        self.assertEqual((result.status, result.stdout), (42, "0\n"))

    def test_another_user_of_the_range(self):
        values = self.run_box("/bin/guest", "ids", options=["--user", "1000:1000"]).values
        self.assertEqual(values["uid"], "1000 1000 1000")

    def test_the_same_id_inside_as_outside(self):
        values = self.run_box("/bin/guest", "ids", options=["--userns", "keep-id"]).values
        self.assertEqual(values["uid"].split()[0], str(ID))

    def test_it_can_be_entered_and_stopped(self):
        self.podman("run", "--detach", "--name", "one", "--network", "none", "box", "/bin/guest",
                    "sleep", "1000")
        self.assertEqual(self.podman("exec", "one", "/bin/sh", "-c", "echo out").stdout, "out\n")
        self.podman("stop", "--time", "0", "one")
        self.podman("rm", "one")
