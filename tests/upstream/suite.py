"""Runs one module of Tornado's suite as its own runner does, and writes each outcome as a line of JSON.

Usage: suite.py MODULE OUTCOMES. A test that already has an outcome in the file is left out, so a run that a
crash or a hang has ended can go on behind it.
"""

import faulthandler
import json
import sys
import unittest
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from tornado.test import runtests

SECONDS_PER_TEST = 60
NO_TESTS = 5  # the exit code of unittest from CPython 3.12 on when a module holds no test


class Recorder(unittest.TextTestResult):
    """A test result that notes the worst outcome of each test in a file, the moment it is known."""

    module: str
    outcomes: TextIO
    running: Any = None
    worst = ("passed", "")

    def startTest(self, test: unittest.TestCase) -> None:
        faulthandler.dump_traceback_later(SECONDS_PER_TEST, exit=True, file=sys.__stderr__)
        self.running, self.worst = test, ("passed", "")
        self.note(test, "started", "")
        super().startTest(test)

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        faulthandler.cancel_dump_traceback_later()
        self.running = None
        self.note(test, *self.worst)

    def note(self, test: Any, outcome: str, message: str) -> None:
        name = test.id()
        if name.startswith("unittest.loader."):
            name = self.module  # unittest's own test that says: this module cannot be imported
        elif name.endswith(")"):
            name = name.partition("(")[2][:-1]  # "setUpClass (module.Class)"
        print(json.dumps([name, outcome, message]), file=self.outcomes, flush=True)

    def settle(self, test: Any, outcome: str, message: str) -> None:
        """Keep the outcome until the test stops; one that never started (setUpClass, a skipped class) is noted now."""
        self.worst = (outcome, message)
        if self.running is None:
            self.note(test, outcome, message)

    def fail(self, test: Any, error: Any) -> None:
        self.settle(test, "failed", f"{error[0].__name__}: {error[1]}".strip())

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self.fail(test, err)

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self.fail(test, err)

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.fail(test, err)

    def addUnexpectedSuccess(self, test: Any) -> None:
        super().addUnexpectedSuccess(test)
        self.settle(test, "failed", "unexpected success")

    def addSkip(self, test: Any, reason: str) -> None:
        if reason == runtests.ABT_SKIP_MESSAGE:
            self.settle(test, "abstract", "")
        else:
            super().addSkip(test, reason)
            self.settle(test, "skipped", reason)


def flatten(suite: unittest.TestSuite | unittest.TestCase) -> Iterator[unittest.TestCase]:
    if isinstance(suite, unittest.TestCase):
        yield suite
    else:
        for part in suite:
            yield from flatten(part)


def runner_factory(module: str, outcomes: TextIO, done: set[str]) -> Any:
    """Return what stands in for `runtests.test_runner_factory`."""
    Recorder.module, Recorder.outcomes = module, outcomes

    def make_runner_class(stderr: TextIO) -> type[unittest.TextTestRunner]:
        class Runner(unittest.TextTestRunner):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **{**kwargs, "stream": stderr, "resultclass": Recorder})

            def run(self, test: Any) -> Any:
                # As the suite treats Tornado's own modules.
                for category in (DeprecationWarning, PendingDeprecationWarning):
                    warnings.filterwarnings("error", category=category, module=r"pyframework\..*")
                return super().run(unittest.TestSuite(case for case in flatten(test) if case.id() not in done))

        return Runner

    return make_runner_class


def main(module: str, path: Path) -> None:
    done = {json.loads(line)[0] for line in path.read_text().splitlines()} if path.exists() else set()
    with path.open("a") as outcomes:
        runtests.test_runner_factory = runner_factory(module, outcomes, done)
        sys.argv = ["runtests", module]
        code: Any = 0
        try:
            runtests.main()
        except SystemExit as exit:
            code = exit.code
        failed = code not in (None, False, 0, NO_TESTS)
        print(json.dumps(["", "finished", str(int(failed))]), file=outcomes, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
