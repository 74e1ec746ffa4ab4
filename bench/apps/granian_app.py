"""The benchmark's answers on Granian's own interface (RSGI), one worker, uvloop. Usage: granian_app.py PORT"""

import asyncio
import sys
from pathlib import Path
from typing import Any

HEADERS = [("content-type", "text/html; charset=UTF-8"), ("content-length", "12")]


async def app(scope: Any, protocol: Any) -> None:
    if scope.path == "/sleep":
        await asyncio.sleep(0)
    protocol.response_str(200, HEADERS, "Hello, world")


if __name__ == "__main__":
    from granian import Granian
    from granian.constants import Interfaces, Loops

    Granian(
        "granian_app:app",
        address="127.0.0.1",
        port=int(sys.argv[1]),
        interface=Interfaces.RSGI,
        loop=Loops.uvloop,
        workers=1,
        working_dir=Path(__file__).parent,
        log_enabled=False,
    ).serve()
