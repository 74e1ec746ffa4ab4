"""Loops: names, hooks, io_loop=, and the watchdog."""

import logging
import signal
import threading
import time
from typing import Any

import pytest

from pyframework.ioloop import IOLoop, PeriodicCallback, PollIOLoop
from pyframework.log import gen_log
from pyframework.testing import AsyncTestCase


class HookTest(AsyncTestCase):
    def test_initialized(self) -> None:
        assert IOLoop.initialized()
        found: list[bool] = []
        thread = threading.Thread(target=lambda: found.append(IOLoop.initialized()))
        thread.start()
        thread.join()
        assert found == [False]

    def test_handle_callback_exception(self) -> None:
        failed: list[Any] = []
        self.io_loop.handle_callback_exception = lambda callback: (failed.append(callback), self.stop())

        def fail() -> None:
            raise KeyError("x")

        self.io_loop.add_callback(fail)
        self.wait()
        assert failed[0].func is fail

    def test_periodic_callback_on_another_loop(self) -> None:
        other = IOLoop(make_current=False)
        try:
            for args, kwargs in (((), {"io_loop": other}), ((other,), {})):
                periodic = PeriodicCallback(other.stop, 1, *args, **kwargs)
                periodic.start()
                assert periodic.io_loop is other
                other.start()
                periodic.stop()
            assert IOLoop.current() is self.io_loop
            assert PeriodicCallback(other.stop, 1, 0.5).jitter == 0.5
        finally:
            other.close()

    def test_another_loop_inside_of_a_running_one(self) -> None:
        other = IOLoop(make_current=False)

        async def make() -> None:
            with pytest.raises(RuntimeError, match="not the loop that runs here"):
                PeriodicCallback(other.stop, 1, io_loop=other)

        self.io_loop.run_sync(make)
        other.close()

    def test_poll_io_loop_with_a_clock(self) -> None:
        loop = PollIOLoop(impl=object(), time_func=lambda: 42.0, make_current=False)
        assert loop.time() == 42.0
        loop.call_later(0, loop.stop)
        loop.start()
        loop.close()


class Messages(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.found = threading.Event()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text = record.getMessage()
        self.found.set()


class WatchdogTest(AsyncTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.messages = Messages()
        gen_log.addHandler(self.messages)
        self.addCleanup(gen_log.removeHandler, self.messages)

    def block_until(self, event: threading.Event) -> None:
        assert event.wait(30)
        self.stop()

    def test_logs_where_the_loop_is(self) -> None:
        self.io_loop.set_blocking_log_threshold(0.02)
        self.io_loop.add_callback(self.block_until, self.messages.found)
        self.wait(timeout=30)
        assert "blocked for 0.02" in self.messages.text and "block_until" in self.messages.text
        self.io_loop.set_blocking_log_threshold(None)

    def test_works_in_a_thread(self) -> None:
        def run() -> None:
            loop = IOLoop(make_current=False)
            loop.set_blocking_log_threshold(0.02)
            loop.add_callback(self.messages.found.wait, 30)
            loop.add_callback(loop.stop)
            loop.start()
            loop.close()

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        assert "messages.found" in self.messages.text or "wait" in self.messages.text

    def test_an_idle_loop_is_not_blocked(self) -> None:
        self.io_loop.set_blocking_log_threshold(5)
        watchdog = self.io_loop._watchdog
        self.io_loop.set_blocking_log_threshold(None)
        assert watchdog._ended.is_set() and self.io_loop._watchdog is None

    def test_signal(self) -> None:
        before = signal.getsignal(signal.SIGALRM)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        frames: list[Any] = []
        self.io_loop.set_blocking_signal_threshold(0.02, lambda number, frame: frames.append(frame.f_code.co_name))

        def block() -> None:
            end = time.monotonic() + 30
            while not frames and time.monotonic() < end:
                pass
            self.stop()

        self.io_loop.add_callback(block)
        self.wait(timeout=30)
        assert frames == ["block"]
        self.io_loop.set_blocking_signal_threshold(None, None)
