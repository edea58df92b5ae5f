# SPDX-License-Identifier: Apache-2.0
"""mounts[], root, devices, masked and read-only paths, seen through mountinfo in the container."""

import os
import stat
import subprocess

from harness import settings
from harness.bundle import ALL_CAPABILITIES
from harness.case import RuntimeTest, only_openvirt


class Entry:
    """A line of /proc/PID/mountinfo (proc_pid_mountinfo(5))."""

    def __init__(self, line):
        head, tail = line.split(" - ", 1)
        fields = head.split()
        self.device, self.root, self.target = fields[2:5]
        self.options = set(fields[5].split(","))
        self.propagation = set(field.split(":")[0] for field in fields[6:])
        self.type, self.source, super_options = tail.split(" ")[:3]
        self.super_options = set(super_options.strip().split(","))


class MountTest(RuntimeTest):
    def table(self, bundle):
        text = self.shell("cat /proc/self/mountinfo", bundle=bundle)
        return {entry.target: entry for entry in map(Entry, text.splitlines())}

    def directory_with(self, name, **files):
        path = os.path.join(self.directory, name)
        os.makedirs(path)
        for file_name, text in files.items():
            with open(os.path.join(path, file_name), "w", encoding="ascii") as file:
                file.write(text)
        return path

    def mount_on_host(self, *words):
        subprocess.run(["mount", *words], check=True)
        self.addCleanup(subprocess.run, ["umount", "-R", "-l", words[-1]],
                        stderr=subprocess.DEVNULL)

    def bind(self, *options, source=None, target="/mnt"):
        source = source or self.directory_with("source", file="words\n")
        return self.bundle().mount(target, "bind", source, ["rbind", *options])


class Options(MountTest):
    """Each word of the table of the specification that mountinfo shows."""

    def check_attribute(self, word, opposite):
        on = self.table(self.bind(word, target="/mnt"))["/mnt"].options
        self.assertIn(word, on)
        if not settings.OURS:
            return  # crun keeps the first
        self.directory_number = getattr(self, "directory_number", 0) + 1
        source = self.directory_with("again%d" % self.directory_number)
        off = self.table(self.bind(word, opposite, source=source))["/mnt"].options
        self.assertNotIn(word, off)

    def test_ro_and_rw(self):
        self.check_attribute("ro", "rw")

    def test_nosuid_and_suid(self):
        self.check_attribute("nosuid", "suid")

    def test_nodev_and_dev(self):
        self.check_attribute("nodev", "dev")

    def test_noexec_and_exec(self):
        self.check_attribute("noexec", "exec")

    def test_nodiratime_and_diratime(self):
        self.check_attribute("nodiratime", "diratime")

    def test_noatime_and_atime(self):
        self.check_attribute("noatime", "atime")

    @only_openvirt
    def test_nosymfollow_and_symfollow(self):
        self.check_attribute("nosymfollow", "symfollow")

    def test_relatime(self):
        self.assertIn("relatime", self.table(self.bind("relatime"))["/mnt"].options)

    def test_strictatime(self):
        options = self.table(self.bind("strictatime"))["/mnt"].options
        self.assertFalse(options & {"relatime", "noatime"})

    def test_words_of_the_superblock(self):
        bundle = self.bundle().mount("/mnt", "tmpfs", "tmpfs", ["sync", "dirsync", "lazytime"])
        self.assertLessEqual({"sync", "dirsync", "lazytime"},
                             self.table(bundle)["/mnt"].super_options)

    def test_words_that_are_the_file_systems_own_reach_it(self):
        bundle = self.bundle().mount("/mnt", "tmpfs", "tmpfs", ["size=123k", "mode=0750", "uid=7",
                                                              "nr_inodes=77"])
        options = self.table(bundle)["/mnt"].super_options
        self.assertLessEqual({"size=124k", "mode=750", "uid=7", "nr_inodes=77"}, options)

    @only_openvirt
    def test_words_without_effect_are_accepted(self):
        bundle = self.bundle().mount("/mnt", "tmpfs", "tmpfs", ["defaults", "async", "loud",
                                                              "nolazytime", "silent"])
        self.assertIn("/mnt", self.table(bundle))

    def test_a_word_that_the_file_system_does_not_know_is_refused(self):
        bundle = self.bundle().mount("/mnt", "tmpfs", "tmpfs", ["nosuchword"]).guest("exit", 0)
        container = self.container(bundle)
        container.run(ok=False)
        self.assertNothingMade(container)

    def test_a_bind_without_type_is_a_bind(self):
        source = self.directory_with("source", file="words\n")
        bundle = self.bundle().mount("/mnt", None, source, ["bind"])
        self.assertEqual(self.shell("cat /mnt/file", bundle=bundle), "words\n")

    def test_a_type_of_bind_without_the_word_is_a_bind(self):
        source = self.directory_with("source", file="words\n")
        bundle = self.bundle().mount("/mnt", "bind", source, ["ro"])
        if settings.OURS:
            self.assertEqual(self.shell("cat /mnt/file", bundle=bundle), "words\n")

    def test_a_read_only_bind_cannot_be_written(self):
        text = self.shell("echo x > /mnt/new || echo refused", bundle=self.bind("ro"))
        self.assertEqual(text, "refused\n")

    def test_the_source_stays_writable_on_the_host(self):
        source = self.directory_with("source", file="words\n")
        self.shell("true", bundle=self.bind("ro", source=source))
        with open(os.path.join(source, "new"), "w", encoding="ascii"):
            pass


class Recursive(MountTest):
    def nested(self):
        source = self.directory_with("source")
        os.makedirs(os.path.join(source, "below"))
        self.mount_on_host("-t", "tmpfs", "tmpfs", os.path.join(source, "below"))
        return source

    def test_rbind_brings_the_mounts_below(self):
        bundle = self.bundle().mount("/mnt", "bind", self.nested(), ["rbind"])
        self.assertIn("/mnt/below", self.table(bundle))

    def test_bind_does_not(self):
        bundle = self.bundle().mount("/mnt", "bind", self.nested(), ["bind"])
        self.assertNotIn("/mnt/below", self.table(bundle))

    def test_ro_is_for_the_topmost_only(self):
        bundle = self.bundle().mount("/mnt", "bind", self.nested(), ["rbind", "ro"])
        table = self.table(bundle)
        self.assertIn("ro", table["/mnt"].options)
        self.assertIn("rw", table["/mnt/below"].options)

    def test_the_words_with_an_r_are_for_all(self):
        for word in ("ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime"):
            if "atime" in word and not settings.OURS:
                continue  # crun does not clear the other atime attributes
            with self.subTest(word):
                source = os.path.join(self.directory, word)
                os.makedirs(os.path.join(source, "below"))
                self.mount_on_host("-t", "tmpfs", "tmpfs", os.path.join(source, "below"))
                bundle = self.bundle().mount("/mnt", "bind", source, ["rbind", "r" + word])
                table = self.table(bundle)
                self.assertIn(word, table["/mnt"].options)
                self.assertIn(word, table["/mnt/below"].options)


class Propagation(MountTest):
    def propagation(self, *words):
        return self.table(self.bind(*words))["/mnt"].propagation

    def test_the_default_is_private(self):
        self.assertEqual(self.propagation() & {"shared"}, set())

    @only_openvirt
    def test_shared(self):
        self.assertIn("shared", self.propagation("shared"))

    def test_private(self):
        self.assertEqual(self.propagation("private"), set())

    @only_openvirt
    def test_unbindable(self):
        self.assertIn("unbindable", self.propagation("unbindable"))

    def test_rslave_receives_from_the_host(self):
        source = self.directory_with("source")
        self.mount_on_host("-t", "tmpfs", "tmpfs", source)
        subprocess.run(["mount", "--make-shared", source], check=True)
        os.makedirs(os.path.join(source, "late"))
        bundle = self.bundle().mount("/mnt", "bind", source, ["rbind", "rslave"])
        bundle.linux["rootfsPropagation"] = "rslave"
        container = self.sleeper(bundle)
        self.mount_on_host("-t", "tmpfs", "late", os.path.join(source, "late"))
        self.assertIn("/mnt/late", container.exec("/bin/cat", "/proc/self/mountinfo").stdout)

    def test_what_is_mounted_inside_does_not_reach_the_host(self):
        source = self.directory_with("source")
        self.mount_on_host("-t", "tmpfs", "tmpfs", source)
        subprocess.run(["mount", "--make-shared", source], check=True)
        os.makedirs(os.path.join(source, "inside"))
        bundle = self.bundle().mount("/mnt", "bind", source, ["rbind", "rprivate"])
        bundle.capabilities(ALL_CAPABILITIES)
        self.shell("mount -t tmpfs inside /mnt/inside", bundle=bundle)
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            self.assertNotIn(os.path.join(source, "inside"), file.read())

    def test_the_propagation_of_the_root(self):
        for word, expected in (("shared", "shared"), ("private", None), ("unbindable", "unbindable")):
            bundle = self.bundle()
            bundle.linux["rootfsPropagation"] = word
            propagation = self.table(bundle)["/"].propagation
            if expected:
                self.assertIn(expected, propagation)
            else:
                self.assertFalse(propagation & {"shared"})


class Targets(MountTest):
    def test_a_target_that_is_not_there_is_made(self):
        bundle = self.bind(target="/a/new/place")
        self.assertEqual(self.shell("cat /a/new/place/file", bundle=bundle), "words\n")

    def test_a_file_is_bound_to_a_file(self):
        source = os.path.join(self.directory_with("source", file="words\n"), "file")
        bundle = self.bundle().mount("/etc/new/name", "bind", source, ["bind"])
        self.assertEqual(self.shell("cat /etc/new/name", bundle=bundle), "words\n")

    def test_a_relative_target_is_below_the_root(self):
        bundle = self.bind(target="mnt")
        self.assertEqual(self.shell("cat /mnt/file", bundle=bundle), "words\n")

    def test_a_relative_source_is_below_the_bundle(self):
        bundle = self.bundle().mount("/mnt", "bind", "files", ["bind"])
        os.makedirs(os.path.join(bundle.path, "files", "inside"))
        self.assertEqual(self.shell("ls /mnt", bundle=bundle), "inside\n")

    def test_a_source_that_is_not_there_is_refused_by_name(self):
        container = self.container(self.bind(source="/no/such/source").guest("exit", 0))
        self.assertIn("/no/such/source", container.run(ok=False).stderr)
        self.assertNothingMade(container)

    def test_mounts_are_made_in_order(self):
        bundle = self.bundle().mount("/mnt", "tmpfs", "first").mount("/mnt/below", "tmpfs", "second")
        table = self.table(bundle)
        self.assertEqual((table["/mnt"].source, table["/mnt/below"].source), ("first", "second"))

    def test_a_link_in_the_root_is_followed_beneath_the_root(self):
        bundle = self.bind(target="/link/place")
        os.symlink("/tmp", os.path.join(bundle.rootfs, "link"))
        self.assertEqual(self.shell("cat /tmp/place/file", bundle=bundle), "words\n")

    def test_a_link_out_of_the_root_stays_beneath_the_root(self):
        outside = self.directory_with("outside")
        bundle = self.bind(target="/link/place")
        os.symlink("../../../../../../../.." + outside, os.path.join(bundle.rootfs, "link"))
        self.container(bundle.guest("exit", 0)).run(ok=None)
        self.assertEqual(os.listdir(outside), [])

    @only_openvirt
    def test_a_dangling_link_as_target_is_made_where_it_points_inside(self):
        bundle = self.bind(target="/dangling")
        os.symlink("/not/there", os.path.join(bundle.rootfs, "dangling"))
        self.assertEqual(self.shell("cat /not/there/file", bundle=bundle), "words\n")


class Kinds(MountTest):
    @only_openvirt
    def test_tmpfs_keeps_the_mode_of_the_directory_below(self):
        bundle = self.bundle().mount("/secret", "tmpfs", "tmpfs")
        os.makedirs(os.path.join(bundle.rootfs, "secret"))
        os.chmod(os.path.join(bundle.rootfs, "secret"), 0o1730)
        self.assertEqual(self.shell("stat -c %a /secret", bundle=bundle), "1730\n")

    def test_tmpfs_with_a_mode_has_that(self):
        bundle = self.bundle().mount("/mnt", "tmpfs", "tmpfs", ["mode=0711"])
        self.assertEqual(self.shell("stat -c %a /mnt", bundle=bundle), "711\n")

    def test_tmpcopyup_starts_with_what_the_image_has(self):
        bundle = self.bundle().mount("/data", "tmpfs", "tmpfs", ["tmpcopyup"])
        bundle.file("data/one", "first", 0o640)
        bundle.file("data/sub/two", "second")
        os.symlink("one", os.path.join(bundle.rootfs, "data", "link"))
        text = self.shell("cat /data/one /data/sub/two /data/link; stat -c ' %a' /data/one; "
                          "echo x > /data/one", bundle=bundle)
        self.assertEqual(text, "firstsecondfirst 640\n")
        with open(os.path.join(bundle.rootfs, "data", "one"), encoding="ascii") as file:
            self.assertEqual(file.read(), "first")

    def test_proc_shows_the_containers_processes_alone(self):
        text = self.shell("ls /proc | grep -c '^[0-9]'")
        self.assertLess(int(text), 5)

    def test_mqueue_devpts_and_sysfs(self):
        table = self.table(self.bundle())
        self.assertEqual([table[path].type for path in ("/dev/mqueue", "/dev/pts", "/sys")],
                         ["mqueue", "devpts", "sysfs"])

    def test_an_unknown_type_is_refused_by_name(self):
        container = self.container(self.bundle().mount("/mnt", "nosuchfs", "x").guest("exit", 0))
        result = container.run(ok=False)
        if settings.OURS:
            self.assertIn("nosuchfs", result.stderr)
        self.assertNothingMade(container)

    def test_overlay(self):
        lower, upper, work = (self.directory_with(name) for name in ("lower", "upper", "work"))
        with open(os.path.join(lower, "file"), "w", encoding="ascii") as file:
            file.write("lower\n")
        options = ["lowerdir=" + lower, "upperdir=" + upper, "workdir=" + work]
        bundle = self.bundle().mount("/mnt", "overlay", "overlay", options)
        self.assertEqual(self.shell("cat /mnt/file; echo new > /mnt/other", bundle=bundle),
                         "lower\n")
        self.assertEqual(os.listdir(upper), ["other"])


class IdMapped(MountTest):
    MAPPINGS = {"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
                "gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}

    def owned_source(self, uid):
        source = self.directory_with("source", file="words\n")
        os.chown(os.path.join(source, "file"), uid, uid)
        return source

    @only_openvirt
    def test_with_mappings_of_its_own(self):
        """The file belongs to 5 on disk; the mount shifts it by 100000."""
        bundle = self.bundle().mount("/mnt", "bind", self.owned_source(5), ["bind", "idmap"],
                                     **self.MAPPINGS)
        self.assertEqual(self.shell("stat -c '%u %g' /mnt/file", bundle=bundle), "100005 100005\n")

    @only_openvirt
    def test_with_the_containers_mappings(self):
        bundle = self.bundle().user_namespace()
        bundle.mount("/mnt", "bind", self.owned_source(5), ["bind", "idmap"])
        self.assertEqual(self.shell("stat -c '%u %g' /mnt/file", bundle=bundle), "5 5\n")

    @only_openvirt
    def test_without_idmap_the_same_file_is_nobodys(self):
        """The counterpart that shows the two tests above can fail."""
        bundle = self.bundle().user_namespace()
        bundle.mount("/mnt", "bind", self.owned_source(5), ["bind"])
        self.assertEqual(self.shell("stat -c '%u %g' /mnt/file", bundle=bundle), "65534 65534\n")

    @only_openvirt
    def test_ridmap_is_for_the_mounts_below_too(self):
        source = self.directory_with("source")
        below = os.path.join(source, "below")
        os.makedirs(below)
        self.mount_on_host("-t", "tmpfs", "tmpfs", below)
        with open(os.path.join(below, "file"), "w", encoding="ascii"):
            pass
        os.chown(os.path.join(below, "file"), 5, 5)
        bundle = self.bundle().mount("/mnt", "bind", source, ["rbind", "ridmap"], **self.MAPPINGS)
        self.assertEqual(self.shell("stat -c %u /mnt/below/file", bundle=bundle), "100005\n")
        bundle = self.bundle().mount("/mnt", "bind", source, ["rbind", "idmap"], **self.MAPPINGS)
        self.assertEqual(self.shell("stat -c %u /mnt/below/file", bundle=bundle), "5\n")

    @only_openvirt
    def test_uid_mappings_without_gid_mappings_are_refused(self):
        bundle = self.bundle().guest("exit", 0)
        bundle.mount("/mnt", "bind", self.owned_source(5), ["bind", "idmap"],
                     uidMappings=self.MAPPINGS["uidMappings"])
        container = self.container(bundle)
        self.assertIn("mounts[6]", container.run(ok=False).stderr)
        self.assertNothingMade(container)


class Links(MountTest):
    def linked_source(self):
        source = self.directory_with("source", file="words\n")
        os.symlink("file", os.path.join(source, "link"))
        return os.path.join(source, "link")

    def test_a_link_as_source_is_followed(self):
        bundle = self.bundle().mount("/etc/name", "bind", self.linked_source(), ["bind"])
        self.assertEqual(self.shell("cat /etc/name; stat -c %F /etc/name", bundle=bundle),
                         "words\nregular file\n")

    @only_openvirt
    def test_copy_symlink_makes_it_again(self):
        bundle = self.bundle().mount("/etc/name", "bind", self.linked_source(),
                                     ["bind", "copy-symlink"])
        self.assertEqual(self.shell("readlink /etc/name", bundle=bundle), "file\n")


class Root(MountTest):
    def test_a_read_only_root(self):
        bundle = self.bundle()
        bundle.config["root"]["readonly"] = True
        self.assertEqual(self.shell("echo x > /new || echo refused; echo y > /dev/shm/z",
                                    bundle=bundle), "refused\n")

    def test_a_writable_root(self):
        bundle = self.bundle()
        self.shell("echo x > /new", bundle=bundle)
        self.assertTrue(os.path.exists(os.path.join(bundle.rootfs, "new")))

    def test_a_root_that_is_not_there_is_refused_by_name(self):
        bundle = self.bundle().guest("exit", 0)
        bundle.config["root"]["path"] = "nowhere"
        container = self.container(bundle)
        self.assertIn("nowhere", container.run(ok=False).stderr)
        self.assertNothingMade(container)

    def test_no_pivot(self):
        container = self.container(self.bundle().shell("ls /bin/guest"))
        self.assertEqual(container.run("--no-pivot").stdout, "/bin/guest\n")

    def test_nothing_of_the_host_is_mounted(self):
        for target in self.table(self.bundle()):
            self.assertNotIn(settings.TAG, target)


class Devices(MountTest):
    DEFAULT = {"null": "1:3", "zero": "1:5", "full": "1:7", "random": "1:8", "urandom": "1:9",
               "tty": "5:0"}

    def test_the_default_devices_are_there(self):
        script = "; ".join("stat -c '%%n %%t:%%T %%a' /dev/%s" % name for name in self.DEFAULT)
        expected = ["/dev/%s %s 666" % item for item in self.DEFAULT.items()]
        self.assertEqual(self.shell(script).splitlines(), expected)

    def test_the_links_are_there(self):
        text = self.shell("for n in fd stdin stdout stderr ptmx; do readlink /dev/$n; done")
        self.assertRegex(text, "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\n"
                         "(/dev/)?pts/ptmx\n")

    def read_only_dev(self, type, source, options):
        """What is there, and what happens to a new file."""
        bundle = self.bundle()
        for path in ("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"):
            bundle.without_mount(path)
        bundle.mount("/dev", type, source, options)
        return self.guest("stat", "/dev/null", ",", "create", "/dev/new", bundle=bundle)

    def test_a_read_only_dev_has_its_devices_and_takes_no_more(self):
        """Read-only comes last, whatever file system config.json puts on /dev."""
        lower = self.directory_with("lower")
        upper = [self.directory_with(name) for name in ("upper", "work")]
        stacked = ["lowerdir=" + lower, "upperdir=%s" % upper[0], "workdir=%s" % upper[1]]
        for type, options in (("tmpfs", []), ("ramfs", []), ("overlay", stacked)):
            with self.subTest(type):
                values = self.read_only_dev(type, type, ["nosuid", "ro", *options])
                self.assertEqual((values["stat"], values["create"]),
                                 ("20666 0 0 1:3", "EROFS"))

    def test_a_dev_that_is_bound_read_only_is_left_as_it_is(self):
        """Nothing is made in it: it may be the host's."""
        source = self.directory_with("source", null="words\n")
        values = self.read_only_dev("bind", source, ["bind", "ro"])
        self.assertEqual((values["stat"].split()[0], values["create"]), ("100644", "EROFS"))
        self.assertEqual(os.listdir(source), ["null"])

    def test_devices_that_are_asked_for(self):
        bundle = self.bundle()
        bundle.linux["devices"] = [
            {"type": "c", "path": "/dev/mine", "major": 1, "minor": 3, "fileMode": 0o640, "uid": 7,
             "gid": 8},
            {"type": "b", "path": "/dev/sub/block", "major": 7, "minor": 99},
            {"type": "p", "path": "/dev/pipe", "fileMode": 0o600}]
        text = self.shell("stat -c '%F %t:%T %a %u %g' /dev/mine /dev/sub/block /dev/pipe",
                          bundle=bundle)
        lines = text.splitlines()
        self.assertEqual(lines[0], "character special file 1:3 640 7 8")
        self.assertRegex(lines[1], "block special file 7:63 666 0 0")
        self.assertRegex(lines[2], "fifo 0:0 600 0 0")

    def test_a_device_without_numbers_is_refused(self):
        bundle = self.bundle().guest("exit", 0)
        bundle.linux["devices"] = [{"type": "c", "path": "/dev/mine"}]
        if settings.OURS:
            container = self.container(bundle)
            self.assertIn("linux.devices[0]", container.run(ok=False).stderr)
            self.assertNothingMade(container)

    def open_loop(self, *rules):
        bundle = self.bundle().capabilities(ALL_CAPABILITIES)
        bundle.linux["devices"] = [{"type": "b", "path": "/dev/loop", "major": 7, "minor": 1}]
        bundle.resources(devices=[{"allow": False, "access": "rwm"}, *rules])
        return self.guest("open", "/dev/loop", bundle=bundle)["open"]

    def test_access_is_by_the_device_cgroup(self):
        self.assertEqual(self.open_loop(), "EPERM")
        rule = {"allow": True, "type": "b", "major": 7, "minor": 1, "access": "rwm"}
        self.assertNotEqual(self.open_loop(rule), "EPERM")


class Protected(MountTest):
    def test_masked_files_are_empty_and_directories_too(self):
        bundle = self.bundle()
        bundle.linux["maskedPaths"] = ["/etc/secret", "/secrets"]
        bundle.file("etc/secret", "words")
        bundle.file("secrets/one", "words")
        text = self.shell("cat /etc/secret; ls /secrets; echo x > /secrets/new || echo refused",
                          bundle=bundle)
        self.assertEqual(text, "refused\n")

    def test_a_masked_path_that_is_not_there_is_fine(self):
        bundle = self.bundle()
        bundle.linux["maskedPaths"] = ["/no/such", "/no/such/below"]
        self.assertEqual(self.shell("echo hello", bundle=bundle), "hello\n")

    def test_read_only_paths_cannot_be_written_and_all_below(self):
        bundle = self.bundle()
        bundle.linux["readonlyPaths"] = ["/etc", "/no/such", "/etc/passwd"]
        self.assertEqual(self.shell("echo x > /etc/new || echo refused; cat /etc/group > /dev/null",
                                    bundle=bundle), "refused\n")

    def test_proc_sys_is_read_only_by_the_usual_list(self):
        self.assertEqual(self.shell("echo x > /proc/sys/kernel/hostname || echo refused"),
                         "refused\n")

    def test_the_masks_of_the_usual_list_hold(self):
        script = ("for f in /proc/kcore /proc/keys /proc/timer_list; do [ ! -e $f ] || cat $f; done;"
                  "ls -A /sys/firmware")
        self.assertEqual(self.shell(script), "")
        self.assertTrue(os.listdir("/sys/firmware") and os.path.exists("/proc/keys"))
