"""Callbacks of streams.

A callback that fails closes its stream, unless its stack context takes the exception; one whose stream is closed before
there is a result is not called. The close callback comes after all that have one.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

from pyframework import gen
from pyframework.iostream import BaseIOStream, IOStream, SSLIOStream
from pyframework.legacy import stack_context
from pyframework.legacy._arguments import current, keeping_loop, replace
from pyframework.legacy._delivery import FUTURE
from pyframework.legacy._notes import note
from pyframework.log import app_log

_PIECES = "read with partial=True until there is no more"

_Callback = Callable[..., Any]


def _begin(stream: Any, call: Any, callback: _Callback, *, with_result: bool = True) -> None:
    """Make a call, and tell its result to ``callback``."""
    waiting = _waiting_callbacks(stream)
    waiting.add(call)  # it may find the end of the stream at once
    try:
        with current(getattr(stream, "_chosen_loop", None)):
            future = gen.convert_yielded(call())
        waiting.add(future)
    finally:
        waiting.discard(call)
    callback = stack_context.remember(callback)

    def on_done(done: Any) -> None:
        waiting.discard(done)
        if not done.cancelled() and done.exception() is None:
            _tell(stream, callback, *([done.result()] if with_result else []))

    with stack_context.NullContext():
        stream.io_loop.add_future(future, on_done)


def _tell(stream: Any, callback: _Callback, *args: Any) -> None:
    """Call a callback that knows its stack contexts; what they do not take of its exceptions closes the stream."""
    try:
        callback(*args)
    except Exception:
        app_log.error("Uncaught exception, closing connection.", exc_info=True)
        stream.close(exc_info=True)
        raise


def _waiting_callbacks(stream: Any) -> set[Any]:
    waiting: set[Any] = vars(stream).setdefault("_waiting_callbacks", set())
    return waiting


def _signal_closed(stream: Any) -> None:
    callback = stream._close_callback
    if callback is not None and stream.__dict__.get("_waiting_callbacks"):
        stream._close_callback = functools.partial(_tell_closed, stream, callback)
    with stack_context.NullContext():
        _signal_closed_now(stream)


def set_close_callback(self: Any, callback: _Callback | None) -> None:
    """Call ``callback`` when the stream is closed, in the stack contexts of now."""
    _set_close_callback(self, stack_context.kept(callback))


def _tell_closed(stream: Any, callback: _Callback) -> Any:
    """Call the close callback when all reads and writes, which the closing has ended, have been told."""
    if stream._waiting_callbacks:
        stream.io_loop.add_callback(_tell_closed, stream, callback)
        return None
    return callback()


_set_close_callback = BaseIOStream.set_close_callback
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


class _Pieces:
    """A read that hands on its bytes as they come: after each piece it begins to read the next, then tells the piece.

    :arg size: the number of bytes; infinite for all up to the end of the stream
    """

    def __init__(self, stream: Any, take: _Callback, size: float, partial: bool) -> None:
        self._stream = stream
        self._take = stack_context.remember(take)
        self._left = size
        self._partial = partial
        self._read: Any = None
        self.future: Any = stream.io_loop.asyncio_loop.create_future()
        self.future.add_done_callback(self._on_end)
        _waiting_callbacks(stream).add(self.future)
        stream._pieces_read = self.future

    def begin(self) -> None:
        """Begin to read the next piece; after the last, end."""
        if not self._left:
            self.future.set_result(b"")
            return
        self._read = _read_bytes(self._stream, min(self._left, self._stream.read_chunk_size), partial=True)
        with stack_context.NullContext():
            self._stream.io_loop.add_future(self._read, self._on_read)

    def go_on(self) -> None:
        """Do what `begin` does; an error is the result."""
        try:
            self.begin()
        except OSError as error:
            self._fail(error)

    def _on_read(self, read: Any) -> None:
        if self.future.done():
            return
        if read.exception() is not None:
            self._fail(read.exception())
            return
        piece = read.result()
        self._left = 0 if self._partial else self._left - len(piece)
        self.go_on()
        _tell(self._stream, self._take, piece)

    def _fail(self, error: BaseException) -> None:
        if self._left == math.inf:
            self.future.set_result(b"")
            return
        self.future.set_exception(error)
        self.future.exception()  # perhaps nobody waits for it: no news then

    def _on_end(self, future: Any) -> None:
        _waiting_callbacks(self._stream).discard(future)
        if future.cancelled() and self._read is not None:
            self._read.cancel()


def _pieces_of_bytes(stream: Any, take: _Callback, num_bytes: int, partial: bool = False) -> Any:
    pieces = _Pieces(stream, take, num_bytes, partial)
    try:
        pieces.begin()
    except BaseException:
        pieces.future.cancel()
        raise
    return pieces.future


def _pieces_until_close(stream: Any, take: _Callback) -> Any:
    pieces = _Pieces(stream, take, math.inf, False)
    pieces.go_on()
    return pieces.future


def _reading_pieces(stream: Any) -> bool:
    future = vars(stream).get("_pieces_read")
    return future is not None and not future.done()


def reading(self: Any) -> bool:
    """Whether a read is pending."""
    return _reading_pieces(self) or _reading_now(self)


def _alone(method: Any) -> Any:
    """Return a read method that does not get between the pieces of another read."""

    @functools.wraps(method)
    def reading_alone(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _reading_pieces(self):
            raise AssertionError("Already reading: wait for the pending read before the next one")
        return method(self, *args, **kwargs)

    return reading_alone


_reading_now = BaseIOStream.reading
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
        setattr(BaseIOStream, name, _alone(getattr(BaseIOStream, name)))
    BaseIOStream.read_into = _alone(BaseIOStream.read_into)  # type: ignore[method-assign]
    BaseIOStream.reading = reading  # type: ignore[method-assign]
    BaseIOStream.set_close_callback = set_close_callback  # type: ignore[method-assign]
    BaseIOStream._signal_closed = _signal_closed  # type: ignore[method-assign, assignment]
    replace(BaseIOStream, "write", "data [callback]", _ending("write"))
    replace(IOStream, "connect", "address [callback] server_hostname", _ending("connect"))
    replace(SSLIOStream, "connect", "address [callback] server_hostname", _ending("connect"))
    replace(SSLIOStream, "wait_for_handshake", "[callback]", _ending("wait_for_handshake"))


_LOOP = keeping_loop("IOStream")
