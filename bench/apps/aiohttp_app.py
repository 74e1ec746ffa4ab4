"""The benchmark's answers on aiohttp and uvloop. Usage: aiohttp_app.py PORT"""

import asyncio
import sys

import uvloop
from aiohttp import web

LARGE = "x" * 65536
CHUNK = b"0123456789abcdef" * 4


async def hello(request: web.Request) -> web.Response:
    return web.Response(text="Hello, world", content_type="text/html")


async def sleep(request: web.Request) -> web.Response:
    await asyncio.sleep(0)
    return web.Response(text="Hello, world", content_type="text/html")


async def json(request: web.Request) -> web.Response:
    return web.json_response({"id": int(request.match_info["number"]), "name": request.query["name"]})


async def cookies(request: web.Request) -> web.Response:
    response = web.Response(text="Hello, world", content_type="text/html")
    response.set_cookie("seen", request.cookies["session"])
    return response


async def form(request: web.Request) -> web.Response:
    fields = await request.post()
    return web.Response(text=f"{fields['name']} {fields['age']}", content_type="text/html")


async def upload(request: web.Request) -> web.Response:
    return web.Response(text=str(len(await request.read())), content_type="text/html")


async def large(request: web.Request) -> web.Response:
    return web.Response(text=LARGE, content_type="text/html")


async def chunks(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/html; charset=UTF-8"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    for _ in range(10):
        await response.write(CHUNK)
    await response.write_eof()
    return response


async def resource(request: web.Request) -> web.Response:
    return web.Response(text=request.match_info["number"], content_type="text/html")


def make_app() -> web.Application:
    app = web.Application(client_max_size=2 * 1024 * 1024)
    app.router.add_get("/", hello)
    app.router.add_get("/async", hello)
    app.router.add_get("/sleep", sleep)
    app.router.add_get(r"/json/{number:[0-9]+}", json)
    app.router.add_get("/cookies", cookies)
    app.router.add_post("/form", form)
    app.router.add_post("/upload", upload)
    app.router.add_get("/large", large)
    app.router.add_get("/chunks", chunks)
    for n in range(200):
        app.router.add_get(f"/resource{n}/{{number:[0-9]+}}", resource)
    return app


if __name__ == "__main__":
    web.run_app(
        make_app(), host="127.0.0.1", port=int(sys.argv[1]), loop=uvloop.new_event_loop(), access_log=None, print=None
    )
