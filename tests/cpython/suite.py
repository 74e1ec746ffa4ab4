"""Runs one module of CPython's own asyncio tests on our EventLoop: suite.py MODULE [-v]. Prints one line of JSON.

Every selector event loop that the tests make is ours then, whichever selector they ask for.
"""

import asyncio
import asyncio.unix_events
import json
import sys
import unittest
from typing import Any

from pyframework._core.loop import EventLoop


class SuiteLoop(EventLoop):
    """Ours, made as the tests make CPython's, and counted."""

    made = 0

    def __init__(self, selector: Any = None) -> None:
        if selector is not None:
            selector.close()
        SuiteLoop.made += 1
        super().__init__()


def replace_loops() -> None:
    for module in (asyncio, asyncio.unix_events):
        module.SelectorEventLoop = SuiteLoop  # type: ignore[attr-defined]
    for name in ("DefaultEventLoopPolicy", "_DefaultEventLoopPolicy"):
        policy = getattr(asyncio.unix_events, name, None)
        if policy is not None:
            policy._loop_factory = SuiteLoop


def main(module: str, verbosity: int) -> None:
    replace_loops()
    tests = unittest.defaultTestLoader.loadTestsFromName(f"test.test_asyncio.{module}")
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=verbosity, buffer=True).run(tests)
    failed = {test.id(): text.strip().splitlines()[-1] for test, text in result.failures + result.errors}
    print(json.dumps({"run": result.testsRun, "loops": SuiteLoop.made, "failed": failed}))


if __name__ == "__main__":
    main(sys.argv[1], 2 if "-v" in sys.argv else 0)
