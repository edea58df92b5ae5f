# SPDX-License-Identifier: Apache-2.0
"""run IMAGE: what a person's words become."""

import json
import os
import signal
import subprocess

from harness import settings
from harness.case import cgroup_path
from harness.people import PeopleTest
from harness.runtime import wait_until


class Images(PeopleTest):
    def test_an_image_says_what_is_run_where_nobody_else_does(self):
        result = self.call("run", "--rm", self.image)
        self.assertEqual(result.stdout, "default\n")

    def test_words_take_the_place_of_the_image_s_command(self):
        self.assertEqual(self.shell("echo $FROM_IMAGE; pwd").stdout, "1\n/tmp\n")

    def test_an_entry_point_takes_the_words_as_arguments(self):
        result = self.run_image("--entrypoint", "/bin/guest", ["cwd"])
        self.assertEqual(result.values["cwd"], "/tmp")

    def test_a_directory_is_used_as_it_is(self):
        self.call("run", "--rm", self.rootfs, "--", "/bin/sh", "-c", "echo kept >/file")
        with open(os.path.join(self.rootfs, "file"), encoding="ascii") as file:
            self.assertEqual(file.read(), "kept\n")

    def test_an_image_is_never_written_to(self):
        self.shell("echo 1 >/file; rm /bin/ls")
        self.assertEqual(self.shell("test -e /file || echo clean; test -e /bin/ls && echo whole")
                         .stdout, "clean\nwhole\n")

    def test_without_a_command_anywhere_it_says_so(self):
        result = self.call("run", self.rootfs, ok=None)
        if result.status == 0:
            self.skipTest("directories have a default command")
        self.assertIn("command", result.stderr)


class Forms(PeopleTest):
    def test_a_bundle_is_the_form_of_a_runtime(self):
        bundle = self.bundle().shell("echo bundle")
        container = self.container(bundle)
        self.assertEqual(container.run().stdout, "bundle\n")
        self.assertEqual(self.stored(), [])

    def test_one_word_beside_a_config_is_an_id(self):
        bundle = self.bundle().shell("echo beside")
        bundle.save()
        container = self.container(bundle)
        self.assertEqual(self.call("run", container.id, cwd=bundle.path).stdout, "beside\n")

    def test_one_word_elsewhere_is_an_image(self):
        self.assertEqual(self.call("run", "--rm", self.image, cwd=self.directory).stdout,
                         "default\n")

    def test_options_of_both_forms_exclude_each_other(self):
        bundle = self.bundle()
        bundle.save()
        result = self.call("run", "--bundle", bundle.path, "--memory", "64m", "x", ok=False)
        self.assertEqual(result.status, 2)


class Statuses(PeopleTest):
    def test_the_status_is_the_command_s(self):
        self.assertEqual(self.shell("exit 7", ok=None).status, 7)

    def test_a_command_that_is_not_there_is_127(self):
        result = self.run_image(["/bin/nothing"], ok=None)
        self.assertEqual(result.status, 127, result)
        self.assertEqual(self.stored(), [])

    def test_a_command_that_cannot_be_executed_is_126(self):
        result = self.run_image(["/etc/passwd"], ok=None)
        self.assertEqual(result.status, 126, result)
        self.assertEqual(self.stored(), [])

    def test_an_image_that_is_not_there_is_125(self):
        result = self.call("run", "oci:/nonexistent:latest", ok=None)
        self.assertEqual(result.status, 125, result)
        self.assertEqual(self.stored(), [])

    def test_standard_input_is_empty_unless_asked_for(self):
        self.assertEqual(self.run_image(["/bin/cat"], input="words\n").stdout, "")
        self.assertEqual(self.run_image("-i", ["/bin/cat"], input="words\n").stdout, "words\n")

    def test_a_signal_to_openvirt_reaches_the_command(self):
        ready = os.path.join(self.directory, "ready")
        os.mkdir(ready)
        words = self.runtime.words("run", "--rm", "-v", ready + ":/ready", self.image, "--",
                                   "/bin/sh", "-c",
                                   "trap 'exit 42' TERM; echo 1 >/ready/file; "
                                   "while :; do sleep 0.05; done")
        with subprocess.Popen(words, env=self.environment) as process:
            wait_until(lambda: os.path.exists(ready + "/file"), "the command runs")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(settings.TIMEOUT_S), 42)

    def test_ctrl_c_ends_a_command_that_does_not_expect_it(self):
        name = self.new_id()
        words = self.runtime.words("run", "--rm", "-n", name, self.image, "--", "/bin/sleep", "100")
        with subprocess.Popen(words, env=self.environment) as process:
            self.wait_status(name, "running")
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(settings.TIMEOUT_S), 128 + signal.SIGKILL)
        self.assertEqual(self.stored(), [])


class Names(PeopleTest):
    def test_the_name_is_the_host_s_name_too(self):
        result = self.call("run", "--rm", "-n", "box", self.image, "--", "/bin/guest", "names")
        self.assertEqual(result.values["hostname"], "box")

    def test_a_name_is_taken_once(self):
        name = self.start_image("sleep 100")
        result = self.call("run", "-n", name, self.image, ok=False)
        self.assertIn("the name %s is taken" % name, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertEqual(self.row(name)["status"], "running")

    def test_of_many_at_once_one_gets_the_name(self):
        image, name = self.image, self.new_id()
        self.call("run", "--rm", image)  # unpacked
        words = self.runtime.words("run", "-d", "-n", name, image, "--", "/bin/sleep", "100")
        processes = [subprocess.Popen(words, env=self.environment, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.PIPE, text=True) for _ in range(8)]
        errors = [process.communicate()[1] for process in processes]
        self.assertEqual(sorted(process.returncode for process in processes), [0] + [125] * 7,
                         errors)
        self.assertEqual(self.row(name)["status"], "running")

    def test_a_name_that_is_none_is_refused(self):
        for name in ("../x", "a/b", "", "x" * 200, "with blank"):
            self.call("run", "-n", name, self.image, ok=False)
        self.assertEqual(self.stored(), [])

    def test_a_half_made_one_is_taken_over(self):
        name = self.new_id()
        os.makedirs(os.path.join(self.storage, name, "upper", "left"))
        self.assertEqual(self.row(name)["status"], "incomplete")
        self.call("run", "--rm", "-n", name, self.image)
        self.assertIsNone(self.row(name))


class Environment(PeopleTest):
    def environ(self, *options, **keywords):
        return self.guest("environment", options=options, **keywords)

    def test_variables_come_from_everywhere_and_the_last_one_counts(self):
        file = os.path.join(self.directory, "variables")
        with open(file, "w", encoding="ascii") as output:
            output.write("# a comment\n\nA=file\nB=file=with=signs\n  C=indented\n")
        self.environment["PASSED"] = "ours"
        values = self.environ("--env-file", file, "-e", "A=word", "-e", "PASSED", "-e", "MISSING",
                              "-e", "FROM_IMAGE=2")
        self.assertIncludes(values, {"env.A": "word", "env.B": "file=with=signs",
                                     "env.C": "indented", "env.PASSED": "ours",
                                     "env.FROM_IMAGE": "2", "env.HOME": "/root",
                                     "env.container": "openvirt"})
        self.assertNotIn("env.MISSING", values)

    def test_our_own_environment_stays_outside(self):
        self.environment["SECRET"] = "x"
        self.assertNotIn("env.SECRET", self.environ())

    def test_a_variable_without_a_name_is_refused(self):
        self.shell("true", "-e", "=x", ok=False)

    def test_the_working_directory(self):
        self.assertEqual(self.guest("cwd", options=["-w", "/home"])["cwd"], "/home")

    def test_a_user_by_name_and_by_number(self):
        values = self.guest("ids", ",", "environment", options=["-u", "person"])
        self.assertIncludes(values, {"uid": "1000 1000 1000", "gid": "1000 1000 1000",
                                     "env.HOME": "/home"})
        values = self.guest("ids", options=["-u", "7:8"])
        self.assertIncludes(values, {"uid": "7 7 7", "gid": "8 8 8"})

    def test_a_user_that_the_image_does_not_know_is_refused(self):
        result = self.shell("true", "-u", "stranger", ok=False)
        self.assertIn("stranger", result.stderr)

    def test_resource_limits(self):
        values = self.guest("rlimits", options=["--ulimit", "nofile=100:200", "--ulimit", "core=0"])
        self.assertIncludes(values, {"RLIMIT_NOFILE": "100 200", "RLIMIT_CORE": "0 0"})
        self.shell("true", "--ulimit", "magic=1", ok=False)
        self.shell("true", "--ulimit", "nofile", ok=False)


class Files(PeopleTest):
    def setUp(self):
        super().setUp()
        self.shared = os.path.join(self.directory, "shared")
        os.mkdir(self.shared)
        with open(os.path.join(self.shared, "file"), "w", encoding="ascii") as file:
            file.write("outside\n")

    def test_a_volume_is_shared_both_ways(self):
        result = self.shell("cat /in/file; echo inside >/in/new", "-v", self.shared + ":/in")
        self.assertEqual(result.stdout, "outside\n")
        with open(os.path.join(self.shared, "new"), encoding="ascii") as file:
            self.assertEqual(file.read(), "inside\n")

    def test_a_volume_may_be_read_only(self):
        self.shell("echo x >/in/new", "-v", self.shared + ":/in:ro", ok=False)
        self.assertEqual(os.listdir(self.shared), ["file"])

    def test_a_volume_may_be_one_file(self):
        result = self.shell("cat /etc/given", "-v", self.shared + "/file:/etc/given:ro")
        self.assertEqual(result.stdout, "outside\n")

    def test_a_relative_volume_is_relative_to_us(self):
        result = self.shell("cat /in/file", "-v", "./shared:/in", cwd=self.directory)
        self.assertEqual(result.stdout, "outside\n")

    def test_wrong_volumes_are_refused_before_anything_is_made(self):
        for volume in ("data:/in", self.shared, self.shared + ":in", self.shared + ":/in:magic",
                       "/nonexistent:/in", ":/in", self.shared + ":/"):
            self.shell("true", "-v", volume, ok=False)
        self.assertEqual(self.stored(), [])

    def test_a_tmpfs_with_a_size(self):
        result = self.shell("grep ' /scratch ' /proc/mounts || cat /proc/mounts",
                            "--tmpfs", "/scratch:size=1m,mode=700")
        self.assertIn("/scratch tmpfs", result.stdout)
        self.assertIn("size=1024k", result.stdout)

    def test_a_read_only_root(self):
        self.shell("echo x >/file", "--read-only", ok=False)
        self.shell("echo x >/tmp/file", "--read-only", "--tmpfs", "/tmp")

    def test_names_resolve(self):
        result = self.run_image("--hostname", "box", ["/bin/cat", "/etc/hosts", "/etc/hostname"])
        self.assertIn("127.0.0.1\tlocalhost box\n", result.stdout)
        self.assertTrue(result.stdout.endswith("\nbox\n"))


class Isolation(PeopleTest):
    def test_the_network_is_a_loopback_alone(self):
        result = self.run_image(["/bin/cat", "/proc/net/dev"])
        names = {line.split(":")[0].strip() for line in result.stdout.splitlines()[2:]}
        self.assertIn("lo", names)
        self.assertNotIn("eth0", names)

    def test_the_host_s_network_when_asked_for(self):
        def interfaces(text):
            return {line.split(":")[0].strip() for line in text.splitlines()[2:]}
        result = self.run_image("--network", "host", ["/bin/cat", "/proc/net/dev"])
        with open("/proc/net/dev", encoding="ascii") as file:
            self.assertEqual(interfaces(result.stdout), interfaces(file.read()))

    def test_capabilities_are_few_and_can_be_chosen(self):
        default = int(self.guest("capabilities")["effective"], 0)
        self.assertTrue(default & 1)  # CAP_CHOWN
        self.assertFalse(default & 1 << 21)  # CAP_SYS_ADMIN
        added = int(self.guest("capabilities", options=["--cap-add", "net_admin"])["effective"], 0)
        self.assertEqual(added, default | 1 << 12)
        one = self.guest("capabilities", options=["--cap-drop", "all", "--cap-add", "CAP_KILL"])
        self.assertEqual(int(one["bounding"], 0), 1 << 5)
        self.shell("true", "--cap-add", "magic", ok=False)

    def test_a_user_who_is_not_root_has_no_capability(self):
        values = self.guest("capabilities", options=["-u", "person"])
        self.assertEqual(int(values["effective"], 0), 0)
        self.assertEqual(int(values["inheritable"], 0), 0)
        values = self.guest("capabilities", options=["-u", "person", "--cap-add", "kill"])
        self.assertEqual(int(values["effective"], 0), 1 << 5)

    def test_dangerous_system_calls_are_denied_by_default(self):
        denied = self.shell("mount -t tmpfs none /tmp && echo mounted", "--cap-add", "net_admin",
                            ok=None)
        self.assertNotIn("mounted", denied.stdout)
        seccomp = self.guest("confinement")
        self.assertEqual(seccomp["seccomp"], "2")
        self.assertEqual(self.guest("confinement", options=["--seccomp", "unconfined"])["seccomp"],
                         "0")

    def test_a_capability_brings_its_system_calls_back(self):
        self.shell("mount -t tmpfs none /tmp", "--cap-add", "sys_admin")

    def test_a_filter_from_a_file(self):
        profile = os.path.join(self.directory, "profile.json")
        with open(profile, "w", encoding="ascii") as file:
            json.dump({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
                {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}, file)
        result = self.shell("mkdir /tmp/x", "--seccomp", profile, ok=False)
        self.assertIn("No space left", result.stderr)

    def test_no_new_privileges(self):
        self.assertEqual(self.guest("confinement", options=["--no-new-privileges"])["no_new_privs"],
                         "1")

    def test_a_device(self):
        self.shell("test -c /dev/given && : </dev/given", "--device", "/dev/null:/dev/given:r")
        self.shell("true", "--device", "/etc/passwd:/dev/given", ok=False)
        self.shell("true", "--device", "/dev/null:/dev/given:x", ok=False)

    def test_a_kernel_parameter_of_its_own(self):
        result = self.run_image("--sysctl", "net.ipv4.ip_forward=1",
                                ["/bin/cat", "/proc/sys/net/ipv4/ip_forward"])
        self.assertEqual(result.stdout, "1\n")


class Limits(PeopleTest):
    def limit(self, controller, file, *options):
        name = self.start_image("sleep 100", *options)
        path = cgroup_path(self.row(name)["pid"], controller)
        if path is None or not os.path.exists(os.path.join(path, file)):
            self.skipTest("no cgroup v1 controller %s on this machine" % controller)
        with open(os.path.join(path, file), encoding="ascii") as value:
            return value.read().strip()

    def test_memory(self):
        self.assertEqual(self.limit("memory", "memory.limit_in_bytes", "-m", "64m"),
                         str(64 << 20))

    def test_processor_time(self):
        self.assertEqual(self.limit("cpu", "cpu.cfs_quota_us", "--cpus", "1.5"), "150000")

    def test_processor_shares(self):
        self.assertEqual(self.limit("cpu", "cpu.shares", "--cpu-shares", "512"), "512")

    def test_processes(self):
        self.assertEqual(self.limit("pids", "pids.max", "--pids-limit", "17"), "17")

    def test_processes_are_limited_where_nobody_asks(self):
        self.assertEqual(self.limit("pids", "pids.max"), "2048")

    def test_wrong_limits_are_refused_before_anything_is_made(self):
        for option, value in (("--cpus", "x"), ("--cpus", "0"), ("--cpus", "1.2345"),
                              ("--cpus", "-1"), ("--cpu-weight", "0"), ("--cpu-weight", "10001"),
                              ("-m", "5x"), ("--cpu-shares", "-1"), ("--pids-limit", "many")):
            with self.subTest(option=option, value=value):
                self.shell("true", option, value, ok=False)
        self.assertEqual(self.stored(), [])
