# SPDX-License-Identifier: Apache-2.0
"""The security history of container runtimes, a test a row where it can be acted out.

Each attack is also made on something that lacks the defence (`..._the_attack_works_...`): a naive
stand-in, or another process of the container. A test whose attack cannot succeed would prove nothing.
crun 1.8.1 fails three of these (OPENVIRT_TEST_RUNTIME=/usr/bin/crun): the working directory by
descriptor, /dev as a link, and the writable cgroup v1 hierarchy.

Not acted out here, with the reason: labels that go to a false /proc/self/attr (CVE-2019-16884,
CVE-2025-52881; no LSM on the machines that run this; tests/unit has the false procfs), rootless
cgroup v2 (CVE-2023-25809; tests/vm), bootstrap by netlink (CVE-2021-43784; there is none), abstract
Unix sockets in a container that shares the host's network namespace (CVE-2020-15257: a name there
belongs to the namespace and has no file whose mode could be asked; a runtime can do nothing but
listen on none itself, and config.json decides). That a namespace of its own keeps them out is here.
"""

import ctypes
import hashlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time

from harness import settings
from harness.bundle import ALL_CAPABILITIES
from harness.case import RuntimeTest, cgroup_path, only_openvirt
from harness.runtime import Runtime

RENAME_EXCHANGE = 2
AT_FDCWD = -100
MS_REMOUNT, MS_BIND = 32, 4096


class SecurityTest(RuntimeTest):
    def outside(self, name="outside", **files):
        """A directory of the host that no container may reach, beside the bundles."""
        path = os.path.join(self.directory, name)
        os.makedirs(path)
        for file_name, text in files.items():
            with open(os.path.join(path, file_name), "w", encoding="ascii") as file:
                file.write(text)
        return path

    def escape(self, path):
        """A link text that leads out of any root when it is followed from the host."""
        return "../" * 20 + path.lstrip("/")

    def digest(self, path):
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()


class OwnProgram(SecurityTest):
    """CVE-2019-5736: the container writes into the runtime's program through /proc/PID/exe."""

    def thief(self, seconds=4):
        # With CAP_SYS_PTRACE nobody is closed to the thief.
        bundle = self.bundle().guest("steal", seconds).capabilities(ALL_CAPABILITIES)
        bundle.file("bin/trap", "#!/proc/self/exe\n", 0o755)
        os.symlink("/proc/self/exe", os.path.join(bundle.rootfs, "usr", "bin", "sleep"))
        return bundle

    def test_the_program_on_the_host_stays_as_it_is(self):
        copy = os.path.join(self.directory, os.path.basename(settings.RUNTIME))
        shutil.copy(settings.RUNTIME, copy)
        before = self.digest(copy)
        runtime = Runtime(os.path.join(self.directory, "own"), path=copy)
        container = self.container(self.thief(), runtime=runtime)
        container.up()
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            for words in (["/proc/self/exe", "--version"], ["/bin/trap"], ["/bin/true"]):
                container.exec(*words, ok=None)
        container.wait_for_text("written=")
        self.assertEqual(self.digest(copy), before)
        self.assertEqual(container.values["written"], "0")

    def test_the_attack_works_on_a_program_that_enters_unsealed(self):
        copy = os.path.join(self.outside("host"), "busybox")
        shutil.copy(settings.BUSYBOX, copy)
        before = self.digest(copy)
        container = self.container(self.thief())
        container.up()
        end = time.monotonic() + 1
        while time.monotonic() < end:
            subprocess.run([copy, "nsenter", "-t", str(container.pid), "-m", "-p", "/usr/bin/sleep",
                            "0.05"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        container.wait_for_text("written=")
        self.assertNotEqual(self.digest(copy), before)


class Joining(SecurityTest):
    """CVE-2016-9962: a process of the container looks into the one that `exec` sends in."""

    def test_nothing_of_the_runtime_can_be_looked_into(self):
        """In a user namespace of its own with CAP_SYS_PTRACE there: only that the one who joins is
        not dumpable keeps the container out (ptrace(2), access mode checking). Seen to fail with
        each PR_SET_DUMPABLE taken out of the runtime."""
        bundle = self.bundle().user_namespace().capabilities(ALL_CAPABILITIES)
        container = self.container(bundle.guest("snoop", 3, ",", "say", "end"))
        container.up()
        # The control: a process of the container's own is seen by the same eyes.
        container.exec("/bin/guest", "sleep", "1", options=("--detach",))
        while "say=end" not in container.text():
            container.exec("/bin/true", ok=None)
        seen = {name for name in container.values if name.startswith("into.")}
        own = {name for name in seen if name.split("/")[0] in
               ("into.guest", "into.true", "into.busybox")}
        self.assertTrue(any(name.startswith("into.guest/root") for name in own), seen)
        self.assertEqual(seen - own, set())


class Descriptors(SecurityTest):
    """CVE-2024-21626: a descriptor of a host directory and a working directory that names it."""

    def is_inside(self, result):
        if result.status == 0:
            cwd = result.values["cwd"]
            self.assertTrue(cwd.startswith("/") and not cwd.startswith("(unreachable)"), cwd)
            self.assertNotIn(self.directory, result.stdout)

    def test_a_working_directory_by_descriptor_does_not_lead_out(self):
        host = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
        os.set_inheritable(host, True)
        self.addCleanup(os.close, host)
        for number in [*range(3, 12), host]:
            bundle = self.bundle().guest("cwd")
            bundle.process["cwd"] = "/proc/self/fd/%d" % number
            self.is_inside(self.container(bundle).run(ok=None, pass_fds=[host]))

    def test_the_same_by_exec(self):
        container = self.sleeper()
        for number in range(3, 12):
            self.is_inside(container.exec("/bin/guest", "cwd", ok=None,
                                          options=("--cwd", "/proc/self/fd/%d" % number)))

    def test_a_link_as_working_directory_does_not_lead_out(self):
        bundle = self.bundle().guest("cwd")
        os.symlink("/proc/self/fd/7", os.path.join(bundle.rootfs, "way"))
        bundle.process["cwd"] = "/way"
        self.is_inside(self.container(bundle).run(ok=None))

    def test_the_attack_works_on_a_plain_chroot(self):
        bundle = self.bundle()
        script = ("import os; fd = os.open('/', os.O_RDONLY); os.set_inheritable(fd, True);"
                  "os.chroot(%r); os.fchdir(fd); os.execv('/bin/guest', ['guest', 'cwd'])"
                  % bundle.rootfs)
        text = subprocess.check_output(["python3", "-c", script], text=True)
        self.assertIn("(unreachable)", text)

    def test_no_descriptor_of_the_runtime_is_open_in_the_container(self):
        self.assertEqual(self.guest("descriptors")["descriptors"], "0 1 2")


class Swapper:
    """Exchanges a directory with a link, as fast as it can."""

    def __init__(self, first, second):
        self.first, self.second = os.fsencode(first), os.fsencode(second)
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.on = True
        self.thread = threading.Thread(target=self._swap)

    def _swap(self):
        while self.on:
            self.libc.renameat2(AT_FDCWD, self.first, AT_FDCWD, self.second, RENAME_EXCHANGE)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.on = False
        self.thread.join()


class Races(SecurityTest):
    """CVE-2021-30465 and its kin: parts of a mount's target are swapped for links meanwhile."""

    def prepared(self):
        outside = self.outside()
        bundle = self.bundle()
        os.makedirs(os.path.join(bundle.rootfs, "race"))
        os.symlink(self.escape(outside), os.path.join(bundle.rootfs, "link"))
        return outside, bundle

    def swapper(self, bundle):
        return Swapper(os.path.join(bundle.rootfs, "race"), os.path.join(bundle.rootfs, "link"))

    def test_a_mount_target_never_leaves_the_root(self):
        outside, bundle = self.prepared()
        source = self.outside("source", file="words\n")
        bundle.mount("/race/made/deep", "bind", source, ["bind"])
        bundle.mount("/race/file", "bind", os.path.join(source, "file"), ["bind"])
        bundle.mount("/race/tmp", "tmpfs", "tmpfs")
        bundle.guest("exit", 0)
        with self.swapper(bundle):
            for _ in range(25):
                self.container(bundle).run(ok=None)
                self.assertEqual(os.listdir(outside), [])

    def test_the_attack_works_on_paths_that_are_followed(self):
        outside, bundle = self.prepared()
        with self.swapper(bundle):
            for number in range(10000):
                try:
                    os.makedirs(os.path.join(bundle.rootfs, "race", "made%d" % number))
                except OSError:
                    pass
                if os.listdir(outside):
                    return
        self.fail("no directory was made outside")

    def test_devices_and_the_working_directory_never_leave_the_root(self):
        outside, bundle = self.prepared()
        bundle.linux["devices"] = [{"type": "c", "path": "/race/device", "major": 1, "minor": 3}]
        bundle.process["cwd"] = "/race/directory"
        bundle.guest("exit", 0)
        with self.swapper(bundle):
            for _ in range(25):
                self.container(bundle).run(ok=None)
                self.assertEqual(os.listdir(outside), [])


class Links(SecurityTest):
    """Links that wait in the image."""

    def test_dev_as_a_link_makes_nothing_outside(self):
        """CVE-2026-41579, CVE-2026-47766."""
        outside = self.outside()
        bundle = self.bundle().guest("exit", 0)
        for path in ("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"):
            bundle.without_mount(path)
        os.rmdir(os.path.join(bundle.rootfs, "dev"))
        os.symlink(self.escape(outside), os.path.join(bundle.rootfs, "dev"))
        self.container(bundle).run(ok=None)
        self.assertEqual(os.listdir(outside), [])
        os.mknod(os.path.join(bundle.rootfs, "dev", "control"))  # what a path that is followed does
        self.assertEqual(os.listdir(outside), ["control"])

    def test_devices_below_a_link_are_made_inside(self):
        outside = self.outside()
        bundle = self.bundle().guest("exit", 0)
        os.symlink(self.escape(outside), os.path.join(bundle.rootfs, "way"))
        bundle.linux["devices"] = [{"type": "c", "path": "/way/device", "major": 1, "minor": 3}]
        self.container(bundle).run(ok=None)
        self.assertEqual(os.listdir(outside), [])

    def test_a_working_directory_below_a_link_is_made_inside(self):
        outside = self.outside()
        bundle = self.bundle().guest("exit", 0)
        os.symlink(self.escape(outside), os.path.join(bundle.rootfs, "way"))
        bundle.process["cwd"] = "/way/directory"
        self.container(bundle).run(ok=None)
        self.assertEqual(os.listdir(outside), [])

    def test_a_file_is_not_made_through_a_link(self):
        outside = self.outside()
        bundle = self.bundle().guest("exit", 0)
        os.symlink(self.escape(outside) + "/made", os.path.join(bundle.rootfs, "etc", "name"))
        bundle.mount("/etc/name", "bind", self.outside("source", file="") + "/file", ["bind"])
        self.container(bundle).run(ok=None)
        self.assertEqual(os.listdir(outside), [])

    @only_openvirt
    def test_tmpcopyup_copies_nothing_of_the_host(self):
        outside = self.outside(secret="words\n")
        bundle = self.bundle().shell("ls /data; cat /data/secret")
        os.symlink(self.escape(outside), os.path.join(bundle.rootfs, "data"))
        bundle.mount("/data", "tmpfs", "tmpfs", ["tmpcopyup"])
        self.assertNotIn("secret", self.container(bundle).run(ok=None).stdout)

    def test_the_password_file_of_the_host_is_not_read_through_a_link(self):
        """HOME of the user comes from the container's /etc/passwd."""
        outside = self.outside(passwd="person:x:1000:1000::/of/the/host:/bin/sh\n")
        bundle = self.bundle()
        path = os.path.join(bundle.rootfs, "etc", "passwd")
        os.unlink(path)
        os.symlink(self.escape(outside) + "/passwd", path)
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        values = self.guest("environment", bundle=bundle)
        self.assertNotEqual(values.get("env.HOME"), "/of/the/host")

    @only_openvirt
    def test_a_password_file_without_end_does_not_stop_the_start(self):
        for kind in ("pipe", "zero"):
            with self.subTest(kind):
                bundle = self.bundle()
                path = os.path.join(bundle.rootfs, "etc", "passwd")
                os.unlink(path)
                if kind == "pipe":
                    os.mkfifo(path)
                else:
                    os.symlink("/dev/zero", path)
                bundle.process["user"] = {"uid": 1000, "gid": 1000}
                self.container(bundle.guest("exit", 0)).run(ok=None, timeout=10)


class Masks(SecurityTest):
    """CVE-2025-31133: /dev/null of the image is a link, and the mask shows what it leads to."""

    def trapped(self):
        bundle = self.bundle()
        for path in ("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"):
            bundle.without_mount(path)
        bundle.file("target", "hidden words\n")
        bundle.file("etc/secret", "secret words\n")
        os.symlink("/target", os.path.join(bundle.rootfs, "dev", "null"))
        return bundle

    def test_a_mask_is_the_null_device_whatever_the_image_has_there(self):
        bundle = self.trapped().shell("cat /etc/secret; echo written > /etc/secret")
        bundle.linux["maskedPaths"] = ["/etc/secret"]
        result = self.container(bundle).run(ok=None)
        self.assertNotIn("words", result.stdout)
        with open(os.path.join(bundle.rootfs, "target"), encoding="ascii") as file:
            self.assertEqual(file.read(), "hidden words\n")

    def test_the_attack_works_where_the_images_dev_null_is_bound(self):
        bundle = self.trapped()
        script = ("mount --bind \"$1/dev/null\" \"$1/etc/secret\" && cat \"$1/etc/secret\"")
        os.unlink(os.path.join(bundle.rootfs, "dev", "null"))
        os.symlink("../target", os.path.join(bundle.rootfs, "dev", "null"))
        text = subprocess.check_output(["unshare", "-m", "sh", "-c", script, "sh", bundle.rootfs],
                                       text=True)
        self.assertEqual(text, "hidden words\n")

    def test_a_masked_link_does_not_leave_its_target_open(self):
        bundle = self.bundle().shell("cat /etc/secret")
        bundle.file("real", "secret words\n")
        os.symlink("/real", os.path.join(bundle.rootfs, "etc", "secret"))
        bundle.linux["maskedPaths"] = ["/etc/secret"]
        self.assertNotIn("words", self.container(bundle).run(ok=None).stdout)

    def masked_twice(self, *words):
        """Root with CAP_SYS_ADMIN makes the first mask's mount writable again."""
        bundle = self.bundle().capabilities(ALL_CAPABILITIES)
        bundle.linux["maskedPaths"] = ["/first", "/second"]
        bundle.file("first/secret", "words")
        bundle.file("second/secret", "words")
        flags = str(MS_REMOUNT | MS_BIND)
        return self.guest("mount", "none", "/first", "", flags, "", ",", *words, bundle=bundle)

    def test_a_masked_directory_cannot_be_written_though_its_mount_is_writable(self):
        """All masks of directories are one file system: what could be put into one would be in
        the others too. Its superblock is read-only, not just the mounts of it."""
        values = self.masked_twice("create", "/first/new")
        self.assertEqual((values["mount"], values["create"]), ("ok", "EROFS"))

    def test_nothing_passes_from_one_masked_directory_to_another(self):
        values = self.masked_twice("create", "/first/new", ",", "open", "/second/new")
        self.assertEqual((values["mount"], values["open"]), ("ok", "ENOENT"))

    def test_the_attack_works_on_a_mount_alone_that_is_read_only(self):
        bundle = self.bundle().capabilities(ALL_CAPABILITIES)
        bundle.mount("/first", "tmpfs", "tmpfs", ["ro"])
        values = self.guest("create", "/first/new", ",", "mount", "none", "/first", "",
                            str(MS_REMOUNT | MS_BIND), "", bundle=bundle)
        self.assertEqual(values["create"], "EROFS")
        values = self.guest("mount", "none", "/first", "", str(MS_REMOUNT | MS_BIND), "", ",",
                            "create", "/first/new", bundle=bundle)
        self.assertEqual((values["mount"], values["create"]), ("ok", "ok"))

    def test_the_masks_of_a_fresh_container_cannot_be_taken_away(self):
        bundle = self.bundle().shell("busybox umount /proc/kcore 2>/dev/null; "
                                     "busybox umount /proc/keys 2>/dev/null; cat /proc/keys")
        self.assertEqual(self.container(bundle).run(ok=None).stdout, "")


class Console(SecurityTest):
    """CVE-2025-52565: /dev/console of the image is a link to something else."""

    def test_a_link_at_dev_console_is_not_followed(self):
        from test_terminal import Receiver, read_terminal
        outside = self.outside(file="host words\n")
        bundle = self.bundle().shell("echo end")
        for path in ("/dev", "/dev/shm", "/dev/mqueue"):
            bundle.without_mount(path)
        os.makedirs(os.path.join(bundle.rootfs, "dev", "pts"))
        os.symlink(self.escape(outside) + "/file", os.path.join(bundle.rootfs, "dev", "console"))
        bundle.process["terminal"] = True
        receiver = Receiver(self.directory)
        self.addCleanup(receiver.close)
        container = self.container(bundle)
        result = container.create("--console-socket", receiver.path, ok=None)
        if result.status == 0:
            container.start()
            read_terminal(receiver.take(), "end")
        with open(os.path.join(outside, "file"), encoding="ascii") as file:
            self.assertEqual(file.read(), "host words\n")
        self.assertEqual(os.listdir(outside), ["file"])


class Proc(SecurityTest):
    """CVE-2019-16884, CVE-2019-19921: a false /proc."""

    def test_proc_as_a_link_is_refused_or_mounted_inside(self):
        bundle = self.bundle().guest("exit", 0)
        outside = self.outside()
        os.rmdir(os.path.join(bundle.rootfs, "proc"))
        os.symlink(self.escape(outside), os.path.join(bundle.rootfs, "proc"))
        container = self.container(bundle)
        result = container.run(ok=None)
        self.assertEqual(os.listdir(outside), [])
        if settings.OURS:
            self.assertNotEqual(result.status, 0)
            self.assertNothingMade(container)

    def test_something_else_mounted_over_proc_is_refused(self):
        for destination in ("/proc", "/proc/", "//proc/./", "/tmp/../proc"):
            with self.subTest(destination):
                bundle = self.bundle().guest("exit", 0)
                bundle.mount(destination, "bind", self.outside("false%d" % len(destination)),
                             ["bind"])
                container = self.container(bundle)
                if settings.OURS:
                    container.run(ok=False)
                    self.assertNothingMade(container)

    def test_a_sysctl_goes_to_the_kernel_whatever_is_mounted_over_proc_sys(self):
        bundle = self.bundle().shell("busybox sysctl -n net.ipv4.ip_forward")
        bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
        bundle.mount("/proc/sys", "tmpfs", "tmpfs")
        bundle.linux["readonlyPaths"] = bundle.linux["maskedPaths"] = []
        container = self.container(bundle.guest("sleep", 100))
        result = container.create(ok=None)
        if result.status == 0:
            text = subprocess.check_output(
                ["nsenter", "-t", str(container.pid), "-n", "cat", "/proc/sys/net/ipv4/ip_forward"],
                text=True)
            self.assertEqual(text, "1\n")


class Words(SecurityTest):
    """Words of callers and annotations that were taken for something else."""

    def test_users_that_are_no_numbers_are_refused(self):
        """CVE-2026-30892. That "1000" and "1000:1001" work is in test_exec."""
        container = self.sleeper()
        for word in ("1000abc", "0x0", " 1000", "1000 ", "-1", "+1", "", ":", "1000:", ":1000",
                     "1000:x", "4294967296", "1000:1000:1000", "1e3", "root ", "01000 "):
            with self.subTest(word=word):
                if settings.OURS:
                    container.exec("/bin/guest", "ids", options=("--user", word), ok=False)

    @only_openvirt
    def test_no_name_gives_orders_to_the_terminal_that_shows_an_error(self):
        container = self.sleeper()
        result = container.exec("/bin/\x1b[2J\x07\rnothing", ok=False)
        self.assertIn("nothing", result.stderr)
        self.assertEqual([c for c in result.stderr if c < " " and c != "\n"], [])

    @only_openvirt
    def test_names_of_sysctls_stay_in_their_namespace(self):
        for name in ("net.ipv4/../../kernel/panic", "net/../kernel/panic", "net..", "net.",
                     "kernel.shmmax\nkernel.panic", "/proc/sys/kernel/panic", "fs.mqueue/../../x",
                     "kernel.msgmax/../panic"):
            with self.subTest(name=name):
                bundle = self.bundle().guest("exit", 0)
                bundle.linux["sysctl"] = {name: "0"}
                container = self.container(bundle)
                container.run(ok=False)
                self.assertNothingMade(container)

    @only_openvirt
    def test_values_of_sysctls_are_one_line(self):
        """CVE-2022-0811."""
        for value in ("1\nkernel.core_pattern=|/x", "1\n", "\n", "a\0b"):
            with self.subTest(value=value):
                bundle = self.bundle().guest("exit", 0)
                bundle.linux["sysctl"] = {"net.ipv4.ip_forward": value}
                container = self.container(bundle)
                container.run(ok=False)
                self.assertNothingMade(container)

    @only_openvirt
    def test_annotations_that_change_behaviour_are_listed_as_unsafe(self):
        """CVE-2024-3154."""
        listed = self.runtime.call("features").json["potentiallyUnsafeConfigAnnotations"]
        self.assertIn("org.systemd.property.", listed)

    def test_nothing_becomes_inheritable_by_exec(self):
        """CVE-2022-27650, CVE-2022-24769, CVE-2022-29162."""
        container = self.sleeper()
        values = container.exec("/bin/guest", "capabilities").values
        self.assertEqual((int(values["inheritable"], 0), int(values["ambient"], 0)), (0, 0))
        path = os.path.join(self.directory, "process.json")
        with open(path, "w", encoding="ascii") as file:
            json.dump({"args": ["/bin/guest", "capabilities"], "cwd": "/", "env": [],
                       "user": {"uid": 0, "gid": 0}, "capabilities": {
                           name: ["CAP_KILL"] for name in ("bounding", "effective", "permitted")}},
                      file)
        values = self.runtime.call("exec", "--process", path, container.id).values
        self.assertEqual(int(values["inheritable"], 0), 0)


class AbstractSockets(SecurityTest):
    """CVE-2020-15257: names of Unix sockets without a file belong to the network namespace."""

    def listening(self):
        """A socket of the host by its abstract name."""
        name = "%s-%d" % (settings.TAG, os.getpid())
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(listener.close)
        listener.bind("\0" + name)
        listener.listen()
        return name

    def connected(self, bundle):
        return self.guest("connect-abstract", self.listening(), bundle=bundle)["connect"]

    def test_one_of_the_host_cannot_be_reached(self):
        self.assertEqual(self.connected(self.bundle().namespace("network")), "ECONNREFUSED")

    def test_the_attack_works_where_the_hosts_network_namespace_is_shared(self):
        self.assertEqual(self.connected(self.bundle().without_namespace("network")), "ok")

    @only_openvirt
    def test_the_runtime_has_none_while_a_container_runs(self):
        bundle = self.bundle().without_namespace("network").shell("cat /proc/net/unix")
        text = self.container(bundle).run(prefix=("unshare", "--net")).stdout
        self.assertIn("Path", text)
        self.assertNotIn("@", text)


class Cgroups(SecurityTest):
    """Kernel CVE-2022-0492: a cgroup v1 hierarchy that the container can write starts programs of
    its choice on the host."""

    def mounted(self, *options):
        return self.bundle().capabilities(ALL_CAPABILITIES).mount(
            "/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", *options])

    def test_it_is_read_only_even_where_that_is_not_asked_for(self):
        if not os.path.isdir("/sys/fs/cgroup/memory"):
            self.skipTest("the machine has no cgroup v1 hierarchies")
        bundle = self.mounted("rw").shell(
            "for f in /sys/fs/cgroup/*/notify_on_release; do echo 1 > $f && echo written; done")
        self.assertNotIn("written", self.container(bundle).run(ok=None).stdout)

    def test_the_same_file_can_be_written_from_the_host(self):
        container = self.sleeper()
        if not cgroup_path(container.pid, "memory"):
            self.skipTest("the machine has no cgroup v1 hierarchies")
        with open(cgroup_path(container.pid, "memory") + "/notify_on_release", "w",
                  encoding="ascii") as file:
            file.write("0")


class State(SecurityTest):
    """What lies on the host for a container's life is for its owner alone."""

    @only_openvirt
    def test_the_state_directory_is_closed_to_others(self):
        container = self.sleeper()
        for path in (self.runtime.root, os.path.join(self.runtime.root, container.id)):
            self.assertEqual(os.stat(path).st_mode & 0o077 & 0o066, 0, path)
        for directory, _, names in os.walk(os.path.join(self.runtime.root, container.id)):
            for name in names:
                self.assertEqual(os.stat(os.path.join(directory, name)).st_mode & 0o022, 0, name)

    @only_openvirt
    def test_nothing_is_left_where_descriptors_run_out(self):
        for number in range(4, 24):
            with self.subTest(descriptors=number):
                container = self.container(self.bundle().guest("exit", 0))
                container.run(prefix=("prlimit", "--nofile=%d" % number), ok=None)
                self.assertNothingMade(container)
                if os.path.isdir(self.runtime.root):
                    self.assertEqual(os.listdir(self.runtime.root), [])

    @only_openvirt
    def test_the_program_is_no_setuid_program(self):
        self.assertEqual(os.stat(settings.RUNTIME).st_mode & 0o6000, 0)

    @only_openvirt
    def test_the_default_configuration_keeps_dangerous_capabilities_out(self):
        bundle = self.bundle()
        subprocess.run([settings.RUNTIME, "spec", "--bundle", bundle.path], check=True)
        with open(os.path.join(bundle.path, "config.json"), encoding="utf-8") as file:
            config = json.load(file)
        given = set(sum(config["process"]["capabilities"].values(), []))
        self.assertFalse(given & {"CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH", "CAP_SYS_MODULE",
                                  "CAP_SYS_PTRACE", "CAP_SYS_RAWIO"})
        self.assertTrue(config["process"]["noNewPrivileges"])
        self.assertTrue({"/proc/kcore", "/proc/keys", "/sys/firmware"} <=
                        set(config["linux"]["maskedPaths"]))
