"""An echo of WebSocket messages on aiohttp and uvloop: PORT. /deflate compresses."""

import sys

import uvloop
from aiohttp import WSMsgType, web


def echo(compress):
    async def handle(request):
        socket = web.WebSocketResponse(compress=compress)
        await socket.prepare(request)
        async for message in socket:
            if message.type == WSMsgType.BINARY:
                await socket.send_bytes(message.data)
            elif message.type == WSMsgType.TEXT:
                await socket.send_str(message.data)
        return socket

    return handle


app = web.Application()
app.router.add_get("/echo", echo(False))
app.router.add_get("/deflate", echo(True))
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), loop=uvloop.new_event_loop(), access_log=None, print=None)
