"""A server that has answered already: what is replaced afterwards is replaced late, on a connection that is kept."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pyframework.httpclient import AsyncHTTPClient, HTTPResponse
from pyframework.web import Application, RequestHandler


class Hello(RequestHandler):
    def get(self, name: str = "world") -> None:
        self.write(f"hello {name}")

    async def post(self) -> None:
        self.write(self.request.body)


@pytest.fixture
def hello() -> type[RequestHandler]:
    """Return a handler class that no other test has."""
    return type("FreshHello", (Hello,), {})


@pytest.fixture
def open_site(http_server: Callable[..., str], http_client: AsyncHTTPClient) -> Callable[..., Awaitable[Any]]:
    """A coroutine function: serves an application or a handler class, asks for / once, returns what asks again."""

    async def open_site(target: Any, **options: Any) -> Callable[..., Awaitable[HTTPResponse]]:
        is_class = isinstance(target, type)
        url = http_server(Application([("/", target), ("/hello/(.*)", target)]) if is_class else target, **options)

        async def ask(path: str = "/", **request: Any) -> HTTPResponse:
            return await http_client.fetch(url + path, raise_error=False, keep_alive=True, **request)

        await ask()
        return ask

    return open_site
