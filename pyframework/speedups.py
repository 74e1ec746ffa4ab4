"""The mask of WebSocket payloads, compiled."""

from pyframework._core.websocket import websocket_mask

__all__ = ["websocket_mask"]
