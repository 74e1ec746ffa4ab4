"""A thread that tells when the loop does not come round for too long."""

import sys
import threading
from collections.abc import Callable
from types import FrameType

from pyframework.ioloop import IOLoop


class Watchdog:
    """Sends a callback to the loop, again and again, and looks where the loop is when that does not run in time.

    :arg seconds: what one callback of the loop may take; one that takes half as long again is surely noticed
    :arg report: called with the frame that the loop's thread is in, from another thread, once for each delay
    """

    def __init__(self, io_loop: IOLoop, seconds: float, report: Callable[[FrameType], object]) -> None:
        self._loop = io_loop.asyncio_loop
        self._seconds = seconds
        self._report = report
        self._ended = threading.Event()
        self._answered = threading.Event()
        self.thread = threading.get_ident()  # the loop's, as far as is known
        threading.Thread(target=self._watch, name="pyframework watchdog", daemon=True).start()

    def stop(self) -> None:
        """End it."""
        self._ended.set()
        self._answered.set()

    def _answer(self) -> None:
        self.thread = threading.get_ident()
        self._answered.set()

    def _watch(self) -> None:
        while not self._ended.wait(self._seconds / 2):
            self._answered.clear()
            try:
                self._loop.call_soon_threadsafe(self._answer)
            except RuntimeError:
                return  # the loop is closed
            late = not self._answered.wait(self._seconds)
            frame = sys._current_frames().get(self.thread)
            if late and frame is not None and self._loop.is_running() and not self._answered.is_set():
                self._report(frame)
            while not self._answered.wait(self._seconds):
                if self._loop.is_closed():
                    return
