"""WebSockets (RFC 6455), with compression (RFC 7692): handlers of a server, and a client."""

from pyframework._core.deflate import Compressor as _PerMessageDeflateCompressor
from pyframework._core.deflate import Decompressor as _PerMessageDeflateDecompressor
from pyframework._core.deflate import _DecompressTooLargeError
from pyframework._core.websocket import WebSocketClosedError, WebSocketError
from pyframework.websocket._client import WebSocketClientConnection, websocket_connect
from pyframework.websocket._handler import WebSocketHandler
from pyframework.websocket._protocol import (
    WebSocketProtocol,
    WebSocketProtocol13,
    _default_max_message_size,
    _WebSocketDelegate,
    _WebSocketParams,
    de_dupe_gen_log,
)
from pyframework.websocket._topics import publish

__all__ = [
    "WebSocketClientConnection",
    "WebSocketClosedError",
    "WebSocketError",
    "WebSocketHandler",
    "WebSocketProtocol",
    "WebSocketProtocol13",
    "_DecompressTooLargeError",
    "_PerMessageDeflateCompressor",
    "_PerMessageDeflateDecompressor",
    "_WebSocketDelegate",
    "_WebSocketParams",
    "_default_max_message_size",
    "de_dupe_gen_log",
    "publish",
    "websocket_connect",
]
