"""Serves the demo until SIGTERM or Ctrl-C."""

import asyncio
import signal
from contextlib import suppress

import pyframework
from pyframework.httpserver import HTTPServer
from pyframework.netutil import bind_sockets
from pyframework.options import define, options, parse_command_line

from .app import make_app
from .figures import Figures

define("port", default=8888, help="the port to listen on")
define("address", default="127.0.0.1", help="the address to listen on")


async def main() -> None:
    figures = Figures()
    server = HTTPServer(make_app(figures))
    sockets = bind_sockets(options.port, options.address)
    server.add_sockets(sockets)
    print(f"Open http://{options.address}:{sockets[0].getsockname()[1]} (Ctrl-C ends it)", flush=True)
    told_to_end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told_to_end.set)
    await told_to_end.wait()
    figures.close()
    await server.shutdown(grace=10)


if __name__ == "__main__":
    parse_command_line()
    with suppress(KeyboardInterrupt):
        try:
            pyframework.run(main())
        except OSError as error:
            raise SystemExit(f"cannot listen on port {options.port}: {error.strerror}; try --port=9000") from None
