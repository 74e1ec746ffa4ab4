"""PipeIOStream: both ends of real pipes."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pyframework.iostream import PipeIOStream, StreamClosedError

Play = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]


def pipe() -> tuple[PipeIOStream, PipeIOStream]:
    read_end, write_end = os.pipe()
    return PipeIOStream(read_end), PipeIOStream(write_end)


def test_bytes_from_one_end_to_the_other(play: Play) -> None:
    async def main() -> None:
        reader, writer = pipe()
        writer.write(b"hel")
        writer.write(b"lo\r\nworld")
        assert await reader.read_until(b"\r\n") == b"hello\r\n"
        assert await reader.read_bytes(5) == b"world"
        writer.close()
        assert await reader.read_until_close() == b""
        assert reader.closed()

    play(main)


def test_more_than_the_pipe_holds(play: Play) -> None:
    async def main() -> None:
        reader, writer = pipe()
        data = os.urandom(1 << 20)
        buffer = bytearray(len(data))
        written = writer.write(data)
        assert not written.done()
        assert await reader.read_into(buffer) == len(data)
        await written
        assert buffer == data
        reader.close()
        writer.close()

    play(main)


def test_writing_end_learns_that_the_reader_has_gone(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        reader, writer = pipe()
        closed = asyncio.Event()
        writer.set_close_callback(closed.set)
        reader.close()
        await closed.wait()
        with pytest.raises(StreamClosedError):
            writer.write(b"too late")

    play(main)
    assert not [record for record in caplog.records if record.name != "asyncio"]


def test_descriptor_belongs_to_the_stream(play: Play) -> None:
    async def main() -> None:
        reader, writer = pipe()
        numbers = reader.fileno(), writer.fileno()
        reader.close()
        writer.close()
        for number in numbers:
            with pytest.raises(OSError):
                os.fstat(number)

    play(main)


def test_what_is_no_descriptor() -> None:
    with pytest.raises(OSError):
        PipeIOStream(-1)
