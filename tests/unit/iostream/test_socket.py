"""IOStream over pairs of sockets: reads, writes, connecting, and every way a stream can end."""

import asyncio
import errno
import gc
import hashlib
import itertools
import logging
import os
import random
import re
import socket
import struct
import sys
import weakref
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pyframework._core.loop import EventLoop
from pyframework.http1connection import HTTP1Connection
from pyframework.httputil import HTTPMessageDelegate
from pyframework.iostream import IOStream, StreamBufferFullError, StreamClosedError, UnsatisfiableReadError

Play = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]

MB = 1 << 20


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    return near, far


@contextmanager
def pair(sockets: Callable[[], tuple[socket.socket, socket.socket]] = tcp_pair, **kwargs: Any) -> Iterator[Any]:
    near, far = (IOStream(sock, **kwargs) for sock in sockets())
    try:
        yield near, far
    finally:
        near.close()
        far.close()


def closing(stream: IOStream) -> asyncio.Future[None]:
    """A Future for the stream's close callback."""
    future = asyncio.get_running_loop().create_future()
    stream.set_close_callback(lambda: future.set_result(None))
    return future


# ---------------------------------------------------------------------------------------------- reading


def test_each_read_method(play: Play) -> None:
    async def main() -> None:
        with pair() as (near, far):
            far.write(b"GET / HTTP/1.1\r\nHost:  example\r\n\r\n12345678rest")
            assert await near.read_until(b"\r\n") == b"GET / HTTP/1.1\r\n"
            assert await near.read_until_regex(rb":\s+") == b"Host:  "
            assert await near.read_until_regex(re.compile(rb"(\r\n){2}")) == b"example\r\n\r\n"
            assert await near.read_bytes(0) == b""
            assert await near.read_bytes(3) == b"123"
            assert await near.read_bytes(2, partial=True) == b"45"
            buffer = bytearray(3)
            assert await near.read_into(buffer) == 3 and buffer == b"678"
            far.close()
            assert await near.read_until_close() == b"rest"
            assert await near.read_until_close() == b""

    play(main)


def test_reads_that_wait(play: Play) -> None:
    async def main() -> None:
        with pair() as (near, far):
            buffer = bytearray(4)
            for start, left, pieces in (
                (lambda: near.read_until(b"abc"), b"abaabc", (b"ab", b"aa", b"bc")),
                (lambda: near.read_until_regex(b"x+y"), b"-xxy", (b"-", b"xx", b"y")),
                (lambda: near.read_bytes(5), b"12345", (b"1", b"23", b"45")),
                (lambda: near.read_bytes(9, partial=True), b"now", (b"now",)),
                (lambda: near.read_into(buffer), 4, (b"fo", b"ur")),
                (lambda: near.read_into(buffer, partial=True), 2, (b"ab",)),
            ):
                read = start()
                assert near.reading()
                for piece in pieces:
                    assert not read.done()
                    far.write(piece)
                    await asyncio.sleep(0)
                assert await read == left and not near.reading()
            assert buffer == b"abur"

    play(main)


def test_delimiter_split_at_every_byte(play: Play) -> None:
    async def main() -> None:
        with pair() as (near, far):
            for at in range(1, 7):
                read = near.read_until(b"----\n")
                far.write(b"--\n----\n"[:at])
                await asyncio.sleep(0)
                far.write(b"--\n----\n"[at:])
                assert await read == b"--\n----\n"

    play(main)


def test_unread_bytes_outlive_the_end(play: Play) -> None:
    async def main() -> None:
        with pair() as (near, far):
            far.write(b"12")
            assert await near.read_bytes(1) == b"1"
            far.close()
            assert await near.read_bytes(1) == b"2"
            with pytest.raises(StreamClosedError):
                await near.read_bytes(1)
            assert near.closed()
            with pytest.raises(StreamClosedError):
                near.read_bytes(1)

    play(main)


@pytest.mark.parametrize("method", ["read_until", "read_until_regex"])
@pytest.mark.parametrize("sent", [b"123456", b"12345end"])
def test_max_bytes(play: Play, caplog: pytest.LogCaptureFixture, method: str, sent: bytes) -> None:
    async def main() -> None:
        with pair() as (near, far):
            far.write(b"45end")
            assert await getattr(near, method)(b"end", max_bytes=5) == b"45end"
            read = getattr(near, method)(b"end", max_bytes=5)
            far.write(sent)
            with pytest.raises(StreamClosedError) as caught:
                await read
            assert isinstance(caught.value.real_error, UnsatisfiableReadError)

    caplog.set_level(logging.INFO)
    play(main)
    messages = [record.getMessage() for record in caplog.records if record.name == "tornado.general"]
    assert messages == ["Unsatisfiable read, closing connection: delimiter b'end' not found within 5 bytes"]


def test_end_within_a_read(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        with pair() as (near, far):
            read = near.read_until(b"done")
            far.write(b"not yet")
            far.close()
            with pytest.raises(StreamClosedError) as caught:
                await read
            assert caught.value.real_error is None

    play(main)
    assert not caplog.records


def test_read_until_close_with_an_error(play: Play) -> None:
    async def main() -> None:
        with pair() as (near, far):
            read = near.read_until_close()
            await far.write(b"half")
            reason = OSError("boom")
            near.close(exc_info=reason)
            with pytest.raises(StreamClosedError) as caught:
                await read
            assert caught.value.real_error is reason

    play(main)


def test_read_until_close_of_too_much(play: Play) -> None:
    async def main() -> None:
        with pair(max_buffer_size=1024) as (near, far):
            read = near.read_until_close()
            far.write(bytes(4096))
            with pytest.raises(StreamClosedError) as caught:
                await read
            assert isinstance(caught.value.real_error, StreamBufferFullError)

    play(main)


def test_small_buffer_and_much_data(play: Play) -> None:
    async def main() -> None:
        for sockets in (tcp_pair, socket.socketpair):
            with pair(sockets, max_buffer_size=10240) as (near, far):
                far.write((b"a" * 1023 + b"\n") * 100)
                for _ in range(50):
                    assert await near.read_until(b"\n", max_bytes=4096) == b"a" * 1023 + b"\n"
                while far.writing():
                    assert len(await near.read_bytes(1024)) == 1024
                far.close()     # a hang-up while bytes wait in the kernel
                left = 0
                try:
                    while True:
                        left += len(await near.read_bytes(1024))
                except StreamClosedError:
                    pass
                assert left and left % 1024 == 0 and near.error is None

    play(main)


def test_mixed_reads_of_a_long_stream(play: Play) -> None:
    choose = random.Random(42)
    data = choose.randbytes(MB)

    async def produce(far: IOStream) -> None:
        at = 0
        while at < len(data):
            size = choose.choice((1, 100, 5000, 70000))
            await far.write(data[at : at + size])
            at += size
        far.close()

    async def main() -> None:
        with pair() as (near, far):
            task = asyncio.ensure_future(produce(far))
            received = hashlib.sha256()
            left = len(data)
            while left:
                size = min(left, choose.randint(1, 90000))
                if choose.random() < 0.5:
                    received.update(await near.read_bytes(size))
                else:
                    buffer = bytearray(size)
                    assert await near.read_into(buffer) == size
                    received.update(buffer)
                left -= size
            assert received.digest() == hashlib.sha256(data).digest()
            await task

    play(main)


def test_many_streams_in_one_batch(play: Play) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        pairs = [socket.socketpair() for _ in range(8)]
        streams = [IOStream(near) for near, _ in pairs]
        reads = [stream.read_until(b"\n") for stream in streams]
        for part in (b"a", b"bc", b"\nrest"):
            for number, (_, far) in enumerate(pairs):
                far.sendall(b"%d%b" % (number, part))
            await asyncio.sleep(0)
            loop.call_soon(lambda: None)
        assert [await read for read in reads] == [b"%da%dbc%d\n" % (n, n, n) for n in range(8)]
        assert [await stream.read_bytes(4) for stream in streams] == [b"rest"] * 8
        for stream, (_, far) in zip(streams, pairs, strict=True):
            stream.close()
            far.close()

    play(main)


def test_cancelled_read_leaves_its_bytes(play: Play) -> None:
    async def main() -> None:
        with pair() as (near, far):
            for start in (
                lambda: near.read_bytes(2),
                lambda: near.read_until(b"b"),
                lambda: near.read_until_regex(b"b"),
                near.read_until_close,
                lambda: near.read_into(bytearray(2)),
            ):
                start().cancel()
                assert not near.reading()
                await far.write(b"ab")
                assert await near.read_bytes(2) == b"ab"

    play(main)


def test_cancelled_reads_that_have_begun_leave_their_bytes(play: Play) -> None:
    async def main() -> None:
        with pair() as (near, far):
            buffer = bytearray(100_000)
            reading = near.read_into(buffer)
            await far.write(b"a" * 70_000 + b"b")
            while not buffer[70_000]:
                await asyncio.sleep(0)
            reading.cancel()
            assert await near.read_until(b"b") == b"a" * 70_000 + b"b"
            near.read_until_close().cancel()
            await far.write(b"rest")
            far.close()
            assert await near.read_until_close() == b"rest"

    play(main)


def test_a_stream_goes_to_http_after_a_cancelled_read(play: Play) -> None:
    async def main() -> None:
        with pair() as (near, far):
            near.read_until(b"x").cancel()
            connection = HTTP1Connection(near, True)
            await far.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            assert await connection.read_response(HTTPMessageDelegate()) is True

    play(main)


def test_misuse(play: Play) -> None:
    async def main() -> None:
        with pair() as (near, far):
            with pytest.raises(ValueError, match="delimiter"):
                near.read_until(b"")
            with pytest.raises(TypeError):
                near.read_until("text")
            with pytest.raises(TypeError):
                far.write("text")
            with pytest.raises(AssertionError):
                near.read_bytes("1")
            with pytest.raises(ValueError, match="negative"):
                near.read_bytes(-1)
            with pytest.raises(TypeError, match="writable"):
                near.read_into(b"fixed")
            await far.write(b"text")
            with pytest.raises(TypeError):
                near.read_until_regex("text")
            assert not near.reading() and not near.closed()
            read = near.read_bytes(9)
            with pytest.raises(AssertionError, match="Already reading"):
                near.read_bytes(1)
            far.close()
            with pytest.raises(StreamClosedError):
                await read
            with pytest.raises(StreamClosedError):
                far.write(b"late")

    play(main)


# ---------------------------------------------------------------------------------------------- writing


def test_order_of_small_and_large_writes(play: Play) -> None:
    choose = random.Random(7)
    pieces = [choose.randbytes(choose.choice((1, 10, 3000, 20000, 300000))) for _ in range(100)]

    async def main() -> None:
        with pair() as (near, far):
            done: list[int] = []
            for number, piece in enumerate(pieces):
                kind = choose.choice((bytes, bytearray, memoryview))
                future = far.write(kind(piece))
                future.add_done_callback(lambda _, number=number: done.append(number))
            assert far.writing()
            data = b"".join(pieces)
            assert await near.read_bytes(len(data)) == data
            await far.write(b"")
            assert not far.writing() and done == list(range(100))
            assert far._total_write_index == far._total_write_done_index == len(data)

    play(main)


def test_typed_memoryview(play: Play) -> None:
    async def main() -> None:
        with pair() as (near, far):
            for count in (10, 10000):
                view = memoryview(bytes(range(256)) * count).cast("L")
                far.write(view)
                assert await near.read_bytes(view.nbytes) == bytes(view)

    play(main)


def test_max_write_buffer_size(play: Play) -> None:
    async def main() -> None:
        with pair(max_write_buffer_size=4 * MB) as (near, far):
            with pytest.raises(StreamBufferFullError):
                far.write(bytes(4 * MB + 1))
            far.write(bytes(4 * MB))
            waiting = len(far._write_buffer)
            with pytest.raises(StreamBufferFullError):
                far.write(bytes(4 * MB - waiting + 1))
            far.write(b"x")
            assert await near.read_bytes(4 * MB + 1) == bytes(4 * MB) + b"x"

    play(main)


def test_write_to_a_peer_that_went_away(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        for size in (1, MB):
            with pair(socket.socketpair) as (near, far):
                near.close()
                data = bytearray(size)
                with pytest.raises(StreamClosedError) as caught:
                    await far.write(data)
                assert isinstance(caught.value.real_error, BrokenPipeError)
                assert far.closed() and not far.writing()
                data += b"the caller's again"
                with pytest.raises(StreamClosedError):
                    far.write(b"more")

    play(main)
    assert not caplog.records


def test_close_with_writes_pending(play: Play) -> None:
    async def main() -> None:
        with pair() as (_, far):
            data = bytearray(16 * MB)
            buffer = far._write_buffer
            writes = [far.write(data), far.write(b"behind it")]
            writes[0].cancel()
            assert far.writing()
            far.close()
            data += b"the caller's again"
            assert len(buffer) == 0 and far._write_buffer is None
            with pytest.raises(StreamClosedError):
                await writes[1]

    play(main)


# ---------------------------------------------------------------------------------------------- connecting


def test_connect(play: Play) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            stream = IOStream(socket.socket())
            connected = stream.connect(listener.getsockname())
            written = stream.write(b"early")
            answer = stream.read_until(b"!")
            order: list[str] = []
            connected.add_done_callback(lambda _: order.append("connected"))
            written.add_done_callback(lambda _: order.append("written"))
            assert not connected.done() and not written.done()
            far, _ = listener.accept()
            assert await connected is stream
            await written
            await asyncio.sleep(0)      # the callbacks are queued behind this task
            assert order == ["connected", "written"]
            assert far.recv(9) == b"early"
            far.sendall(b"hello!")
            assert await answer == b"hello!"
            far.close()
            stream.close()

    play(main)


def test_connection_refused(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))   # bound, but nobody listens
            stream = IOStream(socket.socket())
            closed = closing(stream)
            connected = stream.connect(unused.getsockname())
            data = bytearray(100000)
            written = stream.write(data)
            for future in (connected, written):
                with pytest.raises(StreamClosedError) as caught:
                    await future
                assert isinstance(caught.value.real_error, ConnectionRefusedError)
            await closed
            data += b"the caller's again"

    play(main)
    assert not caplog.records


def test_connect_that_fails_at_once(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(self: socket.socket, address: object) -> None:
        raise socket.gaierror(errno.EIO, "boom")

    async def main() -> None:
        stream = IOStream(socket.socket())
        with pytest.raises(StreamClosedError):
            await stream.connect(("localhost", 80))
        assert isinstance(stream.error, socket.gaierror)

    monkeypatch.setattr("socket.socket.connect", connect)
    play(main)


def test_close_while_connecting(play: Play) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            stream = IOStream(socket.socket())
            futures = [stream.connect(listener.getsockname()), stream.write(bytearray(100000)), stream.read_bytes(1)]
            stream.close()
            for future in futures:
                with pytest.raises(StreamClosedError):
                    await future  # type: ignore[misc]

    play(main)


# ---------------------------------------------------------------------------------------------- the end


def test_idle_stream_sees_the_end(play: Play) -> None:
    async def main() -> None:
        with pair() as (near, far):     # never used
            closed = closing(near)
            far.close()
            await closed
        with pair() as (near, far):     # used before
            far.write(b"x")
            assert await near.read_bytes(1) == b"x"
            closed = closing(near)
            far.close()
            await closed
            assert near.closed()

    play(main)


def test_end_waits_for_unread_bytes(play: Play) -> None:
    async def main() -> None:
        with pair(socket.socketpair) as (near, far):
            closed = closing(near)
            far.write(b"123")
            assert await near.read_bytes(1) == b"1"
            far.close()
            assert await near.read_bytes(1) == b"2"
            assert not near.closed() and not closed.done()
            assert await near.read_bytes(1) == b"3"
            await closed

    play(main)


def test_close_callback_of_a_closed_stream(play: Play) -> None:
    async def main() -> None:
        with pair() as (near, _):
            near.close()
            await closing(near)
            near.set_close_callback(None)
            near.close()

    play(main)


def test_close_within_a_callback_of_a_read(play: Play) -> None:
    async def main() -> None:
        with pair() as (near, far):
            closed = closing(near)
            near.read_until(b"\n").add_done_callback(lambda _: near.close())
            far.write(b"one\ntwo\n")
            await closed
            assert await near.read_until(b"\n") == b"two\n"

    play(main)


def test_reset(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        with pair() as (near, far):
            read = near.read_bytes(1)
            far.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            far.close()
            with pytest.raises(StreamClosedError) as caught:
                await read
            assert isinstance(caught.value.real_error, ConnectionResetError)

    play(main)
    assert not caplog.records


def test_number_of_the_descriptor_goes_to_somebody_else(play: Play) -> None:
    async def main() -> None:
        near, far = socket.socketpair()
        stale = IOStream(near)
        stale.write(b"x")
        number = near.fileno()
        near.close()                    # behind the stream's back
        pairs = [socket.socketpair()]
        while number not in [sock.fileno() for sock in pairs[-1]]:  # what earlier tests left may free lower ones
            pairs.append(socket.socketpair())
        first, second = pairs.pop()
        streams = [IOStream(first), IOStream(second)]
        reads = [stream.read_bytes(1) for stream in streams]
        with pytest.raises(StreamClosedError):
            await stale.write(b"not for them")
        assert not any(read.done() for read in reads)
        for closed in (*streams, far, *itertools.chain(*pairs)):
            closed.close()

    play(main)


def test_streams_of_a_closed_loop() -> None:
    async def begin() -> tuple[IOStream, IOStream]:
        stream, other = (IOStream(sock) for sock in socket.socketpair())
        stream.set_close_callback(lambda: pytest.fail("nobody can run this"))
        waiting = asyncio.ensure_future(stream.read_bytes(1))   # type: ignore[arg-type]
        stream.write(bytes(16 * MB))
        await asyncio.sleep(0)
        assert not waiting.done()
        return stream, other

    with asyncio.Runner(loop_factory=EventLoop) as runner:
        stream, other = runner.run(begin())
    with pytest.raises(RuntimeError, match="closed"):
        other.read_bytes(64 * MB)
    stream.close()
    assert stream.closed() and not stream.writing()
    other.close()


def test_stream_that_waits_for_nothing_is_collected(play: Play) -> None:
    async def main() -> None:
        near, far = socket.socketpair()
        stream = IOStream(near)
        stream.write(b"x")
        gone = weakref.ref(stream)
        del stream
        gc.collect()
        assert gone() is None
        near.close()
        far.close()

    play(main)


def test_idle_stream_holds_no_buffer(play: Play) -> None:
    async def main() -> None:
        with pair() as (near, far):
            idle = sys.getsizeof(near)
            assert idle < 1024
            for size in (10, MB):
                read = near.read_bytes(size)
                far.write(bytes(size + 10))
                await read
                assert sys.getsizeof(near) > idle
                await near.read_bytes(10)
                assert sys.getsizeof(near) == idle
            near.read_until(b"\n")
            far.write(b"half of a line")
            far.close()
            await closing(near)
            assert near._read_buffer == b"half of a line"

    play(main)


def test_descriptors(play: Play) -> None:
    async def main() -> None:
        with pair():    # the first stream of a foreign loop makes its poller
            gc.collect()
        before = len(os.listdir("/dev/fd"))
        for _ in range(20):
            with pair() as (near, far):
                far.write(bytes(MB))
                assert len(await near.read_bytes(MB)) == MB
                assert near._read_buffer_size == 0 and far._total_write_done_index == MB
        assert len(os.listdir("/dev/fd")) == before

    play(main)


# ---------------------------------------------------------------------------------------------- hooks


def test_hooks_may_be_replaced(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    read_from_fd, write_to_fd = IOStream.read_from_fd, IOStream.write_to_fd

    def reading(self: IOStream, buf: bytearray | memoryview) -> int | None:
        calls.append("read")
        return read_from_fd(self, buf)

    def writing(self: IOStream, data: memoryview) -> int:
        calls.append("write")
        return write_to_fd(self, data)

    async def exchange(near: IOStream, far: IOStream) -> None:
        calls.clear()
        await far.write(b"x")
        assert await near.read_bytes(1) == b"x"

    async def main() -> None:
        with pair() as (near, far):
            await exchange(near, far)
            assert calls == []
            near.read_from_fd = reading.__get__(near)
            await exchange(near, far)
            assert calls == ["read"]
            monkeypatch.setattr(IOStream, "read_from_fd", reading)
            monkeypatch.setattr(IOStream, "write_to_fd", writing)
        with pair() as (near, far):
            await exchange(near, far)
            assert calls == ["write", "read"]
        monkeypatch.undo()

    play(main)


def test_sockets_of_other_classes(play: Play) -> None:
    class Counted(socket.socket):
        sent = 0

        def send(self, *args: Any) -> int:
            count = super().send(*args)
            self.sent += count
            return count

    async def main() -> None:
        near, far = socket.socketpair()
        counted = Counted(fileno=far.detach())
        with pair(lambda: (near, counted)) as (receiver, sender):
            await sender.write(b"hello")
            assert counted.sent == 5
            assert await receiver.read_bytes(5) == b"hello"

    play(main)


def test_nodelay_and_error(play: Play) -> None:
    async def main() -> None:
        with pair() as (near, far):
            for value in (True, False):
                near.set_nodelay(value)
                assert bool(near.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) is value
            error = near.get_fd_error()
            assert isinstance(error, OSError) and error.errno == 0
            near.close()
            near.set_nodelay(True)
        with pair(socket.socketpair) as (near, far):
            near.set_nodelay(True)

    play(main)
