# SPDX-License-Identifier: Apache-2.0
"""openvirt inside a container of openvirt."""

import os
import unittest

from harness import settings
from harness.people import PeopleTest

# The test image has no libraries, which the program needs.
LIBRARIES = [word for name in ("usr", "lib", "lib64") if os.path.isdir("/" + name)
             for word in ("-v", "/%s:/%s:ro" % (name, name))]
ALL_RIGHTS = ["--cap-add", "all", "--seccomp", "unconfined"]


@unittest.skipUnless(os.geteuid() == 0, "an ordinary user has no right to give inside")
class Nested(PeopleTest):
    def nested(self, *words, options=(), **keywords):
        """Run openvirt with `words` in a container; the image and an empty root are in there."""
        _ = self.image
        return self.run_image(
            *LIBRARIES, "-v", os.path.dirname(settings.RUNTIME) + ":/program:ro",
            "-v", self.rootfs + ":/inner", "-v", self.directory + "/layout:/layout:ro",
            "--tmpfs", "/run", "-e", "HOME=/root", *options,
            ["/program/" + os.path.basename(settings.RUNTIME), *words], **keywords)

    def test_a_container_in_a_container(self):
        result = self.nested("--cgroup-manager", "disabled", "run", "--rm", "-n", "inner", "/inner",
                             "--", "/bin/guest", "ids", ",", "names", options=ALL_RIGHTS)
        self.assertIncludes(result.values, {"pid": "1", "hostname": "inner"})

    def test_its_cgroups_cannot_be_made_and_the_way_out_is_named(self):
        result = self.nested("run", "--rm", "/inner", "--", "/bin/true", options=ALL_RIGHTS,
                             ok=False)
        self.assertIn("--cgroup-manager disabled", result.stderr)

    def test_an_image_needs_a_place_that_is_no_overlay(self):
        words = ("run", "--rm", "oci:/layout:latest", "--", "/bin/sh", "-c", "echo x >/new; cat /new")
        start = ("--cgroup-manager", "disabled", "--storage")
        result = self.nested(*start, "/var/storage", *words, options=ALL_RIGHTS, ok=False)
        self.assertIn("--storage", result.stderr)
        self.assertEqual(self.nested(*start, "/run/storage", *words, options=ALL_RIGHTS).stdout,
                         "x\n")

    def test_the_default_filter_is_named_as_what_forbids_it(self):
        result = self.nested("--cgroup-manager", "disabled", "run", "--rm", "/inner", "--",
                             "/bin/true", ok=False)
        self.assertIn("seccomp", result.stderr)
