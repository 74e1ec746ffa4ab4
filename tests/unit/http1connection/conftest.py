"""Each test runs on our loop and on asyncio's own."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.unit.http1connection.peers import LOOPS, Play


@pytest.fixture(params=LOOPS, ids=lambda make: f"{make.__module__}.{make.__name__}")
def play(request: pytest.FixtureRequest) -> Play:
    def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(asyncio.wait_for(main(), 30))

    return run
