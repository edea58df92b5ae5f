# SPDX-License-Identifier: Apache-2.0
"""The test case that the files of tests/oci build on."""

import functools
import os
import shutil
import tempfile
import unittest

from . import settings
from .bundle import Bundle
from .runtime import Container, Runtime


def only_openvirt(test):
    """For what the specification leaves to the runtime and openvirt promises."""
    @functools.wraps(test)
    def wrapper(self):
        if not settings.OURS:
            self.skipTest("checks what openvirt promises beyond the specification")
        test(self)
    return wrapper


def only_soak(test):
    @functools.wraps(test)
    def wrapper(self):
        if not settings.SOAK:
            self.skipTest("long: runs with `make soak`")
        test(self)
    return wrapper


class RuntimeTest(unittest.TestCase):
    """Gives each test a directory, a runtime with its own state root, and containers that are
    deleted at the end."""

    longMessage = True
    maxDiff = None

    def setUp(self):
        self.counter = 0
        # Short: the paths of sockets must fit in 107 bytes (unix(7)).
        name = self._testMethodName.removeprefix("test_")[:16]
        self.directory = tempfile.mkdtemp(prefix=name + ".", dir=settings.WORK)
        os.chmod(self.directory, 0o755)
        self.runtime = Runtime(self.directory)
        self.containers = []
        self.addCleanup(self._remove)

    def _remove(self):
        for container in reversed(self.containers):
            container.runtime.call("delete", "--force", container.id, ok=None)
        shutil.rmtree(self.directory, ignore_errors=True)

    def new_id(self):
        """Tagged, so that the leak check knows whose it is, and unique in the whole run."""
        self.counter += 1
        return "%s-%s-%d" % (settings.TAG, self.id_part(), self.counter)

    def id_part(self):
        return "%d.%x" % (os.getpid(), hash(self._testMethodName) & 0xffffff)

    def bundle(self, **keywords):
        self.counter += 1
        path = os.path.join(self.directory, "bundle%d" % self.counter)
        return Bundle(path, **keywords)

    def container(self, bundle=None, id=None, runtime=None):
        container = Container(runtime or self.runtime, id or self.new_id(), bundle or self.bundle())
        self.containers.append(container)
        return container

    def guest(self, *words, bundle=None, options=(), **keywords):
        """Run the test program in a container to its end and return what it printed."""
        bundle = (bundle or self.bundle()).guest(*words)
        return self.container(bundle).run(*options, **keywords).values

    def shell(self, script, bundle=None, options=(), **keywords):
        bundle = (bundle or self.bundle()).shell(script)
        return self.container(bundle).run(*options, **keywords).stdout

    def sleeper(self, bundle=None, id=None, **keywords):
        """A container that runs until it is killed."""
        bundle = (bundle or self.bundle()).guest("sleep", 1000)
        return self.container(bundle, id=id).up(**keywords)

    def assertNothingMade(self, container):
        """After a refusal: no state, no process, no cgroup."""
        self.assertNotIn(container.id, container.runtime.call("list", "--quiet").stdout)
        self.assertEqual(cgroups_of(container.id), [])

    def assertIncludes(self, whole, part):
        for key, value in part.items():
            self.assertIn(key, whole)
            self.assertEqual(whole[key], value, key)


def cgroups_of(text):
    """Directories in any hierarchy whose path contains the text."""
    found = []
    for directory, names, _ in os.walk("/sys/fs/cgroup"):
        found += [os.path.join(directory, name) for name in names if text in name]
    return found


def cgroup_path(pid, controller):
    """Where the cgroup of a process is, v1 by controller or v2."""
    with open("/proc/%d/cgroup" % pid, encoding="ascii") as file:
        for line in file:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            if controller in controllers.split(","):
                return "/sys/fs/cgroup/%s%s" % (controllers, path)
    return None


def read_cgroup(pid, controller, name):
    with open(os.path.join(cgroup_path(pid, controller), name), encoding="ascii") as file:
        return file.read().strip()
