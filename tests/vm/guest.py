# SPDX-License-Identifier: Apache-2.0
"""Runs inside the virtual machine: cgroup v2 and systemd, with the openvirt program as it is used.

Each function named after what holds is a test; it prints a line of TAP on the second serial port.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
OPENVIRT = os.path.join(HERE, "openvirt")
WORK = "/run/work"
ROOTFS = WORK + "/rootfs"
CGROUP = "/sys/fs/cgroup"
APPLETS = ["sh", "cat", "sleep", "true", "echo", "mkdir", "mknod", "dd", "test", "id", "ls", "kill"]
MEBIBYTE = 1 << 20
TESTS = []


class Skip(Exception):
    pass


def test(function):
    TESTS.append(function)
    return function


def check(condition, *details):
    if not condition:
        raise AssertionError(" ".join(str(detail) for detail in details))


def equal(found, wanted, *details):
    check(found == wanted, "found %r, wanted %r" % (found, wanted), *details)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read().strip()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def command(*words, ok=True, timeout=60, **options):
    result = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, timeout=timeout, check=False,
                            **options)
    if ok and result.returncode:
        raise AssertionError("%s: status %d: %s%s" % (" ".join(words[:4]), result.returncode,
                                                      result.stdout, result.stderr))
    return result


def wait_until(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, "not within %d s:" % seconds, what)
        time.sleep(0.02)


def make_rootfs():
    for name in ("bin", "proc", "dev", "sys", "tmp"):
        os.makedirs(os.path.join(ROOTFS, name), exist_ok=True)
    command("cp", "/bin/busybox", ROOTFS + "/bin/busybox")
    for name in APPLETS:
        if not os.path.lexists(ROOTFS + "/bin/" + name):
            os.symlink("busybox", ROOTFS + "/bin/" + name)


def config(script, **linux):
    """A config.json with what these tests need; `linux` members replace the default ones."""
    section = {"namespaces": [{"type": name} for name in ("pid", "mount", "ipc", "uts", "cgroup")],
               "resources": {}}
    section.update(linux)
    everything = sorted("CAP_" + name for name in ("MKNOD", "SYS_ADMIN", "DAC_OVERRIDE", "KILL",
                                                   "SYS_RAWIO", "SETUID", "SETGID", "CHOWN"))
    return {
        "ociVersion": "1.2.0",
        "root": {"path": ROOTFS},
        "process": {
            "user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["/bin/sh", "-c", script],
            "env": ["PATH=/bin"],
            "capabilities": {name: everything for name in ("bounding", "effective", "permitted")},
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "mode=755"]},
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
             "options": ["rw", "nosuid", "noexec", "nodev"]},
        ],
        "linux": section,
    }


class Container:
    """One that is there for the length of a `with`; deleted at its end, however that comes."""

    count = 0

    def __init__(self, document, *options, prefix=(), runtime=OPENVIRT, bundle_owner=None):
        Container.count += 1
        self.id = "c%d" % Container.count
        self.options, self.prefix, self.runtime = options, prefix, runtime
        self.bundle = os.path.join(WORK, self.id)
        os.makedirs(self.bundle, exist_ok=True)
        if "cgroupsPath" not in document["linux"]:
            document["linux"]["cgroupsPath"] = (
                "openvirt.slice:vm:" + self.id if "--systemd-cgroup" in options
                else "/vmtest/" + self.id)
        self.path = CGROUP + "/vmtest/" + self.id
        self.document = document
        write(self.bundle + "/config.json", json.dumps(document))

    def call(self, verb, *words, ok=True):
        return command(*self.prefix, self.runtime, *self.options, verb, *words, ok=ok)

    def create(self, ok=True):
        # The container keeps its standard output: a pipe would never end.
        with open(self.bundle + "/log", "wb") as log:
            result = subprocess.run([*self.prefix, self.runtime, *self.options, "--log",
                                     self.bundle + "/error", "create", "-b", self.bundle, self.id],
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=60,
                                    check=False)
        if ok and result.returncode:
            raise AssertionError("create: status %d: %s" % (result.returncode, self.errors()))
        return result.returncode

    def errors(self):
        return "".join(read(self.bundle + "/" + name) for name in ("error", "log")
                       if os.path.exists(self.bundle + "/" + name))

    def __enter__(self):
        try:
            self.create()
            self.call("start", self.id)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        self.call("delete", "--force", self.id)

    def file(self, name):
        return read(os.path.join(self.path, name))

    def state(self):
        return json.loads(self.call("state", self.id).stdout)

    def execute(self, script, ok=True):
        return self.call("exec", self.id, "/bin/sh", "-c", script, ok=ok)

    def processes(self):
        return self.file("cgroup.procs").split()


SLEEP = "exec sleep 1000"
DENY_ALL = {"allow": False, "access": "rwm"}


@test
def the_unit_tests_of_device_programs_pass_on_v2():
    command(HERE + "/test_cgroup_devices", env={**os.environ, "LD_LIBRARY_PATH": HERE})


@test
def limits_are_what_the_kernel_then_says():
    resources = {
        "memory": {"limit": 64 * MEBIBYTE, "swap": 96 * MEBIBYTE, "reservation": 32 * MEBIBYTE},
        "cpu": {"shares": 1024, "quota": 20000, "period": 50000, "cpus": "1", "mems": "0"},
        "pids": {"limit": 33},
        "blockIO": {"throttleReadBpsDevice": [{"major": 259, "minor": 0, "rate": 1048576}]},
        "hugepageLimits": [{"pageSize": "2MB", "limit": 4 * MEBIBYTE}],
        "unified": {"memory.high": str(60 * MEBIBYTE)},
    }
    root_disk = os.stat("/dev/nvme0n1").st_rdev
    resources["blockIO"]["throttleReadBpsDevice"][0].update(major=os.major(root_disk),
                                                            minor=os.minor(root_disk))
    with Container(config(SLEEP, resources=resources)) as container:
        equal(container.file("memory.max"), str(64 * MEBIBYTE))
        equal(container.file("memory.swap.max"), str(32 * MEBIBYTE))
        equal(container.file("memory.low"), str(32 * MEBIBYTE))
        equal(container.file("memory.high"), str(60 * MEBIBYTE))
        equal(container.file("cpu.weight"), "100")
        equal(container.file("cpu.max"), "20000 50000")
        equal(container.file("cpuset.cpus"), "1")
        equal(container.file("cpuset.cpus.effective"), "1")
        equal(container.file("pids.max"), "33")
        equal(container.file("hugetlb.2MB.max"), str(4 * MEBIBYTE))
        equal(container.file("hugetlb.2MB.rsvd.max"), str(4 * MEBIBYTE))
        check("rbps=1048576" in container.file("io.max"), container.file("io.max"))
    check(not os.path.exists(container.path), "the cgroup is still there")


@test
def update_changes_what_it_names_and_nothing_else():
    resources = {"memory": {"limit": 64 * MEBIBYTE, "swap": 96 * MEBIBYTE},
                 "cpu": {"quota": 20000, "period": 50000}}
    with Container(config(SLEEP, resources=resources)) as container:
        container.call("update", "--cpu-period", "25000", container.id)
        equal(container.file("cpu.max"), "20000 25000")
        container.call("update", "--memory-swap", str(128 * MEBIBYTE), container.id)
        equal(container.file("memory.swap.max"), str(64 * MEBIBYTE))
        equal(container.file("memory.max"), str(64 * MEBIBYTE))
        container.call("update", "--pids-limit", "9", container.id)
        equal(container.file("pids.max"), "9")
        equal(container.file("cpu.max"), "20000 25000")


@test
def what_v2_cannot_do_is_refused_by_name_before_anything_is_made():
    cases = [({"cpu": {"realtimeRuntime": 1000}}, "linux.resources.cpu.realtimeRuntime"),
             ({"memory": {"swappiness": 10}}, "linux.resources.memory.swappiness"),
             ({"memory": {"swap": MEBIBYTE}}, "linux.resources.memory.swap"),
             ({"network": {"classID": 5}}, "linux.resources.network.classID"),
             ({"blockIO": {"leafWeight": 100}}, "linux.resources.blockIO.leafWeight")]
    for resources, field in cases:
        container = Container(config(SLEEP, resources=resources))
        check(container.create(ok=False) != 0, "accepted", field)
        check(field in container.errors(), field, "is not in:", container.errors())
        check(not os.path.exists(container.path), "a cgroup was left for", field)


KMSG = {"type": "c", "path": "/dev/message", "major": 1, "minor": 11}


@test
def a_device_that_no_rule_allows_cannot_be_opened_and_the_default_ones_can():
    script = ("echo x >/dev/null && dd if=/dev/zero of=/dev/null bs=1 count=1 2>/dev/null && "
              "dd if=/dev/urandom of=/dev/null bs=1 count=1 2>/dev/null || exit 3; "
              "dd if=/dev/message of=/dev/null bs=1 count=1 2>/dev/null && exit 4; exit 0")
    for rules in ([DENY_ALL], []):
        document = config(SLEEP, devices=[KMSG], resources={"devices": rules})
        with Container(document) as container:
            equal(container.execute(script, ok=False).returncode, 0, "rules", rules)


@test
def a_device_that_a_rule_allows_opens_as_far_as_it_says():
    rules = [DENY_ALL, {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "w"}]
    document = config(SLEEP, devices=[KMSG], resources={"devices": rules})
    with Container(document) as container:
        equal(container.execute("echo test >/dev/message", ok=False).returncode, 0)
        check(container.execute("test -r /dev/message && cat </dev/message", ok=False).returncode,
              "reading was not denied")


@test
def the_last_rule_that_matches_decides_and_update_replaces_the_program():
    rules = [{"allow": True, "access": "rwm"},
             {"allow": False, "type": "c", "major": 1, "minor": 11, "access": "rw"}]
    document = config(SLEEP, devices=[KMSG], resources={"devices": rules})
    opens = "echo test >/dev/message"
    with Container(document) as container:
        check(container.execute(opens, ok=False).returncode, "not denied")
        update = container.bundle + "/update.json"
        write(update, json.dumps({"devices": [{"allow": True, "access": "rwm"}]}))
        container.call("update", "--resources", update, container.id)
        equal(container.execute(opens, ok=False).returncode, 0, "still denied after the update")
        write(update, json.dumps({"devices": [DENY_ALL]}))
        container.call("update", "--resources", update, container.id)
        check(container.execute(opens, ok=False).returncode, "not denied after the second update")
        write(update, json.dumps({"pids": {"limit": 20}}))
        container.call("update", "--resources", update, container.id)
        check(container.execute(opens, ok=False).returncode, "an update without rules lost them")


@test
def kill_all_ends_every_process():
    with Container(config("sleep 1000 & sleep 1000 & exec sleep 1000")) as container:
        wait_until(lambda: len(container.processes()) == 3, "three processes")
        container.call("kill", "--all", container.id, "KILL")
        wait_until(lambda: not container.processes(), "the end of all processes")


@test
def a_paused_container_is_frozen_and_goes_on():
    with Container(config("while true; do echo x >>/tmp/ticks; sleep 0.05; done")) as container:
        container.call("pause", container.id)
        check("frozen 1" in container.file("cgroup.events"), container.file("cgroup.events"))
        equal(container.state()["status"], "paused")
        container.call("resume", container.id)
        check("frozen 0" in container.file("cgroup.events"), container.file("cgroup.events"))
        equal(container.state()["status"], "running")
        container.call("pause", container.id)
    check(not os.path.exists(container.path), "a paused container was not deleted")


@test
def exec_joins_the_cgroup_even_when_the_container_has_made_some_below():
    script = ("mkdir /sys/fs/cgroup/init && echo 1 >/sys/fs/cgroup/init/cgroup.procs && "
              "echo +pids >/sys/fs/cgroup/cgroup.subtree_control && exec sleep 1000")
    with Container(config(script)) as container:
        wait_until(lambda: os.path.exists(container.path + "/init/pids.max"), "pids in init")
        result = container.execute("cat /proc/self/cgroup")
        check(result.stdout.startswith("0::/"), result.stdout)
        check(".." not in result.stdout, "exec is outside of the container's cgroup:",
              result.stdout)
    check(not os.path.exists(container.path), "the cgroups below were not removed")


@test
def a_cgroup_with_processes_in_it_is_refused_and_left_alone():
    path = CGROUP + "/vmtest/busy"
    os.makedirs(path)
    other = subprocess.Popen(["sleep", "1000"])
    try:
        write(path + "/cgroup.procs", str(other.pid))
        container = Container(config(SLEEP, cgroupsPath="/vmtest/busy"))
        check(container.create(ok=False) != 0, "accepted")
        check("processes in it" in container.errors(), container.errors())
        container.call("delete", "--force", container.id)
        equal(other.poll(), None, "the other's process")
    finally:
        other.kill()
        other.wait()
        wait_until(lambda: "populated 0" in read(path + "/cgroup.events"), "an empty cgroup")
        os.rmdir(path)


@test
def a_container_with_a_user_namespace_gets_its_cgroup_delegated():
    mappings = [{"containerID": 0, "hostID": 200000, "size": 65536}]
    document = config(SLEEP, uidMappings=mappings, gidMappings=mappings)
    document["linux"]["namespaces"].append({"type": "user"})
    with Container(document) as container:
        for name in ("", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"):
            equal(os.stat(os.path.join(container.path, name)).st_uid, 200000, name)
        equal(os.stat(container.path + "/memory.max").st_uid, 0, "memory.max")
        container.execute("mkdir /sys/fs/cgroup/mine && echo $$ >/sys/fs/cgroup/mine/cgroup.procs")


@test
def running_out_of_memory_is_an_event():
    resources = {"memory": {"limit": 32 * MEBIBYTE, "swap": 32 * MEBIBYTE}}
    with Container(config(SLEEP, resources=resources)) as container:
        with open(container.bundle + "/events", "wb") as log:
            events = subprocess.Popen([OPENVIRT, "events", container.id], stdout=log,
                                      stdin=subprocess.DEVNULL)
        try:
            time.sleep(1)
            container.execute("dd if=/dev/zero of=/dev/null bs=64M count=1", ok=False)
            wait_until(lambda: '"oom"' in read(container.bundle + "/events"), "an oom event")
        finally:
            events.kill()
            events.wait()


@test
def statistics_have_what_callers_read():
    resources = {"memory": {"limit": 64 * MEBIBYTE}, "pids": {"limit": 7}}
    with Container(config(SLEEP, resources=resources)) as container:
        event = json.loads(container.call("events", "--stats", container.id).stdout)
        data = event["data"]
        equal(event["type"], "stats")
        equal(data["pids"], {"current": 1, "limit": 7})
        equal(data["memory"]["usage"]["limit"], 64 * MEBIBYTE)
        check(data["memory"]["usage"]["usage"] > 0, data["memory"])
        check(data["cpu"]["usage"]["total"] > 0, data["cpu"])
        check("anon" in data["memory"]["raw"], sorted(data["memory"]["raw"]))


@test
def a_limit_of_no_processes_lets_the_first_one_live():
    with Container(config(SLEEP, resources={"pids": {"limit": 0}})) as container:
        equal(container.state()["status"], "running")


# systemd

def scope_of(container):
    return "vm-%s.scope" % container.id


def show(unit, *names, user=()):
    text = command(*user, "systemctl", *(["--user"] if user else []), "show", unit,
                   *("--property=" + name for name in names)).stdout
    return dict(line.split("=", 1) for line in text.splitlines())


def systemd_container(document):
    container = Container(document, "--systemd-cgroup")
    container.path = "%s/openvirt.slice/%s" % (CGROUP, scope_of(container))
    return container


@test
def a_scope_of_systemd_has_the_limits_and_annotations():
    resources = {"memory": {"limit": 64 * MEBIBYTE, "swap": 96 * MEBIBYTE,
                            "reservation": 16 * MEBIBYTE},
                 "cpu": {"shares": 2048, "quota": 25000, "period": 50000, "cpus": "0"},
                 "pids": {"limit": 44}, "devices": [DENY_ALL],
                 "hugepageLimits": [{"pageSize": "2MB", "limit": 2 * MEBIBYTE}],
                 "unified": {"memory.high": str(48 * MEBIBYTE)}}
    document = config(SLEEP, resources=resources)
    document["annotations"] = {"org.systemd.property.TimeoutStopUSec": "uint64 7000000",
                               "org.systemd.property.Description": "'a test'"}
    with systemd_container(document) as container:
        shown = show(scope_of(container), "Slice", "Delegate", "MemoryMax", "MemorySwapMax",
                     "MemoryLow", "MemoryHigh", "CPUWeight", "CPUQuotaPerSecUSec", "TasksMax",
                     "AllowedCPUs", "DevicePolicy", "TimeoutStopUSec", "Description", "ControlGroup")
        equal(shown, {"Slice": "openvirt.slice", "Delegate": "yes",
                      "MemoryMax": str(64 * MEBIBYTE), "MemorySwapMax": str(32 * MEBIBYTE),
                      "MemoryLow": str(16 * MEBIBYTE), "MemoryHigh": str(48 * MEBIBYTE),
                      "CPUWeight": "174", "CPUQuotaPerSecUSec": "500ms", "TasksMax": "44",
                      "AllowedCPUs": "0", "DevicePolicy": "strict", "TimeoutStopUSec": "7s",
                      "Description": "a test",
                      "ControlGroup": "/openvirt.slice/" + scope_of(container)})
        equal(container.file("hugetlb.2MB.max"), str(2 * MEBIBYTE))
        equal(container.file("cpu.max"), "25000 50000")
        equal(container.processes(), [str(container.state()["pid"])])
    check(not os.path.exists(container.path), "the scope's cgroup is still there")
    equal(show(scope_of(container), "ActiveState")["ActiveState"], "inactive")


@test
def limits_of_a_scope_outlive_a_reload_of_systemd():
    document = config(SLEEP, devices=[KMSG],
                      resources={"memory": {"limit": 64 * MEBIBYTE}, "devices": [DENY_ALL]})
    with systemd_container(document) as container:
        container.call("update", "--memory", str(80 * MEBIBYTE), "--pids-limit", "12",
                       "--cpu-share", "512", container.id)
        command("systemctl", "daemon-reload")
        equal(container.file("memory.max"), str(80 * MEBIBYTE))
        equal(container.file("pids.max"), "12")
        equal(container.file("cpu.weight"), "59")
        check(container.execute("cat </dev/message", ok=False).returncode, "device not denied")
        equal(container.execute("echo x >/dev/null", ok=False).returncode, 0, "null is denied")


@test
def the_same_scope_can_be_made_again_and_deleted_while_it_is_paused():
    document = config(SLEEP, cgroupsPath="openvirt.slice:vm:again")
    for _ in range(2):
        with Container(document, "--systemd-cgroup") as container:
            container.call("pause", container.id)
        equal(show("vm-again.scope", "ActiveState")["ActiveState"], "inactive")


@test
def processes_that_ignore_signals_do_not_delay_the_end_of_a_scope():
    begin = None
    with systemd_container(config("trap '' TERM; sleep 1000 & wait; sleep 1000")) as container:
        wait_until(lambda: len(container.processes()) == 2, "two processes")
        begin = time.monotonic()
    check(time.monotonic() - begin < 20, "it took %.1f s" % (time.monotonic() - begin))


@test
def a_cgroups_path_that_names_no_scope_is_refused():
    for path in ("/absolute", "no-slice:a:b", "a.slice:b", "a.slice:b:c/d", "a--b.slice:c:d"):
        container = Container(config(SLEEP, cgroupsPath=path), "--systemd-cgroup")
        check(container.create(ok=False) != 0, "accepted", path)
        check("cgroupsPath" in container.errors(), container.errors())


# A user without privileges

USER = ("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "env",
        "XDG_RUNTIME_DIR=/run/user/1000", "HOME=/home/tester", "PATH=/usr/bin:/bin")


def start_user_manager():
    started = command("systemctl", "start", "user@1000.service", ok=False)
    if started.returncode:
        raise AssertionError(command("journalctl", "-b", "-n", "40", "--no-pager").stdout)
    wait_until(lambda: os.path.exists("/run/user/1000/systemd/private"), "the user's manager")


def rootless_config(script, **linux):
    document = config(script, **linux)
    document["linux"]["namespaces"].append({"type": "user"})
    document["linux"]["uidMappings"] = [{"containerID": 0, "hostID": 1000, "size": 1},
                                        {"containerID": 1, "hostID": 100000, "size": 65536}]
    document["linux"]["gidMappings"] = document["linux"]["uidMappings"]
    return document


@test
def a_user_gets_a_scope_of_his_own_manager_with_limits():
    start_user_manager()
    document = rootless_config(SLEEP, cgroupsPath="user.slice:vm:mine",
                               resources={"memory": {"limit": 64 * MEBIBYTE},
                                          "pids": {"limit": 21}})
    container = Container(document, "--systemd-cgroup", prefix=USER)
    command("chown", "-R", "1000:1000", container.bundle)
    container.path = (CGROUP + "/user.slice/user-1000.slice/user@1000.service/user.slice/"
                      "vm-mine.scope")
    with container:
        equal(container.file("memory.max"), str(64 * MEBIBYTE))
        equal(container.file("pids.max"), "21")
        equal(show("vm-mine.scope", "MemoryMax", user=USER)["MemoryMax"], str(64 * MEBIBYTE))
        container.call("pause", container.id)
        equal(container.state()["status"], "paused")
        container.call("resume", container.id)
        equal(container.execute("cat /proc/self/cgroup").stdout, "0::/\n")
    check(not os.path.exists(container.path), "the scope's cgroup is still there")


@test
def a_user_who_may_not_make_cgroups_runs_without_and_is_refused_limits():
    container = Container(rootless_config(SLEEP), prefix=USER)
    command("chown", "-R", "1000:1000", container.bundle)
    with container:
        equal(container.state()["status"], "running")
    limited = Container(rootless_config(SLEEP, resources={"pids": {"limit": 3}}), prefix=USER)
    command("chown", "-R", "1000:1000", limited.bundle)
    check(limited.create(ok=False) != 0, "a limit that does not hold was accepted")
    limited.call("delete", "--force", limited.id)


def run_one(number, function, output):
    name = function.__name__
    try:
        function()
        print("ok %d %s" % (number, name), file=output, flush=True)
    except Skip as reason:
        print("ok %d %s # SKIP %s" % (number, name, reason), file=output, flush=True)
    except Exception:  # pylint: disable=broad-except
        print("not ok %d %s" % (number, name), file=output)
        for line in traceback.format_exc().splitlines()[-12:]:
            print("#   " + line, file=output, flush=True)


def main():
    with open("/dev/ttyS1", "w", encoding="utf-8") as output:
        command("stty", "-F", "/dev/ttyS1", "raw", "-echo")
        print("1..%d" % len(TESTS), file=output, flush=True)
        try:
            os.makedirs(WORK)
            make_rootfs()
            make_rootfs_readable()
            for number, function in enumerate(TESTS, 1):
                begin = time.monotonic()
                run_one(number, function, output)
                print("# %.1f s" % (time.monotonic() - begin), file=output, flush=True)
        except BaseException:  # pylint: disable=broad-except
            print("# " + traceback.format_exc().replace("\n", "\n# "), file=output)
            raise
        command("stty", "-F", "/dev/ttyS1", "drain", ok=False)


def make_rootfs_readable():
    os.chmod(WORK, 0o755)


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
