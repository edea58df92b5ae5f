# SPDX-License-Identifier: Apache-2.0
"""The user network of virtual machines: out, in by published ports, and none."""

import contextlib
import hashlib
import socket
import threading
import time

from test_user_machines import BOOT_S, MachineTest, complaints

ANSWER = "192.0.2.77"  # of the name server, RFC 5737
LARGE = bytes(range(256)) * 4096  # 1 MiB: many windows of TCP
PATIENCE_S = 20


class Greeter:
    """On 127.0.0.1: greets who connects, and keeps what they send until they close."""

    def __init__(self):
        self.got = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                client = self.listener.accept()[0]
                with client:
                    client.settimeout(BOOT_S)
                    client.sendall(b"hello from the host\n")
                    digest = hashlib.sha256()
                    while data := client.recv(65536):
                        digest.update(data)
                    self.got.append(digest.hexdigest())

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class NameServer:
    """On UDP of 127.0.0.1: every name has one address (RFC 1035, 4.1)."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                question, client = self.socket.recvfrom(512)
                flags, counts = b"\x81\x80", b"\0\1\0\1\0\0\0\0"
                record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(ANSWER)
                self.socket.sendto(question[:2] + flags + counts + question[12:] + record, client)

    def close(self):
        self.socket.close()


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def echo_tcp(port, data):
    """What comes back for `data`: nothing where nobody listens yet."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
        client.settimeout(PATIENCE_S)
        sender = threading.Thread(target=_send_all, args=(client, data), daemon=True)
        sender.start()
        back = b""
        with contextlib.suppress(ConnectionResetError):
            while len(back) < len(data) and (part := client.recv(65536)):
                back += part
        sender.join(PATIENCE_S)
        return back


def _send_all(client, data):
    with contextlib.suppress(OSError):
        client.sendall(data)


def echo_udp(port, data):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        client.connect(("127.0.0.1", port))
        client.send(data)
        with contextlib.suppress(OSError):
            return client.recv(65536)
        return b""


class NetworkTest(MachineTest):
    def server(self, kind):
        server = kind()
        self.addCleanup(server.close)
        return server

    def wait_echo(self, echo, port, data):
        end = time.monotonic() + BOOT_S
        while (back := echo(port, data)) != data and time.monotonic() < end:
            time.sleep(0.2)
        self.assertEqual(back, data)

    def check_outgoing(self):
        greeter, names = self.server(Greeter), self.server(NameServer)
        result = self.script(
            "cat /etc/resolv.conf; busybox nc -w 20 10.0.2.2 %d </dev/null;"
            "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i + 1)); done >/tmp/large;"
            "busybox nc -w 20 10.0.2.2 %d </tmp/large; busybox sha256sum </tmp/large;"
            "busybox nslookup -type=a machine.test 10.0.2.2:%d" %
            (greeter.port, greeter.port, names.port), "--network", "user=host-loopback", ok=None)
        self.assertEqual(result.status, 0, result)
        lines = result.stdout.splitlines()
        self.assertEqual(lines[:3], ["nameserver 10.0.2.3"] + 2 * ["hello from the host"], result)
        self.assertEqual(greeter.got[1:], lines[3].split()[:1])
        self.assertIn("Address: " + ANSWER, result.stdout)

    def check_published(self):
        tcp, udp = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
        name = self.start_image(
            "guest echo-udp 7 & exec busybox nc -ll -p 8080 -e /bin/cat",
            "--as", self.technique, "--network", "user=host-loopback",
            "-p", "127.0.0.1:%d:8080" % tcp, "-p", "127.0.0.1:%d:7/udp" % udp, timeout=BOOT_S)
        self.wait_echo(echo_tcp, tcp, b"once")
        self.assertEqual(echo_tcp(tcp, LARGE), LARGE)
        self.wait_echo(echo_udp, udp, b"datagram" * 100)
        self.call("rm", "--force", name)
        with self.assertRaises(ConnectionRefusedError):
            echo_tcp(tcp, b"gone")

    def check_none(self):
        result = self.script("ls /sys/class/net; busybox nc -w 5 10.0.2.2 9 || echo unreachable",
                             "--network", "none")
        self.assertEqual(result.stdout, "lo\nunreachable\n")


class Para(NetworkTest):
    def test_outgoing_tcp_and_udp(self):
        self.check_outgoing()

    def test_published_ports(self):
        self.check_published()

    def test_no_network(self):
        self.check_none()

    def test_the_loopback_interface_of_the_host_is_out_of_reach(self):
        greeter = self.server(Greeter)
        result = self.script("busybox nc -w 5 10.0.2.2 %d || echo refused" % greeter.port)
        self.assertEqual(result.stdout, "refused\n")
        self.assertEqual(greeter.got, [])

    def test_a_busy_machine_that_ignores_the_signal_is_stopped(self):
        name = self.start_image("trap '' TERM; echo up; while :; do :; done", "--as",
                                self.technique, timeout=BOOT_S)
        self.wait_log(name, "up")
        start = time.monotonic()
        self.call("stop", "--time", "1", name)
        self.assertLess(time.monotonic() - start, PATIENCE_S)
        self.assertEqual(self.row(name)["exitStatus"], 137)

    def test_ports_need_the_user_network(self):
        result = self.call("run", "--rm", "--as", "para", "--network", "none", "-p", "1024:80",
                           self.image, "--", "/bin/true", ok=None, timeout=BOOT_S)
        self.assertEqual((result.status, len(complaints(result))), (125, 1), result)


class Full(NetworkTest):
    technique = "full"

    def test_a_pc_has_outgoing_tcp_and_udp(self):
        self.check_outgoing()

    def test_a_pc_has_published_ports(self):
        self.check_published()

    def test_a_pc_without_a_network(self):
        self.check_none()
