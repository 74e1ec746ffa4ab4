"""The benchmark's answers on Sanic and uvloop, one process. Usage: sanic_app.py PORT"""

import asyncio
import sys

from sanic import Request, Sanic
from sanic.response import HTTPResponse, html
from sanic.response import json as json_response

LARGE = "x" * 65536
CHUNK = b"0123456789abcdef" * 4

app = Sanic("bench", configure_logging=False)
app.config.KEEP_ALIVE_TIMEOUT = 3600


@app.get("/")
async def hello(request: Request) -> HTTPResponse:
    return html("Hello, world")


@app.get("/async")
async def hello_async(request: Request) -> HTTPResponse:
    return html("Hello, world")


@app.get("/sleep")
async def sleep(request: Request) -> HTTPResponse:
    await asyncio.sleep(0)
    return html("Hello, world")


@app.get("/json/<number:int>")
async def json(request: Request, number: int) -> HTTPResponse:
    return json_response({"id": number, "name": request.args.get("name")})


@app.get("/cookies")
async def cookies(request: Request) -> HTTPResponse:
    response = html("Hello, world")
    response.add_cookie("seen", request.cookies.get("session"), secure=False, samesite=None)
    return response


@app.post("/form")
async def form(request: Request) -> HTTPResponse:
    return html(f"{request.form.get('name')} {request.form.get('age')}")


@app.post("/upload")
async def upload(request: Request) -> HTTPResponse:
    return html(str(len(request.body)))


@app.get("/large")
async def large(request: Request) -> HTTPResponse:
    return html(LARGE)


@app.get("/chunks")
async def chunks(request: Request) -> None:
    response = await request.respond(content_type="text/html; charset=UTF-8")
    for _ in range(10):
        await response.send(CHUNK)
    await response.eof()


async def resource(request: Request, number: int) -> HTTPResponse:
    return html(str(number))


for n in range(200):
    app.add_route(resource, f"/resource{n}/<number:int>", name=f"resource{n}")


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[1]), single_process=True, access_log=False, motd=False)
