# SPDX-License-Identifier: Apache-2.0
"""linux.namespaces, timeOffsets, uidMappings, gidMappings, hostname, sysctl."""

import os
import subprocess

from harness import settings
from harness.case import RuntimeTest, only_openvirt

KINDS = {"pid": "pid", "network": "net", "ipc": "ipc", "uts": "uts", "mount": "mnt",
         "cgroup": "cgroup", "user": "user", "time": "time"}


def link(pid, kind):
    return os.readlink("/proc/%s/ns/%s" % (pid, KINDS[kind]))


class New(RuntimeTest):
    def test_those_asked_for_are_new_and_the_others_are_the_hosts(self):
        container = self.sleeper()
        for kind in ("pid", "network", "ipc", "uts", "mount"):
            self.assertNotEqual(link(container.pid, kind), link("self", kind), kind)
        for kind in ("user", "cgroup"):
            self.assertEqual(link(container.pid, kind), link("self", kind), kind)

    def test_a_new_cgroup_namespace_hides_the_path(self):
        bundle = self.bundle().namespace("cgroup")
        for line in self.shell("cat /proc/self/cgroup", bundle=bundle).splitlines():
            if not line.startswith(("0::", "1:name")):
                self.assertEqual(line.split(":", 2)[2], "/", line)

    def test_without_a_pid_namespace_the_process_is_one_of_the_hosts(self):
        bundle = self.bundle().without_namespace("pid")
        self.assertNotEqual(self.guest("ids", bundle=bundle)["pid"], "1")

    def test_without_a_network_namespace_it_is_the_hosts(self):
        container = self.sleeper(self.bundle().without_namespace("network").without_namespace("x"))
        self.assertEqual(link(container.pid, "network"), link("self", "network"))

    def test_one_named_twice_is_refused(self):
        bundle = self.bundle().guest("exit", 0)
        bundle.linux["namespaces"].append({"type": "pid"})
        container = self.container(bundle)
        if settings.OURS:
            container.run(ok=False)
            self.assertNothingMade(container)

    def test_an_unknown_one_is_refused(self):
        bundle = self.bundle().guest("exit", 0)
        bundle.linux["namespaces"].append({"type": "dream"})
        container = self.container(bundle)
        container.run(ok=False)
        self.assertNothingMade(container)

    def test_loopback_is_up_in_a_new_network_namespace(self):
        text = self.shell("cat /sys/class/net/lo/flags; ls /sys/class/net")
        self.assertTrue(int(text.split()[0], 0) & 1)
        self.assertEqual(text.split()[1:], ["lo"])

    def test_host_and_domain_name(self):
        bundle = self.bundle()
        bundle.config["hostname"] = "box.example"
        bundle.config["domainname"] = "example.org"
        values = self.guest("names", bundle=bundle)
        self.assertEqual((values["hostname"], values["domainname"]), ("box.example", "example.org"))
        self.assertNotEqual(os.uname().nodename, "box.example")

    def test_a_host_name_without_a_uts_namespace_is_refused(self):
        container = self.container(self.bundle().without_namespace("uts").guest("exit", 0))
        container.run(ok=False)
        self.assertNothingMade(container)
        self.assertNotEqual(os.uname().nodename, "guest")


class MountNamespace(RuntimeTest):
    """Building a root in a mount namespace that is not its own takes the mounts of the host away."""

    def host(self):
        """A process in a mount namespace that is the host's to the runtime: no other test mounts
        there. Shared, as on a machine with systemd, but with nobody outside."""
        process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c",
             "mount --make-rshared / && echo ready && exec sleep 1000"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (process.kill(), process.wait(), process.stdout.close()))
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process.pid

    def mounts(self, pid):
        """{id: (mount point, its options and propagation)} (proc_pid_mountinfo(5))."""
        with open("/proc/%d/mountinfo" % pid, encoding="utf-8") as file:
            lines = [line.split(" - ")[0].split() for line in file]
        return {line[0]: (line[4], line[5:]) for line in lines}

    def assertUnchanged(self, before, after):
        """The kernel takes a mount away from all namespaces when another test removes the mount
        point's directory, and shows a renamed one by its new name; neither tells of the runtime."""
        there = {id: mount for id, mount in before.items()
                 if id in after or os.path.lexists(mount[0])}
        self.assertGreater(len(there), 1)
        self.assertEqual({id: attributes for id, (_, attributes) in after.items()},
                         {id: attributes for id, (_, attributes) in there.items()})

    def assertRefused(self, bundle):
        host = self.host()
        before = self.mounts(host)
        container = self.container(bundle.guest("exit", 0))
        result = container.run(ok=False, prefix=["nsenter", "--mount=/proc/%d/ns/mnt" % host])
        self.assertIn("mount namespace", result.stderr.replace("namespace of type mount", "mount namespace"))
        self.assertNothingMade(container)
        self.assertUnchanged(before, self.mounts(host))

    def test_a_container_without_one_is_refused(self):
        self.assertRefused(self.bundle().without_namespace("mount"))

    def test_one_that_exists_is_refused(self):
        self.assertRefused(self.bundle().namespace("mount", "/proc/self/ns/mnt"))


class Joined(RuntimeTest):
    def test_each_can_be_joined_by_path(self):
        first = self.sleeper()
        for kind in ("network", "ipc", "uts", "pid"):
            with self.subTest(kind):
                bundle = self.bundle().namespace(kind, "/proc/%d/ns/%s" % (first.pid, KINDS[kind]))
                if kind == "uts":
                    del bundle.config["hostname"]
                second = self.sleeper(bundle)
                self.assertEqual(link(second.pid, kind), link(first.pid, kind))

    def test_a_pid_namespace_that_is_joined_shows_both(self):
        first = self.sleeper()
        bundle = self.bundle().namespace("pid", "/proc/%d/ns/pid" % first.pid)
        self.assertNotEqual(self.guest("ids", bundle=bundle)["pid"], "1")

    def test_a_network_namespace_bound_to_a_file(self):
        name = settings.TAG + "-net"
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.addCleanup(subprocess.run, ["ip", "netns", "delete", name], check=True)
        subprocess.run(["ip", "-n", name, "link", "add", "mark0", "type", "veth",
                        "peer", "name", "mark1"], check=True)
        bundle = self.bundle().namespace("network", "/run/netns/" + name)
        self.assertIn("mark0", self.shell("ls /sys/class/net", bundle=bundle))

    def test_a_path_of_another_kind_is_refused(self):
        bundle = self.bundle().namespace("network", "/proc/self/ns/ipc").guest("exit", 0)
        container = self.container(bundle)
        container.run(ok=False)
        self.assertNothingMade(container)

    def test_a_path_that_is_no_namespace_is_refused(self):
        for path in ("/etc/passwd", "/no/such/file", "/proc/self/root"):
            with self.subTest(path):
                container = self.container(self.bundle().namespace("ipc", path).guest("exit", 0))
                container.run(ok=False)
                self.assertNothingMade(container)

    @only_openvirt
    def test_a_relative_path_is_refused(self):
        container = self.container(self.bundle().namespace("ipc", "ns/ipc").guest("exit", 0))
        self.assertIn("linux.namespaces", container.run(ok=False).stderr)


class Time(RuntimeTest):
    @only_openvirt
    def test_clocks_are_moved_by_the_offsets(self):
        bundle = self.bundle().namespace("time")
        bundle.linux["timeOffsets"] = {"monotonic": {"secs": 100000, "nanosecs": 500},
                                       "boottime": {"secs": 200000}}
        host = self.host_clocks()
        values = self.guest("clocks", bundle=bundle)
        self.assertAlmostEqual(int(values["monotonic"]) - host[0], 100000, delta=20)
        self.assertAlmostEqual(int(values["boottime"]) - host[1], 200000, delta=20)

    def host_clocks(self):
        import time
        return time.clock_gettime(time.CLOCK_MONOTONIC), time.clock_gettime(time.CLOCK_BOOTTIME)

    @only_openvirt
    def test_a_time_namespace_without_offsets_is_new_all_the_same(self):
        container = self.sleeper(self.bundle().namespace("time"))
        self.assertNotEqual(link(container.pid, "time"), link("self", "time"))

    @only_openvirt
    def test_offsets_without_a_time_namespace_are_refused(self):
        bundle = self.bundle().guest("exit", 0)
        bundle.linux["timeOffsets"] = {"monotonic": {"secs": 1}}
        container = self.container(bundle)
        self.assertIn("linux.timeOffsets", container.run(ok=False).stderr)
        self.assertNothingMade(container)


class User(RuntimeTest):
    def test_root_inside_is_the_mapped_id_outside(self):
        container = self.sleeper(self.bundle().user_namespace())
        self.assertEqual(os.stat("/proc/%d" % container.pid).st_uid, 100000)
        with open("/proc/%d/uid_map" % container.pid, encoding="ascii") as file:
            self.assertEqual(file.read().split(), ["0", "100000", "65536"])
        with open("/proc/%d/gid_map" % container.pid, encoding="ascii") as file:
            self.assertEqual(file.read().split(), ["0", "100000", "65536"])

    def test_inside_it_is_root(self):
        values = self.guest("ids", bundle=self.bundle().user_namespace())
        self.assertEqual((values["uid"], values["gid"]), ("0 0 0", "0 0 0"))

    def test_additional_groups_and_another_user(self):
        bundle = self.bundle().user_namespace()
        bundle.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [5]}
        values = self.guest("ids", bundle=bundle)
        self.assertEqual((values["uid"], values["groups"]), ("1000 1000 1000", "5"))

    def test_several_mappings(self):
        bundle = self.bundle().user_namespace()
        for key in ("uidMappings", "gidMappings"):
            bundle.linux[key] = [{"containerID": 0, "hostID": 100000, "size": 1},
                                 {"containerID": 1, "hostID": 200000, "size": 10},
                                 {"containerID": 1000, "hostID": 300000, "size": 1}]
        text = self.shell("cat /proc/self/uid_map", bundle=bundle)
        self.assertEqual([line.split() for line in text.splitlines()],
                         [["0", "100000", "1"], ["1", "200000", "10"], ["1000", "300000", "1"]])

    def test_devices_and_proc_work_inside(self):
        bundle = self.bundle().user_namespace()
        text = self.shell("echo x > /dev/null && head -c 4 /dev/zero | wc -c && ls /proc/1/status",
                          bundle=bundle)
        self.assertEqual(text.split(), ["4", "/proc/1/status"])

    def test_mappings_without_a_user_namespace_are_refused(self):
        bundle = self.bundle().guest("exit", 0)
        bundle.linux["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 10}]
        container = self.container(bundle)
        if settings.OURS:
            container.run(ok=False)
            self.assertNothingMade(container)

    @only_openvirt
    def test_a_user_namespace_can_be_joined(self):
        first = self.sleeper(self.bundle().user_namespace())
        bundle = self.bundle().namespace("user", "/proc/%d/ns/user" % first.pid)
        bundle.give_root_to(100000)
        second = self.sleeper(bundle)
        self.assertEqual(link(second.pid, "user"), link(first.pid, "user"))

    def test_all_namespaces_together(self):
        bundle = self.bundle().user_namespace().namespace("cgroup")
        container = self.sleeper(bundle)
        for kind in ("pid", "network", "ipc", "uts", "mount", "user", "cgroup"):
            self.assertNotEqual(link(container.pid, kind), link("self", kind), kind)

    def test_exec_joins_all_of_them(self):
        container = self.sleeper(self.bundle().user_namespace().namespace("cgroup"))
        script = "for n in pid net ipc uts mnt user cgroup; do readlink /proc/self/ns/$n; done"
        inside = container.exec("/bin/sh", "-c", script).stdout.split()
        kinds = ("pid", "network", "ipc", "uts", "mount", "user", "cgroup")
        self.assertEqual(inside, [link(container.pid, kind) for kind in kinds])


class Sysctl(RuntimeTest):
    def with_sysctl(self, **values):
        bundle = self.bundle()
        bundle.linux["sysctl"] = {key.replace("__", "."): value for key, value in values.items()}
        return bundle

    def test_parameters_of_the_containers_namespaces_are_set(self):
        bundle = self.with_sysctl(net__ipv4__ip_forward="1", kernel__shmmax="1234567")
        text = self.shell("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax",
                          bundle=bundle)
        self.assertEqual(text.split(), ["1", "1234567"])

    def test_parameters_of_the_host_are_refused(self):
        for name in ("kernel.panic", "vm.swappiness", "kernel.core_pattern", "fs.file-max"):
            with self.subTest(name):
                bundle = self.bundle().guest("exit", 0)
                bundle.linux["sysctl"] = {name: "1"}
                container = self.container(bundle)
                container.run(ok=False)
                self.assertNothingMade(container)

    def test_network_parameters_without_a_network_namespace_are_refused(self):
        bundle = self.with_sysctl(net__ipv4__ip_forward="1").without_namespace("network")
        container = self.container(bundle.guest("exit", 0))
        container.run(ok=False)
        self.assertNothingMade(container)

    def test_names_with_slashes_are_the_same(self):
        bundle = self.bundle()
        bundle.linux["sysctl"] = {"net/ipv4/ip_forward": "1"}
        text = self.shell("cat /proc/sys/net/ipv4/ip_forward", bundle=bundle)
        self.assertEqual(text, "1\n")
