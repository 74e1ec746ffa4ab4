"""The demo of `make run`: a page that fires requests at this server and draws how many it answers each second.

    python examples/demo/app.py [--port=8888]
"""

import asyncio
import platform
import signal
from contextlib import suppress
from pathlib import Path

import pyframework
from pyframework import web
from pyframework.options import define, options, parse_command_line

PAGE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")

define("port", default=8888, help="the port to listen on")
define("address", default="127.0.0.1", help="the address to listen on")


class Counter:
    """How many greetings this process has served."""

    def __init__(self) -> None:
        self.greetings = 0


class PageHandler(web.RequestHandler):
    def get(self) -> None:
        self.write(PAGE)


class HelloHandler(web.RequestHandler):
    def initialize(self, counter: Counter) -> None:
        self.counter = counter

    def get(self, name: str) -> None:
        self.counter.greetings += 1
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.write(f"Hello, {name or 'world'}\n")


class NumbersHandler(web.RequestHandler):
    def initialize(self, counter: Counter) -> None:
        self.counter = counter

    def get(self) -> None:
        loop = asyncio.get_running_loop()
        self.write(
            {
                "greetings": self.counter.greetings,
                "time": loop.time(),
                "python": platform.python_version(),
                "pyframework": pyframework.__version__,
                "loop": f"{type(loop).__module__}.{type(loop).__name__}",
            }
        )


def make_app() -> web.Application:
    counter = Counter()
    return web.Application(
        [
            (r"/", PageHandler),
            (r"/hello/?(\w*)", HelloHandler, {"counter": counter}),
            (r"/numbers", NumbersHandler, {"counter": counter}),
        ],
        log_function=lambda handler: None,
    )


async def main() -> None:
    server = make_app().listen(options.port, options.address)
    print(f"Open http://{options.address}:{options.port} (Ctrl-C ends it)", flush=True)
    told_to_end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told_to_end.set)
    await told_to_end.wait()
    await server.shutdown(grace=10)


if __name__ == "__main__":
    parse_command_line()
    with suppress(KeyboardInterrupt):
        try:
            pyframework.run(main())
        except OSError as error:
            raise SystemExit(f"cannot listen on port {options.port}: {error.strerror}; try --port=9000") from None
