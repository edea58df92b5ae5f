# SPDX-License-Identifier: Apache-2.0
"""exec: another process in a running container."""

import json
import os
import time

from harness import settings
from harness.case import RuntimeTest, only_openvirt


class Exec(RuntimeTest):
    def with_process(self, container, ok=True, options=(), **process):
        path = os.path.join(self.directory, "process.json")
        whole = {"args": ["/bin/guest", "ids"], "cwd": "/", "user": {"uid": 0, "gid": 0},
                 "env": ["PATH=/bin"], **process}
        with open(path, "w", encoding="utf-8") as file:
            json.dump(whole, file)
        return self.runtime.call("exec", "--process", path, *options, container.id, ok=ok)

    def test_it_gives_back_output_and_status(self):
        container = self.sleeper()
        result = container.exec("/bin/sh", "-c", "echo out; echo err >&2; exit 9", ok=None)
        self.assertEqual((result.status, result.stdout, result.stderr), (9, "out\n", "err\n"))

    def test_a_death_by_signal_is_128_and_the_signal(self):
        container = self.sleeper()
        self.assertEqual(container.exec("/bin/guest", "raise", "9", ok=None).status, 137)

    def test_it_reads_standard_input(self):
        container = self.sleeper()
        self.assertEqual(container.exec("/bin/cat", input="words\n").stdout, "words\n")

    def test_the_process_is_in_the_container(self):
        container = self.sleeper()
        values = container.exec("/bin/guest", "ids", ",", "names").values
        self.assertEqual(values["hostname"], "guest")
        self.assertLess(int(values["pid"]), 50)

    def test_only_the_standard_descriptors_are_open(self):
        container = self.sleeper()
        self.assertEqual(container.exec("/bin/guest", "descriptors").values["descriptors"], "0 1 2")

    def test_a_process_document(self):
        container = self.sleeper()
        values = self.with_process(
            container, args=["/bin/guest", "ids", ",", "cwd", ",", "environment", ",",
                             "capabilities", ",", "confinement", ",", "umask", ",", "rlimits"],
            cwd="/tmp", env=["PATH=/bin", "ONE=1"], noNewPrivileges=True,
            user={"uid": 1000, "gid": 1001, "additionalGids": [5, 6], "umask": 0o27},
            rlimits=[{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]).values
        self.assertIncludes(values, {
            "uid": "1000 1000 1000", "gid": "1001 1001 1001", "cwd": "/tmp", "env.ONE": "1",
            "no_new_privs": "1", "umask": "0027", "RLIMIT_CORE": "0 0"})
        self.assertEqual(set(values["groups"].split()), {"5", "6"})
        self.assertEqual(int(values["effective"], 0), 0)

    @only_openvirt
    def test_a_label_that_the_kernel_does_not_know_is_refused_by_name(self):
        if os.path.exists("/sys/module/apparmor"):
            self.skipTest("this kernel has AppArmor")
        result = self.with_process(self.sleeper(), ok=False, apparmorProfile="strict")
        self.assertIn("process.apparmorProfile: strict is asked for, and this kernel has no AppArmor",
                      result.stderr)

    def test_a_process_document_with_capabilities(self):
        container = self.sleeper()
        values = self.with_process(container, args=["/bin/guest", "capabilities"], capabilities={
            name: ["CAP_KILL"] for name in ("bounding", "effective", "permitted")}).values
        self.assertEqual(int(values["effective"], 0), 1 << 5)
        self.assertEqual(int(values["bounding"], 0), 1 << 5)

    def test_a_wrong_process_document_is_refused(self):
        container = self.sleeper()
        if not settings.OURS:
            self.skipTest("crun and runc accept some of these")
        for wrong in ({"args": []}, {"args": "ls"}, {"cwd": "relative"}, {"user": {"uid": -1}},
                      {"env": ["PATH=/bin", 3]}, {"rlimits": [{"type": "RLIMIT_MAGIC"}]}):
            with self.subTest(wrong=wrong):
                self.with_process(container, ok=False, **wrong)

    @only_openvirt
    def test_errors_of_a_process_document_come_all_at_once(self):
        container = self.sleeper()
        stderr = self.with_process(container, ok=False, cwd="relative",
                                   user={"uid": -1, "gid": "x"}).stderr
        for path in ("cwd", "user.uid", "user.gid"):
            self.assertIn(path, stderr)

    def test_environment_and_directory_by_options(self):
        container = self.sleeper()
        values = container.exec("/bin/guest", "environment", ",", "cwd", options=(
            "--env", "ONE=1", "-e", "TWO=2", "--cwd", "/tmp")).values
        self.assertIncludes(values, {"env.ONE": "1", "env.TWO": "2", "cwd": "/tmp"})

    def test_user_by_option(self):
        container = self.sleeper()
        values = container.exec("/bin/guest", "ids", options=("--user", "1000:1001")).values
        self.assertIncludes(values, {"uid": "1000 1000 1000", "gid": "1001 1001 1001"})

    def test_user_without_a_group(self):
        container = self.sleeper()
        values = container.exec("/bin/guest", "ids", options=("-u", "1000")).values
        self.assertEqual(values["uid"], "1000 1000 1000")

    @only_openvirt
    def test_additional_groups_capabilities_and_no_new_privileges(self):
        container = self.sleeper()
        values = container.exec("/bin/guest", "ids", ",", "capabilities", ",", "confinement",
                                options=("--additional-gids", "7", "-g", "8", "--cap",
                                         "CAP_CHOWN", "--no-new-privs")).values
        self.assertEqual(set(values["groups"].split()), {"7", "8"})
        self.assertTrue(int(values["effective"], 0) & 1)
        self.assertEqual(values["no_new_privs"], "1")

    @only_openvirt
    def test_without_options_it_is_as_the_first_process(self):
        bundle = self.bundle()
        bundle.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [5]}
        bundle.process["cwd"] = "/tmp"
        bundle.process["env"].append("ONE=1")
        container = self.sleeper(bundle)
        values = container.exec("/bin/guest", "ids", ",", "cwd", ",", "environment", ",",
                                "confinement").values
        self.assertIncludes(values, {"uid": "1000 1000 1000", "cwd": "/tmp", "env.ONE": "1",
                                     "no_new_privs": "1"})

    def test_a_detached_process_goes_on_and_its_pid_is_written(self):
        container = self.sleeper()
        path = os.path.join(self.directory, "exec.pid")
        begin = time.monotonic()
        container.exec("/bin/guest", "sleep", "1000", options=("--detach", "--pid-file", path))
        self.assertLess(time.monotonic() - begin, 10)
        with open(path, encoding="ascii") as file:
            pid = int(file.read())
        with open("/proc/%d/comm" % pid, encoding="ascii") as file:
            self.assertEqual(file.read(), "guest\n")
        pids = self.runtime.call("ps", "--format", "json", container.id).json
        self.assertEqual(sorted(pids), sorted([container.pid, pid]))

    def test_a_program_that_is_not_there(self):
        container = self.sleeper()
        result = container.exec("/no/such", ok=False)
        self.assertRegex(result.stderr,
                         "(?i)executable file not found in|no such file or directory|open executable")
        self.assertEqual(container.status, "running")

    @only_openvirt
    def test_statuses_of_what_cannot_run(self):
        container = self.sleeper()
        self.assertEqual(container.exec("/no/such", ok=None).status, 127)
        self.assertEqual(container.exec("/etc/passwd", ok=None).status, 126)

    def test_exec_into_what_is_not_running_is_refused(self):
        container = self.container(self.bundle().guest("exit", 0))
        container.up().wait_stopped()
        result = container.exec("/bin/true", ok=False)
        if settings.OURS:
            self.assertIn("not running", result.stderr)

    def test_exec_into_a_created_container(self):
        container = self.container(self.bundle().guest("sleep", 100))
        container.create()
        values = container.exec("/bin/guest", "names", ok=None).values
        if values:
            self.assertEqual(values["hostname"], "guest")

    @only_openvirt
    def test_without_a_command_it_is_refused(self):
        self.runtime.call("exec", self.sleeper().id, ok=False)

    def test_options_of_the_command_are_the_commands(self):
        container = self.sleeper()
        values = container.exec("/bin/guest", "arguments", "--user", "-d").values
        self.assertEqual((values["argument.0"], values["argument.1"]), ("--user", "-d"))

    def test_preserve_fds(self):
        container = self.sleeper()
        shell = ["/bin/bash", "-c", "exec \"$@\" 3</dev/null 4</dev/null", "sh"]
        values = container.exec("/bin/guest", "descriptors", options=("--preserve-fds", "2"),
                                prefix=shell).values
        self.assertEqual(values["descriptors"], "0 1 2 3 4")

    def test_many_in_turn_leave_nothing(self):
        container = self.sleeper()
        for _ in range(20):
            container.exec("/bin/true")
        pids = self.runtime.call("ps", "--format", "json", container.id).json
        self.assertEqual(pids, [container.pid])

    def test_the_working_directory_is_checked(self):
        container = self.sleeper()
        container.exec("/bin/true", options=("--cwd", "/no/such"), ok=False)
