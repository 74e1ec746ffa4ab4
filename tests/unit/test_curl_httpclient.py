"""The client on libcurl: what Tornado's own tests of it do not look at."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pycurl")

from pyframework.curl_httpclient import CurlAsyncHTTPClient, CurlError
from pyframework.httpserver import HTTPServer
from pyframework.testing import bind_unused_port
from pyframework.web import Application, RequestHandler


class Hello(RequestHandler):
    def get(self) -> None:
        self.write(b"x" * int(self.get_argument("size", "5")))

    def post(self) -> None:
        self.write(self.request.body)


class Away(RequestHandler):
    def get(self) -> None:
        self.set_status(302)
        self.set_header("Location", self.get_argument("url"))


class Auth(RequestHandler):
    def get(self) -> None:
        self.write(self.request.headers.get("Authorization", "none"))


def play(main: Callable[[CurlAsyncHTTPClient, str], Coroutine[Any, Any, None]], **options: Any) -> None:
    async def run() -> None:
        server = HTTPServer(Application([("/", Hello), ("/away", Away), ("/auth", Auth)]))
        sock, port = bind_unused_port()
        server.add_sockets([sock])
        client = CurlAsyncHTTPClient(force_instance=True, **options)
        try:
            await asyncio.wait_for(main(client, f"http://127.0.0.1:{port}/"), 20)
        finally:
            client.close()
            server.stop()
            await server.close_all_connections()

    asyncio.run(run())


def test_more_requests_than_handles() -> None:
    async def main(client: CurlAsyncHTTPClient, url: str) -> None:
        responses = await asyncio.gather(
            *(client.fetch(url, method="POST", body=str(number)) for number in range(20))
        )
        assert [response.body for response in responses] == [str(number).encode() for number in range(20)]
        assert {"queue", "connect", "total"} <= set(responses[0].time_info)

    play(main, max_clients=3)


def test_a_body_beyond_the_limit() -> None:
    async def main(client: CurlAsyncHTTPClient, url: str) -> None:
        assert (await client.fetch(f"{url}?size=10")).body == b"x" * 10
        with pytest.raises(CurlError, match="max_body_size"):
            await client.fetch(f"{url}?size=11")

    play(main, max_body_size=10)


def test_nobody_is_there() -> None:
    async def main(client: CurlAsyncHTTPClient, url: str) -> None:
        sock, port = bind_unused_port()
        sock.close()
        with pytest.raises(CurlError) as caught:
            await client.fetch(f"http://127.0.0.1:{port}/")
        assert caught.value.code == 599 and caught.value.errno == 7

    play(main)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"ssl_options": {}}, ValueError),
        ({"auth_username": "me", "auth_mode": "kerberos"}, ValueError),
        ({"method": "BREW"}, KeyError),
        ({"method": "POST"}, ValueError),
        ({"body": "x"}, ValueError),
        ({"body": "x", "allow_nonstandard_methods": True}, ValueError),
        ({"method": "POST", "body_producer": print}, ValueError),
        ({"headers": {"X": "a\nb"}}, ValueError),
    ],
    ids=str,
)
def test_a_request_that_cannot_be_sent(options: dict[str, Any], error: type[Exception]) -> None:
    async def main(client: CurlAsyncHTTPClient, url: str) -> None:
        with pytest.raises(error):
            await client.fetch(url, **options)
        assert (await client.fetch(url)).body == b"xxxxx"

    play(main, max_clients=1)


@pytest.mark.parametrize("redirected", [False, True])
def test_nothing_but_http(redirected: bool, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")

    async def main(client: CurlAsyncHTTPClient, url: str) -> None:
        for _ in range(2):  # a handle that is fresh, and one that has served
            with pytest.raises(CurlError) as caught:
                await client.fetch(f"{url}away?url={secret.as_uri()}" if redirected else secret.as_uri())
            assert caught.value.errno == 1  # CURLE_UNSUPPORTED_PROTOCOL

    play(main, max_clients=1)


def test_credentials_of_one_request_are_not_those_of_the_next() -> None:
    async def main(client: CurlAsyncHTTPClient, url: str) -> None:
        said = await client.fetch(f"{url}auth", auth_username="me", auth_password="secret")
        assert said.body == b"Basic bWU6c2VjcmV0"
        assert (await client.fetch(f"{url}auth")).body == b"none"

    play(main, max_clients=1)
