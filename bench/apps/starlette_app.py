"""The benchmark's answers on Starlette, uvicorn, httptools and uvloop. Usage: starlette_app.py PORT"""

import asyncio
import sys
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, StreamingResponse
from starlette.routing import Route

LARGE = "x" * 65536
CHUNK = b"0123456789abcdef" * 4


async def hello(request: Request) -> HTMLResponse:
    return HTMLResponse("Hello, world")


async def sleep(request: Request) -> HTMLResponse:
    await asyncio.sleep(0)
    return HTMLResponse("Hello, world")


async def json(request: Request) -> JSONResponse:
    return JSONResponse({"id": request.path_params["number"], "name": request.query_params["name"]})


async def cookies(request: Request) -> HTMLResponse:
    response = HTMLResponse("Hello, world")
    response.set_cookie("seen", request.cookies["session"])
    return response


async def form(request: Request) -> HTMLResponse:
    fields = await request.form()
    return HTMLResponse(f"{fields['name']} {fields['age']}")


async def upload(request: Request) -> HTMLResponse:
    return HTMLResponse(str(len(await request.body())))


async def large(request: Request) -> HTMLResponse:
    return HTMLResponse(LARGE)


async def chunk_by_chunk() -> AsyncIterator[bytes]:
    for _ in range(10):
        yield CHUNK


async def chunks(request: Request) -> StreamingResponse:
    return StreamingResponse(chunk_by_chunk(), media_type="text/html")


async def resource(request: Request) -> HTMLResponse:
    return HTMLResponse(str(request.path_params["number"]))


app = Starlette(
    routes=[
        Route("/", hello),
        Route("/async", hello),
        Route("/sleep", sleep),
        Route("/json/{number:int}", json),
        Route("/cookies", cookies),
        Route("/form", form, methods=["POST"]),
        Route("/upload", upload, methods=["POST"]),
        Route("/large", large),
        Route("/chunks", chunks),
        *[Route(f"/resource{n}/{{number:int}}", resource) for n in range(200)],
    ]
)


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=3600,
    )
