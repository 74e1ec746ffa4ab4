"""examples/demo without a browser: each address answers, and forged forms and cookies are refused."""

import asyncio
import hashlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest

import pyframework
from examples.demo.app import make_app
from examples.demo.figures import Figures
from examples.demo.source import pieces
from pyframework.httpclient import AsyncHTTPClient, HTTPResponse
from pyframework.httpserver import HTTPServer
from pyframework.netutil import bind_sockets
from pyframework.websocket import websocket_connect

ROOT = Path(__file__).resolve().parents[2]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Visitor:
    """A client that keeps its cookies and follows no redirects."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = AsyncHTTPClient(force_instance=True)
        self.cookies: dict[str, str] = {}

    async def fetch(self, path: str, **kwargs: object) -> HTTPResponse:
        headers = {**kwargs.pop("headers", {}), "Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        response = await self.client.fetch(
            self.url + path, headers=headers, raise_error=False, follow_redirects=False, **kwargs
        )
        for cookie in response.headers.get_list("Set-Cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
        return response

    async def post(self, path: str, **fields: str) -> HTTPResponse:
        return await self.fetch(path, method="POST", headers=FORM, body=urlencode(fields))

    async def token(self, path: str) -> str:
        """Return the xsrf token of the form on a page."""
        found = re.search(r'name="_xsrf" value="([^"]+)"', (await self.fetch(path)).body.decode())
        assert found
        return found[1]


@asynccontextmanager
async def visiting() -> AsyncIterator[Visitor]:
    figures = Figures()
    server = HTTPServer(make_app(figures))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    visitor = Visitor(f"http://127.0.0.1:{sockets[0].getsockname()[1]}")
    try:
        yield visitor
    finally:
        visitor.client.close()
        figures.close()
        await server.shutdown(grace=10)


def visit(look: Callable[[Visitor], Awaitable[None]]) -> None:
    async def main() -> None:
        async with visiting() as visitor:
            await look(visitor)

    pyframework.run(asyncio.wait_for(main(), 30))


def test_every_page_answers() -> None:
    async def look(visitor: Visitor) -> None:
        for path in ("/", "/chat", "/upload", "/guestbook", "/signin"):
            page = await visitor.fetch(path)
            assert page.code == 200
            for asset in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.body.decode()):
                assert (await visitor.fetch(asset.replace("&amp;", "&"))).code == 200
        assert [(await visitor.fetch(path)).body for path in ("/hello", "/hello/you")] == [
            b"Hello, world\n",
            b"Hello, you\n",
        ]
        nope = await visitor.fetch("/nope")
        assert nope.code == 404 and b"There is no page at this address." in nope.body

    visit(look)


def test_figures_count() -> None:
    seen: list[dict[str, object]] = []

    async def look(visitor: Visitor) -> None:
        def receive(chunk: bytes) -> None:
            seen.extend(json.loads(line[6:]) for line in chunk.decode().splitlines() if line.startswith("data: "))
            if len(seen) > 1:
                both.set()

        both = asyncio.Event()
        for _ in range(10):
            await visitor.fetch("/hello")
        stream = asyncio.ensure_future(visitor.fetch("/figures", streaming_callback=receive))
        await both.wait()
        stream.cancel()

    visit(look)
    assert seen[0]["total"] == seen[1]["total"] == 10
    assert len(seen[1]["rates"]) == 120 and max(seen[1]["rates"]) == seen[1]["peak"] > 0


def test_chat() -> None:
    async def look(visitor: Visitor) -> None:
        url = visitor.url.replace("http", "ws") + "/chat/socket"

        async def receive(socket: object) -> dict[str, object]:
            return json.loads(await socket.read_message())

        ann = await websocket_connect(url)
        assert await receive(ann) == {"you": "Guest 1", "messages": []}
        assert await receive(ann) == {"present": 1}
        await ann.write_message(b"binary", binary=True)
        await ann.write_message("  ")
        await ann.write_message(" Hi " + "!" * 600)
        said = (await receive(ann))["said"]
        assert (said["name"], said["text"]) == ("Guest 1", "Hi " + "!" * 497)
        bob = await websocket_connect(url)
        assert await receive(bob) == {"you": "Guest 2", "messages": [said]}
        assert await receive(ann) == await receive(bob) == {"present": 2}
        bob.close()
        assert await receive(ann) == {"present": 1}
        ann.close()

    visit(look)


def test_upload() -> None:
    body = b"0123456789" * 300_000

    async def look(visitor: Visitor) -> None:
        headers = {"X-XSRFToken": await visitor.token("/upload")}
        answer = json.loads((await visitor.fetch("/upload/a%20b", method="PUT", headers=headers, body=body)).body)
        assert answer.pop("seconds") > 0
        assert answer == {"name": "a b", "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        refused = await visitor.fetch("/upload/a", method="PUT", body=b"x")
        assert refused.code == 403

    visit(look)


def test_guestbook() -> None:
    async def look(visitor: Visitor) -> None:
        token = await visitor.token("/guestbook")
        signed = await visitor.post("/guestbook", _xsrf=token, name="Grace", text="<b>")
        assert (signed.code, signed.headers["Location"]) == (303, "/guestbook")
        async with visiting() as stranger:
            other = await stranger.token("/guestbook")
        for forged in ({}, {"_xsrf": ""}, {"_xsrf": "2|0|0|0"}, {"_xsrf": other}):
            refused = await visitor.post("/guestbook", name="Mallory", text="I was here", **forged)
            assert refused.code == 403 and b"Nothing was changed." in refused.body
        page = (await visitor.fetch("/guestbook")).body
        assert b"<p>&lt;b&gt;</p>" in page and b"<p class=\"hint\">Mallory" not in page

    visit(look)


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        (" ", "Hi", b"A name has 1 to 40 characters."),
        ("x" * 41, "Hi", b"A name has 1 to 40 characters."),
        ("Grace", "", b"A message has 1 to 280 characters."),
    ],
)
def test_guestbook_tells_what_is_wrong(name: str, text: str, fault: bytes) -> None:
    async def look(visitor: Visitor) -> None:
        page = await visitor.post("/guestbook", _xsrf=await visitor.token("/guestbook"), name=name, text=text)
        assert page.code == 400 and fault in page.body

    visit(look)


def test_sign_in_and_out() -> None:
    async def look(visitor: Visitor) -> None:
        away = await visitor.fetch("/account")
        assert (away.code, away.headers["Location"]) == (302, "/signin?next=%2Faccount")
        signed = await visitor.post("/signin", _xsrf=await visitor.token("/signin"), name="Ada")
        assert (signed.code, signed.headers["Location"]) == (303, "/account")
        assert b"Hello, Ada" in (await visitor.fetch("/account")).body
        cookie = visitor.cookies["user"]
        visitor.cookies["user"] = cookie.replace("QWRh", "RXZl")
        assert visitor.cookies["user"] != cookie and (await visitor.fetch("/account")).code == 302
        visitor.cookies["user"] = cookie
        assert (await visitor.post("/signout")).code == 403
        out = await visitor.post("/signout", _xsrf=await visitor.token("/account"))
        assert (out.code, out.headers["Location"], visitor.cookies["user"]) == (303, "/signin", "")

    visit(look)


def test_source_is_shown_whole() -> None:
    for path in (ROOT / "examples" / "demo").glob("*.py"):
        text = path.read_text()
        assert "".join(piece for _, piece in pieces(text)) == text
    assert ("keyword", "def") in pieces("def f(): pass\n") and ("comment", "# x") in pieces("a  # x\n")
    assert [kind for kind, piece in pieces("a = 'b'\n") if piece == "'b'"] == ["string"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_when_told_to(number: signal.Signals) -> None:
    """Also while a page watches the figures, which by itself would never end."""
    command = [sys.executable, "-m", "examples.demo", "--port=0"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: signal.signal(number, signal.SIG_DFL)
    ) as demo:

        async def watch() -> None:
            assert demo.stdout is not None
            port = int(demo.stdout.readline().split()[1].rpartition(":")[2])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /figures HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"data: ")
            demo.send_signal(number)
            await reader.read()
            writer.close()
            await writer.wait_closed()

        try:
            asyncio.run(asyncio.wait_for(watch(), 30))
            assert demo.wait(9) == 0
        finally:
            demo.kill()
