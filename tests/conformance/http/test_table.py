"""Every case of the table, to a real server over a socket: in one piece, byte by byte, and cut in two."""

import asyncio
import logging
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

import pytest

from pyframework import web
from pyframework._core.loop import EventLoop
from pyframework.httpserver import HTTPServer
from tests.conformance.http.answers import Answer, read_answers
from tests.conformance.http.cases import Case, cases

SENTINEL = b"GET /sentinel HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
SHORT = 400  # bytes up to which an input is also sent byte by byte
CUTS = 12
SECONDS = 20  # for one exchange, far more than it takes


class Echo(web.RequestHandler):
    def answer(self) -> None:
        self.write(f"{self.request.method} {self.request.path}")
        if self.request.query or self.request.uri.endswith("?"):
            self.write(f"?{self.request.query}")
        self.write(f" {self.request.host} ")
        self.write(self.request.body)

    get = head = post = put = delete = patch = options = answer


class OnlyGet(web.RequestHandler):
    def get(self) -> None:
        self.write("got")


class Form(web.RequestHandler):
    def post(self) -> None:
        self.write(str(len(self.request.body_arguments)))


class Later(web.RequestHandler):
    async def get(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        self.write("later")


@web.stream_request_body
class Early(web.RequestHandler):
    def prepare(self) -> None:
        self.set_status(403)
        self.finish("no")


@web.stream_request_body
class Stream(web.RequestHandler):
    size = 0

    def data_received(self, chunk: bytes) -> None:
        self.size += len(chunk)

    def post(self) -> None:
        self.write(str(self.size))


class Close(web.RequestHandler):
    def get(self) -> None:
        self.set_header("Connection", "close")
        self.write("bye")

    head = get


class Chunks(web.RequestHandler):
    async def get(self) -> None:
        self.write("one")
        await self.flush()
        self.write("two")

    head = get


class Status204(web.RequestHandler):
    def get(self) -> None:
        self.set_status(204)


class Tagged(web.RequestHandler):
    def get(self) -> None:
        self.set_header("Etag", '"tag"')
        self.check_etag_header() and self.set_status(304)
        if self.get_status() == 200:
            self.write("tagged")


class Error(web.RequestHandler):
    def get(self) -> None:
        raise web.HTTPError(500)

    head = get


def make_application() -> web.Application:
    handlers = {
        "/get": OnlyGet, "/form": Form, "/later": Later, "/early": Early, "/stream": Stream, "/close": Close,
        "/chunks": Chunks, "/204": Status204, "/tagged": Tagged, "/error": Error, ".*": Echo,
    }  # fmt: skip
    return web.Application(list(handlers.items()))


class Served:
    """One server, for one case."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.server = HTTPServer(make_application(), **case.server)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.setblocking(False)
        self.server.add_socket(self.listening)

    async def exchange(self, pieces: list[bytes]) -> bytes:
        """Send the pieces one by one; return what comes back until the server closes."""
        loop = asyncio.get_running_loop()
        received = b""
        with socket.socket() as client:
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(client, self.listening.getsockname())
            with suppress(ConnectionError):  # the server may have had enough before all is sent
                for piece in pieces:
                    await loop.sock_sendall(client, piece)
                    await turns()
                if self.case.end == "half":
                    client.shutdown(socket.SHUT_WR)
            if self.case.end == "reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return b""
            while data := await loop.sock_recv(client, 65536):
                received += data
        return received

    async def gone(self) -> None:
        """Wait until the server has noticed the end of every connection."""
        while self.server._connections:
            await asyncio.sleep(0)


async def turns() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def cuts(data: bytes) -> Iterator[list[bytes]]:
    yield [data]
    if len(data) <= SHORT:
        yield [data[at : at + 1] for at in range(len(data))]
    for at in range(1, len(data), max(1, len(data) // CUTS)):
        yield [data[:at], data[at:]]


def check(expected: str, answer: Answer) -> None:
    status, _, rest = expected.removeprefix("HEAD").strip(" ").partition(" ") if expected != "HEAD" else ("*", "", "")
    _, _, rest = expected.removeprefix("HEAD ").partition(" ")
    assert status in ("*", str(answer.status))
    if field := re.fullmatch(r"([A-Z][A-Za-z-]*)=(.*)", rest):
        assert field[1] in answer.fields and field[2] in ("*", answer.fields[field[1]])
    elif rest.startswith("!"):
        assert rest[1:] not in answer.fields
    elif rest:
        assert answer.content.decode("latin-1") == rest


async def play(case: Case) -> None:
    served = Served(case)
    sentinel = SENTINEL if case.then == "open" else b""
    expect = case.expect + (["200 GET /sentinel a "] if sentinel else [])
    for pieces in cuts(case.send):
        received = await asyncio.wait_for(served.exchange([*pieces, sentinel] if sentinel else pieces), SECONDS)
        answers = read_answers(received, [text.startswith("HEAD") for text in expect])
        found = [answer.status for answer in answers]
        assert len(answers) == len(expect), f"{found} instead of {expect}, sent {pieces}"
        for text, answer in zip(expect, answers, strict=True):
            check(text, answer)
        await asyncio.wait_for(served.gone(), SECONDS)
    served.server.stop()


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_case(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "tornado.general"), asyncio.Runner(loop_factory=EventLoop) as runner:
        runner.run(play(case))
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert not [record.getMessage() for record in errors if record.name != "tornado.access"]


def test_the_table_is_whole() -> None:
    names = [str(case) for case in cases()]
    assert len(names) == len(set(names)) >= 300
    assert all(case.then in ("open", "close") and case.end in ("", "half", "reset") for case in cases())
    assert all(re.match(r"\d{4} (section|appendix) [\dC]", case.rfc) for case in cases())
