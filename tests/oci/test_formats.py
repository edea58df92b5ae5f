# SPDX-License-Identifier: Apache-2.0
"""What the command prints: --version, --help, features, spec; and words that it does not know."""

import json
import os
import re
import subprocess

from harness import settings
from harness.case import RuntimeTest, only_openvirt

VERBS = ("checkpoint", "create", "delete", "events", "exec", "features", "kill", "list", "pause",
         "ps", "restore", "resume", "run", "spec", "start", "state", "update")


class Command(RuntimeTest):
    def plain(self, *words, ok=True, **keywords):
        done = subprocess.run([settings.RUNTIME, *words], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                              timeout=30, **keywords)
        if ok is not None:
            self.assertEqual(done.returncode == 0, ok, done.stdout + done.stderr)
        return done

    def test_version(self):
        for word in ("--version", "-v"):
            lines = self.plain(word, ok=None).stdout.splitlines()
            if lines or word == "--version":
                self.assertRegex(lines[0], r"^%s version \S+$" % os.path.basename(settings.RUNTIME))
                self.assertTrue(any(re.match(r"spec: 1\.\d+\.\d+$", line) for line in lines))

    def test_each_verb_explains_itself(self):
        for verb in VERBS:
            if not settings.OURS and verb in ("events", "features", "checkpoint", "restore"):
                continue
            for word in ("--help", "-h"):
                with self.subTest("%s %s" % (verb, word)):
                    if settings.OURS or word == "--help":
                        self.assertTrue(self.plain(verb, word).stdout)

    @only_openvirt
    def test_the_command_explains_itself_and_names_each_verb(self):
        text = self.plain("--help").stdout
        for verb in VERBS:
            self.assertIn(verb, text)

    def test_an_unknown_verb_is_refused(self):
        self.assertIn("fly", self.plain("fly", ok=False).stderr)

    def test_unknown_options_are_refused(self):
        for words in (("--no-such", "list"), ("list", "--no-such"), ("create", "--no-such", "x")):
            self.plain(*words, ok=False)

    @only_openvirt
    def test_a_missing_id_is_refused(self):
        for verb in ("start", "state", "delete", "pause", "resume", "kill", "events"):
            with self.subTest(verb):
                self.plain("--root", self.runtime.root, verb, ok=False)

    @only_openvirt
    def test_podmans_probe_for_restore(self):
        """podman: "flag needs an argument" or "requires an argument" means pod restore works."""
        done = self.plain("restore", "--lsm-mount-context", ok=False)
        self.assertRegex(done.stderr + done.stdout, "flag needs an argument|requires an argument")

    @only_openvirt
    def test_checkpoint_is_refused_in_one_clear_line(self):
        container = self.sleeper()
        for words in (("checkpoint", "--image-path", self.directory, container.id),
                      ("restore", "--image-path", self.directory, "--bundle",
                       container.bundle.path, self.new_id())):
            result = self.runtime.call(*words, ok=False)
            self.assertEqual(len(result.stderr.strip().splitlines()), 1, result)
        self.assertEqual(container.status, "running")

    def test_global_options_of_the_callers_are_known(self):
        for words in (("--debug",), ("--log-level", "debug"), ("--log", "/dev/null"),
                      ("--log-format", "json"), ("--rootless", "false"), ("--systemd-cgroup",)):
            if words[0] in ("--log-level", "--rootless") and not settings.OURS:
                continue
            with self.subTest(words[0]):
                self.plain("--root", self.runtime.root, *words, "list")


class Features(RuntimeTest):
    def features(self):
        return self.runtime.call("features").json

    @only_openvirt
    def test_the_document_has_the_form_of_the_specification(self):
        document = self.features()
        self.assertRegex(document["ociVersionMin"], r"^1\.0\.")
        self.assertEqual(document["ociVersionMax"], "1.3.0")
        self.assertEqual(set(document["hooks"]), {
            "prestart", "createRuntime", "createContainer", "startContainer", "poststart",
            "poststop"})
        self.assertLessEqual({"ro", "rro", "rbind", "idmap", "ridmap", "tmpcopyup", "nosymfollow"},
                             set(document["mountOptions"]))
        linux = document["linux"]
        self.assertEqual(set(linux["namespaces"]), {"cgroup", "ipc", "mount", "network", "pid",
                                                    "time", "user", "uts"})
        self.assertIn("CAP_SYS_ADMIN", linux["capabilities"])
        self.assertTrue(linux["cgroup"]["v1"] and linux["cgroup"]["v2"])
        self.assertTrue(linux["seccomp"]["enabled"])
        self.assertIn("SCMP_ACT_NOTIFY", linux["seccomp"]["actions"])
        self.assertIn("SCMP_ARCH_X86_64", linux["seccomp"]["archs"])

    @only_openvirt
    def test_what_kubernetes_asks_for_user_namespaces_is_there(self):
        self.assertIs(self.features()["linux"]["mountExtensions"]["idmap"]["enabled"], True)

    @only_openvirt
    def test_each_mount_option_that_is_listed_works_or_fails_for_its_own_reason(self):
        """Against lists that drift from the code: none may be handed to the file system as data."""
        for option in self.features()["mountOptions"]:
            if option in ("remount", "idmap", "ridmap", "copy-symlink", "mand", "iversion"):
                continue  # need more than a plain tmpfs
            with self.subTest(option):
                bundle = self.bundle().guest("exit", 0)
                if option in ("bind", "rbind"):
                    bundle.mount("/mnt", "bind", self.directory, [option])
                else:
                    bundle.mount("/mnt", "tmpfs", "tmpfs", [option])
                self.container(bundle).run()


class Spec(RuntimeTest):
    def test_a_bundle_with_the_default_configuration_runs(self):
        bundle = self.bundle()
        self.plain_spec(bundle.path)
        with open(os.path.join(bundle.path, "config.json"), encoding="utf-8") as file:
            bundle.config = json.load(file)
        self.assertEqual(bundle.config["process"]["args"], ["sh"])
        bundle.config["process"]["terminal"] = False
        bundle.config["process"].pop("rlimits", None)
        bundle.process["args"] = ["sh", "-c", "echo hello"]
        self.assertEqual(self.container(bundle).run().stdout, "hello\n")

    def plain_spec(self, path, *options, ok=True):
        done = subprocess.run([settings.RUNTIME, "spec", *options], cwd=path,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode == 0, ok, done.stderr)

    def test_it_does_not_overwrite_one_that_is_there(self):
        bundle = self.bundle().save()
        with open(os.path.join(bundle.path, "config.json"), encoding="utf-8") as file:
            before = file.read()
        self.plain_spec(bundle.path, ok=False)
        with open(os.path.join(bundle.path, "config.json"), encoding="utf-8") as file:
            self.assertEqual(file.read(), before)

    def test_the_bundle_option(self):
        if not settings.OURS:
            self.skipTest("crun 1.8.1 has no `spec --bundle`")
        bundle = self.bundle()
        self.plain_spec("/", "--bundle", bundle.path)
        self.assertTrue(os.path.exists(os.path.join(bundle.path, "config.json")))

    def test_the_rootless_one_has_a_user_namespace_and_mappings(self):
        bundle = self.bundle()
        self.plain_spec(bundle.path, "--rootless")
        with open(os.path.join(bundle.path, "config.json"), encoding="utf-8") as file:
            config = json.load(file)
        self.assertIn("user", [entry["type"] for entry in config["linux"]["namespaces"]])
        if settings.OURS:
            self.assertEqual(config["linux"]["uidMappings"][0]["containerID"], 0)
