"""The server that Autobahn's fuzzing client tries: every message comes back. Prints its port."""

import asyncio
from typing import Any

from pyframework.httpserver import HTTPServer
from pyframework.netutil import bind_sockets
from pyframework.web import Application
from pyframework.websocket import WebSocketHandler

MAX_MESSAGE_SIZE = 64 * 1024 * 1024  # the longest cases are of 16 MiB


class Echo(WebSocketHandler):
    def on_message(self, message: str | bytes) -> None:
        self.write_message(message, isinstance(message, bytes))

    def get_compression_options(self) -> dict[str, Any]:
        return {}


async def main() -> None:
    (sock,) = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(Application([("/", Echo)], websocket_max_message_size=MAX_MESSAGE_SIZE))
    server.add_socket(sock)
    print(sock.getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
