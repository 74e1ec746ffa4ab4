"""An echo of lines on Tornado's API: PORT LOOP [CERTIFICATE KEY]. LOOP is ioloop, asyncio or uvloop."""

import asyncio
import ssl
import sys

import tornado
from tornado.ioloop import IOLoop
from tornado.iostream import StreamClosedError
from tornado.tcpserver import TCPServer


class Echo(TCPServer):
    async def handle_stream(self, stream, address):
        stream.set_nodelay(True)
        try:
            while True:
                await stream.write(await stream.read_until(b"\n"))
        except StreamClosedError:
            pass


def start(port, *files):
    context = None
    if files:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*files)
    Echo(ssl_options=context).listen(port, "127.0.0.1", backlog=1024)
    loop = type(IOLoop.current().asyncio_loop)
    print(tornado.__file__, f"{loop.__module__}.{loop.__qualname__}", flush=True)


async def main(*arguments):
    start(*arguments)
    await asyncio.Event().wait()


if __name__ == "__main__":
    port, loop, files = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if loop == "ioloop":
        start(port, *files)
        IOLoop.current().start()
    elif loop == "asyncio":
        asyncio.run(main(port, *files))
    else:
        import uvloop

        uvloop.run(main(port, *files))
