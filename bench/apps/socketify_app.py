"""The benchmark's answers on socketify (uWebSockets). Usage: socketify_app.py PORT"""

import asyncio
import sys
from typing import Any

from socketify import App, AppListenOptions


def hello(response: Any, request: Any) -> None:
    response.write_header("Content-Type", "text/html; charset=UTF-8")
    response.end("Hello, world")


async def sleep(response: Any, request: Any) -> None:
    await asyncio.sleep(0)
    response.write_header("Content-Type", "text/html; charset=UTF-8")
    response.end("Hello, world")


def json(response: Any, request: Any) -> None:
    response.end({"id": int(request.get_parameter(0)), "name": request.get_query("name")})


app = App()
app.get("/", hello)
app.get("/async", hello)
app.get("/sleep", sleep)
app.get("/json/:number", json)
app.listen(AppListenOptions(port=int(sys.argv[1]), host="127.0.0.1"))
app.run()
