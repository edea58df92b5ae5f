# SPDX-License-Identifier: Apache-2.0
"""Run one test file and tell the outcome of each test as a JSON line on the given descriptor."""

import faulthandler
import importlib
import json
import os
import sys
import time
import traceback
import unittest


def brief(error):
    """Where in the test file, and what; the frames of the harness say nothing new."""
    kind, value, trace = error
    lines = ["%s:%d: %s" % (os.path.basename(frame.filename), frame.lineno, frame.line)
             for frame in traceback.extract_tb(trace)
             if os.path.basename(frame.filename).startswith("test_")]
    return "\n".join([*lines, "%s: %s" % (kind.__name__, value)])


class Reporter(unittest.TestResult):
    def __init__(self, stream, module):
        super().__init__()
        self.stream, self.module, self.began = stream, module, 0.0

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        self.outcome, self.detail = "passed", ""

    def stopTest(self, test):
        super().stopTest(test)
        self._say(test, self.outcome, self.detail, time.monotonic() - self.began)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.outcome, self.detail = "failed", brief(err)
        if not isinstance(test, unittest.TestCase):  # setUpClass and the like have no stopTest
            self._say(test, "failed", self.detail, 0)

    addError = addFailure

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.outcome, self.detail = "skipped", reason

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.outcome = "failed"
            self.detail += "%s %s\n" % (subtest._subDescription(), brief(err))

    def _say(self, test, outcome, detail, seconds):
        name = getattr(test, "_testMethodName", str(test))
        name = name[5:] if name.startswith("test_") else name
        print(json.dumps({"name": "%s.%s" % (self.module, name), "outcome": outcome,
                          "detail": detail.rstrip(), "seconds": seconds}),
              file=self.stream, flush=True)


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def main():
    directory, module_name, pattern, descriptor = sys.argv[1:5]
    os.set_inheritable(int(descriptor), False)  # containers must not keep it open
    faulthandler.dump_traceback_later(540, exit=True)
    sys.path.insert(0, directory)
    stream = os.fdopen(int(descriptor), "w")
    module = importlib.import_module(module_name)
    suite = unittest.TestSuite()
    label = "%s/%s" % (os.path.basename(directory), module_name.removeprefix("test_"))
    for test in flatten(unittest.defaultTestLoader.loadTestsFromModule(module)):
        method = getattr(test, "_testMethodName", "")
        if pattern in "%s.%s" % (label, method.removeprefix("test_")):
            suite.addTest(test)
    suite.run(Reporter(stream, label))


if __name__ == "__main__":
    main()
