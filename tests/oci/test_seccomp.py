# SPDX-License-Identifier: Apache-2.0
"""linux.seccomp: actions, arguments, and the listener that supervises system calls."""

import array
import errno
import fcntl
import json
import os
import shutil
import socket
import struct
import threading
import time

from harness import settings
from harness.case import RuntimeTest, only_openvirt
from harness.runtime import Runtime

MKDIR, GETPID, PERSONALITY, UMASK, SYNC = 83, 39, 135, 95, 162
IOCTL_NOTIFY_RECEIVE = 0xC0502100
IOCTL_NOTIFY_SEND = 0xC0182101


class SeccompTest(RuntimeTest):
    def with_rules(self, *rules, **seccomp):
        bundle = self.bundle()
        bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW",
                                   "architectures": ["SCMP_ARCH_X86_64"],
                                   "syscalls": list(rules), **seccomp}
        return bundle

    def call(self, bundle, *words):
        return self.guest("syscall", *words, bundle=bundle)["syscall"]


class Actions(SeccompTest):
    def test_without_the_section_there_is_no_filter(self):
        self.assertEqual(self.guest("confinement")["seccomp"], "0")

    def test_with_it_there_is_one(self):
        bundle = self.with_rules({"names": ["sync"], "action": "SCMP_ACT_ERRNO"})
        self.assertEqual(self.guest("confinement", bundle=bundle)["seccomp"], "2")

    def test_errno_is_eperm_by_default(self):
        bundle = self.with_rules({"names": ["sync"], "action": "SCMP_ACT_ERRNO"})
        self.assertEqual(self.call(bundle, SYNC), "EPERM")

    def test_errno_of_the_rule(self):
        bundle = self.with_rules({"names": ["sync"], "action": "SCMP_ACT_ERRNO",
                                  "errnoRet": errno.EBUSY})
        self.assertEqual(self.call(bundle, SYNC), "EBUSY")

    def test_default_errno(self):
        allowed = ["execve", "exit_group", "write", "brk", "mmap", "munmap", "fstat", "newfstatat",
                   "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "prlimit64",
                   "readlink", "getrandom", "mprotect", "prctl", "close", "capset", "futex",
                   "rt_sigaction", "rt_sigprocmask", "capget", "setgroups", "setgid", "setuid",
                   "setresuid", "setresgid", "fcntl", "close_range", "read", "openat", "chdir",
                   "fchdir", "umask", "seccomp", "ioctl", "access", "faccessat2", "getcwd", "stat",
                   "lstat", "getuid", "geteuid", "getgid", "getegid", "execveat", "sendmsg",
                   "recvmsg", "sendto", "recvfrom", "exit", "poll", "getdents64", "statx", "uname",
                   "readlinkat", "pread64", "lseek", "getppid", "gettid", "tgkill", "rt_sigreturn"]
        bundle = self.with_rules({"names": allowed, "action": "SCMP_ACT_ALLOW"},
                                 defaultAction="SCMP_ACT_ERRNO", defaultErrnoRet=errno.ENOSYS)
        self.assertEqual(self.call(bundle, SYNC), "ENOSYS")

    def test_the_filter_need_permit_nothing_but_what_the_program_does(self):
        # Whatever openvirt itself does after loading the filter would be its death.
        program = ["execve", "brk", "arch_prctl", "set_tid_address", "set_robust_list", "rseq",
                   "prlimit64", "readlink", "getrandom", "mprotect", "write", "exit_group",
                   "newfstatat", "fstat", "ioctl", "mmap", "munmap", "sync"]
        for no_new_privileges in (True, False):
            bundle = self.with_rules({"names": program, "action": "SCMP_ACT_ALLOW"},
                                     defaultAction="SCMP_ACT_KILL_PROCESS")
            bundle.process["noNewPrivileges"] = no_new_privileges
            if not no_new_privileges:  # the capability that loading takes is given up afterwards
                bundle.linux["seccomp"]["syscalls"][0]["names"] += ["capget", "capset"]
            self.assertEqual(self.call(bundle, SYNC), "ok")

    def test_kill_process(self):
        bundle = self.with_rules({"names": ["sync"], "action": "SCMP_ACT_KILL_PROCESS"})
        container = self.container(bundle.guest("syscall", SYNC))
        self.assertEqual(container.run(ok=None).status, 128 + 31)

    def test_log_allows(self):
        bundle = self.with_rules({"names": ["sync"], "action": "SCMP_ACT_LOG"})
        self.assertEqual(self.call(bundle, SYNC), "ok")

    def test_other_calls_are_not_touched(self):
        bundle = self.with_rules({"names": ["sync"], "action": "SCMP_ACT_ERRNO"})
        self.assertEqual(self.call(bundle, GETPID), "ok")

    def test_names_that_this_machine_does_not_know_are_passed_over(self):
        bundle = self.with_rules({"names": ["no_such_call", "sync"], "action": "SCMP_ACT_ERRNO"})
        self.assertEqual(self.call(bundle, SYNC), "EPERM")

    def test_an_unknown_action_is_refused(self):
        container = self.container(self.with_rules({"names": ["sync"], "action": "SCMP_ACT_MAGIC"})
                                   .guest("exit", 0))
        container.run(ok=False)
        self.assertNothingMade(container)

    def test_arguments_are_compared(self):
        def rule(op, value, two=0):
            return {"names": ["umask"], "action": "SCMP_ACT_ERRNO",
                    "args": [{"index": 0, "value": value, "valueTwo": two, "op": op}]}
        for op, value, two, refused, allowed in (
                ("SCMP_CMP_EQ", 5, 0, 5, 6), ("SCMP_CMP_NE", 5, 0, 6, 5),
                ("SCMP_CMP_LT", 5, 0, 4, 5), ("SCMP_CMP_LE", 5, 0, 5, 6),
                ("SCMP_CMP_GT", 5, 0, 6, 5), ("SCMP_CMP_GE", 5, 0, 5, 4),
                ("SCMP_CMP_MASKED_EQ", 0o70, 0o20, 0o127, 0o137)):
            with self.subTest(op):
                bundle = self.with_rules(rule(op, value, two))
                self.assertEqual(self.call(bundle, UMASK, refused), "EPERM")
                bundle = self.with_rules(rule(op, value, two))
                self.assertEqual(self.call(bundle, UMASK, allowed), "ok")

    def test_large_values_of_arguments_survive(self):
        """64 bits; a JSON reader by way of double loses the lowest."""
        value = 0xFFFFFFFFFFFFFFF1
        bundle = self.with_rules({"names": ["umask"], "action": "SCMP_ACT_ERRNO",
                                  "args": [{"index": 0, "value": value, "op": "SCMP_CMP_EQ"}]})
        self.assertEqual(self.call(bundle, UMASK, hex(value)), "EPERM")
        self.assertEqual(self.guest("syscall", UMASK, hex(value - 1), bundle=self.with_rules(
            {"names": ["umask"], "action": "SCMP_ACT_ERRNO",
             "args": [{"index": 0, "value": value, "op": "SCMP_CMP_EQ"}]}))["syscall"], "ok")

    def test_it_works_with_and_without_no_new_privileges(self):
        for value in (True, False):
            bundle = self.with_rules({"names": ["sync"], "action": "SCMP_ACT_ERRNO"})
            bundle.process["noNewPrivileges"] = value
            bundle.process["user"] = {"uid": 1000, "gid": 1000}
            self.assertEqual(self.call(bundle, SYNC), "EPERM")

    def test_a_filter_without_prctl_keeps_nobody_from_outliving_the_runtime(self):
        """A process that is to die with its creator says by prctl that it no longer is."""
        container = self.sleeper(self.with_rules({"names": ["prctl"],
                                                  "action": "SCMP_ACT_ERRNO"}))
        path = os.path.join(self.directory, "exec.pid")
        container.exec("/bin/guest", "sleep", "1000", options=("--detach", "--pid-file", path))
        time.sleep(0.2)
        self.assertEqual(container.status, "running")
        pids = self.runtime.call("ps", "--format", "json", container.id).json
        with open(path, encoding="ascii") as file:
            self.assertIn(int(file.read()), pids)

    def test_exec_is_filtered_too(self):
        bundle = self.with_rules({"names": ["sync"], "action": "SCMP_ACT_ERRNO"})
        container = self.sleeper(bundle)
        values = container.exec("/bin/guest", "syscall", str(SYNC), ",", "confinement").values
        self.assertEqual((values["syscall"], values["seccomp"]), ("EPERM", "2"))

    def test_flags(self):
        for flag in ("SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC",
                     "SECCOMP_FILTER_FLAG_SPEC_ALLOW"):
            bundle = self.with_rules({"names": ["sync"], "action": "SCMP_ACT_ERRNO"}, flags=[flag])
            self.assertEqual(self.call(bundle, SYNC), "EPERM", flag)


def is_json(data):
    try:
        json.loads(data)
        return True
    except ValueError:
        return False


class Cache(SeccompTest):
    """Compiled filters are kept below the state root."""

    def setUp(self):
        super().setUp()
        self.cache = os.path.join(self.runtime.root, "@seccomp")
        self.refusing = {"names": ["sync"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EBUSY}

    def refused(self, **keywords):
        """Run one container in which the filter must be at work."""
        container = self.container(self.with_rules(self.refusing).guest("syscall", SYNC),
                                   **keywords)
        self.assertEqual(container.run().values["syscall"], "EBUSY")

    def entries(self):
        """Which files are there: a new one has a number of its own."""
        return {name: os.stat(os.path.join(self.cache, name)).st_ino
                for name in os.listdir(self.cache)}

    @only_openvirt
    def test_a_filter_is_compiled_once_for_all_who_have_it(self):
        self.refused()
        entries = self.entries()
        self.assertEqual(len(entries), 1)
        self.refused()
        container = self.sleeper(self.with_rules(self.refusing))
        result = container.exec("/bin/guest", "syscall", SYNC)
        self.assertEqual(result.values["syscall"], "EBUSY")
        self.assertEqual(self.entries(), entries)

    @only_openvirt
    def test_exec_compiles_what_is_not_there(self):
        container = self.sleeper(self.with_rules(self.refusing))
        entries = self.entries()
        shutil.rmtree(self.cache)
        result = container.exec("/bin/guest", "syscall", SYNC)
        self.assertEqual(result.values["syscall"], "EBUSY")
        self.assertEqual(set(self.entries()), set(entries))

    @only_openvirt
    def test_a_damaged_one_is_made_again(self):
        self.refused()
        (name, number), = self.entries().items()
        path = os.path.join(self.cache, name)
        with open(path, "r+b") as file:
            file.seek(-64, os.SEEK_END)
            file.write(b"\xff" * 64)
        self.refused()
        self.assertEqual(set(self.entries()), {name})
        self.assertNotEqual(self.entries()[name], number)

    @only_openvirt
    def test_what_another_build_compiled_is_not_taken(self):
        self.refused()
        other = os.path.join(self.directory, "openvirt-other")
        with open(self.runtime.path, "rb") as file:
            program = bytearray(file.read())
        identity = program.index(struct.pack("<III", 4, 20, 3) + b"GNU\0") + 16
        program[identity] ^= 1
        with open(other, "wb") as file:
            file.write(program)
        os.chmod(other, 0o755)
        self.refused(runtime=Runtime(self.directory, path=other))
        self.assertEqual(len(self.entries()), 2)

    @only_openvirt
    def test_it_is_no_instance(self):
        container = self.sleeper(self.with_rules(self.refusing))
        self.assertEqual(self.runtime.call("list", "--quiet").stdout, container.id + "\n")
        self.runtime.call("delete", "--force", "@seccomp", ok=False)
        self.runtime.call("state", "@seccomp", ok=False)
        self.assertEqual(len(self.entries()), 1)

    @only_openvirt
    def test_where_it_cannot_be_kept_there_is_a_filter_all_the_same(self):
        os.makedirs(self.runtime.root, 0o700)
        elsewhere = os.path.join(self.directory, "elsewhere")
        os.mkdir(elsewhere, 0o700)
        os.symlink(elsewhere, self.cache)
        self.refused()
        self.assertEqual(os.listdir(elsewhere), [])


class Listener:
    """A supervisor: takes the descriptor and the state, answers each call with EUCLEAN."""

    def __init__(self, path):
        self.path, self.states, self.threads = path, [], []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(path)
        self.socket.listen()
        self.socket.settimeout(settings.TIMEOUT_S)
        self.accepting = threading.Thread(target=self._accept)
        self.accepting.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self._take(connection)

    def _take(self, connection):
        connection.settimeout(settings.TIMEOUT_S)
        fds, data = array.array("i"), b""
        with connection:
            while not is_json(data):
                part, control, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(64))
                for level, kind, payload in control:
                    if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                        fds.frombytes(payload[:len(payload) - len(payload) % fds.itemsize])
                data += part
                if not part:
                    break
        self.states.append(json.loads(data))
        thread = threading.Thread(target=self._serve, args=(fds[0],), daemon=True)
        thread.start()
        self.threads.append(thread)

    def _serve(self, fd):
        try:
            while True:
                request = bytearray(80)
                fcntl.ioctl(fd, IOCTL_NOTIFY_RECEIVE, request)
                id, = struct.unpack_from("Q", request)
                fcntl.ioctl(fd, IOCTL_NOTIFY_SEND, struct.pack("QqiI", id, 0, -errno.EUCLEAN, 0))
        except OSError:
            os.close(fd)

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        self.accepting.join()


class Notify(SeccompTest):
    def listener(self):
        listener = Listener(os.path.join(self.directory, "seccomp.sock"))
        self.addCleanup(listener.close)
        return listener

    def supervised(self, listener, **seccomp):
        bundle = self.with_rules({"names": ["sync"], "action": "SCMP_ACT_NOTIFY"},
                                 listenerPath=listener.path, listenerMetadata="some words", **seccomp)
        bundle.config["annotations"] = {"org.example": "yes"}
        return bundle

    def test_the_listener_decides(self):
        listener = self.listener()
        self.assertEqual(self.call(self.supervised(listener), SYNC), "EUCLEAN")

    def test_the_listener_gets_the_process_state(self):
        listener = self.listener()
        container = self.container(self.supervised(listener).guest("syscall", SYNC))
        container.run()
        state = listener.states[0]
        self.assertEqual(state["fds"], ["seccompFd"])
        self.assertEqual(state["metadata"], "some words")
        self.assertGreater(state["pid"], 0)
        self.assertIncludes(state["state"], {"id": container.id,
                                             "bundle": container.bundle.path,
                                             "annotations": {"org.example": "yes"}})

    @only_openvirt
    def test_exec_brings_its_own(self):
        listener = self.listener()
        container = self.sleeper(self.supervised(listener))
        values = container.exec("/bin/guest", "syscall", str(SYNC)).values
        self.assertEqual(values["syscall"], "EUCLEAN")
        self.assertEqual(len(listener.states), 2)
        self.assertNotEqual(listener.states[1]["pid"], listener.states[1]["state"]["pid"])

    @only_openvirt
    def test_a_call_that_the_set_up_itself_needs_does_not_lock_it_up(self):
        """sendmsg under notify: the runtime must hand the descriptor over all the same."""
        listener = self.listener()
        bundle = self.with_rules({"names": ["sendmsg", "sync"], "action": "SCMP_ACT_NOTIFY"},
                                 listenerPath=listener.path)
        container = self.container(bundle.guest("syscall", SYNC))
        result = container.run(ok=None, timeout=10)
        if result.status == 0:
            self.assertEqual(result.values["syscall"], "EUCLEAN")
        else:
            self.assertIn("sendmsg", result.stderr)

    @only_openvirt
    def test_notify_without_a_listener_is_refused(self):
        container = self.container(self.with_rules(
            {"names": ["sync"], "action": "SCMP_ACT_NOTIFY"}).guest("exit", 0))
        container.run(ok=False)
        self.assertNothingMade(container)

    def test_a_listener_that_is_not_there_is_refused(self):
        bundle = self.with_rules({"names": ["sync"], "action": "SCMP_ACT_NOTIFY"},
                                 listenerPath=os.path.join(self.directory, "none")).guest("exit", 0)
        container = self.container(bundle)
        container.run(ok=False)
        self.assertNothingMade(container)
