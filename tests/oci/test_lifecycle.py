# SPDX-License-Identifier: Apache-2.0
"""create, start, state, kill, delete, pause, resume, list, run: the life of a container."""

import concurrent.futures
import json
import os
import subprocess
import threading

from harness import settings
from harness.case import RuntimeTest, cgroup_path, cgroups_of, only_openvirt
from harness.runtime import wait_until


class LifeCycle(RuntimeTest):
    def test_a_created_container_waits_for_start(self):
        container = self.container()
        container.bundle.guest("say", "started")
        container.create()
        self.assertEqual(container.status, "created")
        self.assertNotIn("started", container.text())
        container.start()
        container.wait_stopped()
        self.assertIn("say=started", container.text())

    def test_state_has_what_the_specification_asks(self):
        container = self.container()
        container.bundle.config["annotations"] = {"org.example.key": "a value"}
        container.bundle.guest("sleep", 100)
        container.create()
        state = container.state()
        self.assertIncludes(state, {"id": container.id, "status": "created", "pid": container.pid,
                                    "bundle": container.bundle.path,
                                    "annotations": {"org.example.key": "a value"}})
        self.assertRegex(state["ociVersion"], r"^1\.\d+\.\d+")
        if settings.OURS:
            self.assertEqual(state["rootfs"], container.bundle.rootfs)
        self.assertRegex(state["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)$")
        self.assertIn("owner", state)

    def test_the_pid_file_names_the_process_and_has_no_newline(self):
        container = self.sleeper()
        with open(container.pid_file, encoding="ascii") as file:
            self.assertRegex(file.read(), r"^\d+$")
        self.assertEqual(container.state()["pid"], container.pid)
        with open("/proc/%d/comm" % container.pid, encoding="ascii") as file:
            self.assertEqual(file.read().strip(), "guest")

    def test_status_goes_created_running_paused_running_stopped(self):
        container = self.container()
        container.bundle.guest("sleep", 100)
        container.create()
        self.assertEqual(container.status, "created")
        container.start()
        self.assertEqual(container.status, "running")
        container.call("pause")
        self.assertEqual(container.status, "paused")
        container.call("resume")
        self.assertEqual(container.status, "running")
        container.kill("KILL")
        container.wait_stopped()
        container.delete()
        container.call("state", ok=False)

    def test_pause_stops_every_process_and_resume_goes_on(self):
        container = self.container()
        container.bundle.shell("i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.01; done")
        container.up()
        container.wait_for_text("tick 3")
        container.call("pause")
        first = container.text()
        threading.Event().wait(0.15)
        self.assertEqual(container.text(), first)
        container.call("resume")
        wait_until(lambda: len(container.text()) > len(first), "ticks again")

    def test_a_second_container_of_the_same_id_is_refused_and_the_first_lives_on(self):
        first = self.sleeper()
        second = self.container(id=first.id)
        self.containers.remove(second)
        result = second.create(ok=False)
        self.assertRegex(result.stderr, "exist")
        self.assertEqual(first.status, "running")

    def test_start_of_a_running_container_fails(self):
        self.sleeper().start(ok=False)

    def test_start_of_a_stopped_container_fails(self):
        container = self.container()
        container.bundle.guest("exit", 0)
        container.up().wait_stopped()
        container.start(ok=False)

    def test_start_without_a_process_section_fails_but_create_works(self):
        container = self.container()
        del container.bundle.config["process"]
        result = container.create(ok=None)
        if result.status == 0:
            container.start(ok=False)

    def test_delete_of_a_running_container_needs_force(self):
        container = self.sleeper()
        container.delete(ok=False)
        self.assertEqual(container.status, "running")
        pid = container.pid
        container.delete("--force")
        self.assertFalse(os.path.exists("/proc/%d/ns" % pid) and self.alive(pid))
        self.assertEqual(cgroups_of(container.id), [])

    def alive(self, pid):
        try:
            with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as file:
                return file.read().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return False

    def test_delete_force_of_what_never_was_is_fine(self):
        self.runtime.call("delete", "--force", self.new_id())

    @only_openvirt
    def test_delete_of_what_never_was_fails_and_says_so(self):
        result = self.runtime.call("delete", self.new_id(), ok=False)
        self.assertIn("does not exist", result.stderr)

    def test_delete_force_of_a_created_container(self):
        container = self.container()
        container.bundle.guest("sleep", 100)
        container.create()
        pid = container.pid
        container.delete("--force")
        wait_until(lambda: not self.alive(pid), "the waiting process is gone")
        self.assertEqual(cgroups_of(container.id), [])

    def test_delete_force_of_a_paused_container(self):
        container = self.sleeper()
        pid = container.pid
        container.call("pause")
        container.delete("--force")
        wait_until(lambda: not self.alive(pid), "the frozen process is gone")
        self.assertEqual(cgroups_of(container.id), [])

    def test_delete_force_ends_processes_that_outlived_the_first(self):
        container = self.container(self.bundle().without_namespace("pid"))
        container.bundle.shell("sleep 1000 & echo ready; exec sleep 1000")
        container.up()
        container.wait_for_text("ready")
        container.kill("KILL")
        container.wait_stopped()
        pids = self.pids_in(container.id)
        container.delete("--force")
        wait_until(lambda: not any(map(self.alive, pids)), "left processes are gone")
        self.assertEqual(cgroups_of(container.id), [])

    def pids_in(self, id):
        pids = []
        for path in cgroups_of(id):
            with open(os.path.join(path, "cgroup.procs"), encoding="ascii") as file:
                pids += map(int, file.read().split())
        return pids

    def test_verbs_on_a_container_that_is_not_there_fail(self):
        for verb in ("start", "state", "pause", "resume", "ps"):
            with self.subTest(verb):
                result = self.runtime.call(verb, self.new_id(), ok=False)
                self.assertRegex(result.stderr, "does not exist|no such|No such")

    def test_pause_of_a_stopped_container_fails(self):
        container = self.container()
        container.bundle.guest("exit", 0)
        container.up().wait_stopped()
        container.call("pause", ok=False)

    def test_pause_of_a_paused_container_and_resume_of_a_running_one(self):
        container = self.sleeper()
        if settings.OURS:
            container.call("resume", ok=False)
        container.call("pause")
        if settings.OURS:
            container.call("pause", ok=False)
        container.call("resume")
        self.assertEqual(container.status, "running")

    def test_a_change_of_config_json_after_create_has_no_effect(self):
        container = self.container()
        container.bundle.guest("say", "first")
        container.create()
        container.bundle.guest("say", "second").save()
        container.start()
        container.wait_stopped()
        self.assertIn("say=first", container.text())

    def test_a_config_json_that_is_gone_after_create_has_no_effect(self):
        container = self.container()
        container.bundle.guest("sleep", 100)
        container.create()
        os.unlink(os.path.join(container.bundle.path, "config.json"))
        container.start()
        self.assertEqual(container.exec("/bin/guest", "say", "hello").values["say"], "hello")
        container.delete("--force")

    def test_another_config_file_can_be_named(self):
        container = self.container()
        container.bundle.guest("say", "other").save()
        path = os.path.join(container.bundle.path, "other.json")
        os.rename(os.path.join(container.bundle.path, "config.json"), path)
        result = container.call("run", "--bundle", container.bundle.path, "--config", path)
        self.assertEqual(result.values["say"], "other")

    def test_the_bundle_is_the_working_directory_when_none_is_given(self):
        container = self.container()
        container.bundle.guest("say", "here").save()
        result = container.call("run", cwd=container.bundle.path)
        self.assertEqual(result.values["say"], "here")

    def test_create_without_a_bundle_names_the_missing_file(self):
        result = self.runtime.call("create", "--bundle", self.directory, self.new_id(), ok=False)
        self.assertIn("config.json", result.stderr)

    @only_openvirt
    def test_ids_that_are_not_allowed_are_refused(self):
        bundle = self.bundle().guest("exit", 0).save()
        for id in ("", ".", "..", "a/b", "../up", "a b", "a\nb", "ä", "x" * 200):
            with self.subTest(id=id):
                self.runtime.call("create", "--bundle", bundle.path, id, ok=False)
        self.assertEqual(self.runtime.call("list", "--quiet").stdout, "")

    def test_ids_with_all_allowed_characters_work(self):
        container = self.container(id=self.new_id() + "_A.b+c-9")
        container.bundle.guest("exit", 0)
        container.run()

    def test_hello_from_a_root_that_is_an_absolute_path(self):
        bundle = self.bundle()
        bundle.config["root"]["path"] = bundle.rootfs
        self.assertEqual(self.guest("say", "hello", bundle=bundle)["say"], "hello")

    @only_openvirt
    def test_the_first_process_sees_its_state_fifo_nowhere(self):
        values = self.guest("descriptors")
        self.assertEqual(values["descriptors"], "0 1 2")


class Run(RuntimeTest):
    def test_run_gives_back_the_exit_status(self):
        for status in (0, 1, 42, 255):
            with self.subTest(status=status):
                container = self.container(self.bundle().guest("exit", status))
                self.assertEqual(container.run(ok=None).status, status)

    def test_run_gives_128_and_the_signal(self):
        container = self.container(self.bundle().without_namespace("pid").guest("raise", 9))
        self.assertEqual(container.run(ok=None).status, 137)

    def test_run_deletes_the_container_at_its_end(self):
        container = self.container(self.bundle().guest("exit", 3))
        container.run(ok=None)
        container.call("state", ok=False)
        self.assertEqual(cgroups_of(container.id), [])

    @only_openvirt
    def test_run_keep_leaves_a_stopped_container(self):
        container = self.container(self.bundle().guest("exit", 3))
        container.run("--keep", ok=None)
        self.assertEqual(container.status, "stopped")
        container.delete()

    def test_run_detach_leaves_it_running(self):
        container = self.container(self.bundle().guest("sleep", 100))
        container.run("--detach", "--pid-file", container.pid_file)
        self.assertEqual(container.status, "running")
        self.assertEqual(container.state()["pid"], container.pid)

    def test_run_passes_standard_input_on(self):
        container = self.container(self.bundle().shell("cat"))
        self.assertEqual(container.run(input="some words\n").stdout, "some words\n")

    def test_run_passes_signals_on(self):
        container = self.container(self.bundle().guest("catch"))
        container.bundle.save()
        out = os.path.join(self.directory, "out")
        with open(out, "wb") as file:
            process = subprocess.Popen(self.runtime.words("run", "--bundle", container.bundle.path,
                                                          container.id), stdout=file,
                                       stdin=subprocess.DEVNULL)
        def said(text):
            with open(out, encoding="ascii") as file:
                return text in file.read()
        wait_until(lambda: said("catching"), "guest catches")
        process.terminate()
        self.assertEqual(process.wait(10), 0)
        self.assertTrue(said("signal=15"))

    def test_a_program_that_is_not_there_is_named_and_leaves_nothing(self):
        container = self.container()
        container.bundle.process["args"] = ["/no/such/program"]
        result = container.run(ok=False)
        # podman: exit 127 on these texts.
        self.assertRegex(result.stderr,
                         "(?i)executable file not found in|no such file or directory|open executable")
        self.assertNothingMade(container)

    def test_a_program_that_is_not_in_the_path_is_named_and_leaves_nothing(self):
        container = self.container()
        container.bundle.process["args"] = ["nosuchprogram"]
        result = container.run(ok=False)
        self.assertRegex(result.stderr, "(?i)executable file .*not found in|no such file or directory")
        self.assertNothingMade(container)

    def test_a_program_that_may_not_be_executed_is_named(self):
        container = self.container()
        container.bundle.file("bin/text", "just text", 0o644)
        container.bundle.process["args"] = ["/bin/text"]
        result = container.run(ok=False)
        # podman: exit 126 on these texts.
        self.assertRegex(result.stderr, "(?i)permission denied|operation not permitted")
        self.assertNothingMade(container)

    def test_a_directory_as_program_is_refused(self):
        container = self.container()
        container.bundle.process["args"] = ["/bin"]
        self.assertRegex(container.run(ok=False).stderr,
                         "(?i)permission denied|is a directory|operation not permitted")

    @only_openvirt
    def test_a_script_whose_interpreter_is_missing_names_the_interpreter(self):
        container = self.container()
        container.bundle.file("bin/script", "#!/no/interpreter\n", 0o755)
        container.bundle.process["args"] = ["/bin/script"]
        self.assertIn("/no/interpreter", container.run(ok=False).stderr)

    @only_openvirt
    def test_a_script_with_carriage_returns_is_explained(self):
        container = self.container()
        container.bundle.file("bin/script", "#!/bin/sh\r\necho hello\r\n", 0o755)
        container.bundle.process["args"] = ["/bin/script"]
        self.assertRegex(container.run(ok=False).stderr, r"(?i)CRLF|carriage return|\\r")

    def test_a_program_is_found_by_the_containers_own_path(self):
        bundle = self.bundle()
        bundle.file("opt/tool", "#!/bin/sh\necho found\n", 0o755)
        bundle.process["env"] = ["PATH=/nowhere:/opt"]
        bundle.process["args"] = ["tool"]
        self.assertEqual(self.container(bundle).run().stdout, "found\n")

    def test_a_working_directory_that_is_not_there_is_made_or_refused(self):
        bundle = self.bundle().guest("cwd")
        bundle.process["cwd"] = "/not/there/yet"
        result = self.container(bundle).run(ok=None)
        if result.status == 0:
            self.assertEqual(result.values["cwd"], "/not/there/yet")
        else:
            self.assertIn("/not/there/yet", result.stderr)

    def test_arguments_reach_the_program_unchanged(self):
        words = ["", "two words", "tab\there", "quote'\"", "ä€", "--", "-x"]
        values = self.guest("arguments", *words)
        self.assertEqual([values["argument.%d" % i] for i in range(len(words))], words)

    def test_a_long_list_of_arguments_works(self):
        bundle = self.bundle()
        bundle.process["args"] = ["/bin/busybox", "expr", "length", "x" * 100000]
        self.assertEqual(self.container(bundle).run().stdout, "100000\n")


class Kill(RuntimeTest):
    def check_signal(self, word, number):
        container = self.container(self.bundle().guest("catch"))
        container.up()
        container.wait_for_text("catching")
        container.kill(word)
        container.wait_for_text("signal=%d" % number)

    def test_a_signal_by_number(self):
        self.check_signal("10", 10)

    def test_a_signal_by_name(self):
        self.check_signal("TERM", 15)

    def test_a_signal_by_full_name(self):
        self.check_signal("SIGUSR2", 12)

    def test_a_real_time_signal(self):
        self.check_signal("SIGRTMIN+3", 37)

    def test_without_a_signal_it_is_term(self):
        container = self.container(self.bundle().guest("catch"))
        container.up()
        container.wait_for_text("catching")
        container.call("kill")
        container.wait_for_text("signal=15")

    @only_openvirt
    def test_words_that_are_no_signals_are_refused(self):
        container = self.sleeper()
        for word in ("NOSUCH", "999", "-1", "9x", ""):
            with self.subTest(word=word):
                container.kill(word, ok=False)
        self.assertEqual(container.status, "running")

    def test_kill_of_a_stopped_container_says_what_callers_look_for(self):
        container = self.container(self.bundle().guest("exit", 0))
        container.up().wait_stopped()
        result = container.kill("TERM", ok=False)
        if settings.OURS:
            self.assertRegex(result.stderr, "container not running")

    @only_openvirt
    def test_kill_of_what_never_was_says_what_callers_look_for(self):
        result = self.runtime.call("kill", self.new_id(), "TERM", ok=False)
        self.assertIn("does not exist", result.stderr)

    def test_kill_of_a_created_container_stops_it(self):
        container = self.container(self.bundle().guest("sleep", 100))
        container.create()
        container.kill("KILL")
        container.wait_stopped()
        container.delete()

    def test_kill_all_reaches_every_process(self):
        container = self.container(self.bundle().without_namespace("pid"))
        container.bundle.shell("sleep 1000 & sleep 1000 & echo ready; wait")
        container.up()
        container.wait_for_text("ready")
        with open(os.path.join(cgroup_path(container.pid, "pids"), "cgroup.procs"),
                  encoding="ascii") as file:
            pids = list(map(int, file.read().split()))
        self.assertEqual(len(pids), 3)
        container.kill("KILL", "--all")
        alive = LifeCycle.alive
        wait_until(lambda: not any(alive(self, pid) for pid in pids), "all are dead")

    def test_the_kernel_reuses_a_pid_but_not_for_us(self):
        """A stopped container stays stopped whoever gets its pid."""
        container = self.container(self.bundle().guest("exit", 0))
        container.up().wait_stopped()
        self.assertEqual(container.state().get("pid", 0), 0)


class Listing(RuntimeTest):
    def test_an_empty_list(self):
        self.assertEqual(self.runtime.call("list", "--quiet").stdout, "")
        self.assertIn(self.runtime.call("list", "--format", "json").json, ([], None))

    def test_the_table_has_a_row_a_container(self):
        container = self.sleeper()
        lines = self.runtime.call("list").stdout.splitlines()
        self.assertRegex(lines[0], r"^(ID|NAME)\s+PID\s+STATUS\s+BUNDLE")
        words = lines[1].split()
        self.assertEqual(words[:3], [container.id, str(container.pid), "running"])
        self.assertIn(container.bundle.path, lines[1])

    def test_quiet_prints_ids_alone(self):
        ids = sorted(self.sleeper().id for _ in range(3))
        self.assertEqual(sorted(self.runtime.call("list", "-q").stdout.split()), ids)

    def test_json_is_an_array_of_states(self):
        container = self.sleeper()
        entries = self.runtime.call("list", "--format", "json").json
        self.assertEqual(len(entries), 1)
        self.assertIncludes(entries[0], {"id": container.id, "pid": container.pid,
                                         "status": "running", "bundle": container.bundle.path})

    def test_ps_shows_the_processes(self):
        container = self.container(self.bundle().shell("sleep 1000 & echo ready; wait"))
        container.up()
        container.wait_for_text("ready")
        pids = self.runtime.call("ps", "--format", "json", container.id).json
        self.assertEqual(len(pids), 2)
        self.assertIn(container.pid, pids)

    @only_openvirt
    def test_ps_as_a_table_takes_options_of_ps(self):
        container = self.sleeper()
        text = self.runtime.call("ps", container.id).stdout
        self.assertIn("PID", text.splitlines()[0])
        self.assertIn(str(container.pid), text)
        text = self.runtime.call("ps", container.id, "-o", "pid,comm").stdout
        self.assertIn("guest", text)


class Parallel(RuntimeTest):
    def test_fifty_containers_at_once(self):
        bundle = self.bundle().guest("exit", 0).save()
        ids = [self.new_id() for _ in range(50)]
        failures = []
        def one(id):
            process = subprocess.run(self.runtime.words("run", "--bundle", bundle.path, id),
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.PIPE, timeout=60)
            if process.returncode != 0:
                failures.append((id, process.returncode, process.stderr))
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(one, ids))
        self.assertEqual(failures, [])
        self.assertEqual(self.runtime.call("list", "--quiet").stdout, "")

    def test_ten_creations_of_the_same_id_make_one(self):
        bundle = self.bundle().guest("sleep", 100).save()
        container = self.container(bundle)
        def one(_):
            return subprocess.run(self.runtime.words("run", "--detach", "--bundle", bundle.path,
                                                     container.id), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  timeout=60).returncode
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            statuses = list(pool.map(one, range(10)))
        self.assertEqual(statuses.count(0), 1)
        self.assertEqual(container.status, "running")


class DefaultRoot(RuntimeTest):
    def test_without_root_the_state_is_below_run_and_the_name_of_the_runtime(self):
        """podman passes no --root, and looks for it there."""
        name = os.path.basename(settings.RUNTIME)
        container = self.container(self.bundle().guest("sleep", 100).save())
        plain = [settings.RUNTIME]
        out = subprocess.DEVNULL
        subprocess.run([*plain, "run", "--detach", "--bundle", container.bundle.path, container.id],
                       check=True, stdin=out, stdout=out, stderr=out)
        try:
            self.assertTrue(os.path.isdir(os.path.join("/run", name, container.id)))
            state = json.loads(subprocess.check_output([*plain, "state", container.id]))
            self.assertEqual(state["status"], "running")
            mode = os.stat(os.path.join("/run", name)).st_mode & 0o777
            self.assertEqual(mode & 0o022, 0)
        finally:
            subprocess.run([*plain, "delete", "--force", container.id], check=True)
        self.assertFalse(os.path.exists(os.path.join("/run", name, container.id)))
