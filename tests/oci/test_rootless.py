# SPDX-License-Identifier: Apache-2.0
"""An ordinary user with subordinate ids runs containers.

The user exists in a mount namespace alone; see tests/harness/person.py.
"""

import os
import shutil
import subprocess
import unittest

from harness import settings
from harness.bundle import Bundle
from harness.case import RuntimeTest, only_openvirt
from harness.person import ENTER, ID, SUBORDINATE, lay_out
from harness.runtime import Failure, Result


@unittest.skipUnless(os.geteuid() == 0, "needs root to become another user")
@unittest.skipUnless(shutil.which("newuidmap"), "newuidmap is not installed (uidmap)")
class Rootless(RuntimeTest):
    def setUp(self):
        super().setUp()
        self.home = lay_out(self.directory)
        os.chmod(settings.WORK, 0o755)
        self.names, self.number = [], 0
        self.addCleanup(self.delete_all)

    def delete_all(self):
        for name in self.names:
            self.call("delete", "--force", name, ok=None)

    def call(self, *words, ok=True):
        # The build may lie where the user cannot go.
        program = os.path.join(self.directory, os.path.basename(settings.RUNTIME))
        if not os.path.exists(program):
            shutil.copy(settings.RUNTIME, program)
        self.number += 1
        out = os.path.join(self.directory, "out.%d" % self.number)
        command = ["unshare", "--mount", "bash", "-c", ENTER, "bash", self.directory, program,
                   *map(str, words)]
        environment = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": self.home + "/run",
                       "HOME": self.home}
        with open(out, "w+b") as file:
            status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                    env=environment, timeout=60).returncode
            file.seek(0)
            text = file.read().decode(errors="replace")
        result = Result(command[7:], status, text, text)
        if ok is not None and ok != (status == 0):
            raise Failure("must %s: %s" % ("succeed" if ok else "fail", result))
        return result

    def person_bundle(self, *words, whole_range=True):
        self.number += 1
        bundle = Bundle(os.path.join(self.home, "bundle%d" % self.number)).guest(*words)
        bundle.namespace("user")
        ranges = [{"containerID": 0, "hostID": ID, "size": 1}]
        if whole_range:
            ranges.append({"containerID": 1, "hostID": SUBORDINATE, "size": 65535})
        bundle.linux["uidMappings"] = bundle.linux["gidMappings"] = ranges
        for entry in bundle.config["mounts"]:
            if entry["destination"] == "/dev/pts":
                entry["options"] = [word for word in entry["options"]
                                    if not word.startswith("gid=")]
        bundle.save()
        for directory, names, files in os.walk(self.home):
            for name in [".", *names, *files]:
                if name not in ("guest", "busybox"):  # shared with other bundles
                    os.chown(os.path.join(directory, name), ID, ID, follow_symlinks=False)
        return bundle

    def run_person(self, bundle, *options, ok=True):
        self.names.append(self.new_id())
        return self.call("run", *options, "--bundle", bundle.path, self.names[-1], ok=ok)

    def test_a_container_runs_with_a_range_of_ids(self):
        values = self.run_person(self.person_bundle("ids")).values
        self.assertEqual((values["uid"], values["pid"]), ("0 0 0", "1"))

    def test_another_user_of_the_range(self):
        bundle = self.person_bundle("ids")
        bundle.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [5]}
        bundle.save()
        values = self.run_person(bundle).values
        self.assertEqual((values["uid"], values["groups"]), ("1000 1000 1000", "5"))

    def test_a_single_id_needs_no_helper(self):
        bundle = self.person_bundle("ids", whole_range=False)
        self.assertEqual(self.run_person(bundle).values["uid"], "0 0 0")

    def test_a_container_that_goes_on_can_be_entered_and_deleted(self):
        bundle = self.person_bundle("sleep", 1000)
        self.run_person(bundle, "--detach")
        name = self.names[-1]
        self.assertIn('"running"', self.call("state", name).stdout)
        values = self.call("exec", name, "/bin/guest", "ids", ",", "names").values
        self.assertEqual((values["uid"], values["hostname"]), ("0 0 0", "guest"))
        self.call("kill", name, "KILL")
        self.call("delete", "--force", name)
        self.call("state", name, ok=False)

    def test_devices_work(self):
        bundle = self.person_bundle().shell("echo x > /dev/null && head -c 3 /dev/zero | wc -c")
        bundle.save()
        self.assertEqual(self.run_person(bundle).stdout.split()[-1], "3")

    @only_openvirt
    def test_the_state_is_in_the_runtime_folder_of_the_user(self):
        self.run_person(self.person_bundle("sleep", 1000), "--detach")
        self.assertTrue(os.path.isdir(os.path.join(self.home, "run", "openvirt", self.names[-1])))

    def test_ids_of_others_are_refused(self):
        bundle = self.person_bundle("ids")
        for key in ("uidMappings", "gidMappings"):
            bundle.linux[key] = [{"containerID": 0, "hostID": 0, "size": 10}]
        bundle.save()
        self.run_person(bundle, ok=False)
