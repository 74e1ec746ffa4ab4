"""What libraries do with the loop: give it one of their own, look into it, replace its inner steps."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pyframework.httpclient import AsyncHTTPClient
from pyframework.httpserver import HTTPServer
from pyframework.ioloop import IOLoop, PeriodicCallback
from pyframework.testing import bind_unused_port
from pyframework.web import Application


def uvloop() -> asyncio.AbstractEventLoop:
    return pytest.importorskip("uvloop", reason="uvloop is not installed").new_event_loop()  # type: ignore[no-any-return]


class Own(asyncio.SelectorEventLoop):
    """A loop of the user's own class."""


@contextlib.contextmanager
def opened(make: Callable[[], asyncio.AbstractEventLoop]) -> Iterator[IOLoop]:
    loop = IOLoop(asyncio_loop=make(), make_current=False)
    try:
        yield loop
    finally:
        loop.close(all_fds=True)


@pytest.mark.parametrize("make", [asyncio.SelectorEventLoop, Own, uvloop])
def test_a_loop_that_the_user_made(make, hello):
    async def main() -> bytes:
        sock, port = bind_unused_port()
        server = HTTPServer(Application([("/", hello)]))
        server.add_sockets([sock])
        client = AsyncHTTPClient(force_instance=True)
        try:
            return (await client.fetch(f"http://127.0.0.1:{port}/")).body
        finally:
            client.close()
            server.stop()
            await server.close_all_connections()

    with opened(make) as loop:
        assert loop.asyncio_loop is not None and loop.run_sync(main) == b"hello world"


def test_one_ioloop_for_each_asyncio_loop():
    with opened(asyncio.SelectorEventLoop) as loop:
        assert IOLoop._ioloop_for_asyncio[loop.asyncio_loop] is loop

        async def current() -> IOLoop:
            return IOLoop.current()

        assert loop.run_sync(current) is loop
    assert loop.asyncio_loop not in IOLoop._ioloop_for_asyncio


async def test_handlers_are_looked_at(io_loop):
    read_fd, write_fd = os.pipe()
    seen: list[tuple[int, int]] = []
    io_loop.add_handler(read_fd, lambda fd, events: seen.append((fd, events)), IOLoop.READ)
    assert list(io_loop.handlers) == [read_fd] and read_fd in io_loop.readers and not io_loop.writers
    os.write(write_fd, b"x")
    while not seen:
        await asyncio.sleep(0)
    assert seen[0] == (read_fd, IOLoop.READ)
    io_loop.remove_handler(read_fd)
    assert not io_loop.handlers and not io_loop.readers
    os.close(read_fd)
    os.close(write_fd)
    assert io_loop.selector_loop is io_loop.asyncio_loop


async def test_callbacks_pass_a_replaced_run_callback(io_loop, monkeypatch):
    names: list[str] = []
    original = io_loop._run_callback

    def run_callback(callback: Any) -> None:
        names.append("callback")
        original(callback)

    monkeypatch.setattr(io_loop, "_run_callback", run_callback)
    done = asyncio.Event()
    io_loop.add_callback(done.set)
    await done.wait()
    assert names == ["callback"]
    beats = PeriodicCallback(done.set, 1)
    done.clear()
    beats.start()
    await done.wait()
    beats.stop()
    assert len(names) >= 2


async def test_what_callbacks_return_passes_discard_future_result(io_loop, monkeypatch):
    discarded: list[Any] = []
    monkeypatch.setattr(io_loop, "_discard_future_result", lambda future: discarded.append(future.result()))

    async def work() -> int:
        return 42

    io_loop.add_callback(work)
    while not discarded:
        await asyncio.sleep(0)
    assert discarded == [42]


async def test_attributes_are_assigned(io_loop):
    io_loop.tag = "mine"
    io_loop.asyncio_loop.tag = "mine too"
    assert (IOLoop.current().tag, asyncio.get_running_loop().tag) == ("mine", "mine too")
