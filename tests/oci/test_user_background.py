# SPDX-License-Identifier: Apache-2.0
"""run -d and what follows: ps, logs, stop, start, rm, inspect, stats."""

import json
import os
import signal
import subprocess
import time

from harness import settings
from harness.people import PeopleTest
from harness.runtime import wait_until


class Background(PeopleTest):
    def test_the_name_is_printed_once_it_runs(self):
        result = self.call("run", "-d", self.image, "--", "/bin/sleep", "100")
        name = result.stdout.strip()
        self.assertEqual(self.row(name)["status"], "running")

    def test_it_survives_its_caller_s_terminal(self):
        name = self.start_image("sleep 100")
        with open("/proc/%d/stat" % self.keeper(name), encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        self.assertEqual(int(fields[3]), self.keeper(name))  # a session of its own
        self.assertEqual(fields[4], "0")  # and no terminal

    def keeper(self, name):
        with open(os.path.join(self.storage, name, "run.json"), encoding="ascii") as file:
            return json.load(file)["keeper"]

    def test_a_command_that_cannot_start_is_the_caller_s_error(self):
        result = self.call("run", "-d", self.image, "--", "/bin/nothing", ok=None)
        self.assertEqual(result.status, 127, result)
        self.assertIn("/bin/nothing", result.stderr)
        self.assertEqual((result.stdout, self.stored()), ("", []))

    def test_the_end_is_recorded(self):
        name = self.start_image("exit 9")
        self.wait_status(name, "exited")
        self.assertEqual(self.row(name)["exitStatus"], 9)
        self.assertNotIn(name, self.call("ps").stdout)
        self.assertIn("exited (9)", self.call("ps", "-a").stdout)

    def test_nothing_of_a_run_is_left_when_it_ends(self):
        name = self.start_image("true")
        self.wait_status(name, "exited")
        self.assertEqual(self.call("list", "--quiet").stdout, "")
        self.call("state", name, ok=False)

    def test_rm_removes_all_when_it_ends(self):
        name = self.start_image("sleep 0.1", "--rm")
        wait_until(lambda: self.row(name) is None, "it is gone")
        self.assertEqual(self.stored(), [])

    def test_a_killed_keeper_leaves_what_can_be_removed(self):
        name = self.start_image("sleep 100")
        os.kill(self.keeper(name), signal.SIGKILL)
        wait_until(lambda: not os.path.exists("/proc/%d/fd/0" % self.keeper(name)), "it is dead")
        self.assertEqual(self.row(name)["status"], "running")
        self.call("stop", name)
        self.assertEqual(self.row(name)["status"], "lost")
        self.call("rm", name)
        self.assertIsNone(self.row(name))
        self.assertEqual(self.call("list", "--quiet").stdout, "")

    def test_a_signal_to_the_keeper_reaches_the_command(self):
        name = self.start_image("trap 'exit 33' TERM; echo ready; while :; do sleep 0.05; done")
        self.wait_log(name, "ready")
        os.kill(self.keeper(name), signal.SIGTERM)
        self.wait_status(name, "exited")
        self.assertEqual(self.row(name)["exitStatus"], 33)

    def test_the_keeper_cannot_be_looked_into(self):
        name = self.start_image("sleep 100")
        with open("/proc/%d/status" % self.keeper(name), encoding="ascii") as file:
            self.assertIn("openvirt-keeper", file.read())
        # /proc/PID of a process that is not dumpable belongs to root in every case; gdb and others
        # are told by PTRACE_ATTACH. What root can see here is that prctl() said so.
        self.assertEqual(os.stat("/proc/%d/fd" % self.keeper(name)).st_uid, 0)


class Exec(PeopleTest):
    def test_a_user_by_name_with_their_groups(self):
        with open(os.path.join(self.rootfs, "etc", "group"), "a", encoding="ascii") as file:
            file.write("crew:x:77:person\n")
        name = self.start_image("exec sleep 100")
        values = self.call("exec", "-u", "person", name, "/bin/guest", "ids").values
        self.assertEqual((values["uid"], values["gid"]), ("1000 1000 1000", "1000 1000 1000"))
        self.assertEqual(values["groups"].split(), ["77"])
        values = self.call("exec", "-u", "person:crew", name, "/bin/guest", "ids").values
        self.assertEqual(values["gid"], "77 77 77")

    def test_a_stranger_is_refused(self):
        name = self.start_image("exec sleep 100")
        for user in ("stranger", "person:strangers", "0x", "1000;", "person:", ":person", "-1"):
            with self.subTest(user=user):
                self.call("exec", "--user=" + user, name, "/bin/true", ok=False)

    def test_in_one_that_has_ended_it_says_how_to_go_on(self):
        name = self.new_id()
        self.call("run", "-n", name, self.image)
        result = self.call("exec", name, "/bin/true", ok=False)
        self.assertIn("openvirt start %s" % name, result.stderr)


class Logs(PeopleTest):
    def test_both_streams_in_order(self):
        name = self.start_image("echo one; echo two >&2; echo three")
        self.wait_status(name, "exited")
        result = self.call("logs", name)
        self.assertEqual((result.stdout, result.stderr), ("one\nthree\n", "two\n"))

    def test_the_last_lines(self):
        name = self.start_image("for i in 1 2 3 4 5; do echo line $i; done")
        self.wait_status(name, "exited")
        self.assertEqual(self.call("logs", "--tail", "2", name).stdout, "line 4\nline 5\n")
        self.assertEqual(self.call("logs", "-n", "0", name).stdout, "")
        self.assertEqual(self.call("logs", "--tail", "all", name).stdout.count("line"), 5)
        self.call("logs", "--tail", "few", name, ok=False)

    def test_times(self):
        name = self.start_image("echo stamped")
        self.wait_status(name, "exited")
        self.assertRegex(self.call("logs", "-t", name).stdout,
                         r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z stamped\n$")
        self.assertEqual(self.call("logs", "--since", "1h", name).stdout, "stamped\n")
        self.assertEqual(self.call("logs", "--since", "2999-01-01T00:00:00Z", name).stdout, "")
        self.call("logs", "--since", "lately", name, ok=False)

    def test_following_ends_with_the_instance(self):
        name = self.start_image("echo first; sleep 0.3; echo second; sleep 0.3; printf last")
        result = self.call("logs", "--follow", name)
        self.assertEqual(result.stdout, "first\nsecond\nlast")

    def test_following_goes_through_rotations(self):
        lines = 3000
        name = self.start_image(
            "sleep 0.3; i=0; while [ $i -lt %d ]; do i=$((i+1)); echo line $i of a log that is "
            "rotated a few times; done" % lines, "--log-size", "64k")
        words = self.runtime.words("logs", "-f", name)
        result = subprocess.run(words, env=self.environment, stdout=subprocess.PIPE, text=True,
                                timeout=settings.TIMEOUT_S)
        numbers = [int(line.split()[1]) for line in result.stdout.splitlines()]
        self.assertEqual(numbers[-1], lines)
        self.assertEqual(numbers, sorted(numbers))
        self.assertTrue(os.path.exists(os.path.join(self.storage, name, "log.1")))

    def test_a_reader_that_leaves_hurts_nobody(self):
        name = self.start_image("while :; do echo again; sleep 0.01; done")
        words = self.runtime.words("logs", "-f", name)
        with subprocess.Popen(words, env=self.environment, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            process.stdout.close()
            process.wait(settings.TIMEOUT_S)
        self.assertEqual(self.row(name)["status"], "running")

    def test_the_log_holds_its_size(self):
        name = self.start_image("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo line $i; done",
                                "--log-size", "64k")
        self.wait_status(name, "exited")
        sizes = [os.path.getsize(os.path.join(self.storage, name, file))
                 for file in ("log", "log.1")]
        self.assertLessEqual(max(sizes), 64 << 10)
        self.assertTrue(self.call("logs", name).stdout.endswith("line 20000\n"))

    def test_a_terminal_s_output_is_logged(self):
        name = self.start_image("tty; echo from a terminal", "-t")
        self.wait_status(name, "exited")
        output = self.call("logs", name).stdout
        self.assertIn("/dev/pts/0", output)
        self.assertIn("from a terminal", output)

    def test_there_are_none_of_a_stranger(self):
        self.assertIn("does not exist", self.call("logs", "stranger", ok=False).stderr)


class Ends(PeopleTest):
    def test_stop_sends_term_first(self):
        name = self.start_image("trap 'echo bye; exit 5' TERM; echo ready; "
                                "while :; do sleep 0.05; done")
        self.wait_log(name, "ready")
        self.assertEqual(self.call("stop", name).stdout, name + "\n")
        self.assertEqual(self.row(name)["exitStatus"], 5)
        self.assertIn("bye", self.call("logs", name).stdout)

    def test_stop_kills_when_time_is_up(self):
        name = self.start_image("trap 'echo deaf' TERM; echo ready; while :; do sleep 0.05; done")
        self.wait_log(name, "ready")
        begin = time.monotonic()
        self.call("stop", "--time", "1", name)
        self.assertGreater(time.monotonic() - begin, 0.9)
        self.assertEqual(self.row(name)["exitStatus"], 137)

    def test_stop_does_not_wait_for_one_that_cannot_hear(self):
        name = self.start_image("exec sleep 100")
        begin = time.monotonic()
        self.call("stop", name)
        self.assertLess(time.monotonic() - begin, 5)

    def test_stop_sends_the_signal_of_its_choice(self):
        name = self.start_image("trap 'exit 6' USR1; echo ready; while :; do sleep 0.05; done",
                                "--stop-signal", "USR1")
        self.wait_log(name, "ready")
        self.call("stop", name)
        self.assertEqual(self.row(name)["exitStatus"], 6)

    def test_stop_takes_several_and_tells_the_wrong_ones(self):
        names = [self.start_image("exec sleep 100") for _ in range(2)]
        result = self.call("stop", names[0], "stranger", names[1], ok=False)
        self.assertEqual(result.stdout.split(), names)
        self.assertIn("stranger", result.stderr)

    def test_stop_of_a_paused_one(self):
        name = self.start_image("exec sleep 100")
        self.call("pause", name)
        self.call("stop", name)
        self.assertEqual(self.row(name)["status"], "exited")

    def test_stop_and_rm_serve_containers_of_other_callers(self):
        container = self.sleeper()
        self.call("stop", container.id)
        self.assertEqual(container.status, "stopped")
        self.call("rm", container.id)
        self.assertEqual(self.call("list", "--quiet").stdout, "")

    def test_what_runs_is_removed_by_force_alone(self):
        name = self.start_image("exec sleep 100")
        self.assertIn("running", self.call("rm", name, ok=False).stderr)
        self.assertEqual(self.row(name)["status"], "running")
        self.call("rm", "--force", name)
        self.assertEqual(self.stored(), [])

    def test_start_goes_on_with_what_was_written(self):
        name = self.start_image("echo again >>/file; cat /file; exec sleep 100")
        self.wait_log(name, "again")
        self.call("stop", name)
        self.call("start", name)
        self.wait_log(name, "again\nagain\nagain\n")
        self.assertEqual(self.row(name)["status"], "running")
        self.call("start", name, ok=False)

    def test_what_enters_the_container_is_a_sealed_copy_when_it_starts_again_too(self):
        """CVE-2019-5736."""
        name = self.start_image("exec sleep 100")
        for _ in range(2):
            with open(os.path.join(self.storage, name, "run.json"), encoding="utf-8") as file:
                keeper = json.load(file)["keeper"]
            self.assertIn("memfd:", os.readlink("/proc/%d/exe" % keeper))
            self.call("stop", name)
            self.call("start", name)

    def test_one_that_ran_in_the_foreground_can_be_started(self):
        name = self.new_id()
        self.call("run", "-n", name, self.image, "--", "/bin/sh", "-c",
                  "echo again >>/file; cat /file")
        self.assertEqual(self.row(name)["exitStatus"], 0)
        self.call("start", name)
        self.wait_status(name, "exited")
        self.assertEqual(self.call("logs", name).stdout, "again\nagain\n")

    def test_want_of_memory_is_told(self):
        name = self.start_image("/bin/busybox tail /dev/zero; exit 3", "-m", "16m")
        self.wait_status(name, "exited")
        self.assertEqual(self.row(name)["exitStatus"], 3)
        self.assertIn("exited (3, out of memory)", self.call("ps", "-a").stdout)
        self.assertTrue(self.call("inspect", name).json[0]["state"]["outOfMemory"])


class Views(PeopleTest):
    def test_inspect_tells_what_it_is(self):
        name = self.start_image("exec sleep 100", "-m", "64m", "-e", "A=1", "--annotation", "k=v")
        value, = self.call("inspect", name).json
        self.assertEqual(value["state"]["status"], "running")
        self.assertGreater(value["state"]["pid"], 0)
        self.assertEqual(value["limits"]["memory"]["limit"], 64 << 20)
        self.assertIn("A=1", value["environment"])
        self.assertEqual(value["annotations"]["k"], "v")
        self.assertTrue(os.path.exists(value["logPath"]))
        self.call("stop", name)
        value, = self.call("inspect", name).json
        self.assertEqual(value["state"]["exitStatus"], 137)
        self.assertEqual(value["command"][-1], "exec sleep 100")

    def test_inspect_tells_the_wrong_names_and_the_others_all_the_same(self):
        name = self.start_image("exec sleep 100")
        result = self.call("inspect", "stranger", name, ok=False)
        self.assertEqual([value["name"] for value in result.json], [name])
        self.assertIn("stranger", result.stderr)

    def test_stats_see_work_and_idleness(self):
        busy = self.start_image("while :; do :; done", "-m", "64m")
        idle = self.start_image("exec sleep 100")
        stats = self.call("stats", "--no-stream", "--format", "json").json
        rows = {row["name"]: row for row in stats}
        self.assertGreater(rows[busy]["cpuPercent"], 10)
        self.assertLess(rows[idle]["cpuPercent"], 10)
        self.assertEqual(rows[busy]["memoryLimit"], 64 << 20)
        self.assertGreaterEqual(rows[busy]["pids"], 1)

    def test_stats_of_one_end_with_it(self):
        name = self.start_image("sleep 0.5")
        result = self.call("stats", name)
        self.assertIn(name, result.stdout)

    def test_stats_of_a_stranger(self):
        self.call("stats", "--no-stream", "stranger", ok=False)

    def test_ps_lists_containers_of_other_callers(self):
        container = self.sleeper()
        row = self.row(container.id)
        self.assertEqual((row["status"], row["command"]), ("running", "/bin/guest sleep 1000"))

    def test_ps_with_an_id_lists_its_processes(self):
        name = self.start_image("exec sleep 100")
        self.assertEqual(self.call("ps", "--format", "json", name).json, [self.row(name)["pid"]])

    def test_a_table_cannot_be_written_to_by_a_container(self):
        name = self.start_image("sleep 100; : \033[2J")
        self.assertNotIn("\033", self.call("ps").stdout)
        self.assertIn(name, self.call("ps").stdout)


class FullDisk(PeopleTest):
    """The storage directory is a file system of one megabyte."""

    def setUp(self):
        super().setUp()
        os.makedirs(self.storage)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", self.storage], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.storage], check=True)

    def fill(self):
        with open(os.path.join(self.storage, ".filler"), "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass

    def test_a_run_without_room_is_one_clear_error_and_leaves_nothing(self):
        image = self.image
        self.call("run", "--rm", image)
        self.fill()
        result = self.call("run", image, ok=False)
        self.assertIn("No space left on device", result.stderr)
        self.assertEqual([name for name in self.stored() if name != ".filler"], [])

    def test_an_instance_goes_on_when_its_log_has_no_room(self):
        name = self.start_image("echo begin; while ! test -e /go/on; do sleep 0.05; done; "
                                "i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo lost; done; "
                                "exit 4", "-v", self.directory + ":/go:ro")
        self.wait_log(name, "begin")
        self.fill()
        with open(os.path.join(self.directory, "on"), "wb"):
            pass
        wait_until(lambda: self.call("list", "-q").stdout == "", "it ends")
        os.unlink(os.path.join(self.storage, ".filler"))
        self.assertIn("begin", self.call("logs", name).stdout)
        self.call("rm", "--force", name)
