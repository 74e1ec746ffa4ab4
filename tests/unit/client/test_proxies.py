"""Proxies that forward and proxies that make tunnels."""

import asyncio
import base64
import socket
from contextlib import closing
from typing import Any

import pytest

from pyframework.iostream import IOStream, StreamClosedError
from pyframework.simple_httpclient import HTTPTimeoutError, SimpleAsyncHTTPClient
from tests.unit.client.raw import OK, Conversation, Server, Talk, answering, play, redirect, server_context


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


def through(proxy: Server, password: str | None = None) -> dict[str, Any]:
    credentials = {"proxy_username": "me", "proxy_password": password} if password else {}
    return {"proxy_host": "127.0.0.1", "proxy_port": proxy.port, **credentials}


def test_credentials_of_the_proxy_stay_with_the_proxy() -> None:
    """Neither a server behind a tunnel nor one that is asked directly sees them."""

    async def main(client: SimpleAsyncHTTPClient) -> None:
        seen: list[str | None] = []
        asked: list[tuple[str, str | None]] = []

        async def end(conversation: Conversation) -> None:
            while True:
                _, headers, _ = await conversation.request()
                seen.append(headers.get("Proxy-Authorization"))
                await conversation.stream.write(OK)

        secure = Server(end, ssl_options=server_context())

        async def talk(conversation: Conversation) -> None:
            if conversation.number == 0:
                await conversation.answer(redirect(302, secure.url(scheme="https")))
            await tunnelling(asked)(conversation)

        proxy = Server(talk)
        response = await client.fetch("http://example.com/", validate_cert=False, **through(proxy, "secret"))
        assert response.body == b"ok" and response.effective_url.startswith("https:")
        assert [credentials for _, credentials in asked] == ["Basic bWU6c2VjcmV0"]
        assert seen == [None]
        proxy.stop()
        secure.stop()

    play(main)


def test_a_connection_serves_one_user_of_the_proxy() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        proxy = Server()
        for password in ("one", "one", "two", None, None):
            await client.fetch("http://example.com/", **through(proxy, password))
        assert len(proxy.conversations) == 3
        proxy.stop()

    play(main)


def test_a_connection_to_the_proxy_is_none_to_the_place_itself() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server()
        await client.fetch(server.url(), **through(server))
        await client.fetch(server.url())
        assert len(server.conversations) == 2
        server.stop()

    play(main)


def test_the_environment_names_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        asked = []

        async def talk(conversation: Conversation) -> None:
            _, headers, _ = await conversation.request()
            asked.append(headers.get("Proxy-Authorization"))
            await conversation.stream.write(OK)

        proxy = Server(talk)
        monkeypatch.setenv("http_proxy", f"http://me:a%40b@127.0.0.1:{proxy.port}")
        await client.fetch("http://example.com/")
        assert asked == ["Basic " + base64.b64encode(b"me:a@b").decode()]
        monkeypatch.setenv("http_proxy", "socks5://127.0.0.1")
        with pytest.raises(ValueError, match="no HTTP proxy"):
            await client.fetch("http://example.com/")
        proxy.stop()

    play(main, trust_env=True)


@pytest.mark.parametrize("silent", ["proxy", "server"])
def test_a_tunnel_that_takes_too_long(silent: str) -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        closed = asyncio.Event()

        async def talk(conversation: Conversation) -> None:
            await conversation.request()
            if silent == "server":
                await conversation.stream.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await conversation.stream.read_until_close()
            closed.set()

        proxy = Server(talk)
        expected = "while connecting through the proxy"
        if silent == "server":
            expected = "during TLS handshake with example.com:443"
        with pytest.raises(HTTPTimeoutError, match=f"Timeout {expected}"):
            await client.fetch("https://example.com/", connect_timeout=1, **through(proxy))
        await closed.wait()
        assert not client.active
        proxy.stop()

    play(main)


def test_a_proxy_knows_basic_authentication_only() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        with pytest.raises(ValueError, match="digest"):
            await client.fetch("http://example.com/", proxy_host="p", proxy_port=1, proxy_auth_mode="digest")

    play(main)
