"""Each test runs on EventLoop."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pyframework._core.loop import EventLoop

Play = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture
def play() -> Play:
    """Run a coroutine on an EventLoop of its own, half a minute at most."""

    def run(main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=EventLoop) as runner:
            runner.run(asyncio.wait_for(main, 30))

    return run
