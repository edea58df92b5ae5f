# SPDX-License-Identifier: Apache-2.0
"""The master end of a terminal, as a test reads it."""

import os
import select
import time

from harness import settings
from harness.runtime import Failure


def read_terminal(fd, until, timeout=settings.TIMEOUT_S):
    text, end = "", time.monotonic() + timeout
    while until not in text:
        if not select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
            raise Failure("no %r on the terminal, only %r" % (until, text))
        try:
            data = os.read(fd, 4096)
        except OSError:
            data = b""
        if not data:
            raise Failure("the terminal ended without %r: %r" % (until, text))
        text += data.decode(errors="replace")
    return text
