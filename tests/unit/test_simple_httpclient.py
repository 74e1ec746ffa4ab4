"""The client against servers whose every byte a test chooses: which connections serve again, what ends a request."""

import asyncio
import http.cookiejar
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import pyframework.testing
from pyframework._core.loop import EventLoop
from pyframework.httpclient import AsyncHTTPClient, HTTPClient, HTTPClientError, HTTPRequest
from pyframework.httpserver import HTTPServer
from pyframework.httputil import HTTPHeaders
from pyframework.iostream import IOStream, StreamClosedError
from pyframework.simple_httpclient import HTTPStreamClosedError, HTTPTimeoutError, SimpleAsyncHTTPClient
from pyframework.tcpserver import TCPServer
from pyframework.testing import bind_unused_port
from pyframework.web import Application, RequestHandler

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


# ---- connections that serve again


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "PUT"])
def test_an_idempotent_request_takes_the_connection_of_the_last(method: str) -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server()
        options: dict[str, Any] = {"body": b"x"} if method == "PUT" else {}
        if method == "HEAD":
            server.talk = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        for _ in range(3):
            response = await client.fetch(server.url(), method=method, **options)
            assert response.body == (b"" if method == "HEAD" else b"ok")
        assert len(server.conversations) == 1
        server.stop()

    play(main)


def answering(*answers: bytes) -> Talk:
    """Answers each request of each connection with the next of `answers`, the last one for ever."""

    async def talk(conversation: Conversation) -> None:
        for answer in answers:
            await conversation.answer(answer)
        while True:
            await conversation.answer(answers[-1])

    return talk


@pytest.mark.parametrize(
    "options",
    [
        {"network_interface": "127.0.0.1"},
        {"allow_ipv6": False},
        {"keep_alive": False},
        {"method": "POST", "body": b"x"},
        {"method": "PATCH", "body": b"x"},
        {"method": "PUT", "body_producer": lambda write: write(b"x")},
    ],
    ids=str,
)
def test_a_request_of_another_kind_does_not(options: dict[str, Any]) -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        async def talk(conversation: Conversation) -> None:
            while True:
                start_line, headers, _ = await conversation.request()
                if headers.get("Transfer-Encoding") == "chunked":
                    await conversation.stream.read_until(b"0\r\n\r\n")
                await conversation.stream.write(OK)

        server = Server(talk)
        await client.fetch(server.url())
        await client.fetch(server.url(), **options)
        assert len(server.conversations) == 2
        server.stop()

    play(main)


@pytest.mark.parametrize("other", ["host", "port", "scheme", "TLS options", "resolver"])
def test_a_request_to_another_place_does_not(other: str) -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        first, second = Server(), Server()
        secure = Server(ssl_options=server_context())
        options: dict[str, Any] = {"validate_cert": False}
        if other == "host":
            await client.fetch(first.url())
            await client.fetch(first.url().replace("127.0.0.1", "localhost"))
            assert len(first.conversations) == 2
        elif other == "port":
            await client.fetch(first.url())
            await client.fetch(second.url())
            assert len(first.conversations) == len(second.conversations) == 1
        elif other == "scheme":
            await client.fetch(first.url())
            await client.fetch(secure.url(scheme="https"), **options)
            assert len(first.conversations) == len(secure.conversations) == 1
        elif other == "resolver":
            mine = SimpleAsyncHTTPClient(force_instance=True)
            await client.fetch(first.url())
            await mine.fetch(first.url())
            mine.close()
            assert len(first.conversations) == 2
        else:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            await client.fetch(secure.url(scheme="https"), **options)
            await client.fetch(secure.url(scheme="https"), **options)
            assert len(secure.conversations) == 1
            await client.fetch(secure.url(scheme="https"), ssl_options=context)
            await client.fetch(secure.url(scheme="https"), ssl_options=context)
            assert len(secure.conversations) == 2
            for _ in range(2):
                await client.fetch(secure.url(scheme="https"), ssl_options={"cert_reqs": ssl.CERT_NONE})
            assert len(secure.conversations) == 4
        for server in (first, second, secure):
            server.stop()

    play(main)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: x, Close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        OK + b"HTTP/1.1 200 OK\r\n",
    ],
)
def test_an_answer_that_leaves_the_connection_useless(answer: bytes) -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        async def talk(conversation: Conversation) -> None:
            await conversation.answer(answer)
            assert await conversation.stream.read_until_close() == b""  # closed by the client

        server = Server(talk)
        for number in (1, 2):
            assert (await client.fetch(server.url())).body == b"ok"
            assert len(server.conversations) == number
        server.stop()

    play(main)


def test_a_body_until_close() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        async def talk(conversation: Conversation) -> None:
            await conversation.answer(b"HTTP/1.1 200 OK\r\n\r\nok")

        server = Server(talk)
        for number in (1, 2):
            assert (await client.fetch(server.url())).body == b"ok"
            assert len(server.conversations) == number
        server.stop()

    play(main)


def test_an_answer_before_the_end_of_the_request() -> None:
    """What is left of the body would be taken for the next request."""

    async def main(client: SimpleAsyncHTTPClient) -> None:
        async def talk(conversation: Conversation) -> None:
            await conversation.stream.read_until(b"\r\n\r\n")
            await conversation.stream.write(OK)
            await conversation.stream.read_until_close()

        async def slowly(write: Callable[[bytes], Any]) -> None:
            await write(b"x")
            await asyncio.Event().wait()

        server = Server(talk)
        await client.fetch(server.url(), method="PUT", body_producer=slowly)
        assert len(client.pool) == 0
        await client.fetch(server.url())
        assert len(server.conversations) == 2
        server.stop()

    play(main)


def test_any_method_where_the_request_says_so() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server()
        for _ in range(2):
            await client.fetch(server.url(), method="POST", body=b"x", keep_alive=True)
        assert len(server.conversations) == 1
        server.stop()

    play(main)


def test_connection_close_is_said() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        said = []

        async def talk(conversation: Conversation) -> None:
            _, headers, _ = await conversation.request()
            said.append(headers.get("Connection"))
            await conversation.stream.write(OK)
            await conversation.stream.read_until_close()

        server = Server(talk)
        await client.fetch(server.url(), keep_alive=False)
        await client.fetch(server.url())
        assert said == ["close", None]
        server.stop()

    play(main)


def test_the_number_of_idle_connections_is_limited() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        servers = [Server() for _ in range(3)]
        for server in servers:
            await client.fetch(server.url())
        assert len(client.pool) == 2
        for server in reversed(servers):
            await client.fetch(server.url())
        assert [len(server.conversations) for server in servers] == [2, 1, 1]
        for server in servers:
            server.stop()

    play(main, max_idle_connections=2)


def test_none_is_kept_where_none_may_be() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server()
        for number in (1, 2):
            await client.fetch(server.url())
            assert len(server.conversations) == number
        server.stop()

    play(main, max_idle_connections=0)


def test_an_old_connection_is_closed() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        closed = asyncio.Event()

        async def talk(conversation: Conversation) -> None:
            await conversation.answer()
            await conversation.stream.read_until_close()
            closed.set()

        server = Server(talk)
        await client.fetch(server.url())
        assert len(client.pool) == 1
        await closed.wait()
        assert len(client.pool) == 0
        server.stop()

    play(main, idle_seconds=0.05)


def test_a_connection_that_the_server_closes_is_forgotten() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        async def talk(conversation: Conversation) -> None:
            await conversation.answer()

        server = Server(talk)
        for number in (1, 2):
            await client.fetch(server.url())
            while len(client.pool):
                await asyncio.sleep(0)
            assert len(server.conversations) == number
        server.stop()

    play(main)


# ---- asked once more


def dying(last_words: bytes) -> Talk:
    """Answers the first request of the first connection; reads the second and dies with `last_words`."""

    async def talk(conversation: Conversation) -> None:
        await conversation.answer()
        if conversation.number:
            while True:
                await conversation.answer()
        await conversation.request()
        if last_words:
            await conversation.stream.write(last_words)

    return talk


def test_a_request_on_a_dead_connection_is_sent_once_more() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server(dying(b""))
        await client.fetch(server.url())
        assert (await client.fetch(server.url(), method="PUT", body=b"x")).body == b"ok"
        assert len(server.conversations) == 2
        server.stop()

    play(main)


@pytest.mark.parametrize("last_words", [b"H", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\n"])
def test_not_after_any_byte_of_an_answer(last_words: bytes) -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server(dying(last_words))
        await client.fetch(server.url())
        with pytest.raises(HTTPStreamClosedError):
            await client.fetch(server.url())
        assert len(server.conversations) == 1
        server.stop()

    play(main)


def test_not_what_must_not_happen_twice() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server(dying(b""))
        await client.fetch(server.url())
        with pytest.raises(HTTPStreamClosedError):
            await client.fetch(server.url(), method="POST", body=b"x", keep_alive=True)
        assert len(server.conversations) == 1
        server.stop()

    play(main)


def test_not_more_than_once() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        async def talk(conversation: Conversation) -> None:
            if conversation.number == 0:
                await conversation.answer()
            await conversation.request()

        server = Server(talk)
        await client.fetch(server.url())
        with pytest.raises(HTTPStreamClosedError):
            await client.fetch(server.url())
        assert len(server.conversations) == 2
        server.stop()

    play(main)


def test_the_blocking_client_keeps_no_connection() -> None:
    requests = []

    class Remember(RequestHandler):
        def get(self) -> None:
            requests.append(self.request.headers.get("Connection"))

    async def main() -> None:
        server = HTTPServer(Application([("/", Remember)]))
        sock, port = bind_unused_port()
        server.add_sockets([sock])

        def fetch() -> None:
            client = HTTPClient()
            client.fetch(f"http://127.0.0.1:{port}/")
            client.close()
            client.close()

        await asyncio.get_running_loop().run_in_executor(None, fetch)
        server.stop()

    asyncio.run(main())
    assert requests == ["close"]


# ---- what goes wrong


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"method": "BREW"}, KeyError, "BREW"),
        ({"method": "POST"}, ValueError, "must not be None"),
        ({"body": b"x"}, ValueError, "must be None"),
        ({"auth_username": "me", "auth_mode": "digest"}, ValueError, "digest"),
        ({"network_interface": "eth0"}, ValueError, "eth0"),
        ({"proxy_host": "proxy"}, ValueError, "proxy_port"),
        ({"prepare_curl_callback": print}, NotImplementedError, "Curl"),
    ],
    ids=str,
)
def test_a_request_that_cannot_be_sent(options: dict[str, Any], error: type[Exception], text: str) -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        with pytest.raises(error, match=text):
            await client.fetch("http://127.0.0.1:1/", **options)
        assert not client.active

    play(main)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "127.0.0.1/", "http:///path"])
def test_a_url_that_leads_nowhere(url: str) -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        with pytest.raises(ValueError, match=r"scheme|host"):
            await client.fetch(url)

    play(main)


def test_a_closed_client() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        client.close()
        with pytest.raises(RuntimeError, match="closed"):
            client.fetch("http://127.0.0.1/")

    play(main)


def test_a_server_that_does_not_answer() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        async def talk(conversation: Conversation) -> None:
            if conversation.number == 0:
                await conversation.answer()
            await conversation.stream.read_until_close()

        server = Server(talk)
        await client.fetch(server.url())
        with pytest.raises(HTTPTimeoutError, match="Timeout during request") as caught:
            await client.fetch(server.url(), request_timeout=0.05)
        assert caught.value.code == 599
        assert len(server.conversations) == 1 and len(client.pool) == 0
        server.stop()

    play(main)


def test_waiting_for_a_turn() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server()
        responses = await asyncio.gather(*(client.fetch(server.url(f"/{number}")) for number in range(5)))
        assert [response.effective_url[-2:] for response in responses] == [f"/{number}" for number in range(5)]
        assert len(server.conversations) == 1
        server.stop()

    play(main, max_clients=1)


# ---- redirects


def redirect(code: int, location: str, fields: str = "") -> bytes:
    return f"HTTP/1.1 {code} Away\r\nLocation: {location}\r\n{fields}Content-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize("same_origin", [True, False])
def test_credentials_stay_with_their_origin(same_origin: bool) -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        seen: list[tuple[str | None, str | None, str | None]] = []

        async def end(conversation: Conversation) -> None:
            while True:
                _, headers, _ = await conversation.request()
                seen.append((headers.get("Authorization"), headers.get("Cookie"), headers.get("X-Mine")))
                await conversation.stream.write(OK)

        other = Server(end)
        server = Server()

        async def talk(conversation: Conversation) -> None:
            location = "/there" if same_origin else other.url("/there")
            await conversation.answer(redirect(302, location))
            await end(conversation)

        server.talk = talk
        response = await client.fetch(
            server.url("/here"),
            auth_username="me",
            auth_password="secret",
            headers={"Cookie": "a=b", "X-Mine": "yes"},
        )
        assert response.effective_url.endswith("/there")
        assert response.request.url.endswith("/here")
        assert seen == [("Basic bWU6c2VjcmV0", "a=b", "yes")] if same_origin else [(None, None, "yes")]
        server.stop()
        other.stop()

    play(main)


@pytest.mark.parametrize(
    ("code", "method", "then"),
    [
        (301, "POST", "GET"), (302, "POST", "GET"), (303, "POST", "GET"), (303, "PUT", "GET"), (302, "PUT", "PUT"),
        (307, "POST", "POST"), (308, "POST", "POST"), (303, "HEAD", "HEAD"), (301, "GET", "GET"),
    ],
)  # fmt: skip
def test_what_is_asked_after_a_redirect(code: int, method: str, then: str) -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        asked = []

        async def talk(conversation: Conversation) -> None:
            while True:
                start_line, headers, body = await conversation.request()
                asked.append((start_line.split()[0], body, headers.get("Content-Type")))
                if len(asked) == 1:
                    await conversation.stream.write(redirect(code, "/there"))
                else:
                    await conversation.stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        server = Server(talk)
        body = b"x=1" if method in ("POST", "PUT") else None
        await client.fetch(server.url(), method=method, body=body, headers={"Content-Type": "text/x"})
        kept = then == method
        assert asked[1] == (then, body or b"" if kept else b"", "text/x" if kept else None)
        server.stop()

    play(main)


# ---- proxies


def test_a_proxy_is_asked_for_the_whole_url() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        asked = []

        async def talk(conversation: Conversation) -> None:
            start_line, headers, _ = await conversation.request()
            asked.append((start_line, headers["Host"], headers["Proxy-Authorization"]))
            await conversation.stream.write(OK)

        proxy = Server(talk)
        await client.fetch(
            "http://example.com:81/path?query#fragment",
            proxy_host="127.0.0.1",
            proxy_port=proxy.port,
            proxy_username="me",
            proxy_password="secret",
        )
        assert asked == [("GET http://example.com:81/path?query HTTP/1.1", "example.com:81", "Basic bWU6c2VjcmV0")]
        proxy.stop()

    play(main)


async def copy(source: IOStream, target: IOStream) -> None:
    try:
        while True:
            await target.write(await source.read_bytes(65536, partial=True))
    except StreamClosedError:
        target.close()


def tunnelling(asked: list[tuple[str, str | None]]) -> Talk:
    async def talk(conversation: Conversation) -> None:
        start_line, headers, _ = await conversation.request()
        asked.append((start_line, headers.get("Proxy-Authorization")))
        port = int(start_line.split()[1].rpartition(":")[2])
        with closing(IOStream(socket.socket())) as server:
            await server.connect(("127.0.0.1", port))
            await conversation.stream.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(copy(conversation.stream, server), copy(server, conversation.stream))

    return talk


def test_a_tunnel_leads_to_a_server_of_https() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        asked: list[tuple[str, str | None]] = []
        proxy = Server(tunnelling(asked))
        server = Server(ssl_options=server_context())
        options: dict[str, Any] = {"proxy_host": "127.0.0.1", "proxy_port": proxy.port, "validate_cert": False}
        options |= {"proxy_username": "me", "proxy_password": "secret"}
        for _ in range(2):
            assert (await client.fetch(server.url(scheme="https"), **options)).body == b"ok"
        assert asked == [(f"CONNECT 127.0.0.1:{server.port} HTTP/1.1", "Basic bWU6c2VjcmV0")]
        await client.fetch(server.url(scheme="https"), validate_cert=False)
        assert len(server.conversations) == 2  # not through the proxy, so not on its connection
        proxy.stop()
        server.stop()

    play(main)


def test_a_proxy_that_refuses() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        proxy = Server(answering(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"))
        with pytest.raises(OSError, match=r"refused a tunnel to example.com:443: 407"):
            await client.fetch("https://example.com/", proxy_host="127.0.0.1", proxy_port=proxy.port)
        proxy.stop()

    play(main)


@pytest.mark.parametrize("trust_env", [True, False])
def test_the_environment_names_a_proxy(trust_env: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        proxy, server = Server(), Server()
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "localhost")
        await client.fetch(server.url())
        await client.fetch(server.url().replace("127.0.0.1", "localhost"))
        assert len(proxy.conversations) == int(trust_env)
        proxy.stop()
        server.stop()

    play(main, trust_env=trust_env)


# ---- responses in pieces


def test_the_pieces_of_a_response() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        head = b"HTTP/1.1 200 Fine\r\nX-Mine: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
        server = Server(answering(head + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"))
        for _ in range(2):
            async with client.stream(server.url()) as response:
                assert (response.code, response.reason, response.headers["X-Mine"]) == (200, "Fine", "1")
                assert b"".join([piece async for piece in response]) == b"abc"
        assert len(server.conversations) == 1
        server.stop()

    play(main)


def test_a_slow_reader_holds_the_server_back() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        size, sent = 64 << 20, 0

        async def talk(conversation: Conversation) -> None:
            nonlocal sent
            await conversation.answer(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
            while sent < size:
                await conversation.stream.write(bytes(1 << 20))
                sent += 1 << 20

        server = Server(talk)
        async with client.stream(server.url()) as response:
            received = len(await anext(aiter(response)))
            before = -1
            while before != sent:  # until the server gets no further
                before = sent
                for _ in range(100):
                    await asyncio.sleep(0)
            assert sent < size
            async for piece in response:
                received += len(piece)
        assert received == size
        server.stop()

    play(main, max_body_size=1 << 30)


def test_leaving_early_ends_the_request() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        closed = asyncio.Event()

        async def talk(conversation: Conversation) -> None:
            await conversation.answer(b"HTTP/1.1 200 OK\r\n\r\nfirst")
            await conversation.stream.read_until_close()
            closed.set()

        server = Server(talk)
        async with client.stream(server.url()) as response:
            assert await anext(aiter(response)) == b"first"
        await closed.wait()
        assert not client.active
        server.stop()

    play(main)


def test_a_stream_of_no_success() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server(answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone"))
        with pytest.raises(HTTPClientError, match="HTTP 404: Not Found"):
            async with client.stream(server.url()):
                raise AssertionError("entered")
        async with client.stream(server.url(), raise_error=False) as response:
            assert response.code == 404
            assert [piece async for piece in response] == [b"gone"]
        server.stop()
        with pytest.raises(OSError):
            async with client.stream(server.url(), keep_alive=False):
                raise AssertionError("entered")

    play(main)


def test_a_stream_that_is_cut() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        async def talk(conversation: Conversation) -> None:
            await conversation.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfirst")

        server = Server(talk)
        with pytest.raises(HTTPStreamClosedError):
            async with client.stream(server.url()) as response:
                async for _ in response:
                    pass
        server.stop()

    play(main)


# ---- cookies


def test_a_jar_keeps_cookies_and_gives_them_back() -> None:
    seen = []

    async def main(client: SimpleAsyncHTTPClient) -> None:
        async def talk(conversation: Conversation) -> None:
            while True:
                start_line, headers, _ = await conversation.request()
                seen.append(headers.get("Cookie"))
                if "/login" in start_line:
                    await conversation.stream.write(redirect(302, "/in", "Set-Cookie: user=me; Path=/\r\n"))
                else:
                    await conversation.stream.write(OK)

        client.cookie_jar = http.cookiejar.CookieJar()
        server = Server(talk)
        await client.fetch(server.url("/login"))
        await client.fetch(server.url("/again"))
        await client.fetch(server.url("/mine"), headers={"Cookie": "other=1"})
        server.stop()

    play(main)
    assert seen == [None, "user=me", "user=me", "other=1"] * 2


# ---- what is shared


def test_one_client_for_each_loop() -> None:
    async def main() -> None:
        assert AsyncHTTPClient() is AsyncHTTPClient()
        assert AsyncHTTPClient() is not AsyncHTTPClient(force_instance=True)
        client = AsyncHTTPClient()
        client.close()
        assert AsyncHTTPClient() is not client

    asyncio.run(main())


def test_a_request_is_not_changed_by_its_fetch() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server()
        headers = HTTPHeaders({"X-Mine": "1"})
        request = HTTPRequest(server.url(), headers=headers)
        assert [(await client.fetch(request)).code for _ in range(2)] == [200, 200]
        assert list(headers.get_all()) == [("X-Mine", "1")]
        server.stop()

    play(main)
