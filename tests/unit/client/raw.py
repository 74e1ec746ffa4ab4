"""Servers whose every byte a test chooses, and how a test plays with a client against them."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pyframework.testing
from pyframework._core.loop import EventLoop
from pyframework.httputil import HTTPHeaders
from pyframework.iostream import IOStream, StreamClosedError
from pyframework.simple_httpclient import SimpleAsyncHTTPClient
from pyframework.tcpserver import TCPServer
from pyframework.testing import bind_unused_port

FOLDER = Path(pyframework.testing.__file__).parent
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Talk = Callable[["Conversation"], Awaitable[None]]


class Conversation:
    """The server's end of one connection."""

    def __init__(self, stream: IOStream, number: int) -> None:
        self.stream = stream
        self.number = number

    async def request(self) -> tuple[str, HTTPHeaders, bytes]:
        """The next request: its start line, its fields, and a body of Content-Length."""
        head = (await self.stream.read_until(b"\r\n\r\n")).decode()
        start_line, _, fields = head.partition("\r\n")
        headers = HTTPHeaders.parse(fields)
        return start_line, headers, await self.stream.read_bytes(int(headers.get("Content-Length", "0")))

    async def answer(self, data: bytes = OK) -> None:
        await self.request()
        await self.stream.write(data)


class Server(TCPServer):
    """Talks as a test says; without that, it answers each request with `OK`."""

    def __init__(self, talk: Talk | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.talk = talk
        self.conversations: list[Conversation] = []
        sock, self.port = bind_unused_port()
        self.add_sockets([sock])

    def url(self, path: str = "/", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    async def handle_stream(self, stream: IOStream, address: Any) -> None:
        conversation = Conversation(stream, len(self.conversations))
        self.conversations.append(conversation)
        try:
            if self.talk is not None:
                await self.talk(conversation)
                stream.close()
            while self.talk is None:
                await conversation.answer()
        except StreamClosedError:
            pass


def play(main: Callable[[SimpleAsyncHTTPClient], Coroutine[Any, Any, None]], **options: Any) -> None:
    async def run() -> None:
        client = SimpleAsyncHTTPClient(force_instance=True, **options)
        try:
            await asyncio.wait_for(main(client), 20)
        finally:
            client.close()

    for factory in (EventLoop, asyncio.SelectorEventLoop):
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(run())


def server_context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(FOLDER / "testing.crt", FOLDER / "testing.key")
    return context


def answering(*answers: bytes) -> Talk:
    """Answers each request of each connection with the next of `answers`, the last one for ever."""

    async def talk(conversation: Conversation) -> None:
        for answer in answers:
            await conversation.answer(answer)
        while True:
            await conversation.answer(answers[-1])

    return talk


def redirect(code: int, location: str, fields: str = "") -> bytes:
    return f"HTTP/1.1 {code} Away\r\nLocation: {location}\r\n{fields}Content-Length: 0\r\n\r\n".encode()
