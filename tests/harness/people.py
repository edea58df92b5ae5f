# SPDX-License-Identifier: Apache-2.0
"""What the tests of `run IMAGE` share: an image of their own, a storage directory of their own."""

import hashlib
import json
import os
import pty
import select
import subprocess
import tarfile
import time

from . import settings
from .bundle import make_root
from .case import RuntimeTest
from .runtime import Failure, wait_until

IMAGE_CONFIG = {"Env": ["PATH=/bin", "FROM_IMAGE=1"], "Cmd": ["/bin/sh", "-c", "echo default"],
                "WorkingDir": "/tmp"}


def _blob(layout, data):
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(layout, "blobs", "sha256", digest), "wb") as file:
        file.write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}


def make_layout(layout, root, config):
    """An OCI image layout with one layer, of what is in the directory `root`; tag "latest"."""
    os.makedirs(os.path.join(layout, "blobs", "sha256"))
    archive = os.path.join(layout, "layer.tar")
    with tarfile.open(archive, "w") as tar:
        tar.add(root, arcname=".")
    with open(archive, "rb") as file:
        layer = file.read()
    os.unlink(archive)
    media = "application/vnd.oci.image."
    layer_entry = {"mediaType": media + "layer.v1.tar", **_blob(layout, layer)}
    config_entry = {"mediaType": media + "config.v1+json", **_blob(layout, json.dumps({
        "architecture": "amd64", "os": "linux", "config": config,
        "rootfs": {"type": "layers", "diff_ids": [layer_entry["digest"]]}}).encode())}
    manifest = {"mediaType": media + "manifest.v1+json", **_blob(layout, json.dumps({
        "schemaVersion": 2, "mediaType": media + "manifest.v1+json", "config": config_entry,
        "layers": [layer_entry]}).encode()),
        "annotations": {"org.opencontainers.image.ref.name": "latest"}}
    with open(os.path.join(layout, "index.json"), "w", encoding="ascii") as file:
        json.dump({"schemaVersion": 2, "manifests": [manifest]}, file)
    with open(os.path.join(layout, "oci-layout"), "w", encoding="ascii") as file:
        json.dump({"imageLayoutVersion": "1.0.0"}, file)


class Terminal:
    """A person's terminal with a program in it."""

    def __init__(self, words, **popen):
        self.master, slave = pty.openpty()
        self.output = ""
        self.process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True, **popen)
        self.slave = slave

    def type(self, text):
        os.write(self.master, text.encode())

    def _read(self, timeout):
        if not select.select([self.master], [], [], timeout)[0]:
            return False
        self.output += os.read(self.master, 65536).decode(errors="replace")
        return True

    def wait_for(self, text, timeout=settings.TIMEOUT_S):
        end = time.monotonic() + timeout
        while text not in self.output:
            if not self._read(0.1) and time.monotonic() > end:
                raise Failure("the terminal never shows %r:\n%s" % (text, self.output))

    def wait(self):
        """Exit status, after all output was read."""
        end = time.monotonic() + settings.TIMEOUT_S
        while self.process.poll() is None:
            self._read(0.05)
            if time.monotonic() > end:
                self.process.kill()
                raise Failure("no end:\n%s" % self.output)
        while self._read(0.05):
            pass
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


class PeopleTest(RuntimeTest):
    """Each test has an image `self.image` and a storage directory; all instances are removed."""

    def setUp(self):
        super().setUp()
        if not settings.OURS:
            self.skipTest("crun and runc have no images")
        self.storage = os.path.join(self.directory, "storage")
        self.runtime.options += ["--storage", self.storage]
        self.environment = {**os.environ, "XDG_CACHE_HOME": os.path.join(self.directory, "cache")}
        self.rootfs = os.path.join(self.directory, "rootfs")
        make_root(self.rootfs)
        self.addCleanup(self._remove_instances)

    def _remove_instances(self):
        names = self.call("ps", "--all", "--quiet", ok=None).stdout.split()
        if names:
            self.call("rm", "--force", *names, ok=None)

    @property
    def image(self):
        layout = os.path.join(self.directory, "layout")
        if not os.path.exists(layout):
            make_layout(layout, self.rootfs, IMAGE_CONFIG)
        return "oci:%s:latest" % layout

    def call(self, *words, **keywords):
        return self.runtime.call(*words, env=self.environment, **keywords)

    def run_image(self, *words, **keywords):
        """`run --rm` in the foreground; options, then a command as one list."""
        *options, command = words
        return self.call("run", "--rm", "-n", self.new_id(), *options, self.image, "--", *command,
                         **keywords)

    def guest(self, *words, options=(), **keywords):
        """What the test program sees in an instance."""
        return self.run_image(*options, ["/bin/guest", *words], **keywords).values

    def shell(self, script, *options, **keywords):
        return self.run_image(*options, ["/bin/sh", "-c", script], **keywords)

    def start_image(self, script, *options, **keywords):
        """`run -d`; the name."""
        name = self.new_id()
        self.call("run", "-d", "-n", name, *options, self.image, "--", "/bin/sh", "-c", script,
                  **keywords)
        return name

    def terminal(self, *words):
        terminal = Terminal(self.runtime.words(*words), env={**self.environment, "TERM": "xterm"})
        self.addCleanup(terminal.close)
        return terminal

    def row(self, name):
        """The instance as `ps --all` tells it; None where it is not listed."""
        rows = self.call("ps", "--all", "--format", "json").json
        return next((row for row in rows if row["name"] == name), None)

    def wait_status(self, name, status):
        wait_until(lambda: (self.row(name) or {}).get("status") == status,
                   "%s is %s" % (name, status))

    def wait_log(self, name, text):
        wait_until(lambda: text in self.call("logs", name).stdout,
                   "log of %s has %r" % (name, text))

    def stored(self):
        return os.listdir(self.storage) if os.path.isdir(self.storage) else []
