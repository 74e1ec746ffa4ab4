"""Test helpers of old."""

import io
import logging
import unittest
from typing import Any

from pyframework import testing
from pyframework.legacy._arguments import add
from pyframework.legacy._notes import note
from pyframework.testing import bind_unused_port


def get_unused_port() -> int:
    """Return a port that was free a moment ago."""
    note("testing.get_unused_port", "bind_unused_port gives a socket that nobody can take away")
    sock, port = bind_unused_port()
    sock.close()
    return port


class LogTrapTestCase(unittest.TestCase):
    """Shows what a test logs only if the test does not pass."""

    def run(self, result: Any = None) -> Any:
        note("testing.LogTrapTestCase", "the test runner keeps back the output: unittest -b, or pytest")
        handlers = logging.getLogger().handlers
        if result is None or len(handlers) > 1:
            return super().run(result)  # somebody has arranged for the log
        if not handlers:
            logging.basicConfig()
        handler: Any = logging.getLogger().handlers[0]
        if not isinstance(handler, logging.StreamHandler):
            return super().run(result)
        failed_before = len(result.failures) + len(result.errors)
        shown: Any = handler.setStream(io.StringIO())
        try:
            return super().run(result)
        finally:
            kept: Any = handler.setStream(shown)
            if len(result.failures) + len(result.errors) > failed_before:
                shown.write(f"log of {self}:\n{kept.getvalue()}")


def install() -> None:
    add(testing, get_unused_port=get_unused_port, LogTrapTestCase=LogTrapTestCase)
