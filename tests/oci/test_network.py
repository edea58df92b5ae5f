# SPDX-License-Identifier: Apache-2.0
"""linux.netDevices: interfaces of the host that move into the container. The host is played by a
network namespace of the test's own."""

import os
import subprocess

from harness import settings
from harness.case import RuntimeTest, only_openvirt


class NetDevices(RuntimeTest):
    def setUp(self):
        super().setUp()
        self.host = "%s-%d" % (settings.TAG, os.getpid())
        self.ip("netns", "add", self.host)
        self.addCleanup(self.ip, "netns", "delete", self.host)
        # Not by `ip netns exec`, which hides the cgroups behind a new /sys.
        self.on_host = ["nsenter", "--net=/run/netns/" + self.host]
        self.ip("-n", self.host, "link", "add", "card0", "type", "veth", "peer", "name", "other0")

    def ip(self, *words, ok=True):
        done = subprocess.run(["ip", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True)
        if ok:
            self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def moved(self, devices, script, ok=True):
        bundle = self.bundle().shell(script)
        bundle.linux["netDevices"] = devices
        container = self.container(bundle)
        return container.run(prefix=self.on_host, ok=ok), container

    @only_openvirt
    def test_a_device_moves_in_keeps_its_name_and_is_up(self):
        result, _ = self.moved({"card0": {}}, "cat /sys/class/net/card0/flags")
        self.assertTrue(int(result.stdout, 0) & 1)

    @only_openvirt
    def test_it_gets_the_name_that_is_asked_for(self):
        result, _ = self.moved({"card0": {"name": "eth0"}}, "ls /sys/class/net")
        self.assertEqual(result.stdout.split(), ["eth0", "lo"])

    @only_openvirt
    def test_a_template_is_filled_in(self):
        result, _ = self.moved({"card0": {"name": "net%d"}}, "ls /sys/class/net")
        self.assertEqual(result.stdout.split(), ["lo", "net0"])

    @only_openvirt
    def test_its_addresses_come_along(self):
        self.ip("-n", self.host, "address", "add", "192.0.2.7/24", "dev", "card0")
        self.ip("-n", self.host, "address", "add", "2001:db8::7/64", "dev", "card0", "nodad")
        result, _ = self.moved({"card0": {}}, "busybox ip address show card0")
        self.assertIn("192.0.2.7/24", result.stdout)
        self.assertIn("2001:db8::7/64", result.stdout)

    @only_openvirt
    def test_a_device_that_is_not_there_is_refused_and_none_has_moved(self):
        result, container = self.moved({"card0": {}, "nosuch": {}}, "true", ok=False)
        self.assertIn("nosuch", result.stderr)
        self.assertNothingMade(container)
        self.assertIn("card0", self.ip("-n", self.host, "link", "show"))

    @only_openvirt
    def test_without_a_network_namespace_it_is_refused(self):
        bundle = self.bundle().without_namespace("network").guest("exit", 0)
        bundle.linux["netDevices"] = {"card0": {}}
        container = self.container(bundle)
        result = container.run(prefix=self.on_host, ok=False)
        self.assertIn("linux.netDevices", result.stderr)
        self.assertNothingMade(container)
