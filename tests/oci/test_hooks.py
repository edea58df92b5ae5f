# SPDX-License-Identifier: Apache-2.0
"""hooks: when they run, where, with what on standard input, and what their failure means."""

import json
import os
import time

from harness import settings
from harness.case import RuntimeTest, only_openvirt
from harness.runtime import wait_until

HOST_POINTS = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")


class Hooks(RuntimeTest):
    def log_path(self):
        return os.path.join(self.directory, "log")

    def log(self):
        try:
            with open(self.log_path(), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def test_all_run_in_the_order_of_the_specification(self):
        bundle = self.bundle().guest("exit", 0)
        # The log is bound into the container, so that startContainer can write there too.
        with open(self.log_path(), "w", encoding="ascii"):
            pass
        bundle.mount("/log", "bind", self.log_path(), ["bind"])
        for point in HOST_POINTS:
            bundle.hook(point, "echo %s >> %s" % (point, self.log_path()))
        bundle.hook("startContainer", "echo startContainer >> /log")
        container = self.container(bundle)
        container.create()
        self.assertEqual(self.log().split(), ["prestart", "createRuntime", "createContainer"])
        container.start()
        container.wait_stopped()
        container.delete()
        order = ["startContainer", "poststart", "poststop"]
        if not settings.OURS:
            order = sorted(order)  # crun does not wait for the program before poststart
        seen = self.log().split()[3:]
        self.assertEqual(seen if settings.OURS else sorted(seen), order)

    def test_several_of_a_point_run_in_their_order(self):
        bundle = self.bundle().guest("exit", 0)
        for word in ("first", "second", "third"):
            bundle.hook("createRuntime", "echo %s >> %s" % (word, self.log_path()))
        self.container(bundle).run()
        self.assertEqual(self.log().split(), ["first", "second", "third"])

    def test_each_gets_the_state_on_standard_input(self):
        bundle = self.bundle().guest("exit", 0)
        bundle.config["annotations"] = {"org.example": "yes"}
        for point in HOST_POINTS:
            bundle.hook(point, "cat > %s.%s" % (self.log_path(), point))
        container = self.container(bundle)
        container.run()
        for point, status in (("prestart", "creating|created"), ("createRuntime", "creating|created"),
                              ("createContainer", "creating|created"),
                              ("poststart", "running|stopped"), ("poststop", "stopped")):
            with self.subTest(point):
                with open("%s.%s" % (self.log_path(), point), encoding="utf-8") as file:
                    state = json.load(file)
                self.assertIncludes(state, {"id": container.id, "bundle": bundle.path,
                                            "annotations": {"org.example": "yes"}})
                self.assertRegex(state["status"], "^(%s)$" % status)
                if point != "poststop" and (settings.OURS or point != "createContainer"):
                    self.assertGreater(state["pid"], 0)

    def test_args_and_env_are_those_given_alone(self):
        bundle = self.bundle().guest("exit", 0)
        script = "{ echo $0 $1; env | sort; } > %s" % self.log_path()
        bundle.config["hooks"] = {"createRuntime": [{
            "path": "/bin/sh", "args": ["own name", "-c", script, "zero", "one"],
            "env": ["ONLY=this", "PATH=/usr/bin:/bin"]}]}
        self.container(bundle).run()
        lines = [line for line in self.log().splitlines()
                 if not line.startswith(("PWD=", "_=", "SHLVL="))]
        self.assertEqual(lines, ["zero one", "ONLY=this", "PATH=/usr/bin:/bin"])

    def test_where_they_run(self):
        """createRuntime in the runtime's namespaces, createContainer in the container's mounts but
        before pivot_root, startContainer in the container."""
        bundle = self.bundle().guest("exit", 0)
        with open(self.log_path(), "w", encoding="ascii"):
            pass
        bundle.mount("/log", "bind", self.log_path(), ["bind"])
        for point in ("createRuntime", "createContainer"):
            bundle.hook(point, "echo %s $(readlink /proc/self/ns/mnt) >> %s" %
                        (point, self.log_path()))
        bundle.hook("startContainer", "echo startContainer $(readlink /proc/self/ns/mnt) $$ >> /log")
        self.container(bundle).run()
        seen = {line.split()[0]: line.split()[1] for line in self.log().splitlines()}
        own = os.readlink("/proc/self/ns/mnt")
        self.assertEqual(seen["createRuntime"], own)
        self.assertNotEqual(seen["createContainer"], own)
        self.assertEqual(seen["startContainer"], seen["createContainer"])

    def test_a_failure_before_start_ends_the_creation_and_leaves_nothing(self):
        for point in ("prestart", "createRuntime", "createContainer"):
            with self.subTest(point):
                bundle = self.bundle().guest("exit", 0).hook(point, "exit 7")
                container = self.container(bundle)
                container.create(ok=False)
                self.assertNothingMade(container)

    def test_a_failure_skips_the_hooks_after_it(self):
        bundle = self.bundle().guest("exit", 0)
        bundle.hook("createRuntime", "exit 1")
        bundle.hook("createRuntime", "echo second >> %s" % self.log_path())
        self.container(bundle).create(ok=False)
        self.assertEqual(self.log(), "")

    def test_poststop_hooks_run_when_the_creation_failed(self):
        """runtime-spec 1.3.0, life cycle: an error before `created` goes to the poststop hooks."""
        bundle = self.bundle().guest("exit", 0)
        bundle.hook("createRuntime", "exit 1")
        bundle.hook("poststop", "echo poststop >> %s" % self.log_path())
        container = self.container(bundle)
        container.create(ok=False)
        if settings.OURS:
            self.assertEqual(self.log(), "poststop\n")

    @only_openvirt
    def test_the_error_names_the_hook_and_its_status(self):
        container = self.container(self.bundle().guest("exit", 0).hook("createRuntime", "exit 7"))
        stderr = container.create(ok=False).stderr
        self.assertIn("createRuntime", stderr)
        self.assertIn("7", stderr)

    def test_a_failure_of_start_container_keeps_the_program_from_running(self):
        bundle = self.bundle().guest("say", "ran").hook("startContainer", "exit 7")
        container = self.container(bundle)
        result = container.run(ok=False)
        self.assertNotIn("say=ran", result.stdout)

    @only_openvirt
    def test_a_failure_of_poststart_stops_the_container(self):
        container = self.container(self.bundle().guest("sleep", 100).hook("poststart", "exit 7"))
        container.create()
        container.start(ok=False)
        wait_until(lambda: container.call("state", ok=None).status != 0 or
                   container.status == "stopped", "it stops")

    def test_a_failure_of_poststop_is_a_warning_and_the_next_runs(self):
        bundle = self.bundle().guest("exit", 0)
        bundle.hook("poststop", "exit 7")
        bundle.hook("poststop", "echo second >> %s" % self.log_path())
        container = self.container(bundle)
        container.create()
        container.start()
        container.wait_stopped()
        container.delete()
        self.assertEqual(self.log(), "second\n")
        self.assertNothingMade(container)

    def test_poststop_hooks_run_on_a_forced_delete(self):
        bundle = self.bundle().hook("poststop", "echo poststop >> %s" % self.log_path())
        self.sleeper(bundle).delete("--force")
        self.assertEqual(self.log(), "poststop\n")

    def test_a_hook_that_takes_too_long_is_ended(self):
        bundle = self.bundle().guest("exit", 0).hook("createRuntime", "exec sleep 1000", timeout=1)
        container = self.container(bundle)
        begin = time.monotonic()
        container.create(ok=False)
        self.assertLess(time.monotonic() - begin, 10)
        self.assertGreater(time.monotonic() - begin, 0.9)
        self.assertNothingMade(container)

    def test_a_hook_within_its_timeout_is_fine(self):
        bundle = self.bundle().guest("exit", 0).hook("createRuntime", "sleep 0.1", timeout=10)
        self.container(bundle).run()

    @only_openvirt
    def test_a_timeout_of_zero_is_refused(self):
        bundle = self.bundle().guest("exit", 0).hook("createRuntime", "true", timeout=0)
        container = self.container(bundle)
        self.assertIn("hooks.createRuntime[0].timeout", container.create(ok=False).stderr)

    def test_a_program_that_is_not_there_fails(self):
        bundle = self.bundle().guest("exit", 0)
        bundle.config["hooks"] = {"createRuntime": [{"path": "/no/such/hook"}]}
        container = self.container(bundle)
        self.assertIn("/no/such/hook", container.create(ok=False).stderr)
        self.assertNothingMade(container)

    def test_a_relative_path_is_refused(self):
        bundle = self.bundle().guest("exit", 0)
        bundle.config["hooks"] = {"createRuntime": [{"path": "bin/true"}]}
        self.container(bundle).create(ok=False)

    def test_a_hook_that_does_not_read_its_input_is_no_failure(self):
        bundle = self.bundle().guest("exit", 0)
        bundle.config["annotations"] = {"org.example.%d" % i: "x" * 1000 for i in range(100)}
        bundle.hook("createRuntime", "exec true")
        self.container(bundle).run()

    def test_hooks_inherit_no_descriptors(self):
        bundle = self.bundle().guest("exit", 0)
        bundle.hook("createRuntime", "exec ls /proc/self/fd > %s" % self.log_path())
        self.container(bundle).run()
        # ls itself has one for the directory.
        self.assertLessEqual(len(self.log().split()), 4)
