"""WebSockets on Tornado's API: PORT LOOP. LOOP is ioloop, asyncio or uvloop.

/echo and /deflate send each message back, /room sends it to everybody there.
"""

import asyncio
import sys

import tornado
from tornado.ioloop import IOLoop
from tornado.web import Application
from tornado.websocket import WebSocketHandler


class Echo(WebSocketHandler):
    def on_message(self, message):
        self.write_message(message, isinstance(message, bytes))


class Deflate(Echo):
    def get_compression_options(self):
        return {}


class Room(WebSocketHandler):
    members = set()

    def open(self):
        self.members.add(self)

    def on_close(self):
        self.members.discard(self)

    def on_message(self, message):
        for member in self.members:
            member.write_message(message, binary=True)


class Topic(WebSocketHandler):
    """The same as pyframework's own way to say it."""

    def open(self):
        self.subscribe("room")

    def on_message(self, message):
        self.publish("room", message, binary=True)


def start(port):
    room = Topic if hasattr(WebSocketHandler, "publish") else Room
    Application([("/echo", Echo), ("/deflate", Deflate), ("/room", room)]).listen(port, "127.0.0.1", backlog=1024)
    loop = type(IOLoop.current().asyncio_loop)
    print(tornado.__file__, f"{loop.__module__}.{loop.__qualname__}", flush=True)


async def main(port):
    start(port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    port, loop = int(sys.argv[1]), sys.argv[2]
    if loop == "ioloop":
        start(port)
        IOLoop.current().start()
    elif loop == "asyncio":
        asyncio.run(main(port))
    else:
        import uvloop

        uvloop.run(main(port))
