# SPDX-License-Identifier: Apache-2.0
"""run -it and exec -it as a person at a terminal uses them."""

import fcntl
import os
import signal
import struct
import termios

from harness.people import PeopleTest


class Interactive(PeopleTest):
    def settings(self, terminal):
        return termios.tcgetattr(terminal.slave)

    def test_a_shell_at_a_terminal(self):
        terminal = self.terminal("run", "--rm", "-it", self.image, "--", "/bin/sh")
        terminal.wait_for("#")
        terminal.type("echo $((6*7)); tty\r")
        terminal.wait_for("42")
        terminal.wait_for("/dev/pts/0")
        terminal.type("exit 9\r")
        self.assertEqual(terminal.wait(), 9)

    def test_the_terminal_is_as_it_was_afterwards(self):
        terminal = self.terminal("run", "--rm", "-it", self.image, "--", "/bin/sh", "-c",
                                 "echo ready; read line; exit 3")
        before = self.settings(terminal)
        terminal.wait_for("ready")
        self.assertNotEqual(self.settings(terminal), before)  # raw
        terminal.type("go\r")
        self.assertEqual(terminal.wait(), 3)
        self.assertEqual(self.settings(terminal), before)

    def test_the_terminal_is_as_it_was_after_an_error(self):
        terminal = self.terminal("run", "--rm", "-it", self.image, "--", "/bin/nothing")
        before = self.settings(terminal)
        self.assertEqual(terminal.wait(), 127)
        self.assertEqual(self.settings(terminal), before)

    def test_ctrl_c_belongs_to_the_instance(self):
        terminal = self.terminal("run", "--rm", "-it", self.image, "--", "/bin/sh", "-c",
                                 "trap 'echo caught; exit 8' INT; echo ready; "
                                 "while :; do sleep 0.05; done")
        terminal.wait_for("ready")
        terminal.type("\x03")
        terminal.wait_for("caught")
        self.assertEqual(terminal.wait(), 8)

    def test_a_new_size_gets_through(self):
        terminal = self.terminal("run", "--rm", "-it", self.image, "--", "/bin/sh", "-c",
                                 "trap '/bin/guest terminal; exit 0' WINCH; echo ready; "
                                 "while :; do sleep 0.05; done")
        terminal.wait_for("ready")
        fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
        os.kill(terminal.process.pid, signal.SIGWINCH)
        terminal.wait_for("33")
        terminal.wait_for("77")
        self.assertEqual(terminal.wait(), 0)

    def test_term_to_openvirt_ends_the_instance_and_gives_the_terminal_back(self):
        terminal = self.terminal("run", "--rm", "-it", self.image, "--", "/bin/sh", "-c",
                                 "echo ready; exec sleep 100")
        before = self.settings(terminal)
        terminal.wait_for("ready")
        terminal.process.send_signal(signal.SIGTERM)
        self.assertEqual(terminal.wait(), 128 + signal.SIGKILL)
        self.assertEqual(self.settings(terminal), before)

    def test_a_pipe_can_feed_a_terminal(self):
        result = self.run_image("-it", ["/bin/cat"], input="fed\n")
        self.assertIn("fed", result.stdout)

    def test_exec_at_a_terminal(self):
        name = self.start_image("exec sleep 100")
        terminal = self.terminal("exec", "-it", name, "/bin/sh")
        before = self.settings(terminal)
        terminal.wait_for("#")
        terminal.type("hostname 2>/dev/null; echo in-$((1+1)); exit 4\r")
        terminal.wait_for("in-2")
        self.assertEqual(terminal.wait(), 4)
        self.assertEqual(self.settings(terminal), before)
