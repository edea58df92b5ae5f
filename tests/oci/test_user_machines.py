# SPDX-License-Identifier: Apache-2.0
"""run --as para and --as full: the same command in a virtual machine."""

import os
import re
import shutil
import signal
import tempfile
import time
import unittest

from harness import settings
from harness.people import PeopleTest
from harness.person import ENTER, ID, lay_out
from harness.runtime import wait_until

BOOT_S = 150  # a machine that is busy with other tests is slow


def complaints(result):
    """What is no progress of something that is made for the first time."""
    return [line for line in result.stderr.splitlines() if not re.search(r": +\d+% ", line)]


def processes_of(name):
    """Pids whose command line names the instance."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open("/proc/%s/cmdline" % entry, "rb") as file:
                if name.encode() in file.read().split(b"\0"):
                    found.append(int(entry))
        except OSError:
            pass
    return found


class MachineTest(PeopleTest):
    technique = "para"

    def setUp(self):
        super().setUp()
        # Kernels and disks are made once for all tests of this file.
        self.environment["XDG_CACHE_HOME"] = os.path.join(settings.WORK, "machines")

    def machine(self, command, *options, **keywords):
        return self.run_image("--as", self.technique, *options, command, timeout=BOOT_S,
                              **keywords)

    def script(self, text, *options, **keywords):
        return self.machine(["/bin/sh", "-c", text], *options, **keywords)

    def refused(self, *options, status=125):
        """An error in one line, before anything runs, and nothing is left."""
        result = self.call("run", "--rm", "--as", self.technique, *options, self.image, "--",
                           "/bin/true", ok=None, timeout=BOOT_S)
        self.assertEqual(result.status, status, result)
        lines = complaints(result)
        self.assertEqual(len(lines), 1, result)
        self.assertEqual(self.stored(), [])
        return lines[0]


class Para(MachineTest):
    def test_streams_words_and_status_go_through(self):
        result = self.script("cat; echo \"$WORD $PWD\"; echo error >&2; exit 7", "-i", "-e",
                             "WORD=of mine", "-w", "/tmp", input="given\n", ok=None)
        self.assertEqual(result.status, 7, result)
        self.assertEqual(result.stdout, "given\nof mine /tmp\n")
        self.assertIn("error", result.stderr)
        self.assertEqual(self.stored(), [])

    def test_it_has_a_kernel_of_its_own(self):
        mine = os.uname().release
        theirs = self.script("cat /proc/sys/kernel/osrelease").stdout.strip()
        self.assertNotEqual(theirs, mine)
        self.assertRegex(theirs, r"^\d+\.\d+")

    def test_a_signal_that_ends_the_command_is_its_status(self):
        self.assertEqual(self.script("kill -9 $$", ok=None).status, 137)

    def test_a_command_that_is_not_there(self):
        result = self.machine(["/bin/nothing"], ok=None)
        self.assertEqual(result.status, 127, result)
        self.assertIn("/bin/nothing", result.stderr)

    def test_a_directory_of_the_host(self):
        directory = os.path.join(self.directory, "shared")
        os.mkdir(directory)
        with open(os.path.join(directory, "file"), "w", encoding="ascii") as file:
            file.write("from the host\n")
        result = self.script("cat /data/file; echo x >/data/file || echo refused",
                             "-v", "%s:/data:ro" % directory)
        self.assertEqual(result.stdout, "from the host\nrefused\n")

    def test_a_disk_keeps_what_is_written_and_the_root_does_not(self):
        disk = os.path.join(self.directory, "disk.img")
        with open(disk, "wb") as file:
            file.truncate(8 << 20)
        self.script("echo kept >/dev/vdb; echo lost >/lost", "--disk", disk)
        with open(disk, "rb") as file:
            self.assertEqual(file.read(5), b"kept\n")
        self.assertEqual(self.script("test -e /lost || echo clean").stdout, "clean\n")

    def test_a_root_that_is_read_only(self):
        result = self.script("echo x 2>/dev/null >/file || echo refused", "--read-only")
        self.assertEqual(result.stdout, "refused\n")

    def test_a_life_in_the_background(self):
        name = self.new_id()
        self.call("run", "-d", "-n", name, "--as", self.technique, self.image, "--", "/bin/sh",
                  "-c", "trap 'echo ending; exit 5' TERM; echo up; while :; do sleep 0.1; done",
                  timeout=BOOT_S)
        self.wait_log(name, "up")
        result = self.call("exec", "-i", name, "/bin/sh", "-c", "cat; exit 3", input="piped\n",
                           ok=None)
        self.assertEqual((result.status, result.stdout), (3, "piped\n"))
        self.call("pause", name)
        self.assertEqual(self.row(name)["status"], "paused")
        self.call("resume", name)
        self.assertEqual(self.row(name)["status"], "running")
        self.call("stop", name, timeout=BOOT_S)
        self.assertEqual(self.row(name)["exitStatus"], 5)
        self.assertIn("ending", self.call("logs", name).stdout)

    def test_a_kill_of_the_monitor_ends_it_and_leaves_nothing(self):
        name = self.new_id()
        self.call("run", "-d", "--rm", "-n", name, "--as", self.technique, self.image, "--",
                  "/bin/sleep", "1000", timeout=BOOT_S)
        os.kill(self.row(name)["pid"], signal.SIGKILL)
        wait_until(lambda: self.row(name) is None, "it is gone")
        self.assertEqual(self.stored(), [])
        self.assertEqual(self.call("list", "--quiet").stdout, "")
        self.assertEqual(processes_of(name), [])

    def test_a_guest_that_switches_itself_off(self):
        result = self.script("echo o >/proc/sysrq-trigger; sleep 100", ok=None)
        self.assertEqual(result.status, 122, result)
        self.assertEqual(len(complaints(result)), 1, result)
        self.assertIn("switched itself off", result.stderr)

    def test_a_guest_whose_kernel_panics(self):
        result = self.script("echo c >/proc/sysrq-trigger; sleep 100", ok=None)
        self.assertEqual(result.status, 123, result)
        self.assertEqual(len(complaints(result)), 1, result)
        self.assertIn("sysrq triggered crash", result.stderr)

    def test_what_cannot_be_is_said_in_one_line(self):
        text = os.path.join(self.directory, "text")
        with open(text, "w", encoding="ascii") as file:
            file.write("no kernel\n")
        self.assertIn("0 MiB", self.refused("-m", "0"))
        self.assertIn("this host has", self.refused("-m", "200g"))
        self.assertIn("10000 CPUs", self.refused("--cpus", "10000"))
        self.assertIn(text, self.refused("--kernel", text))
        self.assertIn("/nowhere", self.refused("--disk", "/nowhere"))
        self.assertIn("/nowhere", self.refused("--initrd", "/nowhere"))
        self.assertIn("network", self.refused("--network", "bridge"))
        self.assertIn("publish", self.refused("--publish", "80"))
        self.assertIn("--device", self.refused("--device", "/dev/null"))

    def test_an_initrd_that_is_larger_than_its_memory(self):
        large = os.path.join(self.directory, "large")
        with open(large, "wb") as file:
            file.truncate(300 << 20)
        self.assertIn(large, self.refused("-m", "256m", "--initrd", large))

    def test_the_monitor_needs_little_memory_of_its_own(self):
        name = self.start_image("while :; do sleep 1; done", "--as", self.technique,
                                timeout=BOOT_S)
        with open("/proc/%d/status" % self.row(name)["pid"], encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        own = int(fields["RssAnon"].split()[0]) + int(fields["RssFile"].split()[0])
        self.assertLess(own, 64 << 10)  # kB
        self.call("rm", "--force", name)

    def test_a_terminal(self):
        name = self.new_id()
        terminal = self.terminal("run", "--rm", "-it", "-n", name, "--as", self.technique,
                                 self.image, "--", "/bin/sh", "-c",
                                 "test -t 0 && echo is a terminal; read line; echo got $line")
        end = time.monotonic() + BOOT_S
        while "is a terminal" not in terminal.output and time.monotonic() < end:
            try:
                terminal.wait_for("is a terminal")
            except AssertionError:
                pass
        terminal.type("words\r")
        terminal.wait_for("got words")
        self.assertEqual(terminal.wait(), 0)


@unittest.skipUnless(os.geteuid() == 0, "needs root to become another user")
@unittest.skipUnless(shutil.which("newuidmap"), "newuidmap is not installed (uidmap)")
class Person(MachineTest):
    """An ordinary user with subordinate ids; their kernel has no 9p."""

    def setUp(self):
        # The build and the tests' directory may be closed to others. First, so that it goes last.
        home = tempfile.mkdtemp(prefix=settings.TAG + ".", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        super().setUp()
        os.chmod(home, 0o755)
        self.place, self.home = home, lay_out(home)
        self.runtime.path = shutil.copy(settings.RUNTIME, home)
        self.runtime.root = os.path.join(self.home, "state")
        self.runtime.options = ["--storage", os.path.join(self.home, "storage")]
        self.shared = os.path.join(self.home, "shared")
        os.mkdir(self.shared)
        with open(os.path.join(self.shared, "file"), "w", encoding="ascii") as file:
            file.write("mine\n")
        self.root = shutil.copytree(self.rootfs, os.path.join(self.home, "rootfs"), symlinks=True)
        kernels = os.path.join(self.environment["XDG_CACHE_HOME"], "openvirt", "kernels")
        cache = os.path.join(self.home, "cache")
        if os.path.isdir(kernels):
            shutil.copytree(kernels, os.path.join(cache, "openvirt", "kernels"), symlinks=True)
        self.environment.update(HOME=self.home, XDG_RUNTIME_DIR=self.home + "/run",
                                XDG_CACHE_HOME=cache)
        for directory, names, files in os.walk(self.home):
            for path in [directory, *(os.path.join(directory, name) for name in names + files)]:
                os.lchown(path, ID, ID)

    def call(self, *words, **keywords):
        prefix = ["unshare", "--mount", "bash", "-c", ENTER, "bash", self.place]
        return super().call(*words, prefix=prefix, **keywords)

    def test_a_directory_becomes_a_disk_of_the_same_owner(self):
        result = self.call("run", "--rm", "--as", self.technique, "-v", self.shared + ":/data",
                           self.root, "--", "/bin/sh", "-c",
                           "cat /data/file; stat -c %u /data/file", timeout=BOOT_S)
        self.assertEqual(result.stdout, "mine\n0\n")


class Full(MachineTest):
    technique = "full"

    def test_the_same_command_finds_a_pc_and_no_hypervisor(self):
        result = self.script("cat /proc/cpuinfo; exit 4", ok=None)
        self.assertEqual(result.status, 4, result)
        self.assertNotIn("hypervisor", result.stdout)
