"""The wire cases, played to a real connection over a pair of sockets: whole, byte by byte and cut at every byte."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from pyframework import httputil
from pyframework._core.loop import EventLoop
from pyframework.http1connection import HTTP1Connection, HTTP1ConnectionParameters, HTTP1ServerConnection
from pyframework.iostream import IOStream, StreamClosedError
from tests.vectors import Case, cases

SHORT = 60  # bytes up to which an input is cut everywhere
CHUNKED_HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
REFUSAL = b"HTTP/1.1 400 Bad Request\r\n\r\n"


class Recorder(httputil.HTTPServerConnectionDelegate, httputil.HTTPMessageDelegate):
    """Notes the first message; answers nothing."""

    def __init__(self) -> None:
        self.start_line: Any = None
        self.headers: Any = None
        self.body = b""
        self.finished = False
        self.ended = asyncio.get_running_loop().create_future()

    def start_request(self, server_conn: object, request_conn: httputil.HTTPConnection) -> httputil.HTTPMessageDelegate:
        return self

    def on_close(self, server_conn: object) -> None:
        self.ended.set_result(None)

    def headers_received(self, start_line: Any, headers: httputil.HTTPHeaders) -> None:
        if self.start_line is None:
            self.start_line, self.headers = start_line, headers

    def data_received(self, chunk: bytes) -> None:
        self.body += chunk

    def finish(self) -> None:
        self.finished = True


async def turns() -> None:
    """Let the connection read what has been sent; that it does makes the cut felt, but no result depends on it."""
    for _ in range(3):
        await asyncio.sleep(0)


async def play(kind: str, pieces: list[bytes]) -> tuple[Recorder, bytes]:
    """Send `pieces` one by one and close; return what came up, and what came back."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    params = HTTP1ConnectionParameters(max_header_size=1 << 24)
    recorder = Recorder()
    result = None
    stream = IOStream(ours)
    if kind == "response":
        result = HTTP1Connection(stream, True, params).read_response(recorder)
    else:
        HTTP1ServerConnection(stream, params).start_serving(recorder)
    loop = asyncio.get_running_loop()
    with theirs:
        try:
            for piece in pieces:
                await loop.sock_sendall(theirs, piece)
                await turns()
            theirs.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # refused before all was sent
        if result is not None:
            with suppress(StreamClosedError):  # before the head was complete
                await result
        while result is None and not (recorder.finished or recorder.ended.done()):
            await turns()
        stream.close()
        answer = b""
        try:
            while data := await loop.sock_recv(theirs, 65536):
                answer += data
        except ConnectionResetError:
            pass
        if result is None:
            await recorder.ended
    return recorder, answer


def cuts(data: bytes) -> Iterator[list[bytes]]:
    yield [data]
    if len(data) <= SHORT * 4:
        yield [data[at : at + 1] for at in range(len(data))]
    if len(data) <= SHORT:
        for at in range(1, len(data)):
            yield [data[:at], data[at:]]


def check_head(case: Case, recorder: Recorder, answer: bytes) -> None:
    if "error" in case.expect:
        assert recorder.start_line is None
        if case.kind == "response" or case.expect["error"] == "AGAIN":
            assert answer == b""
        else:
            assert answer == REFUSAL or (b"HTTP/1.1 505 " in answer and case.expect["error"] == "BAD_VERSION")
        return
    line = recorder.start_line
    found = {"version": line.version, "minor": 0 if line.version == "HTTP/1.0" else 1}
    if case.kind == "request":
        found |= {"method": line.method, "target": line.path}
    else:
        found |= {"status": line.code, "reason": line.reason}
    known = [name for name in found if name in case.expect]
    if line.version not in ("HTTP/1.0", "HTTP/1.1"):
        known = [name for name in known if name != "minor"]
    assert {name: found[name] for name in known} == {name: case.expect[name] for name in known}
    if "fields" in case.expect:
        expected = httputil.HTTPHeaders()
        for name, value in case.expect["fields"]:
            expected.add(name, value)
        if "Content-Length" in expected:  # where it is said more than once, the delegate sees it once
            expected["Content-Length"] = str(case.expect["content_length"])
        assert list(recorder.headers.get_all()) == list(expected.get_all())


def check_chunked(case: Case, recorder: Recorder, answer: bytes) -> None:
    assert recorder.start_line.method == "POST"
    if "error" in case.expect:
        assert answer == REFUSAL and not recorder.finished
        return
    assert recorder.body == case.expect["body"].encode("latin-1")
    assert recorder.finished == case.expect["done"]
    assert answer == b""


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_vector(case: Case) -> None:
    async def play_all() -> None:
        for pieces in cuts(case.input):
            if case.kind == "chunked":
                check_chunked(case, *await play(case.kind, [CHUNKED_HEAD, *pieces]))
            else:
                check_head(case, *await play(case.kind, pieces))

    with asyncio.Runner(loop_factory=EventLoop) as runner:
        runner.run(play_all())
