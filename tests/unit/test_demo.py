"""examples/demo: each of its addresses answers."""

import asyncio
import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

import pyframework
from pyframework.httpserver import HTTPServer
from pyframework.netutil import bind_sockets

DEMO = Path(pyframework.__file__).parents[1] / "examples" / "demo" / "app.py"


@pytest.fixture(scope="module")
def demo() -> ModuleType:
    spec = importlib.util.spec_from_file_location("demo_app", DEMO)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def get(port: int, path: str) -> tuple[str, str]:
    """Return the status line and the body of a request on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return head.partition("\r\n")[0], body


def test_every_address_answers(demo: ModuleType) -> None:
    async def main() -> list[tuple[str, str]]:
        server = HTTPServer(demo.make_app())
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        port = sockets[0].getsockname()[1]
        answers = [await get(port, path) for path in ("/", "/hello", "/hello/you", "/numbers", "/nope")]
        server.stop()
        await server.close_all_connections()
        return answers

    page, hello, named, numbers, nope = pyframework.run(main())
    assert page[0] == hello[0] == named[0] == numbers[0] == "HTTP/1.1 200 OK"
    assert "Fire 1,000 requests" in page[1]
    assert (hello[1], named[1]) == ("Hello, world\n", "Hello, you\n")
    assert json.loads(numbers[1])["greetings"] == 2
    assert nope[0] == "HTTP/1.1 404 Not Found"
