"""The soak as a test: some hundred peers of a fixed seed on each kind of loop. For minutes: see `streams`."""

import asyncio
import random
from collections.abc import Callable

import pytest

from pyframework._core.loop import EventLoop
from tests.soak import streams

PEERS = 600


@pytest.mark.parametrize("factory", [EventLoop, asyncio.SelectorEventLoop])
def test_nothing_is_left(factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    assert streams.run(factory, random.Random(7), lambda count: count < PEERS) >= PEERS
