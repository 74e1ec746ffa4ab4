"""Messages to everybody who has subscribed to a topic of an application."""

from typing import TYPE_CHECKING, Any

from pyframework._core.websocket import WebSocketClosedError, frame_of
from pyframework.escape import json_encode, utf8
from pyframework.iostream import StreamBufferFullError

if TYPE_CHECKING:
    from pyframework.web import Application
    from pyframework.websocket._protocol import WebSocketProtocol13

_TEXT, _BINARY = 1, 2


def topics_of(application: "Application") -> "dict[str, dict[WebSocketProtocol13, None]]":
    """Return the subscribers of each topic, in the order in which they came."""
    topics: dict[str, dict[WebSocketProtocol13, None]] = application.__dict__.setdefault("_websocket_topics", {})
    return topics


def subscribe(application: "Application", protocol: "WebSocketProtocol13", topic: str) -> None:
    """Send `protocol` what is published on `topic`."""
    subscribers = topics_of(application).setdefault(topic, {})
    if protocol not in subscribers:
        subscribers[protocol] = None
        if protocol._topics is None:
            protocol._topics = []
        protocol._topics.append(topic)


def unsubscribe(application: "Application", protocol: "WebSocketProtocol13", topic: str) -> None:
    """Do so no longer."""
    if protocol._topics is not None and topic in protocol._topics:
        protocol._topics.remove(topic)
        _drop(topics_of(application), protocol, topic)


def unsubscribe_all(application: "Application", protocol: "WebSocketProtocol13") -> None:
    """Send `protocol` nothing that is published any more."""
    topics, protocol._topics = protocol._topics, None
    for topic in topics or ():
        _drop(topics_of(application), protocol, topic)


def _drop(
    topics: "dict[str, dict[WebSocketProtocol13, None]]", protocol: "WebSocketProtocol13", topic: str
) -> None:
    del topics[topic][protocol]
    if not topics[topic]:
        del topics[topic]


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
        except (WebSocketClosedError, StreamBufferFullError):
            continue
        count += 1
    return count
