"""Names of modules, locks, queues and WebSocket connections that programs reach for."""

import asyncio
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyframework
from pyframework import locks, queues, speedups, util, websocket
from pyframework.web import Application

ROOT = Path(__file__).resolve().parents[2]
ALIAS = "import sys, pyframework.alias; pyframework.alias.install();"


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", ALIAS + code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_versions():
    assert pyframework.version_info >= (6, 6, 1)
    assert pyframework.version.split(".") >= ["6", "6", "1"]


def test_submodules_are_there_without_an_import():
    assert python("import tornado; print(tornado.web.Application.__name__, tornado.ioloop.IOLoop.__name__)") == (
        "Application IOLoop\n"
    )


def test_a_module_is_dropped_and_imported_again():
    code = """
import tornado.web, tornado.ioloop
handler = tornado.web.RequestHandler
sys.modules.pop("tornado.web")
import tornado.web
assert tornado.web.RequestHandler is handler and sys.modules["tornado.web"] is tornado.web
for name in [name for name in sys.modules if name.startswith("tornado")]:
    del sys.modules[name]
import tornado.web, tornado.websocket
assert issubclass(tornado.websocket.WebSocketHandler, handler)
print(tornado.__name__)
"""
    assert python(code) == "pyframework\n"


def test_masks():
    mask, data = struct.pack("!I", 0x01020304), b"some bytes"
    masked = util._websocket_mask_python(mask, data)
    assert masked != data and util._websocket_mask_python(mask, masked) == data
    assert util._websocket_mask(mask, data) == speedups.websocket_mask(mask, data) == masked


async def test_locks_and_queues(io_loop):
    lock = locks.Lock()
    assert lock._block._value == 1
    with await lock.acquire():
        assert lock._block._value == 0
        waiting = asyncio.ensure_future(lock.acquire())  # type: ignore[arg-type]
        await asyncio.sleep(0)
        assert len(lock._block._waiters) == 1
    with await waiting:
        pass
    assert lock._block._value == 1
    queue: queues.Queue[int] = queues.Queue(maxsize=1)
    getting = queue.get()
    assert len(queue._getters) == 1 and not queue._putters
    await queue.put(1)
    assert await getting == 1
    await queue.put(2)
    putting = queue.put(3)
    assert len(queue._putters) == 1
    assert [await queue.get(), await queue.get()] == [2, 3]
    await putting


async def test_a_websocket_connection(http_server, ws_connect):
    handlers: list[Any] = []
    ended = asyncio.Event()

    class Echo(websocket.WebSocketHandler):
        def select_subprotocol(self, subprotocols: list[str]) -> str | None:
            return subprotocols[0] if subprotocols else None

        def get_compression_options(self) -> dict[str, Any]:
            return {}

        def open(self) -> None:
            handlers.append(self)

        def on_message(self, message: str | bytes) -> None:
            self.write_message(message)

        def on_close(self) -> None:
            ended.set()

    url = http_server(Application([("/", Echo)]))
    client = await ws_connect(url, subprotocols=["chat"], compression_options={})
    await client.write_message("hello")
    assert await client.read_message() == "hello"
    assert client.code is None and client.headers["Upgrade"] == "websocket" and client.parsed.port
    connection = handlers[0].ws_connection
    assert connection.stream is not None and not connection.stream.closed()
    assert not (connection.client_terminated or connection.server_terminated or connection.is_closing())
    assert connection.selected_subprotocol == "chat" and connection._compressor is not None
    assert connection._message_bytes_in == connection._message_bytes_out == 5
    assert connection._wire_bytes_in > 5 and connection._wire_bytes_out > 5
    connection.set_nodelay(True)
    connection.write_ping(b"ping")
    await connection.write_message("from within")
    assert await client.read_message() == "from within"
    client.close(4000, "enough")
    await ended.wait()
    assert (connection.close_code, connection.close_reason) == (4000, "enough")
    assert connection.client_terminated and connection.is_closing()


async def test_a_websocket_is_aborted(http_server, ws_connect):
    class Aborting(websocket.WebSocketHandler):
        def on_message(self, message: str | bytes) -> None:
            assert self.ws_connection is not None
            self.ws_connection._abort()

    client = await ws_connect(http_server(Application([("/", Aborting)])))
    await client.write_message("go")
    assert await client.read_message() is None
