"""Answers in pieces: in one event the first packet goes at once, others are gathered, and nothing stays behind."""

import asyncio
import fcntl
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

import pytest

from pyframework.iostream import IOStream
from pyframework.web import Application, RequestHandler

SIOCOUTQNSD = 0x894B  # tcp(7): bytes that have not been sent
DATA_SEGS_OUT = 156  # where struct tcp_info has the number of packets with data
PIECES = 8

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux what the kernel holds back")


def unsent(stream: IOStream) -> int:
    return int(struct.unpack("i", fcntl.ioctl(stream.socket, SIOCOUTQNSD, b"\0" * 4))[0])


def packets(stream: IOStream) -> int:
    info = stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, DATA_SEGS_OUT + 4)
    return int(struct.unpack_from("I", info, DATA_SEGS_OUT)[0])


def flushed(act: Callable[[IOStream], Any], method: str = "GET") -> tuple[list[int], Any]:
    """Let a handler flush several pieces and then wait: what was unsent behind each of them, and what `act` finds then.

    The client acknowledges nothing before it must: else the kernel would send on.
    """

    class Pieces(RequestHandler):
        _auto_finish = False

        def get(self) -> None:
            self.flush_pieces()

        async def post(self) -> None:
            await asyncio.sleep(0)  # the event of the request is over
            self.flush_pieces()

        def flush_pieces(self) -> None:
            for number in range(PIECES):
                self.write(f"piece {number};")
                self.flush()
                within.append(unsent(self.request.connection.stream))
            ready.set_result(self)

    async def serve() -> Any:
        nonlocal ready
        ready = asyncio.Future()
        server = Application([("/", Pieces)], log_function=lambda handler: None).listen(0, "127.0.0.1")
        client = IOStream(socket.create_connection(next(iter(server._sockets.values())).getsockname()))
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        await client.write(b"%s / HTTP/1.1\r\nHost: x\r\n\r\n" % method.encode())
        handler = await ready
        found = act(handler.request.connection.stream)
        await client.read_until(b"piece %d;" % (PIECES - 1))
        handler.finish()
        await client.read_until(b"0\r\n\r\n")
        client.close()
        await server.close_all_connections()
        server.stop()
        return found

    within: list[int] = []
    ready: Any = None
    return within, asyncio.run(serve())


def test_the_first_leaves_at_once_and_others_are_gathered() -> None:
    within, _ = flushed(lambda stream: None)
    assert within[0] == 0 and max(within) > 0


def test_nothing_stays_behind_when_the_event_ends() -> None:
    _, left = flushed(unsent)
    assert left == 0


def test_each_leaves_at_once_in_one_packet_from_a_coroutine() -> None:
    within, sent = flushed(packets, "POST")
    assert within == [0] * PIECES
    assert sent == PIECES
