"""Which connections serve again, and what is asked once more."""

import asyncio
import gc
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pyframework._client import pool
from pyframework.httpclient import AsyncHTTPClient
from pyframework.netutil import Resolver, bind_unix_socket
from pyframework.simple_httpclient import HTTPStreamClosedError, SimpleAsyncHTTPClient
from pyframework.tcpclient import TCPClient
from tests.unit.client.raw import OK, Conversation, Server, Talk, answering, play, server_context


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
            assert len(server.conversations) == number and len(client.pool) == 0
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


def test_an_answer_while_the_request_is_still_being_sent() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        end = asyncio.Event()

        async def talk(conversation: Conversation) -> None:
            await conversation.stream.read_until(b"\r\n\r\n")
            await conversation.stream.write(OK)
            await end.wait()  # and reads no more

        server = Server(talk)
        await client.fetch(server.url(), method="PUT", body=bytes(32 << 20))
        assert len(client.pool) == 0
        end.set()
        while not server.conversations[0].stream.closed():
            await asyncio.sleep(0)
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


def test_an_old_connection_does_not_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server()
        now = [1000.0]
        monkeypatch.setattr(pool, "time", SimpleNamespace(monotonic=lambda: now[0]))
        for passed, connections in [(0, 1), (29, 1), (29, 1), (31, 2)]:
            now[0] += passed
            await client.fetch(server.url())
            assert len(server.conversations) == connections
        monkeypatch.undo()
        server.stop()

    play(main)


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


@pytest.mark.parametrize("last_words", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"])
def test_not_after_an_answer_that_is_none(last_words: bytes) -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server(dying(last_words))
        await client.fetch(server.url())
        with pytest.raises(HTTPStreamClosedError):
            await client.fetch(server.url())
        assert len(server.conversations) == 1
        server.stop()

    play(main)


def test_not_after_the_server_has_asked_for_the_body() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server(dying(b"HTTP/1.1 100 Continue\r\n\r\n"))
        await client.fetch(server.url())
        with pytest.raises(HTTPStreamClosedError):
            await client.fetch(server.url(), method="PUT", body=b"", expect_100_continue=True)
        assert len(server.conversations) == 1
        server.stop()

    play(main)


# ---- what else a kept connection must not do


def test_what_comes_unasked_is_no_answer() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server()
        assert (await client.fetch(server.url())).body == b"ok"
        await server.conversations[0].stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        kept = next(iter(client.pool._idle.values()))[0][0].stream
        while not kept._read_buffer_size:
            await asyncio.sleep(0)
        assert (await client.fetch(server.url())).body == b"ok"
        assert len(server.conversations) == 2 and kept.closed()
        server.stop()

    play(main)


@pytest.mark.parametrize(
    "fields",
    [
        {"Connection": "close"},
        {"Connection": "x, Close"},
        {"Connection": "Upgrade", "Upgrade": "h2c"},
        {"Authorization": "NTLM TlRMTVNTUAAB"},
        {"Authorization": "Negotiate YIIJ"},
    ],
    ids=str,
)
def test_a_request_that_leaves_no_connection(fields: dict[str, str]) -> None:
    """Either it said so, or the server takes whatever else comes on this connection for the same user's."""

    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server()
        await client.fetch(server.url(), headers=fields)
        assert len(client.pool) == 0
        await client.fetch(server.url())
        await client.fetch(server.url(), headers=fields)
        assert len(server.conversations) == 3
        server.stop()

    play(main)


@pytest.mark.parametrize("other", ["tcp_client", "resolver"])
def test_another_way_of_connecting_has_connections_of_its_own(other: str) -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server()
        await client.fetch(server.url())
        if other == "resolver":
            client.tcp_client.resolver = Resolver()
        else:
            client.tcp_client = TCPClient(client.resolver)
        await client.fetch(server.url())
        assert len(server.conversations) == 2
        server.stop()

    play(main)


def test_a_client_that_was_closed_meanwhile() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        closed = asyncio.Event()

        async def talk(conversation: Conversation) -> None:
            await conversation.request()
            client.close()
            await conversation.stream.write(OK)
            await conversation.stream.read_until_close()
            closed.set()

        server = Server(talk)
        assert (await client.fetch(server.url())).body == b"ok"
        await closed.wait()
        server.stop()

    play(main)


def test_the_next_loop_closes_what_the_last_one_left() -> None:
    """A program may call asyncio.run again and again, and never close the client."""

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        port = listener.getsockname()[1]

        def answer() -> socket.socket:
            connection, _ = listener.accept()
            connection.settimeout(10)
            received = b""
            while not received.endswith(b"\r\n\r\n"):
                received += connection.recv(65536)
            connection.sendall(OK)
            return connection

        async def main() -> socket.socket:
            fetching = AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/")
            connection = await asyncio.get_running_loop().run_in_executor(None, answer)
            assert (await fetching).body == b"ok"
            return connection

        async def another() -> None:
            AsyncHTTPClient().close()

        with asyncio.run(main()) as connection:
            asyncio.run(another())
            assert connection.recv(1) == b""


def test_connections_go_with_their_client() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        closed = asyncio.Event()

        async def talk(conversation: Conversation) -> None:
            await conversation.answer()
            await conversation.stream.read_until_close()
            closed.set()

        server = Server(talk)
        mine = SimpleAsyncHTTPClient(force_instance=True)
        await mine.fetch(server.url())
        assert len(mine.pool) == 1
        del mine  # never closed
        gc.collect()
        await closed.wait()
        server.stop()

    play(main)


def test_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")

    class ToSocket(Resolver):
        async def resolve(self, host: str, port: int, family: int = socket.AF_UNSPEC) -> list[tuple[int, Any]]:
            return [(socket.AF_UNIX, path)]

    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server()
        sock = bind_unix_socket(path)
        server.add_socket(sock)
        mine = SimpleAsyncHTTPClient(force_instance=True, resolver=ToSocket())
        for _ in range(2):
            assert (await mine.fetch("http://socket/")).body == b"ok"
        assert len(server.conversations) == 1
        mine.close()
        server.stop()

    play(main)
