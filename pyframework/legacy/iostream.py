"""Callbacks of streams.

A callback that fails closes its stream; one whose stream is closed before there is a result is not called. The close
callback comes after all that have one.
"""

import functools
from collections.abc import Callable
from typing import Any

from pyframework import gen
from pyframework.iostream import BaseIOStream, IOStream, SSLIOStream, StreamClosedError
from pyframework.legacy._arguments import current, keeping_loop, replace
from pyframework.legacy._delivery import FUTURE
from pyframework.legacy._notes import note

_PIECES = "read with partial=True until there is no more"

_Callback = Callable[..., Any]


def _begin(stream: Any, call: Any, callback: _Callback, *, with_result: bool = True) -> None:
    """Make a call, and tell its result to ``callback``."""
    waiting: set[Any] = vars(stream).setdefault("_waiting_callbacks", set())
    waiting.add(call)  # it may find the end of the stream at once
    try:
        with current(getattr(stream, "_chosen_loop", None)):
            future = gen.convert_yielded(call())
        waiting.add(future)
    finally:
        waiting.discard(call)

    def on_done(done: Any) -> None:
        waiting.discard(done)
        if done.cancelled() or done.exception() is not None:
            return
        try:
            callback(done.result()) if with_result else callback()
        except Exception:
            stream.close(exc_info=True)
            raise

    stream.io_loop.add_future(future, on_done)


def _signal_closed(stream: Any) -> None:
    callback = stream._close_callback
    if callback is not None and stream.__dict__.get("_waiting_callbacks"):
        stream._close_callback = functools.partial(_tell_closed, stream, callback)
    _signal_closed_now(stream)


def _tell_closed(stream: Any, callback: _Callback) -> Any:
    """Call the close callback when all reads and writes, which the closing has ended, have been told."""
    if stream._waiting_callbacks:
        stream.io_loop.add_callback(_tell_closed, stream, callback)
        return None
    return callback()


_signal_closed_now = BaseIOStream._signal_closed


def _reading(name: str) -> Callable[..., Any]:
    def use(stream: Any, call: Any, callback: Any = None, streaming_callback: Any = None) -> Any:
        if streaming_callback is not None:
            note(f"IOStream.{name}(streaming_callback=)", _PIECES)
            pieces = functools.partial(_PIECES_OF[name], stream, streaming_callback)
            call = functools.partial(pieces, *call.args[1:], **call.keywords)
        if callback is None:
            return gen.convert_yielded(call())
        note(f"IOStream.{name}(callback=)", FUTURE)
        return _begin(stream, call, callback)

    return use


async def _pieces_of_bytes(stream: Any, take: _Callback, num_bytes: int, partial: bool = False) -> bytes:
    while num_bytes > 0:
        piece = await _read_bytes(stream, num_bytes, partial=True)
        num_bytes = 0 if partial else num_bytes - len(piece)
        take(piece)
    return b""


async def _pieces_until_close(stream: Any, take: _Callback) -> bytes:
    while True:
        try:
            piece = await _read_bytes(stream, stream.read_chunk_size, partial=True)
        except StreamClosedError:
            return b""
        take(piece)


_read_bytes = BaseIOStream.read_bytes
_PIECES_OF: dict[str, _Callback] = {"read_bytes": _pieces_of_bytes, "read_until_close": _pieces_until_close}


def _ending(name: str) -> Callable[..., Any]:
    def use(stream: Any, call: _Callback, callback: Any = None) -> Any:
        if callback is None:
            return call()
        note(f"IOStream.{name}(callback=)", FUTURE)
        return _begin(stream, call, callback, with_result=False)

    return use


def install() -> None:
    replace(BaseIOStream, "__init__", "[io_loop] max_buffer_size read_chunk_size max_write_buffer_size", _LOOP)
    for name, old in (
        ("read_until_regex", "regex [callback] max_bytes"),
        ("read_until", "delimiter [callback] max_bytes"),
        ("read_bytes", "num_bytes [callback] [streaming_callback] partial"),
        ("read_until_close", "[callback] [streaming_callback]"),
    ):
        replace(BaseIOStream, name, old, _reading(name))
    BaseIOStream._signal_closed = _signal_closed  # type: ignore[method-assign, assignment]
    replace(BaseIOStream, "write", "data [callback]", _ending("write"))
    replace(IOStream, "connect", "address [callback] server_hostname", _ending("connect"))
    replace(SSLIOStream, "connect", "address [callback] server_hostname", _ending("connect"))
    replace(SSLIOStream, "wait_for_handshake", "[callback]", _ending("wait_for_handshake"))


_LOOP = keeping_loop("IOStream")
