# SPDX-License-Identifier: Apache-2.0
"""Where things are. tests/run sets the environment; each has a default for running one file."""

import atexit
import os
import shutil
import tempfile

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("OPENVIRT_TEST_BUILD", os.path.join(SOURCE, "build")))
# Another runtime in its place tells whether a test is right (OPENVIRT_TEST_RUNTIME=/usr/bin/crun).
RUNTIME = os.environ.get("OPENVIRT_TEST_RUNTIME", os.path.join(BUILD, "openvirt"))
OURS = os.path.basename(RUNTIME).startswith("openvirt")
GUEST = os.path.join(BUILD, "tests", "guest")
BUSYBOX = shutil.which("busybox")
SOAK = os.environ.get("OPENVIRT_TEST_SOAK") == "1"
# Part of every name that a test makes outside its own directory: the leak check looks for it.
TAG = os.environ.get("OPENVIRT_TEST_TAG", "ovt-%d" % os.getpid())
WORK = os.environ.get("OPENVIRT_TEST_WORK")
if not WORK:
    WORK = tempfile.mkdtemp(prefix=TAG + ".")
    atexit.register(shutil.rmtree, WORK, ignore_errors=True)
TIMEOUT_S = 30
