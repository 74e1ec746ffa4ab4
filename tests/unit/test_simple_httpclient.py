"""The client against servers whose every byte a test chooses: what is sent, what ends a request."""

import asyncio
import contextvars
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pyframework import httputil, netutil, version
from pyframework.httpclient import AsyncHTTPClient, HTTPRequest
from pyframework.httputil import HTTPHeaders
from pyframework.netutil import _accepts_here
from pyframework.simple_httpclient import HTTPStreamClosedError, HTTPTimeoutError, SimpleAsyncHTTPClient
from tests.unit.client.conftest import as_if_elsewhere  # noqa: F401  (for all tests here)
from tests.unit.client.raw import OK, Conversation, Server, answering, play, server_context


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


def test_many_that_fail_while_they_wait_for_their_turn() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server()
        good = client.fetch(server.url())
        bad = [client.fetch("ftp://a/") for _ in range(1000)]
        errors = await asyncio.gather(*bad, return_exceptions=True)
        assert {type(error) for error in errors} == {ValueError}
        assert (await good).body == (await client.fetch(server.url())).body == b"ok"
        assert not client.active and not client.queue
        server.stop()

    play(main, max_clients=1)


def test_a_repeat_has_its_own_time_to_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        async def talk(conversation: Conversation) -> None:
            await conversation.answer()
            if conversation.number == 0:
                await conversation.request()
                now[0] += 10  # seconds that it says nothing, and then it closes

        now = [client.io_loop.time()]
        monkeypatch.setattr(client.io_loop, "time", lambda: now[0])
        server = Server(talk)
        for _ in range(2):
            assert (await client.fetch(server.url(), connect_timeout=3, request_timeout=60)).code == 200
        assert len(server.conversations) == 2
        monkeypatch.undo()
        server.stop()

    play(main)


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


# ---- what is sent


def heads_of(*requests: dict[str, Any]) -> list[tuple[str, HTTPHeaders]]:
    """Return the start lines and fields that a server sees of these requests."""
    seen: list[tuple[str, HTTPHeaders]] = []

    async def main(client: SimpleAsyncHTTPClient) -> None:
        async def talk(conversation: Conversation) -> None:
            while True:
                start_line, headers, _ = await conversation.request()
                seen.append((start_line, headers))
                await conversation.stream.write(OK)

        server = Server(talk)
        for request in requests:
            options = {**request}
            await client.fetch(server.url(options.pop("path", "/")), **options)
        server.stop()

    play(main)
    return seen[: len(requests)]


def test_the_fields_of_a_request() -> None:
    [(start_line, headers)] = heads_of({})
    assert start_line == "GET / HTTP/1.1"
    assert sorted(headers) == ["Accept-Encoding", "Host", "User-Agent"]
    assert headers["User-Agent"] == f"Tornado/{version}"
    assert headers["Accept-Encoding"] == ", ".join(httputil._decoders())


def test_what_the_arguments_say_comes_before_the_headers() -> None:
    mine = {"User-Agent": "header", "Accept-Encoding": "identity", "Authorization": "header", "Host": "header"}
    (_, first), (_, second) = heads_of(
        {"headers": mine, "user_agent": "argument", "auth_username": "me"},
        {"headers": mine, "decompress_response": False},
    )
    assert (first["User-Agent"], first["Authorization"]) == ("argument", "Basic bWU6")
    assert first["Accept-Encoding"] != "identity"
    assert (second["User-Agent"], second["Authorization"]) == ("header", "header")
    assert second["Accept-Encoding"] == "identity"
    assert first["Host"] == second["Host"] == "header"


@pytest.mark.parametrize(
    ("path", "sent"),
    [("/a b", "/a%20b"), ("/\xe4?q=\x7f \u20ac", "/%C3%A4?q=%7F%20%E2%82%AC"), ("?q", "/?q"), ("/%41#here", "/%41")],
)
def test_what_cannot_be_sent_is_encoded(path: str, sent: str) -> None:
    [(start_line, _)] = heads_of({"path": path})
    assert start_line == f"GET {sent} HTTP/1.1"


# ---- what comes back


def test_the_codings_of_a_response() -> None:
    brotli = pytest.importorskip("brotli")
    body = brotli.compress(b"x" * 300_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: {len(body)}\r\n\r\n".encode()

    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server(answering(head + body))
        response = await client.fetch(server.url())
        assert response.body == b"x" * 300_000
        assert response.headers["X-Consumed-Content-Encoding"] == "br"
        assert (await client.fetch(server.url(), decompress_response=False)).body == body
        pieces: list[bytes] = []

        async def slowly(piece: bytes) -> None:
            await asyncio.sleep(0)
            pieces.append(piece)

        await client.fetch(server.url(), streaming_callback=slowly)
        assert len(pieces) > 1 and b"".join(pieces) == b"x" * 300_000
        assert len(server.conversations) == 1
        server.stop()

    play(main)


def test_callbacks_run_in_the_context_of_the_fetch() -> None:
    who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")
    seen = []

    async def main(client: SimpleAsyncHTTPClient) -> None:
        async def later(piece: bytes) -> None:
            seen.append(who.get())

        callbacks: list[Callable[[bytes], Awaitable[None] | None]] = [lambda piece: seen.append(who.get()), later]
        server = Server()
        await client.fetch(server.url())  # the next ones go on its connection
        for callback in callbacks:
            who.set("me")
            fetching = client.fetch(
                server.url(), header_callback=lambda line: seen.append(who.get()), streaming_callback=callback
            )
            who.set("another")
            await fetching
        server.stop()

    play(main)
    assert set(seen) == {"me"} and len(seen) == 2 * 2 * 4


def test_the_body_is_sent_once_however_often_it_is_asked_for() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        async def talk(conversation: Conversation) -> None:
            await conversation.stream.read_until(b"\r\n\r\n")
            await conversation.stream.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 2)
            assert await conversation.stream.read_bytes(4) == b"body"
            await conversation.stream.write(OK)
            assert await conversation.stream.read_until_close() == b""

        server = Server(talk)
        await client.fetch(server.url(), method="POST", body=b"body", expect_100_continue=True)
        client.pool.close()
        server.stop()

    play(main)


@pytest.mark.parametrize("when", ["at once", "later", "after 100"])
def test_a_producer_that_fails(when: str) -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        async def talk(conversation: Conversation) -> None:
            await conversation.stream.read_until(b"\r\n\r\n")
            await conversation.stream.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await conversation.stream.read_until_close()

        async def producer(write: Callable[[bytes], Any]) -> None:
            if when == "later":
                await write(b"x")
            raise ZeroDivisionError

        server = Server(talk)
        with pytest.raises(ZeroDivisionError):
            await client.fetch(
                server.url(), method="POST", body_producer=producer, expect_100_continue=when == "after 100"
            )
        assert not client.active and len(client.pool) == 0
        server.stop()

    play(main)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
def test_a_server_that_goes_away(said: bytes) -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server(lambda conversation: conversation.answer(said))
        with pytest.raises(HTTPStreamClosedError, match="closed"):
            await client.fetch(server.url())
        server.stop()

    play(main)


def test_a_certificate_that_is_not_good() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server(ssl_options=server_context())
        await client.fetch(server.url(scheme="https"), validate_cert=False)
        with pytest.raises(ssl.SSLCertVerificationError):
            await client.fetch(server.url(scheme="https"))
        server.stop()

    play(main)


def test_who_trusts_anybody_does_not_load_the_certificates_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[ssl.SSLContext] = []
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda context, purpose: loads.append(context))

    async def main(client: SimpleAsyncHTTPClient) -> None:
        netutil._client_ssl_defaults.cache_clear()
        loads.clear()
        server = Server(ssl_options=server_context())
        await client.fetch(server.url(scheme="https"), validate_cert=False)
        assert not loads
        with pytest.raises(ssl.SSLCertVerificationError):
            await client.fetch(server.url(scheme="https"))
        assert len(loads) == 1
        server.stop()

    play(main)
    netutil._client_ssl_defaults.cache_clear()


def test_a_server_of_the_same_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would see that connections stay; unless it is asked for, they do not."""
    monkeypatch.setattr("pyframework.simple_httpclient._accepts_here", _accepts_here)

    async def main(client: SimpleAsyncHTTPClient) -> None:
        server, said = Server(), []

        async def talk(conversation: Conversation) -> None:
            while True:
                _, headers, _ = await conversation.request()
                said.append(headers.get("Connection"))
                await conversation.stream.write(OK)

        server.talk = talk
        await client.fetch(server.url())
        await client.fetch(server.url(), keep_alive=True)
        await client.fetch(server.url(), keep_alive=True)
        assert said == ["close", None, None] and len(server.conversations) == 2
        port = int(server.url().rpartition(":")[2].strip("/"))
        assert _accepts_here("localhost", port) and not _accepts_here("other.example", port)
        server.stop()
        assert not _accepts_here("127.0.0.1", port)

    play(main)
