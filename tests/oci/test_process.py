# SPDX-License-Identifier: Apache-2.0
"""process of config.json: identity, limits, scheduling, environment, descriptors."""

import os
import socket
import subprocess
import tempfile
import threading

from harness import settings
from harness.bundle import ALL_CAPABILITIES
from harness.case import RuntimeTest, only_openvirt

CAP = {"CHOWN": 0, "DAC_OVERRIDE": 1, "KILL": 5, "SETGID": 6, "SETUID": 7, "NET_BIND_SERVICE": 10,
       "NET_RAW": 13, "SYS_ADMIN": 21, "AUDIT_WRITE": 29}


def mask(*names):
    return sum(1 << CAP[name] for name in names)


class User(RuntimeTest):
    def test_ids_and_additional_groups_are_those_asked_for(self):
        bundle = self.bundle()
        bundle.process["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [7, 2000]}
        values = self.guest("ids", bundle=bundle)
        self.assertEqual(values["uid"], "1000 1000 1000")
        self.assertEqual(values["gid"], "1001 1001 1001")
        self.assertEqual(set(values["groups"].split()), {"7", "2000"})

    def test_root_has_no_groups_of_the_caller(self):
        self.assertEqual(self.guest("ids")["groups"], "")

    def test_the_first_process_is_pid_1_and_leads_a_session(self):
        values = self.guest("ids")
        self.assertEqual((values["pid"], values["ppid"]), ("1", "0"))
        self.assertEqual(values["sid"], "1")

    def test_umask(self):
        for given, expected in ((0o077, "0077"), (0o022, "0022"), (0, "0000")):
            bundle = self.bundle()
            bundle.process["user"]["umask"] = given
            self.assertEqual(self.guest("umask", bundle=bundle)["umask"], expected)

    def run_with(self, bundle, **streams):
        container = self.container(bundle)
        bundle.save()
        return subprocess.run([settings.RUNTIME, "--root", container.runtime.root, "run", "--bundle",
                               bundle.path, container.id], stdin=subprocess.DEVNULL, check=True,
                              timeout=settings.TIMEOUT_S, **streams)

    def test_the_user_can_open_the_standard_streams_again(self):
        bundle = self.bundle().shell("echo out >/dev/stdout; echo err >/dev/stderr")
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        result = self.run_with(bundle, capture_output=True)
        self.assertEqual((result.stdout, result.stderr), (b"out\n", b"err\n"))

    def test_a_file_of_the_host_stays_whose_it_is(self):
        bundle = self.bundle().shell("echo words")
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        path = os.path.join(self.directory, "output")
        with open(path, "w", encoding="ascii") as output:
            self.run_with(bundle, stdout=output)
        self.assertEqual((os.stat(path).st_uid, os.stat(path).st_size), (0, 6))

    def test_without_umask_it_is_0022(self):
        self.assertEqual(self.guest("umask")["umask"], "0022")

    def test_home_is_set_from_the_containers_passwd_when_it_is_not_given(self):
        bundle = self.bundle()
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        self.assertEqual(self.guest("environment", bundle=bundle)["env.HOME"], "/home")

    def test_a_home_that_is_given_stays(self):
        bundle = self.bundle()
        bundle.process["env"].append("HOME=/elsewhere")
        self.assertEqual(self.guest("environment", bundle=bundle)["env.HOME"], "/elsewhere")


class Capabilities(RuntimeTest):
    def read(self, bundle):
        return {name: int(value, 0) for name, value in
                self.guest("capabilities", bundle=bundle).items()}

    def test_each_set_is_exactly_what_is_given(self):
        bundle = self.bundle()
        bundle.process["capabilities"] = {
            "bounding": ["CAP_KILL", "CAP_CHOWN", "CAP_NET_RAW"],
            "effective": ["CAP_KILL", "CAP_CHOWN"],
            "permitted": ["CAP_KILL", "CAP_CHOWN", "CAP_NET_RAW"],
            "inheritable": ["CAP_KILL", "CAP_NET_RAW"],
            "ambient": ["CAP_KILL"]}
        # As an ordinary user, for whom exec gives permitted and effective from the ambient set.
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        values = self.read(bundle)
        self.assertEqual(values["bounding"], mask("KILL", "CHOWN", "NET_RAW"))
        self.assertEqual(values["inheritable"], mask("KILL", "NET_RAW"))
        self.assertEqual(values["ambient"], mask("KILL"))
        self.assertEqual(values["permitted"], mask("KILL"))
        self.assertEqual(values["effective"], mask("KILL"))

    def test_root_gets_the_bounding_set_on_exec(self):
        values = self.read(self.bundle().capabilities(["CAP_KILL", "CAP_CHOWN"]))
        for name in ("bounding", "permitted", "effective"):
            self.assertEqual(values[name], mask("KILL", "CHOWN"), name)

    def test_nothing_is_inheritable_or_ambient_unless_given(self):
        values = self.read(self.bundle())
        self.assertEqual((values["inheritable"], values["ambient"]), (0, 0))

    def test_an_ordinary_user_has_none(self):
        bundle = self.bundle()
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        values = self.read(bundle)
        self.assertEqual((values["permitted"], values["effective"]), (0, 0))

    def test_empty_sets_are_none(self):
        values = self.read(self.bundle().capabilities([]))
        self.assertEqual(set(values.values()), {0})

    def test_without_the_section_there_are_none(self):
        bundle = self.bundle()
        del bundle.process["capabilities"]
        self.assertEqual(self.read(bundle)["effective"], 0)

    @only_openvirt
    def test_one_that_the_host_cannot_grant_is_a_warning_only(self):
        """root lacks CAP_SYS_RESOURCE on some machines."""
        bundle = self.bundle().capabilities(["CAP_KILL", "CAP_SYS_RESOURCE"])
        self.assertEqual(self.read(bundle)["effective"] & mask("KILL"), mask("KILL"))

    @only_openvirt
    def test_an_unknown_name_is_a_warning_only(self):
        bundle = self.bundle().capabilities(["CAP_KILL", "CAP_OF_THE_FUTURE"])
        container = self.container(bundle.guest("capabilities"))
        result = container.run()
        self.assertEqual(int(result.values["effective"], 0), mask("KILL"))
        self.assertIn("CAP_OF_THE_FUTURE", result.stderr)


class Limits(RuntimeTest):
    def test_rlimits_are_set(self):
        bundle = self.bundle()
        bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
                                     {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
                                     {"type": "RLIMIT_NPROC", "soft": 50, "hard": 60}]
        values = self.guest("rlimits", bundle=bundle)
        self.assertEqual(values["RLIMIT_NOFILE"], "100 200")
        self.assertEqual(values["RLIMIT_CORE"], "0 0")
        self.assertEqual(values["RLIMIT_NPROC"], "50 60")

    def test_infinity_is_the_largest_number(self):
        bundle = self.bundle()
        bundle.process["rlimits"] = [{"type": "RLIMIT_FSIZE", "soft": 2**64 - 1, "hard": 2**64 - 1}]
        self.assertEqual(self.guest("rlimits", bundle=bundle)["RLIMIT_FSIZE"], "-1 -1")

    def test_one_named_twice_is_refused(self):
        bundle = self.bundle().guest("exit", 0)
        bundle.process["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}] * 2
        container = self.container(bundle)
        if settings.OURS:
            self.assertIn("process.rlimits[1]", container.run(ok=False).stderr)
            self.assertNothingMade(container)

    def test_oom_score_adj(self):
        bundle = self.bundle()
        bundle.process["oomScoreAdj"] = 123
        self.assertEqual(self.shell("cat /proc/self/oom_score_adj", bundle=bundle), "123\n")

    def test_oom_score_adj_stays_when_it_is_absent(self):
        with open("/proc/self/oom_score_adj", encoding="ascii") as file:
            own = file.read()
        self.assertEqual(self.shell("cat /proc/self/oom_score_adj"), own)

    def test_the_environment_is_exactly_what_is_given_and_home(self):
        bundle = self.bundle()
        bundle.process["env"] = ["PATH=/bin", "A=1", "EMPTY=", "B=two words", "HOME=/"]
        os.environ["LEAKED"] = "yes"
        self.addCleanup(os.environ.pop, "LEAKED")
        values = self.guest("environment", bundle=bundle)
        self.assertEqual(values, {"env.PATH": "/bin", "env.A": "1", "env.EMPTY": "",
                                  "env.B": "two words", "env.HOME": "/"})

    def test_the_working_directory(self):
        bundle = self.bundle()
        bundle.process["cwd"] = "/usr/bin"
        self.assertEqual(self.guest("cwd", bundle=bundle)["cwd"], "/usr/bin")

    def test_no_new_privileges(self):
        for value in (True, False):
            bundle = self.bundle()
            bundle.process["noNewPrivileges"] = value
            self.assertEqual(self.guest("confinement", bundle=bundle)["no_new_privs"],
                             str(int(value)))

    def test_no_signal_is_blocked_or_ignored(self):
        values = self.guest("signals")
        self.assertEqual((values["blocked"], values["ignored"]), ("0", "0"))


class Scheduling(RuntimeTest):
    def scheduler(self, **scheduler):
        bundle = self.bundle().capabilities(ALL_CAPABILITIES)
        if os.path.exists("/sys/fs/cgroup/cpu/cpu.rt_runtime_us"):
            # v1 gives a new cgroup no real-time time, and the kernel refuses the policy without.
            bundle.resources(cpu={"realtimePeriod": 1000000, "realtimeRuntime": 10000})
        bundle.process["scheduler"] = scheduler
        return self.guest("scheduler", bundle=bundle)

    @only_openvirt
    def test_batch_and_nice(self):
        values = self.scheduler(policy="SCHED_BATCH", nice=5)
        self.assertEqual((values["policy"], values["nice"]), ("3", "5"))

    @only_openvirt
    def test_a_real_time_policy_and_flags(self):
        values = self.scheduler(policy="SCHED_FIFO", priority=10, flags=["SCHED_FLAG_RESET_ON_FORK"])
        self.assertEqual((values["policy"], values["priority"], values["flags"]), ("1", "10", "1"))

    @only_openvirt
    def test_deadline(self):
        values = self.scheduler(policy="SCHED_DEADLINE", runtime=10000000, deadline=24000000,
                                period=32000000)
        self.assertEqual((values["policy"], values["runtime"], values["deadline"],
                          values["period"]), ("6", "10000000", "24000000", "32000000"))

    @only_openvirt
    def test_an_unknown_policy_is_refused(self):
        bundle = self.bundle().guest("exit", 0)
        bundle.process["scheduler"] = {"policy": "SCHED_MAGIC"}
        self.assertIn("process.scheduler.policy", self.container(bundle).run(ok=False).stderr)

    @only_openvirt
    def test_io_priority(self):
        bundle = self.bundle()
        bundle.process["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 6}
        self.assertEqual(self.guest("ioprio", bundle=bundle)["ioprio"], "2 6")
        bundle = self.bundle()
        bundle.process["ioPriority"] = {"class": "IOPRIO_CLASS_IDLE", "priority": 0}
        self.assertEqual(self.guest("ioprio", bundle=bundle)["ioprio"][0], "3")

    @only_openvirt
    def test_cpu_affinity_of_exec(self):
        bundle = self.bundle()
        bundle.process["execCPUAffinity"] = {"initial": "0", "final": "1"}
        container = self.sleeper(bundle)
        values = container.exec("/bin/guest", "affinity").values
        self.assertEqual(values["affinity"], "1")

    @only_openvirt
    def test_memory_policy(self):
        bundle = self.bundle()
        bundle.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0"}
        self.assertEqual(self.guest("mempolicy", bundle=bundle)["mempolicy"], "2 0x1")
        bundle = self.bundle()
        bundle.linux["memoryPolicy"] = {"mode": "MPOL_INTERLEAVE", "nodes": "0",
                                        "flags": ["MPOL_F_STATIC_NODES"]}
        self.assertEqual(self.guest("mempolicy", bundle=bundle)["mempolicy"].split()[1], "0x1")

    def test_personality(self):
        bundle = self.bundle()
        bundle.linux["personality"] = {"domain": "LINUX32"}
        values = self.guest("personality", ",", "names", bundle=bundle)
        self.assertEqual(int(values["personality"], 0) & 0xff, 8)
        self.assertEqual(values["machine"], "i686")


class Descriptors(RuntimeTest):
    def test_only_the_three_standard_ones_are_open(self):
        reading, writing = os.pipe()
        os.set_inheritable(writing, True)
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        values = self.guest("descriptors", close_fds=False)
        self.assertEqual(values["descriptors"], "0 1 2")

    def preserved(self, count, *options, **popen):
        """Pass `count` files from descriptor 3 on; what the guest has open."""
        files = [tempfile.TemporaryFile() for _ in range(count)]
        high = [os.dup2(file.fileno(), 100 + i) for i, file in enumerate(files)]
        bundle = self.bundle().guest("descriptors", ",", "environment").save()
        container = self.container(bundle)
        script = " ".join("%d>&%d" % (3 + i, fd) for i, fd in enumerate(high))
        close = " ".join("%d>&-" % fd for fd in high)
        shell = ["/bin/bash", "-c", "exec \"$@\" %s %s" % (script, close), "sh"]
        try:
            return container.run(*options, prefix=shell, pass_fds=high, **popen).values
        finally:
            for fd in high:
                os.close(fd)

    def test_preserve_fds_keeps_that_many(self):
        self.assertEqual(self.preserved(3, "--preserve-fds", "2")["descriptors"], "0 1 2 3 4")

    @only_openvirt
    def test_listen_fds_are_kept_and_told(self):
        environment = {**os.environ, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "http:https"}
        values = self.preserved(3, env=environment)
        self.assertEqual(values["descriptors"], "0 1 2 3 4")
        self.assertIncludes(values, {"env.LISTEN_FDS": "2", "env.LISTEN_PID": "1",
                                     "env.LISTEN_FDNAMES": "http:https"})

    @only_openvirt
    def test_listen_fds_come_before_those_of_preserve_fds(self):
        environment = {**os.environ, "LISTEN_FDS": "1"}
        values = self.preserved(3, "--preserve-fds", "1", env=environment)
        self.assertEqual(values["descriptors"], "0 1 2 3 4")

    @only_openvirt
    def test_preserve_fds_of_a_closed_descriptor_is_refused(self):
        container = self.container(self.bundle().guest("exit", 0))
        container.run("--preserve-fds", "40", ok=False)
        self.assertNothingMade(container)


class Keyring(RuntimeTest):
    def test_a_container_has_its_own_session_keyring(self):
        container = self.container(self.bundle().guest("keyring"))
        values = container.run().values
        self.assertIn(container.id, values["keyring"])

    def test_no_new_keyring_keeps_the_callers(self):
        container = self.container(self.bundle().guest("keyring"))
        values = container.run("--no-new-keyring").values
        self.assertNotIn(container.id, values.get("keyring", ""))


class Notify(RuntimeTest):
    def relayed(self, start):
        """What the host's socket receives until READY=1, while `start` starts the container."""
        path = os.path.join(self.directory, "notify")
        got = []
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as host:
            host.bind(path)
            host.settimeout(settings.TIMEOUT_S)

            def receive():
                try:
                    while not any(b"READY=1" in message for message in got):
                        got.append(host.recv(4096))
                except OSError:
                    pass
            thread = threading.Thread(target=receive)
            thread.start()
            container = self.container(self.bundle().guest("notify", "READY=1", ",", "sleep", 100))
            start(container, {**os.environ, "NOTIFY_SOCKET": path})
            thread.join()
        whole = b"\n".join(got)
        self.assertIn(b"READY=1", whole)
        return container, whole

    def test_run_relays_readiness_to_the_hosts_socket(self):
        self.relayed(lambda container, environment:
                     container.run("--detach", "--pid-file", container.pid_file, env=environment))

    @only_openvirt
    def test_start_relays_readiness_and_names_the_process(self):
        def start(container, environment):
            container.create(env=environment)
            container.call("start", env=environment)
        container, text = self.relayed(start)
        self.assertIn(b"MAINPID=%d" % container.pid, text)

    def test_without_the_socket_there_is_no_variable(self):
        self.assertNotIn("env.NOTIFY_SOCKET", self.guest("environment"))
