"""Each test runs on asyncio's loop and on ours."""

import asyncio
import threading
from concurrent import futures

import pytest

from pyframework._core.loop import EventLoop
from pyframework.ioloop import IOLoop
from tests.unit.gen.coroutines import LONG

LOOPS = [asyncio.SelectorEventLoop, EventLoop]


@pytest.fixture(params=LOOPS, ids=lambda make: f"{make.__module__}.{make.__name__}")
def io_loop(request):
    io_loop = IOLoop(asyncio_loop=request.param(), make_current=False)
    asyncio.set_event_loop(io_loop.asyncio_loop)
    yield io_loop
    asyncio.set_event_loop(None)
    io_loop.close()


@pytest.fixture
def run(io_loop):
    return lambda func, *args: io_loop.run_sync(lambda: func(*args), timeout=LONG)


@pytest.fixture
def pool():
    with futures.ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
def late(io_loop, pool):
    """Submits functions that begin only when the loop has nothing left to do but to wait for them."""
    go = threading.Event()

    def submit(func, *args):
        io_loop.add_callback(io_loop.add_callback, go.set)
        return pool.submit(lambda: go.wait() and func(*args))

    return submit
