# SPDX-License-Identifier: Apache-2.0
"""process.terminal, --console-socket, --pidfd-socket: what the callers' sockets receive."""

import array
import fcntl
import os
import socket
import stat
import struct
import subprocess
import termios
import threading
import time

from harness import settings
from harness.terminal import read_terminal
from harness.case import RuntimeTest, only_openvirt
from harness.runtime import Failure


class Receiver:
    """A listening socket that takes one descriptor, as conmon does."""

    def __init__(self, directory, name="console.sock"):
        self.path = os.path.join(directory, name)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(self.path)
        self.socket.listen()
        self.socket.settimeout(settings.TIMEOUT_S)
        self.descriptor, self.payload = None, None
        self.thread = threading.Thread(target=self._receive)
        self.thread.start()

    def _receive(self):
        try:
            connection, _ = self.socket.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(settings.TIMEOUT_S)
            fds = array.array("i")
            self.payload, control, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(64))
            for level, kind, data in control:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
            if fds:
                self.descriptor = fds[0]

    def take(self):
        self.thread.join()
        if self.descriptor is None:
            raise Failure("no descriptor came over %s" % self.path)
        return self.descriptor

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        self.thread.join()
        if self.descriptor is not None:
            os.close(self.descriptor)


class Terminal(RuntimeTest):
    def receiver(self, name="console.sock"):
        receiver = Receiver(self.directory, name)
        self.addCleanup(receiver.close)
        return receiver

    def with_terminal(self, *words, **process):
        bundle = self.bundle().guest(*words)
        bundle.process.update(terminal=True, **process)
        receiver = self.receiver()
        container = self.container(bundle)
        container.create("--console-socket", receiver.path)
        return container, receiver.take()

    def test_the_master_comes_over_the_console_socket(self):
        container, master = self.with_terminal("terminal", ",", "say", "end")
        self.assertTrue(stat.S_ISCHR(os.fstat(master).st_mode))
        container.start()
        text = read_terminal(master, "say=end")
        self.assertIn("terminal=1", text)
        self.assertIn("controlling=ok", text)
        self.assertIn("foreground=1", text)

    def test_a_caller_that_waits_for_the_end_of_our_output_gets_it(self):
        """containerd reads the output of `create` to its end; the container has its terminal."""
        receiver = self.receiver()
        bundle = self.bundle().guest("sleep", 100)
        bundle.process["terminal"] = True
        container = self.container(bundle)
        bundle.save()
        result = subprocess.run([settings.RUNTIME, "--root", container.runtime.root, "create",
                                 "--bundle", bundle.path, "--console-socket", receiver.path,
                                 container.id], stdin=subprocess.DEVNULL, capture_output=True,
                                timeout=settings.TIMEOUT_S)
        self.assertEqual((result.returncode, result.stderr), (0, b""))

    def test_the_terminal_has_the_size_that_is_asked_for(self):
        container, master = self.with_terminal("terminal", ",", "say", "end",
                                               consoleSize={"height": 33, "width": 117})
        container.start()
        text = read_terminal(master, "say=end")
        self.assertIn("rows=33", text)
        self.assertIn("columns=117", text)

    def test_the_terminal_is_the_containers_own_dev_pts(self):
        container, master = self.with_terminal("terminal", ",", "say", "end")
        container.start()
        self.assertRegex(read_terminal(master, "say=end"), r"tty=/dev/(pts/0|console)")

    def test_dev_console_is_the_terminal(self):
        bundle = self.bundle().shell("echo words > /dev/console; echo end")
        bundle.process["terminal"] = True
        receiver = self.receiver()
        container = self.container(bundle)
        container.create("--console-socket", receiver.path)
        container.start()
        self.assertIn("words", read_terminal(receiver.take(), "end"))

    def test_input_reaches_the_program(self):
        bundle = self.bundle().shell("read line; echo got $line")
        bundle.process["terminal"] = True
        receiver = self.receiver()
        container = self.container(bundle)
        container.create("--console-socket", receiver.path)
        container.start()
        os.write(receiver.take(), b"hello\n")
        read_terminal(receiver.descriptor, "got hello")

    def test_a_change_of_the_window_is_signalled(self):
        container, master = self.with_terminal("catch")
        container.start()
        read_terminal(master, "catching")
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 34, 0, 0))
        text = read_terminal(master, "signal=28")
        self.assertIn("rows=12", text)

    def test_the_terminal_belongs_to_the_user(self):
        bundle = self.bundle().shell("stat -c 'owner %u' /dev/pts/0; echo end")
        bundle.process.update(terminal=True, user={"uid": 1000, "gid": 1000})
        receiver = self.receiver()
        container = self.container(bundle)
        container.create("--console-socket", receiver.path)
        container.start()
        self.assertIn("owner 1000", read_terminal(receiver.take(), "end"))

    def test_create_with_a_terminal_and_no_socket_is_refused(self):
        bundle = self.bundle().guest("exit", 0)
        bundle.process["terminal"] = True
        container = self.container(bundle)
        container.create(ok=False)
        self.assertNothingMade(container)

    @only_openvirt
    def test_a_socket_without_a_terminal_is_refused(self):
        receiver = self.receiver()
        container = self.container(self.bundle().guest("exit", 0))
        container.create("--console-socket", receiver.path, ok=False)
        self.assertNothingMade(container)

    def test_a_socket_that_is_not_there_is_refused_and_nothing_is_made(self):
        bundle = self.bundle().guest("exit", 0)
        bundle.process["terminal"] = True
        container = self.container(bundle)
        container.create("--console-socket", os.path.join(self.directory, "none"), ok=False)
        self.assertNothingMade(container)

    def test_exec_with_a_terminal(self):
        container = self.sleeper()
        receiver = self.receiver()
        container.exec("/bin/guest", "terminal", ",", "say", "end",
                       options=("--tty", "--detach", "--console-socket", receiver.path))
        text = read_terminal(receiver.take(), "say=end")
        self.assertIn("terminal=1", text)
        self.assertIn("controlling=ok", text)

    @only_openvirt
    def test_the_pidfd_socket_receives_a_pidfd_of_the_process(self):
        receiver = self.receiver("pidfd.sock")
        container = self.container(self.bundle().guest("sleep", 100))
        container.create("--pidfd-socket", receiver.path)
        with open("/proc/self/fdinfo/%d" % receiver.take(), encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        self.assertEqual(int(fields["Pid"]), container.pid)

    @only_openvirt
    def test_the_pidfd_socket_of_exec(self):
        container = self.sleeper()
        receiver = self.receiver("pidfd.sock")
        pid_file = os.path.join(self.directory, "exec.pid")
        container.exec("/bin/guest", "sleep", "100",
                       options=("--detach", "--pid-file", pid_file, "--pidfd-socket",
                                receiver.path))
        with open("/proc/self/fdinfo/%d" % receiver.take(), encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        with open(pid_file, encoding="ascii") as file:
            self.assertEqual(int(fields["Pid"]), int(file.read()))

    @only_openvirt
    def test_run_in_the_foreground_relays_our_own_terminal(self):
        bundle = self.bundle().shell("tty; read line; echo got $line; exit 5")
        bundle.process["terminal"] = True
        container = self.container(bundle.save() and bundle)
        pid, master = os.forkpty()
        if pid == 0:
            os.execv(self.runtime.path, self.runtime.words("run", "--bundle", bundle.path,
                                                           container.id))
        try:
            read_terminal(master, "/dev/pts/0")
            os.write(master, b"hello\n")
            read_terminal(master, "got hello")
        finally:
            _, status = os.waitpid(pid, 0)
            os.close(master)
        self.assertEqual(os.waitstatus_to_exitcode(status), 5)
