# SPDX-License-Identifier: Apache-2.0
"""podman drives the runtime: its own storage, images made here, no network."""

import json
import os
import re
import shutil
import subprocess
import time
import unittest

from harness.terminal import read_terminal
from harness import leaks, settings
from harness.bundle import make_root
from harness.runtime import Failure, Result, wait_until

NAME = os.path.basename(settings.RUNTIME)
CATATONIT = shutil.which("catatonit") or os.path.exists("/usr/libexec/podman/catatonit")
CONFIGURATION = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=2048:2048"]
[engine]
runtime = "{name}"
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime_supports_json = ["{name}"]
runtime_supports_nocgroup = ["{name}"]
[engine.runtimes]
{name} = ["{path}"]
"""


@unittest.skipUnless(shutil.which("podman"), "podman is not installed")
class PodmanTest(unittest.TestCase):
    """One podman store for the whole file; each test names its containers after itself."""

    @classmethod
    def setUpClass(cls):
        cls.directory = os.path.join(settings.WORK, "podman")
        os.makedirs(cls.directory, exist_ok=True)
        cls.environment = {**os.environ, "CONTAINERS_CONF": os.path.join(cls.directory, "conf")}
        with open(cls.environment["CONTAINERS_CONF"], "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(name=NAME, path=settings.RUNTIME))
        cls.base = ["podman", "--root", cls.directory + "/root", "--runroot", cls.directory + "/run",
                    "--tmpdir", cls.directory + "/tmp", "--storage-driver", "vfs"]
        if cls.podman("image", "exists", "box", ok=None).status != 0:
            cls.make_image()

    @classmethod
    def make_image(cls):
        root, archive = (os.path.join(cls.directory, name) for name in ("image", "image.tar"))
        if not os.path.exists(archive):
            make_root(root, private=True)
            subprocess.run(["tar", "-C", root, "-cf", archive, "."], check=True)
        cls.podman("import", "--quiet", archive, "box")

    @classmethod
    def tearDownClass(cls):
        """The parents are ours, those of its monitor and its pods podman's; no other may stay."""
        cls.podman("rmi", "--all", "--force", ok=None)
        for path in sorted(leaks.tagged_cgroups(), reverse=True):
            if re.search(r"-(podman|build)(/conmon|/[0-9a-f]{64})?$", path):
                os.rmdir(path)

    @classmethod
    def podman(cls, *words, ok=True, input=None, timeout=60):
        done = subprocess.run([*cls.base, *map(str, words)], env=cls.environment, timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              **({"input": input} if input is not None
                                 else {"stdin": subprocess.DEVNULL}))
        result = Result(["podman", *map(str, words)], done.returncode, done.stdout, done.stderr)
        if ok is not None and ok != (done.returncode == 0):
            raise Failure("must %s: %s" % ("succeed" if ok else "fail", result))
        return result

    def setUp(self):
        self.count = 0
        self.addCleanup(self.podman, "rm", "--all", "--force", "--time", "0", ok=None)

    def parent(self):
        """cgroups below a name that the leak check knows, with nothing of other runs."""
        return ["--cgroup-parent", "/%s-podman" % settings.TAG]

    def run_box(self, *words, ok=True, options=(), **keywords):
        return self.podman("run", "--rm", "--network", "none", *self.parent(), *options, "box",
                           *words, ok=ok, **keywords)

    def background(self, *words, options=()):
        name = "c%d-%d" % (os.getpid(), self.count)
        self.count += 1
        self.podman("run", "--detach", "--name", name, "--network", "none", *self.parent(),
                    *options, "box", *(words or ("/bin/guest", "sleep", "1000")))
        return name

    def inspect(self, name, template):
        return self.podman("inspect", "--format", template, name).stdout.strip()


class Run(PodmanTest):
    def test_the_runtime_is_the_one_under_test(self):
        name = self.background()
        self.assertEqual(self.inspect(name, "{{.OCIRuntime}}"), NAME)
        info = json.loads(self.podman("info", "--format", "json").stdout)
        self.assertEqual(info["host"]["ociRuntime"]["path"], settings.RUNTIME)

    def test_output_and_status_come_back(self):
        result = self.run_box("/bin/sh", "-c", "echo out; echo err >&2; exit 42", ok=None)
        self.assertEqual((result.status, result.stdout), (42, "out\n"))
        self.assertIn("err\n", result.stderr)

    def test_a_program_that_is_not_there_is_127(self):
        self.assertEqual(self.run_box("/no/such", ok=None).status, 127)
        self.assertEqual(self.run_box("nosuch", ok=None).status, 127)

    def test_a_program_that_may_not_run_is_126(self):
        self.assertEqual(self.run_box("/etc/passwd", ok=None).status, 126)

    def test_a_failure_of_podman_itself_is_125(self):
        self.assertEqual(self.run_box("/bin/true", options=["--no-such-flag"], ok=None).status, 125)

    def test_standard_input(self):
        self.assertEqual(self.run_box("/bin/cat", options=["-i"], input="words\n").stdout, "words\n")

    def test_a_user_a_directory_and_an_environment(self):
        values = self.run_box("/bin/guest", "ids", ",", "cwd", ",", "environment", options=[
            "--user", "person", "--workdir", "/tmp", "--env", "ONE=1"]).values
        self.assertEqual(values["uid"], "1000 1000 1000")
        self.assertEqual((values["cwd"], values["env.ONE"]), ("/tmp", "1"))

    def test_capabilities_and_no_new_privileges(self):
        values = self.run_box("/bin/guest", "capabilities", ",", "confinement", options=[
            "--cap-drop", "all", "--cap-add", "kill", "--security-opt", "no-new-privileges"]).values
        self.assertEqual(int(values["effective"], 0), 1 << 5)
        self.assertEqual(values["no_new_privs"], "1")

    def test_the_default_seccomp_profile(self):
        values = self.run_box("/bin/guest", "confinement", ",", "syscall", 135, 0x40000).values
        # personality(ADDR_NO_RANDOMIZE), which anybody may without a filter
        self.assertEqual(values["seccomp"], "2")
        self.assertIn(values["syscall"], ("EPERM", "ENOSYS"))

    def test_a_read_only_root_with_a_tmpfs(self):
        result = self.run_box("/bin/sh", "-c", "echo x > /new || echo refused; echo y > /tmp/z",
                              options=["--read-only", "--read-only-tmpfs"])
        self.assertEqual(result.stdout, "refused\n")

    def test_volumes_of_the_host(self):
        source = os.path.join(self.directory, "volume")
        os.makedirs(source, exist_ok=True)
        with open(os.path.join(source, "file"), "w", encoding="ascii") as file:
            file.write("words\n")
        result = self.run_box("/bin/sh", "-c", "cat /a/file; echo x > /a/new; "
                              "echo x > /b/new2 || echo refused",
                              options=["-v", source + ":/a", "-v", source + ":/b:ro"])
        self.assertEqual(result.stdout, "words\nrefused\n")
        self.assertTrue(os.path.exists(os.path.join(source, "new")))

    def test_volumes_with_a_name(self):
        self.run_box("/bin/sh", "-c", "echo kept > /data/file", options=["-v", "shelf:/data"])
        result = self.run_box("/bin/cat", "/data/file", options=["-v", "shelf:/data"])
        self.assertEqual(result.stdout, "kept\n")
        self.podman("volume", "rm", "shelf")

    def test_limits(self):
        name = self.background(options=["--memory", "64m", "--pids-limit", "20", "--cpus", "0.5"])
        pid = self.inspect(name, "{{.State.Pid}}")
        with open("/proc/%s/cgroup" % pid, encoding="ascii") as file:
            paths = {part: line.strip().split(":")[2] for line in file
                     for part in line.split(":")[1].split(",")}
        def read(controller, file_name):
            with open("/sys/fs/cgroup/%s%s/%s" % (controller, paths[controller], file_name),
                      encoding="ascii") as file:
                return file.read().strip()
        self.assertEqual(read("memory", "memory.limit_in_bytes"), str(64 << 20))
        self.assertEqual(read("pids", "pids.max"), "20")
        self.assertEqual(read("cpu", "cpu.cfs_quota_us"), "50000")

    def test_an_oom_kill_is_told(self):
        name = self.background("/bin/guest", "memory", "200", options=["--memory", "32m",
                                                                       "--memory-swap", "32m"])
        self.assertEqual(self.podman("wait", name).stdout.strip(), "137")

    def test_the_network_of_the_host(self):
        result = self.podman("run", "--rm", "--network", "host", *self.parent(), "box", "readlink",
                             "/proc/self/ns/net")
        self.assertEqual(result.stdout.strip(), os.readlink("/proc/self/ns/net"))

    def test_an_init_process(self):
        if not CATATONIT:
            self.skipTest("catatonit is not installed")
        self.run_box("/bin/true", options=["--init"])

    def test_a_user_namespace(self):
        values = self.run_box("/bin/guest", "ids", options=["--uidmap", "0:100000:5000",
                                                            "--gidmap", "0:100000:5000"]).values
        self.assertEqual(values["uid"], "0 0 0")
        text = self.run_box("/bin/cat", "/proc/self/uid_map", options=["--uidmap", "0:100000:5000"])
        self.assertEqual(text.stdout.split(), ["0", "100000", "5000"])

    def test_devices(self):
        result = self.run_box("/bin/stat", "-c", "%t:%T", "/dev/mine",
                              options=["--device", "/dev/zero:/dev/mine:r"])
        self.assertEqual(result.stdout, "1:5\n")

    def test_sysctl_and_shm_size(self):
        result = self.run_box("/bin/sh", "-c", "cat /proc/sys/net/ipv4/ip_forward; df -k /dev/shm",
                              options=["--sysctl", "net.ipv4.ip_forward=1", "--shm-size", "1m"])
        self.assertEqual(result.stdout.split()[0], "1")
        self.assertIn("1024", result.stdout)

    def test_without_cgroups(self):
        """podman passes --cgroup-manager disabled."""
        if settings.OURS:
            self.podman("run", "--rm", "--network", "none", "--cgroups", "disabled", "box",
                        "/bin/true")

    def test_the_error_of_the_runtime_is_shown(self):
        result = self.run_box("/bin/true", options=["--sysctl", "kernel.panic=1"], ok=False)
        self.assertRegex(result.stderr, "kernel.panic")

    def test_an_image_is_built_with_it(self):
        folder = os.path.join(self.directory, "build")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "Containerfile"), "w", encoding="ascii") as file:
            file.write("FROM box\nRUN echo built > /built && id -u > /who\n"
                       "CMD [\"/bin/cat\", \"/built\"]\n")
        self.podman("build", "--quiet", "--network", "none", "--isolation", "oci",
                    "--runtime", settings.RUNTIME, "--cgroup-parent",
                    "/%s-build" % settings.TAG, "--tag", "built", folder,
                    timeout=120)
        result = self.podman("run", "--rm", "--network", "none", *self.parent(), "built")
        self.assertEqual(result.stdout, "built\n")
        self.podman("rmi", "built")


class Life(PodmanTest):
    def test_exec(self):
        name = self.background()
        result = self.podman("exec", name, "/bin/sh", "-c", "echo out; exit 7", ok=None)
        self.assertEqual((result.status, result.stdout), (7, "out\n"))
        values = self.podman("exec", "--user", "1000", "--env", "ONE=1", "--workdir", "/tmp", name,
                             "/bin/guest", "ids", ",", "environment", ",", "cwd").values
        self.assertEqual((values["uid"], values["env.ONE"], values["cwd"]),
                         ("1000 1000 1000", "1", "/tmp"))

    def test_statuses_of_exec(self):
        name = self.background()
        self.assertEqual(self.podman("exec", name, "/no/such", ok=None).status, 127)
        self.assertEqual(self.podman("exec", name, "/etc/passwd", ok=None).status, 126)
        self.assertEqual(self.podman("exec", "nosuchcontainer", "/bin/true", ok=None).status, 125)

    def test_exec_detached_and_with_input(self):
        name = self.background()
        self.podman("exec", "--detach", name, "/bin/sh", "-c", "echo done > /tmp/done")
        wait_until(lambda: self.podman("exec", name, "/bin/cat", "/tmp/done", ok=None).stdout ==
                   "done\n", "the detached process writes")
        result = self.podman("exec", "-i", name, "/bin/cat", input="words\n")
        self.assertEqual(result.stdout, "words\n")

    def test_signals(self):
        name = self.background("/bin/guest", "catch")
        wait_until(lambda: "catching" in self.podman("logs", name).stdout, "guest catches")
        self.podman("kill", "--signal", "USR1", name)
        self.assertEqual(self.podman("wait", name).stdout.strip(), "0")
        self.assertIn("signal=10", self.podman("logs", name).stdout)

    def test_stop_is_term_and_then_kill(self):
        name = self.background("/bin/guest", "catch")
        wait_until(lambda: "catching" in self.podman("logs", name).stdout, "guest catches")
        self.podman("stop", "--time", "20", name)
        self.assertIn("signal=15", self.podman("logs", name).stdout)
        name = self.background()  # pid 1 without a handler: TERM does nothing
        self.podman("stop", "--time", "1", name)
        self.assertEqual(self.inspect(name, "{{.State.ExitCode}}"), "137")

    def test_pause_and_unpause(self):
        name = self.background()
        self.podman("pause", name)
        self.assertEqual(self.inspect(name, "{{.State.Status}}"), "paused")
        self.podman("exec", name, "/bin/true", ok=False)
        self.podman("unpause", name)
        self.assertEqual(self.inspect(name, "{{.State.Status}}"), "running")
        self.podman("exec", name, "/bin/true")

    def test_rm_of_a_paused_one(self):
        name = self.background()
        self.podman("pause", name)
        self.podman("rm", "--force", "--time", "0", name)
        self.podman("inspect", name, ok=False)

    def test_start_again(self):
        name = self.background("/bin/sh", "-c", "echo one more")
        self.podman("wait", name)
        self.podman("start", "--attach", name)
        self.assertEqual(self.podman("logs", name).stdout, "one more\n" * 2)

    def test_restart(self):
        name = self.background()
        first = self.inspect(name, "{{.State.Pid}}")
        self.podman("restart", "--time", "0", name)
        self.assertNotEqual(self.inspect(name, "{{.State.Pid}}"), first)

    def test_init_makes_it_and_start_lets_it_go(self):
        self.podman("create", "--name", "made", "--network", "none", *self.parent(), "box",
                    "/bin/guest", "say", "hello")
        self.podman("init", "made")
        self.assertIn(self.inspect("made", "{{.State.Status}}"), ("initialized", "created"))
        self.assertEqual(self.podman("start", "--attach", "made").stdout, "say=hello\n")

    def test_update_of_the_limits(self):
        name = self.background(options=["--memory", "64m"])
        result = self.podman("container", "update", "--memory", "96m", name, ok=None)
        if result.status != 0 and "unrecognized" in result.stderr + result.stdout:
            self.skipTest("this podman has no `update`")
        pid = self.inspect(name, "{{.State.Pid}}")
        with open("/proc/%s/cgroup" % pid, encoding="ascii") as file:
            path = next(line.strip().split(":")[2] for line in file if ":memory:" in line)
        with open("/sys/fs/cgroup/memory%s/memory.limit_in_bytes" % path, encoding="ascii") as file:
            self.assertEqual(file.read().strip(), str(96 << 20))

    def test_top_stats_and_ps(self):
        name = self.background()
        self.assertIn("guest", self.podman("top", name, "pid", "comm").stdout)
        stats = json.loads(self.podman("stats", "--no-stream", "--format", "json", name).stdout)
        self.assertEqual(stats[0]["name"], name)
        self.assertGreaterEqual(int(stats[0]["pids"]), 1)
        self.assertIn("Up", self.podman("ps", "--format", "{{.Status}}").stdout)

    def test_copy_and_logs(self):
        name = self.background("/bin/sh", "-c", "echo line; exec sleep 1000")
        path = os.path.join(self.directory, "copied")
        with open(path, "w", encoding="ascii") as file:
            file.write("words\n")
        self.podman("cp", path, name + ":/tmp/copied")
        self.assertEqual(self.podman("exec", name, "/bin/cat", "/tmp/copied").stdout, "words\n")
        wait_until(lambda: self.podman("logs", name).stdout == "line\n", "the log has the line")

    def test_a_health_check(self):
        name = self.background(options=["--health-cmd", "test -e /tmp/healthy",
                                        "--health-interval", "disable"])
        self.podman("healthcheck", "run", name, ok=False)
        self.podman("exec", name, "/bin/sh", "-c", "echo > /tmp/healthy")
        self.podman("healthcheck", "run", name)

    def test_a_pod_shares_namespaces(self):
        if not CATATONIT:
            self.skipTest("catatonit is not installed: podman needs it for its pause image")
        pod = "pod%d" % os.getpid()
        self.podman("pod", "create", "--name", pod, "--network", "none", "--share", "net,ipc,uts",
                    *self.parent())
        try:
            self.podman("run", "--detach", "--name", "in1", "--pod", pod, "box", "/bin/guest",
                        "sleep", "1000")
            values = self.podman("exec", "in1", "readlink", "/proc/self/ns/net").stdout
            other = self.podman("run", "--rm", "--pod", pod, "box", "readlink", "/proc/self/ns/net")
            self.assertEqual(other.stdout, values)
        finally:
            self.podman("pod", "rm", "--force", "--time", "0", pod, ok=None)

    def test_a_pod_without_infra_container(self):
        pod = "plain%d" % os.getpid()
        self.podman("pod", "create", "--name", pod, "--infra=false", *self.parent())
        try:
            result = self.podman("run", "--rm", "--network", "none", "--pod", pod, "box",
                                 "/bin/guest", "say", "hello")
            self.assertEqual(result.stdout, "say=hello\n")
        finally:
            self.podman("pod", "rm", "--force", "--time", "0", pod, ok=None)

    def test_namespaces_of_another_container(self):
        first = self.background()
        result = self.podman("run", "--rm", "--network", "container:" + first, "--ipc",
                             "container:" + first, "--pid", "container:" + first, *self.parent(),
                             "box", "/bin/sh", "-c", "readlink /proc/self/ns/net; ls /proc/1/exe; ps")
        pid = self.inspect(first, "{{.State.Pid}}")
        self.assertIn(os.readlink("/proc/%s/ns/net" % pid), result.stdout)
        self.assertIn("guest sleep", result.stdout)

    def test_the_state_is_gone_with_the_container(self):
        name = self.background()
        id = self.inspect(name, "{{.Id}}")
        self.assertTrue(os.path.isdir("/run/%s/%s" % (NAME, id)))
        self.podman("rm", "--force", "--time", "0", name)
        self.assertFalse(os.path.exists("/run/%s/%s" % (NAME, id)))


class Terminal(PodmanTest):
    def on_terminal(self, *words):
        pid, master = os.forkpty()
        if pid == 0:
            os.execvpe("podman", [*self.base, *words], self.environment)
        def finish():
            os.close(master)
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        return pid, master, finish

    def test_run_on_a_terminal(self):
        pid, master, finish = self.on_terminal(
            "run", "--rm", "-it", "--network", "none", *self.parent(), "box", "/bin/sh", "-c",
            "tty; read line; echo got $line; exit 6")
        try:
            read_terminal(master, "/dev/")
            os.write(master, b"hello\n")
            read_terminal(master, "got hello")
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 6)
        finally:
            finish()

    def test_exec_on_a_terminal(self):
        name = self.background()
        pid, master, finish = self.on_terminal("exec", "-it", name, "/bin/guest", "terminal", ",",
                                               "say", "end", ",", "exit", "3")
        try:
            text = read_terminal(master, "say=end")
            self.assertIn("terminal=1", text)
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 3)
        finally:
            finish()

    def test_the_size_of_the_terminal_arrives(self):
        import fcntl
        import struct
        import termios
        pid, master, finish = self.on_terminal(
            "run", "--rm", "-it", "--network", "none", *self.parent(), "box", "/bin/sh", "-c",
            "read go; /bin/guest terminal , say end")
        try:
            fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 41, 97, 0, 0))
            time.sleep(1)
            os.write(master, b"go\n")
            text = read_terminal(master, "say=end")
            self.assertTrue(re.search("rows=41", text) and re.search("columns=97", text), text)
            os.waitpid(pid, 0)
        finally:
            finish()
