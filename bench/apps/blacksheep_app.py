"""The benchmark's answers on BlackSheep, uvicorn, httptools and uvloop. Usage: blacksheep_app.py PORT"""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from blacksheep import Application, Content, Cookie, Request, Response, StreamedContent, html, json, text

LARGE = "x" * 65536
CHUNK = b"0123456789abcdef" * 4

app = Application()


async def hello(request: Request) -> Response:
    return html("Hello, world")


async def sleep(request: Request) -> Response:
    await asyncio.sleep(0)
    return html("Hello, world")


async def json_answer(request: Request) -> Response:
    return json({"id": int(request.route_values["number"]), "name": request.query["name"][0]})


async def cookies(request: Request) -> Response:
    response = html("Hello, world")
    response.set_cookie(Cookie("seen", request.cookies["session"], path="/"))
    return response


async def form(request: Request) -> Response:
    fields: Any = await request.form()
    return html(f"{fields['name']} {fields['age']}")


async def upload(request: Request) -> Response:
    return text(str(len(await request.read())))


async def large(request: Request) -> Response:
    return html(LARGE)


async def chunk_by_chunk() -> AsyncIterator[bytes]:
    for _ in range(10):
        yield CHUNK


async def chunks(request: Request) -> Response:
    return Response(200, content=StreamedContent(b"text/html", chunk_by_chunk))


async def resource(request: Request) -> Response:
    return Response(200, content=Content(b"text/html", request.route_values["number"].encode()))


app.router.add_get("/", hello)
app.router.add_get("/async", hello)
app.router.add_get("/sleep", sleep)
app.router.add_get("/json/{number}", json_answer)
app.router.add_get("/cookies", cookies)
app.router.add_post("/form", form)
app.router.add_post("/upload", upload)
app.router.add_get("/large", large)
app.router.add_get("/chunks", chunks)
for n in range(200):
    app.router.add_get(f"/resource{n}/{{number}}", resource)


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=3600,
    )
