"""The programs in docs/quickstart.md and its translation run, and do what the text says."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from pyframework import web
from pyframework.httpclient import AsyncHTTPClient, HTTPClientError
from pyframework.websocket import websocket_connect

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ["quickstart.md", "quickstart.zh.md"]
HELLO, SUM, SLOW, NAMES, ROOM, TESTS, SERVE, LOOP = range(8)


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


@pytest.fixture(params=PAGES)
def code(request: pytest.FixtureRequest) -> list[str]:
    found = blocks(request.param)
    assert len(found) == LOOP + 1
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def play(main: Callable[[AsyncHTTPClient], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        client = AsyncHTTPClient(force_instance=True)
        try:
            await main(client)
        finally:
            client.close()

    asyncio.run(asyncio.wait_for(run(), 30))


async def fetch(client: AsyncHTTPClient, url: str) -> bytes:
    """Return the body, as soon as the server listens."""
    while True:
        try:
            return (await client.fetch(url)).body
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("page", PAGES)
def test_the_first_program(page: str, tmp_path: Path) -> None:
    port = free_port()
    code = blocks(page)
    address = re.search(r"<http://127\.0\.0\.1:8888/(\w+)>", (DOCS / page).read_text())
    assert address is not None
    (tmp_path / "app.py").write_text(code[HELLO].replace("8888", str(port)))
    process = subprocess.Popen([sys.executable, str(tmp_path / "app.py")])

    async def main(client: AsyncHTTPClient) -> None:
        body = await fetch(client, f"http://127.0.0.1:{port}/{address[1]}")
        assert body.decode().rstrip().endswith(address[1])

    try:
        play(main)
    finally:
        process.terminate()
        process.wait(10)


def test_the_handlers(code: list[str]) -> None:
    names: dict[str, Any] = {"web": web, "asyncio": asyncio}
    for block in (SUM, SLOW, NAMES, ROOM, SERVE):
        exec(code[block], names)
    port = free_port()

    async def main(client: AsyncHTTPClient) -> None:
        serving = asyncio.ensure_future(names["serve"](port))
        site = f"http://127.0.0.1:{port}"
        assert await fetch(client, f"{site}/sum?n=1&n=2") == b'{"sum": 3.0}'
        with pytest.raises(HTTPClientError, match="400"):
            await fetch(client, f"{site}/sum?n=x")
        assert await fetch(client, f"{site}/slow") == b'{"answer": [1, 2, 3]}'
        assert b"<li>&lt;Ann&gt;</li>" in await fetch(client, f"{site}/names?name=%3CAnn%3E")
        ann, bob = [await websocket_connect(f"ws://127.0.0.1:{port}/room") for _ in range(2)]
        await ann.write_message("hello")
        assert [await ann.read_message(), await bob.read_message()] == ["hello", "hello"]
        client.close()
        signal.raise_signal(signal.SIGTERM)
        await serving
        assert [await ann.read_message(), await bob.read_message()] == [None, None]
        for connection in (ann, bob):
            connection.close()

    play(main)


def test_the_test(code: list[str], tmp_path: Path) -> None:
    program = "\n".join(["import asyncio", "from pyframework import web", code[SUM], code[TESTS]])
    (tmp_path / "test_app.py").write_text(program)
    (tmp_path / "pytest.ini").touch()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_app.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_loop(code: list[str]) -> None:
    exec(code[LOOP], {"asyncio": asyncio})


def test_the_pages_have_the_same_code() -> None:
    def without_text(block: str) -> str:
        return re.sub(r'"[^"\n]*[^\x00-\x7f][^"\n]*"|"(?:n must|Hello)[^"\n]*"|#.*', "", block).replace("f)", ")")

    english, chinese = blocks("quickstart.md"), blocks("quickstart.zh.md")
    assert [without_text(block).split() for block in english] == [without_text(block).split() for block in chinese]
