# SPDX-License-Identifier: Apache-2.0
"""run --as para|full --init: Debian's systemd has the machine, up to its login prompt."""

import os
import shutil
import subprocess
import unittest

from harness import settings
from harness.people import PeopleTest

MAKE_S = 600  # what mmdebstrap downloads
BOOT_S = 240  # a machine that is busy with other tests is slow


def systemd_image():
    """A directory with a Debian that has an init, made once; skips where none can be had."""
    image = os.path.join(settings.WORK, "systemd-image")
    if os.path.isdir(image):
        return image
    if not shutil.which("mmdebstrap"):
        raise unittest.SkipTest("no mmdebstrap to make an image with systemd")
    partial = image + ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    command = ["mmdebstrap", "--quiet", "--variant=minbase",
               "--include=systemd-sysv,dbus,login,udev,passwd",
               "--customize-hook=chroot \"$1\" passwd --delete root", "bookworm", partial]
    try:
        made = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=MAKE_S, check=False)
    except subprocess.TimeoutExpired:
        raise unittest.SkipTest("mmdebstrap made no image in %d s" % MAKE_S) from None
    if made.returncode != 0:
        raise unittest.SkipTest("mmdebstrap makes no image: %s" % made.stderr.strip()[-300:])
    os.rename(partial, image)
    return image


@unittest.skipIf(os.getuid() != 0, "mmdebstrap makes a directory with owners as root alone")
class Para(PeopleTest):
    technique = "para"

    def setUp(self):
        super().setUp()
        self.environment["XDG_CACHE_HOME"] = os.path.join(settings.WORK, "machines")
        self.name = self.new_id()

    def boot(self):
        return self.terminal("run", "--rm", "-it", "-n", self.name, "--as", self.technique,
                             "--init", "/sbin/init", systemd_image())

    def log_in(self, terminal):
        terminal.wait_for("login: ", BOOT_S)
        terminal.type("root\r")
        terminal.wait_for("# ", BOOT_S)
        terminal.output = ""

    def test_a_person_logs_in_and_reboots_and_switches_it_off(self):
        terminal = self.boot()
        self.log_in(terminal)
        terminal.type("systemctl is-system-running --wait; uname -n >/root/kept; reboot\r")
        terminal.wait_for("running\r\n", BOOT_S)
        terminal.wait_for("Restarting system", BOOT_S)
        terminal.output = ""
        self.log_in(terminal)
        terminal.type("test -s /root/kept && echo it is ke''pt; poweroff\r")
        terminal.wait_for("it is kept", BOOT_S)
        terminal.wait_for("Power down", BOOT_S)
        self.assertEqual(terminal.wait(), 0)
        self.assertEqual(self.stored(), [])

    def test_a_stop_before_init_listens_is_not_lost(self):
        terminal = self.boot()
        terminal.wait_for("Run /init as init process", BOOT_S)
        terminal.wait_for("mounted filesystem", BOOT_S)
        self.call("stop", "--time", str(BOOT_S), self.name, timeout=BOOT_S)
        terminal.wait_for("Power down", BOOT_S)
        self.assertEqual(terminal.wait(), 0)


class Full(Para):
    technique = "full"
