"""What the server does, told by server-sent events."""

import time
from collections import deque

from pyframework import web
from pyframework.escape import json_encode
from pyframework.ioloop import PeriodicCallback
from pyframework.iostream import StreamClosedError
from pyframework.locks import Condition

from .page import Page

EVERY = 0.5  # seconds between two points of the chart
POINTS = 120


class Figures:
    """Requests answered: each half second, at most, in all."""

    def __init__(self) -> None:
        self.rates = deque([0.0] * POINTS, maxlen=POINTS)
        self.total = self.counted = 0
        self.peak = self.processor = 0.0
        self.clocks = time.monotonic(), time.process_time()
        self.changed = Condition()
        self.timer = PeriodicCallback(self.measure, EVERY * 1000)
        self.timer.start()

    def count(self, handler: web.RequestHandler) -> None:
        """Called by the application for each request that is answered."""
        self.total += 1

    def measure(self) -> None:
        clocks = time.monotonic(), time.process_time()
        elapsed, worked = (now - before for now, before in zip(clocks, self.clocks, strict=True))
        self.rates.append((self.total - self.counted) / elapsed)
        self.peak = max(self.peak, self.rates[-1])
        self.processor = worked / elapsed
        self.counted, self.clocks = self.total, clocks
        self.changed.notify_all()

    def close(self) -> None:
        self.timer.stop()
        self.changed.notify_all()

    def as_dict(self) -> dict[str, object]:
        return {
            "rates": [round(rate) for rate in self.rates],
            "peak": round(self.peak),
            "total": self.total,
            "processor": round(self.processor, 3),
        }


class FiguresPage(Page):
    def get(self) -> None:
        self.render("figures.html")


class FiguresStream(web.RequestHandler):
    def initialize(self, figures: Figures) -> None:
        self.figures = figures

    async def get(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-store")
        try:
            while self.figures.timer.is_running():
                self.write(f"data: {json_encode(self.figures.as_dict())}\n\n")
                await self.flush()
                await self.figures.changed.wait()
        except StreamClosedError:
            pass  # the page is closed


class Hello(web.RequestHandler):
    """What the page asks for when it fires requests."""

    def get(self, name: str) -> None:
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.write(f"Hello, {name or 'world'}\n")
