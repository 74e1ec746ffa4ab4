"""What libraries do with a stream: own kinds of descriptors, writing into its buffer, calling its inner steps."""

import errno
import os
import socket
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from pyframework.httpclient import AsyncHTTPClient
from pyframework.ioloop import IOLoop
from pyframework.iostream import _ERRNO_CONNRESET, BaseIOStream, IOStream, StreamClosedError
from pyframework.web import Application


@pytest.fixture
def pair(io_loop: IOLoop) -> Iterator[tuple[IOStream, IOStream]]:
    near, far = (IOStream(sock) for sock in socket.socketpair())
    yield near, far
    near.close()
    far.close()


async def test_frames_are_put_into_the_write_buffer(pair):
    near, far = pair
    frames = [b"header", bytes(3_000_000), b"", memoryview(b"tail")]
    reading = far.read_bytes(6 + 3_000_000 + 4)
    for frame in frames:
        near._write_buffer.append(frame)
        near._total_write_index += len(frame)
    assert len(near._write_buffer) == 3_000_010
    await near.write(b"")
    assert len(near._write_buffer) == 0
    assert near._total_write_index == near._total_write_done_index == 3_000_010
    assert await reading == b"".join(bytes(frame) for frame in frames)


async def test_the_write_buffer_of_a_closed_stream(pair):
    near, _ = pair
    near.close()
    assert near._write_buffer is None and near._closed
    with pytest.raises(StreamClosedError):
        near.write(b"")


async def test_unread_bytes_are_looked_at_and_replaced(pair):
    near, far = pair
    await near.write(b"one two")
    assert await far.read_bytes(4) == b"one "
    assert far._read_buffer == b"two" and far._read_buffer_size == 3
    far._read_buffer = bytearray(b"three")
    assert await far.read_bytes(5) == b"three"


class Device(BaseIOStream):
    """A descriptor that is no socket, as serial ports and TUN devices are wrapped."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self.read_fd, self.write_fd = read_fd, write_fd
        self.calls: list[str] = []
        super().__init__()

    def fileno(self) -> int:
        return self.read_fd

    def close_fd(self) -> None:
        self.calls.append("close_fd")
        os.close(self.read_fd)
        os.close(self.write_fd)

    def write_to_fd(self, data: memoryview) -> int:
        self.calls.append("write_to_fd")
        return os.write(self.write_fd, data)

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        self.calls.append("read_from_fd")
        try:
            return os.readv(self.read_fd, [buf])
        except BlockingIOError:
            return None

    def get_fd_error(self) -> Exception | None:
        self.calls.append("get_fd_error")
        return None


async def test_a_stream_over_another_kind_of_descriptor(io_loop):
    read_fd, write_fd = os.pipe()
    os.set_blocking(read_fd, False)
    device = Device(read_fd, write_fd)
    await device.write(b"line\n")
    assert await device.read_until(b"\n") == b"line\n"
    device.close()
    assert device.calls[0] == "write_to_fd" and device.calls[-1] == "close_fd" and "read_from_fd" in device.calls


async def test_which_errors_mean_that_the_peer_has_gone(pair, caplog):
    class Quiet(IOStream):
        def _is_connreset(self, exc: BaseException) -> bool:
            return isinstance(exc, OSError) and (exc.errno == errno.EIO or super()._is_connreset(exc))

        def read_from_fd(self, buf: Any) -> int | None:
            raise OSError(errno.EIO, "the cable was pulled")

    assert errno.ECONNRESET in _ERRNO_CONNRESET
    near, far = pair
    stream = Quiet(near.socket.dup())
    await far.write(b"x")
    with pytest.raises(StreamClosedError):
        await stream.read_bytes(1)
    assert isinstance(stream.error, OSError) and stream.error.errno == errno.EIO
    assert not caplog.records


async def test_a_connection_that_is_checked_by_the_subclass(io_loop):
    checked = []

    class Checked(IOStream):
        def _handle_connect(self) -> None:
            checked.append(self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
            super()._handle_connect()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        stream = Checked(socket.socket())
        await stream.connect(listener.getsockname())
        stream.close()
    assert checked == [0]


async def test_events_are_asked_for_and_handed_in_by_hand(pair):
    near, far = pair
    far._add_io_state(IOLoop.READ)
    assert far._state == IOLoop.READ | IOLoop.ERROR
    far._add_io_state(IOLoop.WRITE)
    assert far._state == IOLoop.READ | IOLoop.WRITE | IOLoop.ERROR
    far._maybe_add_error_listener()
    reading = far.read_bytes(1)
    await near.write(b"x")
    far._handle_events(far.fileno(), IOLoop.READ)
    assert reading.done() and reading.result() == b"x"


async def test_attributes_are_set_and_weak_references_held(pair):
    near, _ = pair
    near.tag = "mine"
    assert near.__dict__["tag"] == "mine" and weakref.ref(near)() is near
    assert near.io_loop is IOLoop.current() and isinstance(near.socket, socket.socket)
    near.max_buffer_size = near.read_chunk_size = 4096
    near.max_write_buffer_size = 10
    assert (near.max_buffer_size, near.read_chunk_size, near.max_write_buffer_size) == (4096, 4096, 10)
    near._close_callback = lambda: None
    assert callable(near._close_callback) and near.error is None


async def test_sizes_are_computed_by_division(pair, http_server, hello):
    near, _ = pair
    stream = IOStream(near.socket.dup(), max_buffer_size=8e9 / 2, read_chunk_size=2**16 / 1)
    assert (stream.max_buffer_size, stream.read_chunk_size) == (4_000_000_000, 65536)
    stream.max_buffer_size = float("inf")
    assert stream.max_buffer_size > 4_000_000_000
    stream.close()
    limits = {"max_buffer_size": 1e8, "max_body_size": 1e9, "chunk_size": 1e5, "max_header_size": 1e4}
    response = await AsyncHTTPClient().fetch(http_server(Application([("/", hello)]), **limits))
    assert response.body == b"hello world"
