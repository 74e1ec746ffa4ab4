"""aiohttp's server and client."""

import ssl
from pathlib import Path

import pytest

import pyframework
from pyframework.ioloop import IOLoop
from tests.libraries.conftest import Play

aiohttp = pytest.importorskip("aiohttp")
web = pytest.importorskip("aiohttp.web")
FOLDER = Path(pyframework.__file__).parent


async def hello(request: "web.Request") -> "web.Response":
    return web.Response(text=f"{request.method} {request.path} {len(await request.read())}")


async def chat(request: "web.Request") -> "web.WebSocketResponse":
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data.upper())
    return socket


async def download(request: "web.Request") -> "web.FileResponse":
    return web.FileResponse(Path(__file__))


@pytest.mark.parametrize("tls", [False, True])
def test_server_and_client(play: Play, tls: bool) -> None:
    async def main() -> None:
        app = web.Application()
        app.add_routes([web.route("*", "/hello", hello), web.get("/chat", chat), web.get("/file", download)])
        runner = web.AppRunner(app)
        await runner.setup()
        context = None
        if tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(FOLDER / "testing.crt", FOLDER / "testing.key")
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        port = runner.addresses[0][1]
        url = f"{'https' if tls else 'http'}://localhost:{port}"
        trust = ssl.create_default_context(cafile=FOLDER / "testing.crt")
        connector = aiohttp.TCPConnector(ssl=trust)
        async with aiohttp.ClientSession(url, connector=connector) as session:
            async with session.get("/hello") as response:
                assert await response.text() == "GET /hello 0"
            async with session.post("/hello", data=b"x" * 1_000_000) as response:
                assert await response.text() == "POST /hello 1000000"
            async with session.get("/file") as response:  # by sendfile
                assert await response.read() == Path(__file__).read_bytes()
            async with session.ws_connect("/chat") as socket:
                await socket.send_str("hello")
                assert (await socket.receive()).data == "HELLO"
        await runner.cleanup()

    play(main())


def test_inside_a_program_of_ours(play: Play) -> None:
    async def main() -> None:
        from pyframework.web import Application, RequestHandler

        class Hello(RequestHandler):
            async def get(self) -> None:
                assert IOLoop.current() is not None
                self.write("hello")

        server = Application([("/", Hello)]).listen(0, "127.0.0.1")
        port = next(iter(server._sockets.values())).getsockname()[1]
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as response:
            assert await response.text() == "hello"
        server.stop()
        await server.close_all_connections()

    play(main())
