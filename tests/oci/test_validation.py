# SPDX-License-Identifier: Apache-2.0
"""config.json is validated as a whole before anything is made: every error at once, with its path.

Which values are errors is for tests/unit; here it counts that nothing has happened then.
"""

import json
import os

from harness import settings
from harness.case import RuntimeTest, only_openvirt


class Validation(RuntimeTest):
    def refused(self, change, *texts):
        bundle = self.bundle().guest("exit", 0)
        change(bundle)
        container = self.container(bundle)
        result = container.create(ok=False)
        for text in texts:
            self.assertIn(text, result.stderr)
        self.assertNothingMade(container)
        return result.stderr

    def refused_text(self, text, *expected):
        container = self.container(self.bundle().guest("exit", 0))
        container.bundle.save()
        with open(os.path.join(container.bundle.path, "config.json"), "w", encoding="utf-8") as file:
            file.write(text)
        result = container.call("create", "--bundle", container.bundle.path, ok=False)
        for word in expected:
            self.assertIn(word, result.stderr)
        self.assertNothingMade(container)

    @only_openvirt
    def test_all_errors_come_at_once_each_with_its_path(self):
        def change(bundle):
            bundle.process["cwd"] = "relative"
            bundle.process["user"]["uid"] = -1
            bundle.process["rlimits"] = [{"type": "RLIMIT_MAGIC", "soft": 1, "hard": 1}]
            bundle.linux["namespaces"].append({"type": "dream"})
            bundle.config["mounts"].append({"destination": 7})
            bundle.linux["devices"] = [{"type": "x", "path": "/dev/a"}]
            bundle.linux["resources"] = {"memory": {"limit": "much"}}
            bundle.config["hooks"] = {"poststop": [{"path": "relative"}]}
        self.refused(change, "process.cwd", "process.user.uid", "process.rlimits[0].type",
                     "linux.namespaces[5].type", "mounts[6].destination", "linux.devices[0].type",
                     "linux.resources.memory.limit", "hooks.poststop[0].path")

    def test_a_wrong_version_is_refused(self):
        for version in ("2.0.0", "0.9", "one", ""):
            with self.subTest(version):
                if settings.OURS:
                    self.refused(lambda bundle: bundle.config.update(ociVersion=version),
                                 "ociVersion")

    def test_versions_of_the_first_major_are_accepted(self):
        for version in ("1.0.0", "1.0.2-dev", "1.1.0", "1.2.1", "1.3.0")[:None if settings.OURS else 2]:
            bundle = self.bundle().guest("exit", 0)
            bundle.config["ociVersion"] = version
            self.container(bundle).run()

    @only_openvirt
    def test_what_must_be_there_is_missed_by_name(self):
        for key in ("ociVersion", "root"):
            with self.subTest(key):
                self.refused(lambda bundle: bundle.config.pop(key), key)

    def test_unknown_properties_are_ignored(self):
        bundle = self.bundle().guest("say", "hello")
        bundle.config["x-unknown"] = {"a": [1, 2]}
        bundle.process["unknown"] = 1
        bundle.linux["unknown"] = {"deep": True}
        self.assertEqual(self.container(bundle).run().values["say"], "hello")

    def test_sections_of_other_systems_are_ignored(self):
        bundle = self.bundle().guest("say", "hello")
        bundle.config["windows"] = {"layerFolders": ["C:\\x"]}
        bundle.config["solaris"] = {"milestone": "x"}
        self.assertEqual(self.container(bundle).run().values["say"], "hello")

    def test_text_that_is_no_json_is_refused(self):
        for text in ("", "{", "[]", "null", "{\"ociVersion\": \"1.0.0\"} trailing", "\x00"):
            with self.subTest(text=text):
                if settings.OURS or text in ("", "{"):
                    self.refused_text(text, "config.json")

    @only_openvirt
    def test_a_key_given_twice_is_refused(self):
        self.refused_text('{"ociVersion": "1.0.0", "ociVersion": "1.0.0", "root": {"path": "r"}}',
                          "ociVersion")

    @only_openvirt
    def test_numbers_that_do_not_fit_are_refused_not_cut(self):
        def change(bundle):
            bundle.process["user"]["uid"] = 2**32
            bundle.process["oomScoreAdj"] = 100000
            bundle.linux["resources"] = {"pids": {"limit": 2**63}}
        self.refused(change, "process.user.uid", "process.oomScoreAdj",
                     "linux.resources.pids.limit")
        self.refused(lambda bundle: bundle.resources(cpu={"shares": 2**64}), "64 bits")

    @only_openvirt
    def test_strings_with_nul_are_refused(self):
        self.refused(lambda bundle: bundle.process.update(args=["/bin/guest", "a\0b"]),
                     "NUL")

    @only_openvirt
    def test_a_missing_feature_of_the_kernel_is_named_with_its_field(self):
        """No SELinux here."""
        if os.path.exists("/sys/fs/selinux/enforce"):
            self.skipTest("this machine has SELinux")
        self.refused(lambda bundle: bundle.process.update(selinuxLabel="system_u:a:b:s0"),
                     "process.selinuxLabel")

    @only_openvirt
    def test_a_document_of_great_depth_is_refused(self):
        self.refused_text("[" * 100000 + "]" * 100000, "config.json")


class Errors(RuntimeTest):
    """What callers read of a failure."""

    def json_log(self, *words, options=()):
        path = os.path.join(self.directory, "log.json")
        self.runtime.options = ["--log", path, "--log-format", "json", *options]
        result = self.runtime.call(*words, ok=False)
        with open(path, encoding="utf-8") as file:
            return result, [json.loads(line) for line in file]

    def test_the_json_log_has_level_msg_and_time(self):
        _, entries = self.json_log("start", self.new_id())
        self.assertTrue(entries)
        self.assertIn("msg", entries[-1])
        self.assertEqual(entries[-1]["level"], "error")
        self.assertRegex(entries[-1]["time"],
                         r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")

    def test_the_error_is_on_standard_error_too(self):
        result, entries = self.json_log("start", self.new_id())
        if settings.OURS:
            self.assertIn(entries[-1]["msg"], result.stderr.replace("\\\"", "\""))

    def test_strange_characters_in_names_keep_the_log_readable(self):
        bundle = self.bundle()
        bundle.process["args"] = ["/no/\"quoted\"\nline\tä\x01"]
        bundle.save()
        container = self.container(bundle)
        _, entries = self.json_log("run", "--bundle", bundle.path, container.id)
        self.assertTrue(all("msg" in entry for entry in entries))

    def test_the_log_grows_and_is_never_cut(self):
        self.json_log("start", self.new_id())
        _, entries = self.json_log("start", self.new_id())
        self.assertGreaterEqual(len([entry for entry in entries if entry["level"] == "error"]), 2)

    def test_a_program_that_is_not_there_is_in_the_log_as_podman_expects(self):
        bundle = self.bundle()
        bundle.process["args"] = ["/no/such"]
        bundle.save()
        container = self.container(bundle)
        _, entries = self.json_log("create", "--bundle", bundle.path, container.id)
        self.assertRegex(entries[-1]["msg"],
                         "(?i)executable file not found in|no such file or directory")

    @only_openvirt
    def test_a_log_that_cannot_be_written_is_an_error(self):
        self.runtime.options = ["--log", "/no/such/directory/log"]
        self.runtime.call("list", ok=False)
