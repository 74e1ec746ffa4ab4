"""Our reading of a byte stream held against h11's and llhttp's (httptools): where one message ends and the next begins.

A disagreement is how requests are smuggled past a proxy. What we accept, the others must cut in the same places, or
refuse; what they refuse of it is listed in EXPLAINED.
"""

import asyncio
import re
import socket
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyframework import httputil
from pyframework._core.loop import EventLoop
from pyframework.http1connection import HTTP1ConnectionParameters, HTTP1ServerConnection
from pyframework.iostream import IOStream
from tests.conformance.http.cases import Case, cases

h11 = pytest.importorskip("h11")
httptools = pytest.importorskip("httptools")

# What they refuse, or end at, although we accept it: pattern of the bytes, who, why.
EXPLAINED = [
    (rb"(?i)\nupgrade:", "llhttp", "an upgrade that is offered; a server may pass over it (RFC 9110 section 7.8)"),
    (rb"(?i) HTTP/1\.0\r?\n(?s:.*)keep-alive", "h11", "keep-alive of HTTP/1.0 (RFC 9112 section 9.3: may)"),
    (rb"(?:\A|\n)[!-~]+ [!-~]*[\x80-\xff]", "h11", "a target with bytes above 0x7f, as some clients send it"),
    (rb"(?:\A|\n)[!-~]+ [!-~]*[\x80-\xff]", "llhttp", "the same"),
    (rb"\n[0-9A-Fa-f]+[ \t]+;", "h11", "white space in front of a chunk extension (RFC 9112 section 7.1.1: BWS)"),
    (rb"\n[0-9A-Fa-f]+(?:[ \t]+;|;[ \t])", "llhttp", "the same, and behind the semicolon"),
    (rb"(?<!\r)\n", "llhttp", "a line that ends with LF alone (RFC 9112 section 2.2: may be recognised; Tornado does)"),
    (rb" HTTP/1\.[2-9]", "llhttp", "a later minor version, which is read as 1.1 (RFC 9110 section 2.5)"),
    (rb"(?i)\ncontent-length:[^\n]*,", "llhttp", "a list of equal lengths (RFC 9112 section 6.3)"),
    (rb"(?i)\ncontent-length:.*(?s:.*)\ncontent-length:", "llhttp", "equal lengths in several lines (the same)"),
    (rb"(?i)\n0+\r\n(?:.*\r\n)*?(?:content-length|transfer-encoding):", "llhttp", "framing fields in a trailer"),
    (rb"(?:\A|\n)(?!(?:GET|POST|PUT|DELETE|PATCH|OPTIONS|HEAD) )[!-~]+ [!-~]+ HTTP/1", "llhttp", "an unknown method"),
]
EMPTY_LINES = re.compile(rb"\A(?:\r?\n){1,4}")


@dataclass
class Reading:
    messages: list[tuple[bytes, bytes, bytes]]  # method, target and body of each complete one
    refused: bool  # what comes behind them


class Recorder(httputil.HTTPServerConnectionDelegate, httputil.HTTPMessageDelegate):
    def __init__(self) -> None:
        self.messages: list[tuple[bytes, bytes, bytes]] = []

    def start_request(self, server_conn: object, request_conn: Any) -> "Recorder":
        self.connection = request_conn
        return self

    def headers_received(self, start_line: Any, headers: httputil.HTTPHeaders) -> None:
        self.start_line, self.body = start_line, b""

    def data_received(self, chunk: bytes) -> None:
        self.body += chunk

    def finish(self) -> None:
        line = self.start_line
        self.messages.append((line.method.encode("latin-1"), line.path.encode("latin-1"), self.body))
        headers = httputil.HTTPHeaders({"Content-Length": "0"})
        self.connection.write_headers(httputil.ResponseStartLine("HTTP/1.1", 299, "OK"), headers)
        self.connection.finish()


def by_us(data: bytes) -> Reading:
    async def main() -> Reading:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        recorder = Recorder()
        HTTP1ServerConnection(IOStream(ours), HTTP1ConnectionParameters()).start_serving(recorder)
        loop = asyncio.get_running_loop()
        answer = b""
        with theirs:
            await loop.sock_sendall(theirs, data)
            theirs.shutdown(socket.SHUT_WR)
            while piece := await loop.sock_recv(theirs, 65536):
                answer += piece
        return Reading(recorder.messages, b" 299 " not in answer[answer.rfind(b"HTTP/1.1") :] and answer != b"")

    with asyncio.Runner(loop_factory=EventLoop) as runner:
        return runner.run(main())


def by_h11(data: bytes) -> Reading:
    """It does not skip empty lines in front of a request, as RFC 9112 section 2.2 asks: that is done for it."""
    messages: list[tuple[bytes, bytes, bytes]] = []
    while data := EMPTY_LINES.sub(b"", data):
        connection = h11.Connection(h11.SERVER)
        connection.receive_data(data)
        body = b""
        try:
            while not isinstance(event := connection.next_event(), h11.EndOfMessage):
                if isinstance(event, h11.Request):
                    request = event
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
                else:
                    return Reading(messages, False)
        except h11.RemoteProtocolError:
            return Reading(messages, True)
        messages.append((request.method, request.target, body))
        connection.send(h11.Response(status_code=405, headers=[("Content-Length", "0")]))
        connection.send(h11.EndOfMessage())
        if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
            return Reading(messages, True)
        data = connection.trailing_data[0]
    return Reading(messages, False)


class Messages:
    """The callbacks of httptools."""

    def __init__(self) -> None:
        self.messages: list[tuple[bytes, bytes, bytes]] = []
        self.url = self.body = b""

    def on_message_begin(self) -> None:
        self.url = self.body = b""

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.messages.append((self.parser.get_method(), self.url, self.body))

    parser: Any


def by_llhttp(data: bytes) -> Reading:
    messages = Messages()
    messages.parser = httptools.HttpRequestParser(messages)
    try:
        messages.parser.feed_data(data)
    except httptools.HttpParserUpgrade:  # the last one is no message to it, but the start of something else
        return Reading(messages.messages[:-1], True)
    except httptools.HttpParserError:
        return Reading(messages.messages, True)
    return Reading(messages.messages, False)


def is_explained(who: str, data: bytes) -> bool:
    return any(name == who and re.search(pattern, data, re.MULTILINE) for pattern, name, _ in EXPLAINED)


def compare(data: bytes) -> None:
    ours = by_us(data)
    for who, read in (("h11", by_h11), ("llhttp", by_llhttp)):
        theirs = read(data)
        common = min(len(ours.messages), len(theirs.messages))
        assert ours.messages[:common] == theirs.messages[:common], f"{who} cuts otherwise"
        if len(theirs.messages) < len(ours.messages):
            assert theirs.refused and is_explained(who, data), f"{who} sees {len(theirs.messages)} messages, not ours"


@pytest.mark.parametrize("case", [case for case in cases() if len(case.send) < 5000], ids=str)
def test_the_table(case: Case) -> None:
    compare(case.send)


LINES = [
    b"Content-Length: 5", b"Content-Length: 05", b"Content-Length: 5, 5", b"Content-Length: 5,6", b"content-length:5",
    b"Content-Length : 5", b"Content-Length: +5", b"Content-Length: 0", b"Content-Length:", b"Content-Length: 5 ",
    b"Transfer-Encoding: chunked", b"transfer-encoding:chunked", b"Transfer-Encoding: Chunked", b"Transfer-Encoding: x",
    b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding : chunked", b"Transfer-Encoding: chunked, chunked",
    b" Transfer-Encoding: chunked", b"Transfer-Encoding:\tchunked", b"Transfer-Encoding: chunked;q=1", b"X: y", b"X:",
    b"Connection: close", b"Connection: x, close", b"Connection: keep-alive", b"Connection: upgrade", b"Upgrade: h2c",
    b"Expect: 100-continue", b"X: \x00", b"X: \xe9", b"X y", b": x", b"Host: b",
]  # fmt: skip
STARTS = [
    b"GET / HTTP/1.1", b"POST / HTTP/1.1", b"PUT /a?b HTTP/1.1", b"HEAD / HTTP/1.1", b"GET / HTTP/1.0", b"GET /",
    b"GET  / HTTP/1.1", b"GET http://b/ HTTP/1.1", b"OPTIONS * HTTP/1.1", b"GET / HTTP/1.2", b"GET / HTTP/2.0",
    b"\r\nGET / HTTP/1.1",
]  # fmt: skip
BODIES = [
    b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"5;a=b\r\nhello\r\n0\r\n\r\n", b"0\r\n\r\n", b"0\r\nA: b\r\n\r\n",
    b"5\r\nhello\r\n00\r\n\r\n", b"5\nhello\r\n0\r\n\r\n", b"5 \r\nhello\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhelloX\r\n0\r\n\r\n", b"A\r\n0123456789\r\n0\r\n\r\n", b"-1\r\n\r\n",
    b"5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n",
]  # fmt: skip


@st.composite
def messages(draw: Any) -> bytes:
    lines = [draw(st.sampled_from(STARTS)), b"Host: a", *draw(st.lists(st.sampled_from(LINES), max_size=3))]
    ends = draw(st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n"]))
    return ends.join(lines) + ends + ends + draw(st.sampled_from(BODIES))  # type: ignore[no-any-return]


@settings(max_examples=400)
@given(st.lists(messages(), min_size=1, max_size=3).map(b"".join))
@example(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n")
def test_made_of_bad_pieces(data: bytes) -> None:
    compare(data)


@settings(max_examples=300)
@given(
    st.lists(messages(), min_size=2, max_size=3).map(b"".join),
    st.integers(0, 200),
    st.sampled_from([b"\r", b"\n", b"\0", b" ", b"\t", b":", b",", b";", b"0", b"\x7f", b"\xff", b""]),
    st.integers(0, 1),
)
def test_one_byte_changed(data: bytes, place: int, byte: bytes, removed: int) -> None:
    compare(data[:place] + byte + data[place + removed :])
