"""Answers of one batch leave together when it ends: whatever happens meanwhile, each peer gets its own, in order."""

import asyncio
import os
import socket
from collections.abc import Callable
from typing import Any

import pytest

from pyframework.httpserver import HTTPServer
from pyframework.iostream import IOStream
from pyframework.web import Application, RequestHandler

Act = Callable[[list[IOStream]], None]


def served(count: int, act: Act = lambda streams: None, size: int = 10) -> list[bytes]:
    """Send one request on each of `count` connections at once; return what their clients have got in the end.

    act: called with all streams of the server when the last request is served.
    """

    class Answer(RequestHandler):
        def get(self, number: str) -> None:
            self.write(number * size)
            if int(number) == count - 1:
                act(streams)

    async def serve() -> list[bytes]:
        server = HTTPServer(Application([(r"/(\d+)", Answer)], log_function=lambda handler: None))
        for ours, _ in pairs:
            streams.append(IOStream(ours))
            server.handle_stream(streams[-1], None)
        for number, (_, theirs) in enumerate(pairs):    # nobody looks before all of them are there
            theirs.sendall(b"GET /%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % number)
        clients = [IOStream(theirs) for _, theirs in pairs]
        received = await asyncio.gather(*[client.read_until_close() for client in clients])
        await server.close_all_connections()
        return received

    streams: list[IOStream] = []
    pairs = [socket.socketpair() for _ in range(count)]
    return asyncio.run(serve())


def kept_alive(count: int, act: Act) -> list[bytes]:
    """As `served`, on connections that stay; returns the bytes that have come when every stream is quiet."""

    class Answer(RequestHandler):
        def get(self, number: str) -> None:
            self.write(f"answer {number}\n")
            if int(number) == count - 1:
                act(streams)
                asyncio.get_running_loop().call_soon(done.set)      # the batch has ended by then

    async def serve() -> list[bytes]:
        server = HTTPServer(Application([(r"/(\d+)", Answer)], log_function=lambda handler: None))
        for ours, theirs in pairs:
            theirs.setblocking(False)
            streams.append(IOStream(ours))
            server.handle_stream(streams[-1], None)
        for number, (_, theirs) in enumerate(pairs):
            theirs.send(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number)
        await done.wait()
        received = [_received(theirs) for _, theirs in pairs]
        for _, theirs in pairs:
            theirs.close()
        for stream in streams:
            stream.close()
        await server.close_all_connections()
        return received

    streams: list[IOStream] = []
    done = asyncio.Event()
    pairs = [socket.socketpair() for _ in range(count)]
    return asyncio.run(serve())


def _received(client: socket.socket) -> bytes:
    try:
        return client.recv(65536)
    except BlockingIOError:
        return b""


@pytest.mark.parametrize("count", [1, 2, 64, 300])
def test_each_gets_its_own_answer(count: int) -> None:
    for number, answer in enumerate(served(count)):
        assert answer.endswith(b"\r\n\r\n" + str(number).encode() * 10)


def test_more_than_may_wait() -> None:
    for number, answer in enumerate(served(64, size=4000)):
        assert answer.endswith(b"\r\n\r\n" + str(number).encode() * 4000)


def test_what_is_written_later_comes_later() -> None:
    def broadcast(streams: list[IOStream]) -> None:
        for stream in streams[:-1]:
            stream.write(b"later")

    for number, answer in enumerate(kept_alive(5, broadcast)[:-1]):
        assert answer.endswith(b"answer %d\nlater" % number) and answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_connection_that_another_handler_closes_gets_its_answer_first() -> None:
    def close(streams: list[IOStream]) -> None:
        for stream in streams[:-1]:
            stream.close()

    for number, answer in enumerate(kept_alive(5, close)):
        assert answer.endswith(b"answer %d\n" % number)


def test_a_descriptor_that_was_closed_without_a_word_gets_nothing() -> None:
    fresh: list[socket.socket] = []

    def reuse(streams: list[IOStream]) -> None:
        number = streams[0].socket.detach()
        ours, theirs = socket.socketpair()
        os.dup2(ours.fileno(), number)      # the number of the first stream is somebody else's now
        ours.close()
        theirs.setblocking(False)
        fresh.append(theirs)
        streams.append(IOStream(socket.socket(fileno=number)))
        streams[-1].set_close_callback(lambda: None)    # the poller learns of it

    answers = kept_alive(3, reuse)
    assert answers[1].endswith(b"answer 1\n")
    assert _received(fresh[0]) == b""
    fresh[0].close()


def test_peers_that_are_gone(caplog: pytest.LogCaptureFixture) -> None:
    gone: list[Any] = []

    def reset(streams: list[IOStream]) -> None:
        for stream in streams[:3]:
            gone.append(socket.socket(fileno=os.dup(stream.fileno())))
            gone[-1].shutdown(socket.SHUT_RDWR)

    answers = kept_alive(6, reset)
    assert all(answer.endswith(b"answer %d\n" % number) for number, answer in enumerate(answers[3:], 3))
    assert not caplog.records
    for each in gone:
        each.close()
