# SPDX-License-Identifier: Apache-2.0
"""The host's side of src/guest/protocol.h, written a second time: what the guest really sends."""

import socket
import struct
import time

(ROOT, MOUNT, HOST, NETWORK, START, STDIN, CREDIT, WINDOW_SIZE, SIGNAL, POWER_OFF,
 HAND_OVER) = range(1, 12)
HELLO, STARTED, FAILED, STDOUT, STDERR, INPUT_TAKEN, EXITED, LOG, DOWN = range(64, 73)

TERMINAL, NO_NEW_PRIVILEGES, CAPABILITIES, UMASK = 1, 2, 4, 8
STEP_EXECUTE = 10
CREDIT_BYTES = 65536


def string(text):
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("<I", len(data)) + data


def address(text):
    return struct.unpack("<I", socket.inet_aton(text))[0]


class Process:
    """What became of a process, and how much more input it takes."""

    def __init__(self, number):
        self.number, self.pid, self.failed, self.exited = number, None, None, None
        self.output, self.errors = b"", b""
        self.room, self.held = CREDIT_BYTES, 0
        self.hold = False  # give no credit back


class Channel:
    def __init__(self, path, timeout):
        self.end = time.monotonic() + timeout
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.buffer, self.processes, self.logs = b"", {}, []
        self.hello, self.failure, self.down = None, None, False

    def send(self, kind, process=0, data=b""):
        self.socket.settimeout(max(0.1, self.end - time.monotonic()))
        self.socket.sendall(struct.pack("<III", kind, process, len(data)) + data)

    def receive(self):
        """One frame."""
        while True:
            if len(self.buffer) >= 12:
                kind, process, length = struct.unpack_from("<III", self.buffer)
                if len(self.buffer) >= 12 + length:
                    data = self.buffer[12:12 + length]
                    self.buffer = self.buffer[12 + length:]
                    self.take(kind, process, data)
                    return
            self.socket.settimeout(max(0.1, self.end - time.monotonic()))
            data = self.socket.recv(65536)
            if not data:
                raise EOFError("the machine closed its control channel")
            self.buffer += data

    def take(self, kind, number, data):
        process = self.processes.get(number)
        if kind == HELLO:
            self.hello = struct.unpack_from("<III", data)[2], data[16:].decode()
        elif kind == LOG:
            self.logs.append(data.decode())
        elif kind == DOWN:
            self.down = True
        elif kind == FAILED and not number:
            self.failure = (*struct.unpack_from("<II", data), data[12:].decode())
        elif kind == FAILED:
            process.failed = (*struct.unpack_from("<II", data), data[12:].decode())
        elif kind == STARTED:
            process.pid = struct.unpack("<I", data)[0]
        elif kind in (STDOUT, STDERR):
            self.take_output(process, kind, data)
        elif kind == INPUT_TAKEN:
            process.room += struct.unpack("<I", data)[0]
        elif kind == EXITED:
            process.exited = struct.unpack("<II", data)
        else:
            raise ValueError("unknown report %d" % kind)

    def take_output(self, process, kind, data):
        if kind == STDOUT:
            process.output += data
        else:
            process.errors += data
        if process.hold:
            process.held += len(data)
        else:
            self.send(CREDIT, process.number, struct.pack("<II", kind, len(data)))

    def release(self, process):
        """Give back the credit for standard output that was held."""
        process.hold = False
        self.send(CREDIT, process.number, struct.pack("<II", STDOUT, process.held))

    def wait(self, condition):
        while not condition():
            self.receive()

    def set_up(self, read_only=False, disk="LABEL=openvirt-root", wait_ms=30000, network=True):
        self.wait(lambda: self.hello)
        self.send(ROOT, 0, struct.pack("<II", int(read_only), wait_ms) + string(disk) +
                  string("ext4") + string(""))
        self.send(HOST, 0, string("guest-host") + string("example.org"))
        if network:
            self.send(NETWORK, 0, struct.pack("<5I3I", address("10.0.2.15"), address("10.0.2.2"),
                                              24, 0, 1, address("10.0.2.3"), 0, 0) +
                      string("example.org"))

    def mount(self, source, target, kind, options="", flags=0, on_file=False):
        self.send(MOUNT, 0, struct.pack("<II", int(on_file), flags) + string(source) +
                  string(target) + string(kind) + string(options))

    def start(self, *arguments, flags=0, cwd="/", env=("PATH=/bin",), uid=0, gid=0, umask=0,
              groups=(), rlimits=(), capabilities=(0,) * 5, size=(0, 0)):
        number = max(self.processes, default=0) + 1
        data = struct.pack("<5QIIIIiHHIIIIII", *capabilities, flags, uid, gid, umask, 0, *size,
                           CREDIT_BYTES, CREDIT_BYTES, len(groups), len(rlimits), len(arguments),
                           len(env))
        data += b"".join(struct.pack("<I", group) for group in groups)
        data += b"".join(struct.pack("<QQII", soft, hard, resource, 0)
                         for resource, soft, hard in rlimits)
        data += string(cwd) + b"".join(string(word) for word in (*arguments, *env))
        self.processes[number] = Process(number)
        self.send(START, number, data)
        return self.processes[number]

    def started(self, *arguments, **options):
        process = self.start(*arguments, **options)
        self.wait(lambda: process.pid or process.failed)
        assert not process.failed, "failed: step %d, errno %d, %s" % process.failed
        return process

    def run(self, *arguments, stdin=b"", **options):
        """Start, feed, and wait for the end."""
        process = self.started(*arguments, **options)
        self.feed(process, stdin)
        self.end_input(process)
        self.wait(lambda: process.exited)
        return process

    def feed(self, process, data):
        while data:
            self.wait(lambda: process.room or process.exited)
            if process.exited:
                return
            piece = data[:process.room]
            process.room -= len(piece)
            data = data[len(piece):]
            self.send(STDIN, process.number, piece)

    def end_input(self, process):
        self.send(STDIN, process.number)

    def signal(self, process, number):
        self.send(SIGNAL, process.number, struct.pack("<II", number, 0))

    def window_size(self, process, rows, columns):
        self.send(WINDOW_SIZE, process.number, struct.pack("<HH", rows, columns))

    def hand_over(self, path, console):
        self.send(HAND_OVER, 0, string(path) + string(console))

    def power_off(self):
        self.send(POWER_OFF, 0, struct.pack("<I", 0))
        self.wait(lambda: self.down)
