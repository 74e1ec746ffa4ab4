"""Server-sent events: the time, each second, to everyone who listens.

    python examples/events.py [--port=8888]      then curl -N http://127.0.0.1:8888/events
"""

import asyncio
from datetime import UTC, datetime

from pyframework import web
from pyframework.ioloop import IOLoop
from pyframework.iostream import StreamClosedError
from pyframework.options import define, options, parse_command_line

define("port", default=8888, help="the port to listen on")

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8"><title>Time</title>
<output style="font: 3em system-ui"></output>
<script>
new EventSource("/events").onmessage = event => document.querySelector("output").value = event.data;
</script>
</html>
"""


class Page(web.RequestHandler):
    def get(self) -> None:
        self.write(PAGE)


class Events(web.RequestHandler):
    def initialize(self, seconds: float) -> None:
        self.seconds = seconds

    async def get(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-store")
        try:
            while True:
                self.write(f"data: {datetime.now(UTC):%H:%M:%S}\n\n")
                await self.flush()
                await asyncio.sleep(self.seconds)
        except StreamClosedError:
            pass  # nobody listens any more


def make_app(seconds: float = 1.0) -> web.Application:
    return web.Application([(r"/", Page), (r"/events", Events, {"seconds": seconds})])


if __name__ == "__main__":
    parse_command_line()
    make_app().listen(options.port, "127.0.0.1")
    IOLoop.current().start()
