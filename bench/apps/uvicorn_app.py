"""The benchmark's answers as a bare ASGI callable on uvicorn, httptools and uvloop. Usage: uvicorn_app.py PORT"""

import asyncio
import sys
from typing import Any

import uvicorn

HEADERS = [(b"content-type", b"text/html; charset=UTF-8"), (b"content-length", b"12")]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["path"] == "/sleep":
        await asyncio.sleep(0)
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b"Hello, world"})


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
