"""Limits of what a peer may send, and gzip."""

import asyncio
import gzip
import logging

import pytest

from tests.unit.http1connection.peers import (
    CHUNKED,
    GET,
    OK,
    POST,
    REFUSAL,
    Play,
    Server,
    answer,
    logged,
)

# ------------------------------------------------------------------------------------------ limits


@pytest.mark.parametrize(
    ("params", "sent", "status", "message"),
    [
        ({"max_header_size": 50}, GET % (b"x" * 50), 414, "Unsatisfiable read, closing connection to the peer"),
        ({"max_header_size": 50}, b"GET /" + b"x" * 50, 414, "Unsatisfiable read, closing connection to the peer"),
        ({"max_header_size": 50}, GET[:-2] % b"" + b"A: " + b"x" * 50, 431, "Unsatisfiable read, closing connection"),
        ({"max_header_count": 1}, GET[:-2] % b"" + b"A:\r\n\r\n", 431, "Malformed HTTP message from the peer: more"),
        ({}, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "Malformed HTTP message from the peer: Unexpected"),
        ({"max_body_size": 1}, POST % (2, b"ab"), 400, "Malformed HTTP message from the peer: Content-Length too long"),
        ({"max_body_size": 0}, POST % (1, b"a"), 400, "Malformed HTTP message from the peer: Content-Length too long"),
        (
            {"max_body_size": 1},
            CHUNKED + b"2\r\nab\r\n0\r\n\r\n",
            400,
            "Malformed HTTP message from the peer: chunked body",
        ),
        (
            {},
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            400,
            "Malformed HTTP message from the peer: Unsupported Transfer-Encoding gzip, chunked",
        ),
        (
            {},
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
            400,
            "Malformed HTTP message from the peer: Unsupported Transfer-Encoding chunked,chunked",
        ),
        (
            {},
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\x9bx" + b"y" * 200 + b"\r\n\r\n",
            400,
            "Malformed HTTP message from the peer: Only integer Content-Length is allowed: 1\\x9bx" + "y" * 97,
        ),
    ],
)
def test_refusals(
    play: Play, caplog: pytest.LogCaptureFixture, params: dict[str, int], sent: bytes, status: int, message: str
) -> None:
    async def main() -> None:
        async with Server(**params) as server:
            await server.peer.send(sent)
            assert (await server.peer.rest()).startswith(b"HTTP/1.1 %d " % status)
            await server.closed.wait()
            assert "finish" not in server.messages[0].events

    with logged(caplog, ("tornado.general", logging.INFO, message)):
        play(main)


def test_the_limit_of_one_request_is_its_own(play: Play) -> None:
    async def main() -> None:
        async with Server(max_body_size=1) as server:
            server.on_headers = lambda message: (
                message.connection.set_max_body_size(9) if len(server.messages) == 1 else None
            )
            await server.peer.send((POST % (2, b"ab")) * 2)
            assert await server.peer.rest() == OK + REFUSAL

    play(main)


@pytest.mark.parametrize("sent", [b"", b"GET / HT"])
def test_header_timeout(play: Play, caplog: pytest.LogCaptureFixture, sent: bytes) -> None:
    async def main() -> None:
        async with Server(header_timeout=0.01) as server:
            await server.peer.send(sent)
            status = b"HTTP/1.1 408 Request Timeout" if sent else b""
            assert (await server.peer.rest()).partition(b"\r\n")[0] == status

    with logged(caplog, *[("tornado.general", logging.INFO, "Timeout reading head from the peer")] if sent else []):
        play(main)


def test_header_timeout_is_not_for_bodies_or_handlers(play: Play) -> None:
    async def main() -> None:
        async with Server(header_timeout=0.01) as server:
            server.on_finish = lambda message: None
            await server.peer.send(POST % (2, b"a"))
            await server.started.wait()
            other = Server(header_timeout=0.02)  # its end comes after the time in question
            assert await other.peer.rest() == b""
            await server.peer.send(b"b")
            while "finish" not in server.messages[0].events:
                await asyncio.sleep(0)
            answer(server.messages[0].connection)
            assert await server.peer.rest() == OK
            other.peer.socket.close()

    play(main)


@pytest.mark.parametrize("sent", [POST % (5, b"ab"), CHUNKED + b"5\r\nab"])
@pytest.mark.parametrize("params", [{"body_timeout": 0.01}, {}])
def test_body_timeout(play: Play, caplog: pytest.LogCaptureFixture, sent: bytes, params: dict[str, float]) -> None:
    async def main() -> None:
        async with Server(**params) as server:
            if not params:
                server.on_headers = lambda message: message.connection.set_body_timeout(0.01)
            await server.peer.send(sent)
            assert await server.peer.rest() == b""
            assert server.events == [["headers", 2, "closed"]]

    with logged(caplog, ("tornado.general", logging.INFO, "Timeout reading body from the peer")):
        play(main)


# ------------------------------------------------------------------------------------------ gzip


ZIPPED = gzip.compress(b"foo=") + gzip.compress(b"bar" * 1000)


def zipped(body: bytes, coding: bytes = b"gzip") -> bytes:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n"
    return head % (coding, len(body)) + body


@pytest.mark.parametrize("coding", [b"gzip", b"GZIP"])
@pytest.mark.parametrize("chunk_size", [None, 16])
def test_gzip(play: Play, coding: bytes, chunk_size: int | None) -> None:
    async def main() -> None:
        async with Server(decompress=True, chunk_size=chunk_size) as server:
            server.on_data = lambda message: asyncio.sleep(0)
            await server.peer.send(zipped(ZIPPED, coding) + GET % b"")
            await server.peer.until(b"ok")
            await server.peer.until(b"ok")
            message = server.messages[0]
            assert message.body == b"foo=" + b"bar" * 1000
            assert message.headers["X-Consumed-Content-Encoding"] == coding.decode()
            assert "Content-Encoding" not in message.headers
            assert all(event <= (chunk_size or 65536) for event in message.events if isinstance(event, int))

    play(main)


def test_other_codings_are_left_alone(play: Play) -> None:
    async def main() -> None:
        async with Server(decompress=True) as server:
            await server.peer.send(zipped(b"raw", b"br"))
            await server.peer.until(b"ok")
            assert server.messages[0].body == b"raw"
            assert server.messages[0].headers["Content-Encoding"] == "br"

    play(main)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"hello", "invalid gzip data"),
        (ZIPPED + b"\0", "invalid gzip data"),
        (ZIPPED[:-1], "invalid gzip data"),
        (gzip.compress(bytes(5000)), "decompressed body too large"),
        (gzip.compress(bytes(2500)) * 2, "decompressed body too large"),
    ],
)
def test_bad_gzip(play: Play, caplog: pytest.LogCaptureFixture, body: bytes, reason: str) -> None:
    async def main() -> None:
        async with Server(decompress=True, max_body_size=4000, chunk_size=1024) as server:
            await server.peer.send(zipped(body))
            assert await server.peer.rest() == REFUSAL
            await server.closed.wait()
            assert server.messages[0].events[-1] == "closed" and "finish" not in server.messages[0].events

    with logged(caplog, ("tornado.general", logging.INFO, f"Malformed HTTP message from the peer: {reason}")):
        play(main)
