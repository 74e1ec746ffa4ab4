"""The stream of a WebSocket, and io_loop for its clients."""

from typing import Any

from pyframework import websocket
from pyframework.legacy._arguments import add, ignoring_loop, replace
from pyframework.legacy._notes import note
from pyframework.websocket import WebSocketHandler

_CONNECT = (
    "url [io_loop] callback connect_timeout on_message_callback compression_options ping_interval ping_timeout "
    "max_message_size subprotocols resolver"
)


def _stream(self: Any) -> Any:
    """The IOStream of the connection; None before it stands and after its end."""
    note("WebSocketHandler.stream", "use the handler's own methods, or ws_connection.stream")
    return None if self.ws_connection is None else self.ws_connection.stream


def install() -> None:
    add(WebSocketHandler, stream=property(_stream))
    replace(websocket, "websocket_connect", _CONNECT, ignoring_loop("websocket_connect"))
