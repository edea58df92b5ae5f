# SPDX-License-Identifier: Apache-2.0
"""containerd drives the runtime by its runc shim: a private containerd, an image made here."""

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import tarfile
import unittest

from harness import leaks, settings
from harness.bundle import make_root
from harness.runtime import Failure, Result, wait_until

CONFIGURATION = """
version = 2
root = "{directory}/root"
state = "{directory}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{directory}/sock"
[ttrpc]
  address = "{directory}/sock.ttrpc"
"""


def oci_archive(root, path):
    """An OCI image layout with one layer, as a tar file."""
    layer_file = io.BytesIO()
    with tarfile.open(fileobj=layer_file, mode="w") as layer:
        layer.add(root, arcname=".")
    blobs = {}

    def blob(data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        blobs["blobs/sha256/" + digest] = data
        return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data)}
    prefix = "application/vnd.oci.image."
    layer = blob(layer_file.getvalue(), prefix + "layer.v1.tar")
    config = blob(json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/true"]},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}).encode(),
        prefix + "config.v1+json")
    manifest = blob(json.dumps({"schemaVersion": 2, "mediaType": prefix + "manifest.v1+json",
                                "config": config, "layers": [layer]}).encode(),
                    prefix + "manifest.v1+json")
    manifest["annotations"] = {"io.containerd.image.name": "docker.io/library/box:latest"}
    blobs["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode()
    blobs["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
    with tarfile.open(path, "w") as archive:
        for name, data in blobs.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


@unittest.skipUnless(shutil.which("containerd") and shutil.which("ctr"),
                     "containerd is not installed")
class Containerd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = os.path.join(settings.WORK, "containerd")
        os.makedirs(cls.directory)
        configuration = os.path.join(cls.directory, "config.toml")
        with open(configuration, "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(directory=cls.directory))
        with open(os.path.join(cls.directory, "log"), "wb") as log:
            cls.daemon = subprocess.Popen(["containerd", "--config", configuration], stdout=log,
                                          stderr=log, stdin=subprocess.DEVNULL)
        cls.addClassCleanup(cls.stop_daemon)
        wait_until(lambda: cls.ctr("version", ok=None).status == 0, "containerd answers")
        root, archive = os.path.join(cls.directory, "image"), os.path.join(cls.directory, "tar")
        make_root(root, private=True)
        oci_archive(root, archive)
        cls.ctr("image", "import", "--snapshotter", "native", archive)

    @classmethod
    def stop_daemon(cls):
        cls.daemon.send_signal(signal.SIGTERM)
        cls.daemon.wait()
        for path in sorted(leaks.tagged_cgroups(), reverse=True):
            if path.endswith("/" + settings.TAG):  # the namespace's own, which the shim made
                os.rmdir(path)

    @classmethod
    def ctr(cls, *words, ok=True, input=None, timeout=60):
        # The containerd namespace is the parent of its cgroups: the tag, for the leak check.
        command = ["ctr", "--address", cls.directory + "/sock", "--namespace", settings.TAG,
                   *map(str, words)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=timeout, **({"input": input} if input is not None
                                                  else {"stdin": subprocess.DEVNULL}))
        result = Result(command, done.returncode, done.stdout, done.stderr)
        if ok is not None and ok != (done.returncode == 0):
            raise Failure("must %s: %s" % ("succeed" if ok else "fail", result))
        return result

    def setUp(self):
        self.names = []
        self.addCleanup(self.remove)

    def remove(self):
        for name in self.names:
            self.ctr("task", "kill", "--signal", "KILL", name, ok=None)
            self.ctr("task", "delete", "--force", name, ok=None)
            self.ctr("container", "delete", name, ok=None)

    def name(self):
        self.names.append("%s-%d" % (self._testMethodName.removeprefix("test_")[:40],
                                     len(self.names)))
        return self.names[-1]

    def options(self):
        return ["--runc-binary", settings.RUNTIME, "--snapshotter", "native"]

    def run_box(self, *words, ok=True, options=(), **keywords):
        return self.ctr("run", "--rm", *self.options(), *options, "docker.io/library/box:latest",
                        self.name(), *words, ok=ok, **keywords)

    def background(self, *words, options=()):
        name = self.name()
        self.ctr("run", "--detach", *self.options(), *options, "docker.io/library/box:latest", name,
                 *(words or ("/bin/guest", "sleep", "1000")))
        return name

    def status(self, name):
        for line in self.ctr("task", "list").stdout.splitlines():
            words = line.split()
            if words[0] == name:
                return words[2]
        return None

    def pid(self, name):
        for line in self.ctr("task", "list").stdout.splitlines():
            words = line.split()
            if words[0] == name:
                return int(words[1])
        raise Failure("no task " + name)

    def test_output_and_status_come_back(self):
        result = self.run_box("/bin/sh", "-c", "echo out; exit 42", ok=None)
        self.assertEqual((result.status, result.stdout), (42, "out\n"))

    def test_it_is_the_runtime_under_test(self):
        name = self.background()
        root = "/run/containerd/runc/%s/%s" % (settings.TAG, name)
        self.assertTrue(os.path.isdir(root), root)
        listed = subprocess.run([settings.RUNTIME, "--root", os.path.dirname(root), "list",
                                 "--quiet"], stdout=subprocess.PIPE, text=True, check=True)
        self.assertIn(name, listed.stdout.split())

    def test_a_program_that_is_not_there(self):
        result = self.run_box("/no/such", ok=False)
        self.assertRegex(result.stderr, "(?i)no such file or directory|executable file not found")

    def test_exec(self):
        name = self.background()
        result = self.ctr("task", "exec", "--exec-id", "one", name, "/bin/sh", "-c",
                          "echo out; exit 7", ok=None)
        self.assertEqual((result.status, result.stdout), (7, "out\n"))

    def test_exec_with_a_user_and_a_directory(self):
        name = self.background()
        values = self.ctr("task", "exec", "--exec-id", "one", "--user", "1000", "--cwd", "/tmp",
                          name, "/bin/guest", "ids", ",", "cwd").values
        self.assertEqual((values["uid"], values["cwd"]), ("1000 1000 1000", "/tmp"))

    def test_signals(self):
        name = self.background("/bin/guest", "catch")
        self.ctr("task", "kill", "--signal", "USR1", name)
        wait_until(lambda: self.status(name) == "STOPPED", "the task stops")

    def test_kill_of_a_stopped_task(self):
        name = self.background("/bin/true")
        wait_until(lambda: self.status(name) == "STOPPED", "the task stops")
        result = self.ctr("task", "kill", name, ok=None)
        if result.status:
            self.assertRegex(result.stderr, "not found|already finished")
        self.ctr("task", "delete", name, ok=None)

    def test_pause_and_resume(self):
        name = self.background()
        self.ctr("task", "pause", name)
        self.assertEqual(self.status(name), "PAUSED")
        self.ctr("task", "resume", name)
        self.assertEqual(self.status(name), "RUNNING")

    def test_processes(self):
        name = self.background()
        self.assertIn(str(self.pid(name)), self.ctr("task", "ps", name).stdout)

    def test_metrics(self):
        name = self.background(options=["--memory-limit", str(64 << 20)])
        document = json.loads(self.ctr("task", "metrics", "--format", "json", name).stdout)
        self.assertGreater(document["memory"]["usage"]["usage"], 0)
        self.assertEqual(document["memory"]["usage"]["limit"], 64 << 20)

    def test_limits(self):
        name = self.background(options=["--memory-limit", str(64 << 20), "--cpu-shares", "300"])
        base = "/sys/fs/cgroup/%s/" + settings.TAG + "/" + name
        with open(base % "memory" + "/memory.limit_in_bytes", encoding="ascii") as file:
            self.assertEqual(file.read().strip(), str(64 << 20))
        with open(base % "cpu" + "/cpu.shares", encoding="ascii") as file:
            self.assertEqual(file.read().strip(), "300")

    def test_a_read_only_root_and_a_mount(self):
        source = os.path.join(self.directory, "source")
        os.makedirs(source)
        with open(os.path.join(source, "file"), "w", encoding="ascii") as file:
            file.write("words\n")
        result = self.run_box("/bin/sh", "-c", "cat /mnt/file; echo x > /new || echo refused",
                              options=["--read-only", "--mount",
                                       "type=bind,src=%s,dst=/mnt,options=rbind:ro" % source])
        self.assertEqual(result.stdout, "words\nrefused\n")

    def test_the_default_seccomp_profile(self):
        values = self.run_box("/bin/guest", "confinement", ",", "syscall", 135, 0x40000,
                              options=["--seccomp"]).values
        self.assertEqual(values["seccomp"], "2")
        self.assertIn(values["syscall"], ("EPERM", "ENOSYS"))

    def test_the_end_of_a_container_leaves_nothing(self):
        self.run_box("/bin/true")
        name = self.names[-1]
        self.assertFalse(os.path.exists("/run/containerd/runc/%s/%s" % (settings.TAG, name)))
        self.assertEqual([path for path in leaks.tagged_cgroups() if name in path], [])

    def test_a_terminal(self):
        pid, master = os.forkpty()
        if pid == 0:
            os.execvp("ctr", ["ctr", "--address", self.directory + "/sock", "--namespace",
                              settings.TAG, "run", "--rm", "--tty", *self.options(),
                              "docker.io/library/box:latest", "on-terminal", "/bin/guest",
                              "terminal", ",", "exit", "4"])
        self.names.append("on-terminal")
        text = b""
        try:
            while True:
                data = os.read(master, 4096)
                if not data:
                    break
                text += data
        except OSError:
            pass
        os.close(master)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 4)
        self.assertIn(b"terminal=1", text)
