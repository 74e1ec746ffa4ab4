"""BaseIOStream: a stream that users define over a descriptor of their own, here the ends of a pipe."""

import asyncio
import errno
import logging
import os
import socket
import weakref
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pyframework.httpserver import HTTPServer
from pyframework.ioloop import IOLoop
from pyframework.iostream import BaseIOStream, IOStream, StreamBufferFullError, StreamClosedError
from pyframework.web import Application, RequestHandler

Play = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]


class Keeping(IOStream):
    """Keeps what it has been lent, which is not its own any more."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.kept: list[memoryview] = []

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        self.kept.append(memoryview(buf)[:])
        return super().read_from_fd(buf)


def test_what_a_hook_keeps_of_its_buffer_stays_as_it_was(play: Play) -> None:
    async def main() -> None:
        pairs = [socket.socketpair() for _ in range(2)]
        streams = [Keeping(near) for near, _ in pairs]
        for (_, far), stream, data in zip(pairs, streams, [b"first", b"other"], strict=True):
            far.send(data)
            assert await stream.read_bytes(5) == data
        assert [bytes(stream.kept[0][:5]) for stream in streams] == [b"first", b"other"]
        for (_, far), stream in zip(pairs, streams, strict=True):
            far.close()
            stream.close()

    play(main)


def test_what_a_hook_keeps_of_a_body_outlives_it(play: Play) -> None:
    async def main() -> None:
        near, far = socket.socketpair()
        stream = Keeping(near)
        bodies = []

        class Upload(RequestHandler):
            def post(self) -> None:
                bodies.append(len(self.request.body))

        HTTPServer(Application([("/", Upload)])).handle_stream(stream, ("127.0.0.1", 1))
        peer = IOStream(far)
        await peer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 10**6)
        await peer.read_until(b"\r\n\r\n")
        peer.close()
        assert bodies == [10**6]
        of_the_body = [view for view in stream.kept if not isinstance(view.obj, bytearray)]
        assert of_the_body and {bytes(view).strip(b"x") for view in of_the_body} == {b""}

    play(main)


def test_a_hook_that_closes_keeps_what_it_read(play: Play) -> None:
    class Closing(IOStream):
        def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
            count = super().read_from_fd(buf)
            self.close()
            return count

    async def main() -> None:
        near, far = socket.socketpair()
        stream = Closing(near)
        far.send(b"last words")
        with pytest.raises(StreamClosedError):
            await stream.read_until(b"!")
        assert await stream.read_until_close() == b"last words"
        far.close()

    play(main)


class PipeEnd(BaseIOStream):
    """Sets its own attributes behind the base class's `__init__`."""

    def __init__(self, fd: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fd = fd
        os.set_blocking(fd, False)

    def fileno(self) -> int:
        return self.fd

    def close_fd(self) -> None:
        os.close(self.fd)

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        try:
            return os.readv(self.fd, [buf])
        except BlockingIOError:
            return None

    def write_to_fd(self, data: memoryview) -> int:
        return os.write(self.fd, data)


class EarlyPipeEnd(PipeEnd):
    """Sets its own attributes before the base class's `__init__`."""

    def __init__(self, fd: int, **kwargs: Any) -> None:
        self.fd = fd
        os.set_blocking(fd, False)
        BaseIOStream.__init__(self, **kwargs)


@contextmanager
def pipe(kind: type[PipeEnd] = PipeEnd, **kwargs: Any) -> Iterator[tuple[PipeEnd, PipeEnd]]:
    reader, writer = (kind(fd, **kwargs) for fd in os.pipe())
    try:
        yield reader, writer
    finally:
        reader.close()
        writer.close()


@pytest.mark.parametrize("kind", [PipeEnd, EarlyPipeEnd])
def test_bytes_pass_through_the_hooks(play: Play, kind: type[PipeEnd]) -> None:
    async def main() -> None:
        with pipe(kind) as (reader, writer):
            writer.write(b"hel")
            await writer.write(b"lo world")
            assert await reader.read_until(b" ") == b"hello "
            assert await reader.read_bytes(3) == b"wor"
            writer.close()
            assert await reader.read_until_close() == b"ld"

    play(main)


def test_more_than_the_pipe_holds(play: Play) -> None:
    data = os.urandom(1 << 20)

    async def main() -> None:
        with pipe() as (reader, writer):
            sent = writer.write(data)
            assert writer.writing() and not sent.done()
            assert await reader.read_bytes(len(data)) == data
            await sent
            assert not writer.writing()

    play(main)


def test_chunks_of_the_asked_size(play: Play) -> None:
    async def main() -> None:
        with pipe(read_chunk_size=100, max_buffer_size=1000) as (reader, writer):
            sizes = []
            real = reader.read_from_fd

            def read_from_fd(buf: bytearray | memoryview) -> int | None:
                sizes.append(len(buf))
                return real(buf)

            reader.read_from_fd = read_from_fd  # type: ignore[method-assign]
            await writer.write(bytes(5000))
            for _ in range(10):
                assert await reader.read_bytes(500) == bytes(500)
            assert set(sizes) == {100}

    play(main)


def test_full_read_buffer(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        with pipe(max_buffer_size=1000) as (reader, writer):
            read = reader.read_bytes(2000)
            writer.write(bytes(5000))
            with pytest.raises(StreamClosedError) as caught:
                await read
            assert isinstance(caught.value.real_error, StreamBufferFullError)

    play(main)
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (OSError(errno.EIO, "broken"), "broken"),
        (TypeError("a mistake"), "a mistake"),
        (10**6, "read_from_fd returned 1000000"),
        (-5, "read_from_fd returned -5"),
    ],
)
def test_failing_read_hook(play: Play, caplog: pytest.LogCaptureFixture, answer: Any, text: str) -> None:
    def read_from_fd(buf: bytearray | memoryview) -> int | None:
        if isinstance(answer, Exception):
            raise answer
        return int(answer)

    async def main() -> None:
        with pipe() as (reader, writer):
            read = reader.read_bytes(1)
            reader.read_from_fd = read_from_fd  # type: ignore[method-assign]
            writer.write(b"x")
            with pytest.raises(StreamClosedError) as caught:
                await read
            assert text in str(caught.value.real_error) and reader.closed()

    play(main)
    assert len(caplog.records) == 1 and text in caplog.text and "error on read" in caplog.text


def test_error_of_a_read_at_once_is_raised(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        with pipe() as (reader, _):
            reader.read_from_fd = lambda buf: os.readv(-1, [buf])  # type: ignore[method-assign]
            with pytest.raises(OSError, match="Bad file descriptor"):
                reader.read_bytes(1)
            assert reader.closed() and not reader.reading()

    play(main)
    assert not caplog.records


def test_connection_reset_is_an_end(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    def reset(buf: bytearray | memoryview) -> int | None:
        raise ConnectionResetError(errno.ECONNRESET, "reset")

    async def main() -> None:
        with pipe() as (reader, writer):
            await writer.write(b"1234")
            assert await reader.read_bytes(1) == b"1"
            read = reader.read_until_close()
            reader.read_from_fd = reset  # type: ignore[method-assign]
            writer.write(b"5")
            assert await read == b"234"
            assert isinstance(reader.error, ConnectionResetError)

    play(main)
    assert not caplog.records


def test_failing_write_hook(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    def broken(data: memoryview) -> int:
        raise OSError(errno.EIO, "broken")

    async def main() -> None:
        with pipe() as (_, writer):
            writer.write_to_fd = broken  # type: ignore[method-assign]
            with pytest.raises(StreamClosedError) as caught:
                await writer.write(b"x")
            assert isinstance(caught.value.real_error, OSError)

    play(main)
    assert len(caplog.records) == 1 and "Write error on" in caplog.text


def test_write_hook_that_keeps_what_it_saw(play: Play) -> None:
    async def main() -> None:
        with pipe() as (reader, writer):
            seen = []

            def write_to_fd(data: memoryview) -> int:
                seen.append(data)
                return os.write(writer.fd, data[:1])

            writer.write_to_fd = write_to_fd  # type: ignore[method-assign]
            for byte in b"abcdef":
                writer.write(bytes([byte]))
            assert await reader.read_bytes(6) == b"abcdef"

    play(main)


def test_hooks_that_close_the_stream(play: Play) -> None:
    async def main() -> None:
        with pipe() as (reader, writer):

            def write_to_fd(data: memoryview) -> int:
                writer.close()
                return len(data)

            def read_from_fd(buf: bytearray | memoryview) -> int | None:
                reader.close()
                return 1

            writer.write_to_fd = write_to_fd  # type: ignore[method-assign]
            with pytest.raises(StreamClosedError):
                await writer.write(b"x")
            reader.read_from_fd = read_from_fd  # type: ignore[method-assign]
            with pytest.raises(StreamClosedError):
                await reader.read_bytes(1)

    play(main)


def test_close_fd_that_fails_still_ends_the_reads(play: Play) -> None:
    async def main() -> None:
        with pipe() as (reader, _):
            read = reader.read_bytes(1)
            fd = reader.fd

            def close_fd() -> None:
                os.close(fd)
                raise ValueError("no way")

            reader.close_fd = close_fd  # type: ignore[method-assign]
            with pytest.raises(ValueError, match="no way"):
                reader.close()
            with pytest.raises(StreamClosedError):
                await read

    play(main)


def test_reasons(play: Play) -> None:
    async def main() -> None:
        reason = ValueError("why")
        for given in (reason, (ValueError, reason, None)):
            with pipe() as (reader, _):
                reader.close(exc_info=given)  # type: ignore[arg-type]
                assert reader.error is reason
        with pipe() as (reader, _):
            try:
                raise reason
            except ValueError:
                reader.close(exc_info=True)
            assert reader.error is reason
        with pipe() as (reader, _):
            reader.close()
            assert reader.error is None
            with pytest.raises(StreamClosedError):
                reader.read_bytes(1)

    play(main)


def test_not_set_up() -> None:
    stream = PipeEnd.__new__(PipeEnd)
    for use in (
        lambda: stream.write(b"x"),
        lambda: stream.read_bytes(1),
        lambda: stream._write_buffer,
        lambda: stream._handle_events(0, 1),
        lambda: stream._add_io_state(1),
    ):
        with pytest.raises(RuntimeError, match="__init__"):
            use()
    stream.set_close_callback(None)
    stream.close()
    assert not stream.writing() and not stream.reading()


def test_default_hooks(play: Play) -> None:
    async def main() -> None:
        stream = BaseIOStream()
        for call in (
            stream.fileno,
            stream.close_fd,
            lambda: stream.read_from_fd(bytearray()),
            lambda: stream.write_to_fd(memoryview(b"")),
            stream._handle_connect,
        ):
            with pytest.raises(NotImplementedError):
                call()
        assert stream.get_fd_error() is None
        stream.set_nodelay(True)

    play(main)


def test_attributes_that_others_reach_into(play: Play) -> None:
    async def main() -> None:
        with pipe() as (reader, writer):
            assert reader.io_loop is IOLoop.current() and reader._state is None
            reader.anything = 1  # type: ignore[attr-defined]
            assert reader.__dict__["anything"] == 1 and weakref.ref(reader)() is reader
            assert writer._write_buffer is not None
            writer._write_buffer.append(b"one ")
            assert len(writer._write_buffer) == 4
            await writer.write(b"")
            await writer.write(b"two")
            assert writer._total_write_done_index >= writer._total_write_index == 3
            assert await reader.read_until(b" ") == b"one "
            assert reader._read_buffer == b"two" and reader._read_buffer_size == 3
            reader._read_buffer += b"three"
            reader._read_buffer_size += 5
            assert await reader.read_bytes(8) == b"twothree"
            reader._maybe_add_error_listener()
            assert reader._state == IOLoop.READ | IOLoop.ERROR
            reader._add_io_state(IOLoop.WRITE)
            assert reader._state == IOLoop.READ | IOLoop.WRITE | IOLoop.ERROR
            reader._state = IOLoop.READ
            assert reader._state == IOLoop.READ | IOLoop.ERROR
            reader._state = None
            assert reader._state is None
            os.write(writer.fd, b"four")
            read = asyncio.ensure_future(reader.read_bytes(4))
            reader._handle_events(reader.fd, IOLoop.READ)
            assert await read == b"four"
            writer.close()
            assert writer._write_buffer is None

    play(main)
