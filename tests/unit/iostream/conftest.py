"""Runs a coroutine on our loop, on asyncio's own and on uvloop."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pyframework._core.loop import EventLoop

LOOPS: list[Any] = [EventLoop, asyncio.SelectorEventLoop]


@pytest.fixture(params=LOOPS, ids=lambda make: f"{make.__module__}.{make.__name__}")
def play(request: pytest.FixtureRequest) -> Callable[[Callable[[], Coroutine[Any, Any, None]]], None]:
    def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(asyncio.wait_for(main(), 30))

    return run
