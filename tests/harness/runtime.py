# SPDX-License-Identifier: Apache-2.0
"""Calls of an OCI runtime, as its callers make them."""

import json
import os
import subprocess
import time

from . import settings


class Result:
    """What one call left: exit status and texts. `values` are the guest's NAME=VALUE lines."""

    def __init__(self, words, status, stdout, stderr):
        self.words, self.status, self.stdout, self.stderr = words, status, stdout, stderr

    @property
    def values(self):
        return parse_values(self.stdout)

    @property
    def json(self):
        return json.loads(self.stdout)

    def __str__(self):
        return "%s\nstatus %s\nstdout: %s\nstderr: %s" % (" ".join(self.words), self.status,
                                                         self.stdout, self.stderr)


def parse_values(text):
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


class Failure(AssertionError):
    pass


class Runtime:
    """One runtime with one --root. Outputs go to files: a container keeps its creator's standard
    output open, and a pipe would never end."""

    def __init__(self, directory, path=None, options=()):
        self.path = path or settings.RUNTIME
        self.directory = directory
        self.root = os.path.join(directory, "state")
        self.options = list(options)
        self.calls = 0
        os.makedirs(directory, exist_ok=True)

    def words(self, *words):
        return [self.path, "--root", self.root, *self.options, *map(str, words)]

    def call(self, *words, ok=True, input=None, timeout=settings.TIMEOUT_S, prefix=(), **popen):
        """Run to its end. ok: True - must succeed; False - must fail; None - either."""
        self.calls += 1
        base = os.path.join(self.directory, "call.%d" % self.calls)
        command = [*prefix, *self.words(*words)]
        with open(base + ".out", "wb") as out, open(base + ".err", "wb") as error:
            process = subprocess.Popen(command, stdout=out, stderr=error,
                                       stdin=subprocess.PIPE if input is not None
                                       else subprocess.DEVNULL, **popen)
            try:
                process.communicate(input.encode() if input is not None else None, timeout=timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise Failure("%s: no end within %s s\n%s" % (" ".join(command), timeout,
                                                             _read(base + ".err")))
        result = Result(command, process.returncode, _read(base + ".out"), _read(base + ".err"))
        if ok is True and result.status != 0:
            raise Failure("must succeed: %s" % result)
        if ok is False and result.status == 0:
            raise Failure("must fail: %s" % result)
        return result


class Container:
    """One container id in one bundle; the test case deletes it whatever happens."""

    def __init__(self, runtime, id, bundle):
        self.runtime, self.id, self.bundle = runtime, id, bundle
        self.pid_file = os.path.join(bundle.path, "pid")
        self.output = os.path.join(bundle.path, "output")

    def call(self, verb, *words, **keywords):
        return self.runtime.call(verb, *words, self.id, **keywords)

    def create(self, *options, **keywords):
        """`create`; what the container prints then is found by text()."""
        self.bundle.save()
        result = self.call("create", "--bundle", self.bundle.path, "--pid-file", self.pid_file,
                           *options, **keywords)
        self._created = result
        self.output = os.path.join(self.runtime.directory, "call.%d.out" % self.runtime.calls)
        return result

    def start(self, **keywords):
        return self.call("start", **keywords)

    def run(self, *options, **keywords):
        self.bundle.save()
        return self.call("run", "--bundle", self.bundle.path, *options, **keywords)

    def up(self, *options, **keywords):
        """create and start."""
        self.create(*options, **keywords)
        self.start()
        return self

    def state(self):
        return self.call("state").json

    @property
    def status(self):
        return self.state()["status"]

    @property
    def pid(self):
        with open(self.pid_file, encoding="ascii") as file:
            return int(file.read())

    def exec(self, *words, options=(), **keywords):
        return self.runtime.call("exec", *options, self.id, *words, **keywords)

    def kill(self, signal="KILL", *options, **keywords):
        return self.runtime.call("kill", *options, self.id, signal, **keywords)

    def delete(self, *options, **keywords):
        return self.call("delete", *options, **keywords)

    def text(self):
        return _read(self.output)

    @property
    def values(self):
        return parse_values(self.text())

    def wait_for_text(self, text):
        wait_until(lambda: text in self.text(), "container prints %r" % text)
        return self.values

    def wait_stopped(self):
        wait_until(lambda: self.status == "stopped", "container stops")
        return self


def _read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def wait_until(condition, what, timeout=settings.TIMEOUT_S):
    """Poll: for what can only be seen from outside by looking again."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise Failure("not within %s s: %s" % (timeout, what))
        time.sleep(0.01)
