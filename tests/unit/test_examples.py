"""Each example runs as its first lines say, and does what they promise."""

import asyncio
import hashlib
import json
import re
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pyframework.httpclient import AsyncHTTPClient, HTTPResponse
from pyframework.websocket import websocket_connect

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@contextmanager
def running(name: str) -> Iterator[str]:
    """Run an example as a program; the value is its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(EXAMPLES / f"{name}.py"), f"--port={port}"])
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


async def until_open(url: str) -> None:
    port = int(url.rpartition(":")[2])
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        await writer.wait_closed()
        return


def use(name: str, visit: Callable[[AsyncHTTPClient, str], Awaitable[None]]) -> None:
    async def main(url: str) -> None:
        await until_open(url)
        client = AsyncHTTPClient(force_instance=True)
        try:
            await visit(client, url)
        finally:
            client.close()

    with running(name) as url:
        asyncio.run(asyncio.wait_for(main(url), 30))


def test_every_example_has_a_test() -> None:
    tested = set(re.findall(r"use\(\"(\w+)\"", Path(__file__).read_text()))
    assert tested == {path.stem for path in EXAMPLES.glob("*.py")}


def test_hello() -> None:
    async def visit(client: AsyncHTTPClient, url: str) -> None:
        assert (await client.fetch(f"{url}/you")).body == b"Hello, you\n"

    use("hello", visit)


def test_chat() -> None:
    async def visit(client: AsyncHTTPClient, url: str) -> None:
        ann, bob = [await websocket_connect(f"{url.replace('http', 'ws')}/socket") for _ in range(2)]
        await ann.write_message(json.dumps({"text": "<hi>"}))
        assert await ann.read_message() == await bob.read_message() == "<hi>"
        assert b"<li>&lt;hi&gt;</li>" in (await client.fetch(url)).body
        await bob.write_message("[]")
        assert await bob.read_message() is None and bob.close_code == 1007
        bob.close()
        ann.close()
        assert await ann.read_message() is None

    use("chat", visit)


def test_upload() -> None:
    body = b"0123456789" * 300_000

    async def visit(client: AsyncHTTPClient, url: str) -> None:
        response = await client.fetch(f"{url}/a.iso", method="PUT", body=body)
        digest = hashlib.sha256(body).hexdigest()
        assert json.loads(response.body) == {"name": "a.iso", "bytes": len(body), "sha256": digest}

    use("upload", visit)


def test_events() -> None:
    async def visit(client: AsyncHTTPClient, url: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(2):
            await reader.readuntil(b"data: ")
            assert re.fullmatch(rb"\d\d:\d\d:\d\d\n", await reader.readline())
        writer.close()
        await writer.wait_closed()
        assert b"EventSource" in (await client.fetch(url)).body

    use("events", visit)


@pytest.mark.parametrize("n", ["x", "36"])
def test_background_refuses(n: str) -> None:
    async def visit(client: AsyncHTTPClient, url: str) -> None:
        response = await client.fetch(f"{url}/jobs", method="POST", body=f"n={n}", raise_error=False)
        assert (response.code, response.reason) == (400, "n is a number up to 35")

    use("background", visit)


def test_background() -> None:
    async def visit(client: AsyncHTTPClient, url: str) -> None:
        response: HTTPResponse = await client.fetch(f"{url}/jobs", method="POST", body="n=15")
        assert response.code == 202
        job = {"done": False}
        while not job["done"]:
            job = json.loads((await client.fetch(url + response.headers["Location"])).body)
        assert job == {"job": 0, "done": True, "result": 610}
        assert (await client.fetch(f"{url}/jobs/7", raise_error=False)).code == 404

    use("background", visit)
