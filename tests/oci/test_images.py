# SPDX-License-Identifier: Apache-2.0
"""`openvirt run` from image layouts as other tools write them, and from a directory."""

import json
import os
import shutil
import subprocess

from harness import settings
from harness.bundle import make_root
from harness.case import RuntimeTest, only_openvirt
from harness.runtime import Failure

# The tools' own record of who may be trusted is the host's; these tests bring theirs.
POLICY = {"default": [{"type": "insecureAcceptAnything"}]}


def tool(*words):
    run = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         stdin=subprocess.DEVNULL, check=False)
    if run.returncode:
        raise Failure("%s: status %d\n%s" % (" ".join(words), run.returncode, run.stdout))


class ImagesTest(RuntimeTest):
    def setUp(self):
        super().setUp()
        self.cache = os.path.join(self.directory, "cache")
        self.environment = {**os.environ, "XDG_CACHE_HOME": self.cache}
        self.policy = os.path.join(self.directory, "policy.json")
        with open(self.policy, "w", encoding="ascii") as file:
            json.dump(POLICY, file)

    def run_image(self, image, *words, options=(), **keywords):
        return self.runtime.call("run", "--rm", "-n", self.new_id(), *options, image, "--", *words,
                                 env=self.environment, **keywords)

    def skip_without(self, program):
        if not shutil.which(program):
            self.skipTest("%s is not installed" % program)

    def umoci_image(self):
        """Two layers: the second removes a file and a directory, and makes one anew."""
        self.skip_without("umoci")
        layout, one, two = (os.path.join(self.directory, name) for name in ("layout", "one", "two"))
        tool("umoci", "init", "--layout", layout)
        tool("umoci", "new", "--image", layout + ":empty")
        tool("umoci", "unpack", "--image", layout + ":empty", one)
        root = os.path.join(one, "rootfs")
        make_root(root, private=True)
        for name in ("gone", "tree/a", "anew/old"):
            os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
            with open(os.path.join(root, name), "w", encoding="ascii") as file:
                file.write("first\n")
        os.link(os.path.join(root, "gone"), os.path.join(root, "linked"))
        tool("umoci", "repack", "--image", layout + ":first", one)
        tool("umoci", "unpack", "--image", layout + ":first", two)
        root = os.path.join(two, "rootfs")
        os.unlink(os.path.join(root, "gone"))
        shutil.rmtree(os.path.join(root, "tree"))
        shutil.rmtree(os.path.join(root, "anew"))
        os.mkdir(os.path.join(root, "anew"))
        with open(os.path.join(root, "anew", "new"), "w", encoding="ascii") as file:
            file.write("second\n")
        os.chown(os.path.join(root, "anew", "new"), 1000, 1000)
        tool("umoci", "repack", "--image", layout + ":second", two)
        tool("umoci", "config", "--image", layout + ":second", "--config.env", "COLOUR=green",
             "--config.workingdir", "/anew", "--config.cmd", "/bin/cat", "--config.cmd", "new")
        return layout

    def check_second(self, image):
        listing = self.run_image(image, "/bin/sh", "-c",
                                 "echo $COLOUR; pwd; cat /linked; ls / /anew; stat -c %u:%g new")
        lines = listing.stdout.split()
        self.assertEqual(lines[:3], ["green", "/anew", "first"])
        for gone in ("gone", "tree", "old"):
            self.assertNotIn(gone, lines)
        for there in ("linked", "new", "1000:1000"):
            self.assertIn(there, lines)

    @only_openvirt
    def test_a_layout_of_umoci_runs(self):
        layout = self.umoci_image()
        self.check_second("oci:%s:second" % layout)
        self.assertEqual(self.run_image("oci:%s:first" % layout, "/bin/cat", "/gone", "/tree/a",
                                        "/anew/old").stdout, "first\n" * 3)

    @only_openvirt
    def test_an_image_says_what_runs(self):
        layout = self.umoci_image()
        result = self.runtime.call("run", "--rm", "-n", self.new_id(), "oci:%s:second" % layout,
                                   env=self.environment)
        self.assertEqual(result.stdout, "second\n")

    @only_openvirt
    def test_layouts_that_skopeo_compressed_run(self):
        self.skip_without("skopeo")
        layout = self.umoci_image()
        for compression in ("gzip", "zstd"):
            copy = os.path.join(self.directory, compression)
            tool("skopeo", "--policy", self.policy, "copy", "--quiet", "--dest-compress-format",
                 compression, "--dest-compress", "oci:%s:second" % layout, "oci:%s:t" % copy)
            shutil.rmtree(self.cache, ignore_errors=True)
            with self.subTest(compression):
                self.check_second("oci:%s:t" % copy)

    @only_openvirt
    def test_a_layout_of_podman_runs(self):
        self.skip_without("podman")
        root, archive, layout = (os.path.join(self.directory, name)
                                 for name in ("root", "root.tar", "layout"))
        make_root(root, private=True)
        tool("tar", "-C", root, "-cf", archive, ".")
        place = os.path.join(settings.WORK, "i")  # podman takes 50 characters for --runroot
        store = ["podman", "--root", place + "/store", "--runroot", place + "/run",
                 "--tmpdir", place + "/tmp", "--storage-driver", "vfs"]
        tool(*store, "import", "--quiet", "--change", "ENV COLOUR=blue", "--change",
             "ENTRYPOINT [\"/bin/sh\", \"-c\"]", archive, "box")
        tool(*store, "push", "--quiet", "--signature-policy", self.policy, "box",
             "oci:%s:box" % layout)
        tool(*store, "rmi", "--all", "--force")
        self.assertEqual(self.run_image("oci:" + layout, "echo $COLOUR").stdout, "blue\n")

    @only_openvirt
    def test_what_an_instance_writes_stays_out_of_its_image(self):
        image = "oci:%s:first" % self.umoci_image()
        self.run_image(image, "/bin/sh", "-c", "echo x >/gone; echo x >/made")
        self.assertEqual(self.run_image(image, "/bin/cat", "/gone").stdout, "first\n")
        self.run_image(image, "/bin/cat", "/made", ok=False)

    @only_openvirt
    def test_a_damaged_layer_does_not_run(self):
        layout = self.umoci_image()
        blobs = os.path.join(layout, "blobs", "sha256")
        largest = max((os.path.join(blobs, name) for name in os.listdir(blobs)),
                      key=os.path.getsize)
        with open(largest, "r+b") as file:
            file.seek(os.path.getsize(largest) - 1)
            last = file.read(1)[0]
            file.seek(os.path.getsize(largest) - 1)
            file.write(bytes([last ^ 1]))
        result = self.run_image("oci:%s:first" % layout, "/bin/true", ok=False)
        self.assertEqual(result.status, 125)
        self.assertRegex(result.stderr, "unpack layer 1 of 1: ")
        self.assertEqual(os.listdir(os.path.join(self.cache, "openvirt", "layers")), [])

    @only_openvirt
    def test_many_starts_of_a_new_image_unpack_it_once(self):
        layout = self.umoci_image()
        children = [subprocess.Popen(self.runtime.words("run", "--rm", "-n", self.new_id(),
                                                        "oci:%s:second" % layout, "--", "/bin/true"),
                                     env=self.environment, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                    for _ in range(6)]
        self.assertEqual([child.wait(settings.TIMEOUT_S) for child in children], [0] * 6)
        self.assertEqual(len(os.listdir(os.path.join(self.cache, "openvirt", "layers"))), 2)

    @only_openvirt
    def test_a_directory_is_written_to(self):
        root = os.path.join(self.directory, "root")
        make_root(root)
        self.run_image(root, "/bin/sh", "-c", "echo here >/made")
        with open(os.path.join(root, "made"), encoding="ascii") as file:
            self.assertEqual(file.read(), "here\n")

    @only_openvirt
    def test_an_image_of_many_layers_runs(self):
        """More than fit into the options of one mount call, which takes a page."""
        self.skip_without("umoci")
        layout, bundle = os.path.join(self.directory, "layout"), os.path.join(self.directory, "one")
        tool("umoci", "init", "--layout", layout)
        tool("umoci", "new", "--image", layout + ":t")
        tool("umoci", "unpack", "--image", layout + ":t", bundle)
        make_root(os.path.join(bundle, "rootfs"), private=True)
        tool("umoci", "repack", "--image", layout + ":t", bundle)
        added = os.path.join(self.directory, "added")
        with open(added, "w", encoding="ascii") as file:
            file.write("x")
        for number in range(80):
            tool("umoci", "insert", "--image", layout + ":t", added, "/tmp/%d" % number)
        count = self.run_image("oci:%s:t" % layout, "/bin/sh", "-c", "ls /tmp | busybox wc -l")
        self.assertEqual(count.stdout.strip(), "80")
