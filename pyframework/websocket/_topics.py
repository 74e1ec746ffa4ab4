"""Messages to everybody who has subscribed to a topic of an application."""

from typing import TYPE_CHECKING, Any

from pyframework._core.websocket import WebSocketClosedError, frame_of
from pyframework.escape import json_encode, utf8
from pyframework.iostream import StreamBufferFullError, StreamClosedError

if TYPE_CHECKING:
    from pyframework.web import Application
    from pyframework.websocket._protocol import WebSocketProtocol13

_TEXT, _BINARY = 1, 2


def topics_of(application: "Application") -> "dict[str, dict[WebSocketProtocol13, None]]":
    """Return the subscribers of each topic, in the order in which they came."""
    topics: dict[str, dict[WebSocketProtocol13, None]] = application.__dict__.setdefault("_websocket_topics", {})
    return topics


def publish(
    application: "Application", topic: str, message: bytes | str | dict[str, Any], binary: bool = False
) -> int:
    """Send `message` to all subscribers of `topic`; return how many there are.

    It is framed once. A subscriber that is closing, or that has let too much wait, is passed over.
    """
    receivers = topics_of(application).get(topic)
    if not receivers:
        return 0
    data = utf8(json_encode(message) if isinstance(message, dict) else message)
    opcode = _BINARY if binary else _TEXT
    frame = frame_of(opcode, data)
    count = 0
    for protocol in list(receivers):
        if protocol.server_terminated or protocol.client_terminated:
            continue
        try:
            protocol._write_prepared(frame, data, opcode)
        except (WebSocketClosedError, StreamClosedError, StreamBufferFullError):
            continue
        count += 1
    return count
