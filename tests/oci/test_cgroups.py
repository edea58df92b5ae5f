# SPDX-License-Identifier: Apache-2.0
"""linux.resources and cgroupsPath on this machine's hierarchies (v1, with a v2 one beside them);
update, events. What v2 and systemd do is for tests/vm."""

import json
import os
import subprocess
import unittest

from harness import settings
from harness.bundle import ALL_CAPABILITIES
from harness.case import RuntimeTest, cgroup_path, cgroups_of, only_openvirt, read_cgroup
from harness.runtime import wait_until

V1 = os.path.isdir("/sys/fs/cgroup/memory")


@unittest.skipUnless(V1, "the machine has no cgroup v1 hierarchies")
class CgroupTest(RuntimeTest):
    def with_resources(self, **resources):
        return self.sleeper(self.bundle().resources(**resources))

    def assertLimit(self, container, controller, name, expected):
        self.assertEqual(read_cgroup(container.pid, controller, name), str(expected), name)


class Paths(CgroupTest):
    CONTROLLERS = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids")

    def test_the_container_is_in_every_hierarchy_under_its_path(self):
        bundle = self.bundle()
        bundle.linux["cgroupsPath"] = "/%s-top/below" % settings.TAG
        container = self.sleeper(bundle)
        for controller in self.CONTROLLERS:
            self.assertEqual(cgroup_path(container.pid, controller),
                             "/sys/fs/cgroup/%s/%s-top/below" % (controller, settings.TAG))
        container.delete("--force")
        self.assertFalse(os.path.exists("/sys/fs/cgroup/memory/%s-top/below" % settings.TAG))
        self.clean_parents(settings.TAG + "-top")

    def clean_parents(self, name):
        """A parent is not the container's: another may be below it."""
        for path in cgroups_of(name):
            os.rmdir(path)

    def test_without_a_path_it_is_named_after_the_container(self):
        container = self.sleeper()
        self.assertIn(container.id, cgroup_path(container.pid, "memory"))

    def test_all_are_gone_after_delete(self):
        container = self.sleeper()
        self.assertTrue(cgroups_of(container.id))
        container.delete("--force")
        self.assertEqual(cgroups_of(container.id), [])

    def test_cgroups_that_the_container_made_below_are_gone_too(self):
        container = self.sleeper()
        path = cgroup_path(container.pid, "memory")
        os.makedirs(os.path.join(path, "one", "two"))
        container.delete("--force")
        self.assertEqual(cgroups_of(container.id), [])

    @only_openvirt
    def test_a_cgroup_with_processes_in_it_is_refused(self):
        first = self.sleeper()
        bundle = self.bundle().guest("exit", 0)
        bundle.linux["cgroupsPath"] = cgroup_path(first.pid, "memory").removeprefix(
            "/sys/fs/cgroup/memory")
        second = self.container(bundle)
        second.create(ok=False)
        self.assertNotIn(second.id, self.runtime.call("list", "-q").stdout)
        self.assertEqual(first.status, "running")

    @only_openvirt
    def test_a_frozen_cgroup_is_refused(self):
        name = "%s-frozen" % settings.TAG
        path = "/sys/fs/cgroup/freezer/" + name
        os.makedirs(path)
        try:
            with open(path + "/freezer.state", "w", encoding="ascii") as file:
                file.write("FROZEN")
            bundle = self.bundle().guest("exit", 0)
            bundle.linux["cgroupsPath"] = "/" + name
            self.container(bundle).create(ok=False, timeout=10)
        finally:
            for directory in cgroups_of(name):
                os.rmdir(directory)

    def test_a_path_with_dots_is_refused_or_stays_below(self):
        bundle = self.bundle().guest("exit", 0)
        bundle.linux["cgroupsPath"] = "/../../../tmp/%s-out" % settings.TAG
        container = self.container(bundle)
        if settings.OURS:
            container.create(ok=None)
            self.assertFalse(os.path.exists("/tmp/%s-out" % settings.TAG))
            container.delete("--force", ok=None)
            for path in reversed(cgroups_of(settings.TAG + "-out")):
                os.rmdir(path)

    @only_openvirt
    def test_the_manager_can_be_disabled(self):
        self.runtime.options += ["--cgroup-manager", "disabled"]
        container = self.sleeper()
        self.assertEqual(cgroups_of(container.id), [])
        container.kill("KILL")
        container.wait_stopped().delete()


class Limits(CgroupTest):
    def test_memory(self):
        container = self.with_resources(memory={"limit": 64 << 20, "reservation": 32 << 20,
                                                "swappiness": 10})
        self.assertLimit(container, "memory", "memory.limit_in_bytes", 64 << 20)
        self.assertLimit(container, "memory", "memory.soft_limit_in_bytes", 32 << 20)
        self.assertLimit(container, "memory", "memory.swappiness", 10)

    def test_memory_without_limit(self):
        container = self.with_resources(memory={"limit": -1})
        self.assertGreater(int(read_cgroup(container.pid, "memory", "memory.limit_in_bytes")),
                           1 << 60)

    @only_openvirt
    def test_the_oom_killer_can_be_disabled(self):
        container = self.with_resources(memory={"limit": 64 << 20, "disableOOMKiller": True})
        self.assertIn("oom_kill_disable 1", read_cgroup(container.pid, "memory",
                                                        "memory.oom_control"))

    def test_cpu(self):
        container = self.with_resources(cpu={"shares": 512, "quota": 50000, "period": 100000})
        self.assertLimit(container, "cpu", "cpu.shares", 512)
        self.assertLimit(container, "cpu", "cpu.cfs_quota_us", 50000)
        self.assertLimit(container, "cpu", "cpu.cfs_period_us", 100000)

    @only_openvirt
    def test_cpu_burst_and_idle(self):
        container = self.with_resources(cpu={"quota": 50000, "period": 100000, "burst": 20000})
        self.assertLimit(container, "cpu", "cpu.cfs_burst_us", 20000)
        container = self.with_resources(cpu={"idle": 1})
        self.assertLimit(container, "cpu", "cpu.idle", 1)

    def test_cpuset(self):
        container = self.with_resources(cpu={"cpus": "1", "mems": "0"})
        self.assertLimit(container, "cpuset", "cpuset.cpus", 1)
        self.assertLimit(container, "cpuset", "cpuset.mems", 0)
        self.assertEqual(os.sched_getaffinity(container.pid), {1})

    def test_pids(self):
        container = self.with_resources(pids={"limit": 17})
        self.assertLimit(container, "pids", "pids.max", 17)

    @only_openvirt
    def test_pids_unlimited(self):
        container = self.with_resources(pids={"limit": -1})
        self.assertLimit(container, "pids", "pids.max", "max")

    def test_the_limit_of_pids_holds(self):
        bundle = self.bundle().resources(pids={"limit": 5})
        values = self.guest("fork", 20, bundle=bundle)
        self.assertEqual((values["forked"], values["fork"]), ("4", "EAGAIN"))

    def test_block_io(self):
        container = self.with_resources(blockIO={"throttleReadBpsDevice": [
            {"major": self.disk()[0], "minor": self.disk()[1], "rate": 1000000}]})
        self.assertIn("%d:%d 1000000" % self.disk(),
                      read_cgroup(container.pid, "blkio", "blkio.throttle.read_bps_device"))

    def disk(self):
        number = os.stat("/").st_dev
        return os.major(number), os.minor(number)

    def test_the_limits_are_set_before_the_program_starts(self):
        bundle = self.bundle().resources(memory={"limit": 64 << 20})
        bundle.guest("sleep", 100)
        container = self.container(bundle)
        container.create()
        self.assertLimit(container, "memory", "memory.limit_in_bytes", 64 << 20)

    def test_the_memory_limit_kills_what_exceeds_it(self):
        bundle = self.bundle().resources(memory={"limit": 32 << 20, "swap": 32 << 20})
        self.container(bundle.guest("memory", 8)).run()
        bundle = self.bundle().resources(memory={"limit": 32 << 20, "swap": 32 << 20})
        self.assertEqual(self.container(bundle.guest("memory", 100)).run(ok=None).status, 137)

    def test_a_controller_that_is_not_there_is_named(self):
        """No net_cls hierarchy is mounted here."""
        if os.path.isdir("/sys/fs/cgroup/net_cls"):
            self.skipTest("this machine has the net_cls hierarchy")
        container = self.container(self.bundle().guest("exit", 0)
                                   .resources(network={"classID": 1048577}))
        if settings.OURS:
            self.assertRegex(container.create(ok=False).stderr, "net_cls|network.classID")
            self.assertNothingMade(container)

    def test_numbers_out_of_range_are_refused(self):
        for resources in ({"pids": {"limit": 2**70}}, {"cpu": {"shares": -1}},
                          {"memory": {"limit": "much"}}, {"cpu": {"cpus": "0-"}}):
            with self.subTest(resources=resources):
                container = self.container(self.bundle().guest("exit", 0).resources(**resources))
                if settings.OURS:
                    container.create(ok=False)
                    self.assertNothingMade(container)


class Mounted(CgroupTest):
    def with_mount(self, *options):
        return self.bundle().mount("/sys/fs/cgroup", "cgroup", "cgroup",
                                   ["nosuid", "noexec", "nodev", "relatime", *options])

    def test_the_container_sees_its_own_limits(self):
        bundle = self.with_mount("ro").resources(memory={"limit": 64 << 20})
        bundle.namespace("cgroup")
        self.assertEqual(self.shell("cat /sys/fs/cgroup/memory/memory.limit_in_bytes",
                                    bundle=bundle), "%d\n" % (64 << 20))

    def test_without_a_cgroup_namespace_too(self):
        bundle = self.with_mount("ro").resources(memory={"limit": 64 << 20})
        self.assertEqual(self.shell("cat /sys/fs/cgroup/memory/memory.limit_in_bytes",
                                    bundle=bundle), "%d\n" % (64 << 20))

    def test_it_cannot_change_them(self):
        bundle = self.with_mount("ro").resources(memory={"limit": 64 << 20})
        bundle.capabilities(ALL_CAPABILITIES)
        text = self.shell("echo 1 > /sys/fs/cgroup/memory/memory.limit_in_bytes || echo refused; "
                          "mkdir /sys/fs/cgroup/memory/mine || echo refused", bundle=bundle)
        self.assertEqual(text, "refused\nrefused\n")


class Update(CgroupTest):
    def test_a_file_of_resources(self):
        container = self.sleeper()
        path = os.path.join(self.directory, "resources.json")
        with open(path, "w", encoding="ascii") as file:
            json.dump({"memory": {"limit": 100 << 20}, "pids": {"limit": 33}}, file)
        container.call("update", "--resources", path)
        self.assertLimit(container, "memory", "memory.limit_in_bytes", 100 << 20)
        self.assertLimit(container, "pids", "pids.max", 33)

    def test_standard_input(self):
        container = self.sleeper()
        container.call("update", "--resources", "-", input=json.dumps({"pids": {"limit": 44}}))
        self.assertLimit(container, "pids", "pids.max", 44)

    def test_the_options(self):
        container = self.sleeper()
        container.call("update", "--memory", str(80 << 20), "--pids-limit", "55", "--cpu-share",
                       "300", "--cpu-quota", "20000", "--cpu-period", "50000", "--cpuset-cpus", "0")
        for controller, name, value in (
                ("memory", "memory.limit_in_bytes", 80 << 20), ("pids", "pids.max", 55),
                ("cpu", "cpu.shares", 300), ("cpu", "cpu.cfs_quota_us", 20000),
                ("cpu", "cpu.cfs_period_us", 50000), ("cpuset", "cpuset.cpus", 0)):
            self.assertLimit(container, controller, name, value)

    def test_what_is_not_named_stays(self):
        container = self.with_resources(memory={"limit": 64 << 20}, pids={"limit": 10})
        container.call("update", "--pids-limit", "20")
        self.assertLimit(container, "memory", "memory.limit_in_bytes", 64 << 20)
        self.assertLimit(container, "pids", "pids.max", 20)

    def test_memory_and_swap_grow_and_shrink_together(self):
        """v1 refuses a limit above memory+swap: the order of the two writes matters."""
        if not os.path.exists("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes"):
            self.skipTest("no swap accounting in this kernel")
        container = self.with_resources(memory={"limit": 64 << 20, "swap": 64 << 20})
        for size in (128 << 20, 32 << 20):
            container.call("update", "--memory", str(size), "--memory-swap", str(size))
            self.assertLimit(container, "memory", "memory.memsw.limit_in_bytes", size)
            self.assertLimit(container, "memory", "memory.limit_in_bytes", size)

    @only_openvirt
    def test_a_wrong_document_is_refused_and_changes_nothing(self):
        container = self.with_resources(pids={"limit": 10})
        container.call("update", "--resources", "-", ok=False,
                       input='{"pids": {"limit": "many"}}')
        container.call("update", "--resources", "-", ok=False, input="{")
        self.assertLimit(container, "pids", "pids.max", 10)

    @only_openvirt
    def test_check_before_update_refuses_a_limit_below_the_usage(self):
        container = self.container(self.bundle().guest("memory", 50, ",", "say", "filled", ",",
                                                       "sleep", 100))
        container.up()
        container.wait_for_text("filled")
        resources = {"memory": {"limit": 16 << 20, "checkBeforeUpdate": True}}
        container.call("update", "--resources", "-", ok=False, input=json.dumps(resources))
        self.assertEqual(container.status, "running")


class Events(CgroupTest):
    @only_openvirt
    def test_stats_have_the_form_of_runc(self):
        container = self.with_resources(memory={"limit": 64 << 20}, pids={"limit": 9})
        event = container.call("events", "--stats").json
        self.assertEqual((event["type"], event["id"]), ("stats", container.id))
        data = event["data"]
        self.assertGreaterEqual(data["pids"]["current"], 1)
        self.assertEqual(data["pids"]["limit"], 9)
        self.assertGreater(data["memory"]["usage"]["usage"], 0)
        self.assertEqual(data["memory"]["usage"]["limit"], 64 << 20)
        self.assertGreaterEqual(data["cpu"]["usage"]["total"], 0)

    @only_openvirt
    def test_an_oom_kill_is_an_event(self):
        bundle = self.bundle().resources(memory={"limit": 24 << 20, "swap": 24 << 20})
        bundle.shell("read x < /wait; guest memory 200; read x < /wait")
        os.mkfifo(os.path.join(bundle.rootfs, "wait"))
        container = self.container(bundle).up()
        out = os.path.join(self.directory, "events")
        with open(out, "wb") as file:
            process = subprocess.Popen(self.runtime.words("events", "--interval", "1s",
                                                          container.id), stdout=file)
        try:
            def text():
                with open(out, encoding="ascii") as file:
                    return file.read()
            wait_until(lambda: '"stats"' in text(), "the first statistics")
            with open(os.path.join(bundle.rootfs, "wait"), "w", encoding="ascii") as file:
                file.write("go\n")
            wait_until(lambda: '"oom"' in text(), "the oom event", timeout=10)
            for line in text().splitlines():
                self.assertIn(json.loads(line)["type"], ("stats", "oom"))
            container.kill("KILL")
            self.assertEqual(process.wait(10), 0)
        finally:
            process.kill()
            process.wait()

    @only_openvirt
    def test_stats_of_a_stopped_container_are_refused(self):
        container = self.container(self.bundle().guest("exit", 0))
        container.up().wait_stopped()
        container.call("events", "--stats", ok=False)


class Exec(CgroupTest):
    def pids_of(self, container, controller):
        return read_cgroup(container.pid, controller, "cgroup.procs").split()

    def test_exec_is_in_the_containers_cgroup(self):
        container = self.sleeper()
        pid_file = os.path.join(self.directory, "exec.pid")
        container.exec("/bin/guest", "sleep", "100", options=("--detach", "--pid-file", pid_file))
        with open(pid_file, encoding="ascii") as file:
            pid = int(file.read())
        for controller in Paths.CONTROLLERS:
            self.assertEqual(cgroup_path(pid, controller), cgroup_path(container.pid, controller))

    @only_openvirt
    def test_exec_into_a_sub_cgroup(self):
        container = self.sleeper()
        os.mkdir(os.path.join(cgroup_path(container.pid, "memory"), "sub"))
        pid_file = os.path.join(self.directory, "exec.pid")
        container.exec("/bin/guest", "sleep", "100", options=(
            "--detach", "--pid-file", pid_file, "--cgroup", "memory:sub"))
        with open(pid_file, encoding="ascii") as file:
            pid = int(file.read())
        self.assertEqual(cgroup_path(pid, "memory"), cgroup_path(container.pid, "memory") + "/sub")
        self.assertEqual(cgroup_path(pid, "pids"), cgroup_path(container.pid, "pids"))

    @only_openvirt
    def test_exec_into_a_sub_cgroup_outside_is_refused(self):
        container = self.sleeper()
        container.exec("/bin/true", options=("--cgroup", "memory:../.."), ok=False)

    def test_exec_into_a_paused_container_is_refused_unless_it_is_told_to_wait(self):
        container = self.sleeper()
        container.call("pause")
        if settings.OURS:
            container.exec("/bin/true", ok=False, timeout=10)
        container.call("resume")
        container.exec("/bin/true")
