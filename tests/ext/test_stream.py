"""What stands alone of the compiled stream: the buffer of pending writes, and what a bare object gives and costs."""

import sys
import weakref
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyframework._core.buffers import StreamBuffer
from pyframework._core.stream import Stream, StreamClosedError

KINDS = st.sampled_from([bytes, bytearray, memoryview])
PIECES = st.tuples(KINDS, st.binary(max_size=60))
STEPS = st.lists(st.one_of(PIECES, st.integers(1, 100)), max_size=80)


def content(buffer: StreamBuffer) -> bytes:
    """Read it to its end by its own words, emptying it."""
    data = b""
    while len(buffer):
        piece = bytes(buffer.peek(7))
        assert 0 < len(piece) <= 7
        data += piece
        buffer.advance(len(piece))
    return data


@given(STEPS, st.sampled_from([1, 10, 100]))
def test_buffer_against_bytes(steps: list[Any], threshold: int) -> None:
    buffer, expected = StreamBuffer(), b""
    buffer._large_buf_threshold = threshold
    given_away = []
    for step in steps:
        if isinstance(step, tuple):
            kind, data = step
            given_away.append(kind(data))
            buffer.append(given_away[-1])
            expected += data
        elif expected:
            count = min(step, len(expected))
            buffer.advance(count)
            expected = expected[count:]
        assert len(buffer) == len(expected)
    assert content(buffer) == expected
    for data in given_away:
        if isinstance(data, bytearray):
            data += b"!"    # nobody holds it any more


def test_small_pieces_are_merged_up_to_the_threshold() -> None:
    buffer = StreamBuffer()
    buffer._large_buf_threshold = 10
    for _ in range(25):
        buffer.append(b"x")
    assert [len(part) for part in buffer._buffers] == [10, 10, 5]
    buffer.append(bytes(11))
    buffer.append(b"y")
    assert [len(part) for part in buffer._buffers] == [10, 10, 5, 11, 1]


def test_large_pieces_are_not_copied() -> None:
    buffer = StreamBuffer()
    data = bytearray(buffer._large_buf_threshold + 1)
    buffer.append(data)
    with pytest.raises(BufferError):
        data += b"!"
    buffer.advance(len(data) - 1)
    with pytest.raises(BufferError):
        data += b"!"
    buffer.advance(1)
    data += b"!"


def test_clear() -> None:
    buffer = StreamBuffer()
    buffer._large_buf_threshold = 4
    data = bytearray(9)
    for piece in (b"12", data, b"34"):
        buffer.append(piece)
    buffer.advance(1)
    buffer.clear()
    data += b"!"
    assert len(buffer) == 0 and bytes(buffer.peek(1)) == b""
    buffer.append(b"again")
    assert content(buffer) == b"again"


def test_a_view_that_is_kept_stays_as_it_was() -> None:
    buffer = StreamBuffer()
    buffer.append(b"12")
    view = buffer.peek(2)
    buffer.append(b"34")
    buffer.advance(3)
    buffer.append(b"56")
    assert bytes(view) == b"12" and content(buffer) == b"456"


def test_bad_sizes_and_types() -> None:
    buffer = StreamBuffer()
    buffer.append(b"")
    buffer.append(b"123")
    for size in (0, -1):
        with pytest.raises(ValueError):
            buffer.peek(size)
    for size in (0, -1, 4):
        with pytest.raises(ValueError):
            buffer.advance(size)
    with pytest.raises(TypeError):
        buffer.append("text")  # type: ignore[arg-type]
    assert content(buffer) == b"123"


def test_bare_stream() -> None:
    class Named(Stream):
        pass

    stream = Named()
    assert weakref.ref(stream)() is stream
    stream.anything = 1
    assert stream.__dict__ == {"anything": 1}
    assert sys.getsizeof(Stream()) < 600
    assert not stream.closed() and stream._state is None and stream._read_buffer == b""
    with pytest.raises(RuntimeError, match="__init__"):
        stream.read_bytes(1)



def test_closed_error() -> None:
    error = StreamClosedError(real_error=ValueError("why"))
    assert isinstance(error, OSError) and str(error) == "Stream is closed" and str(error.real_error) == "why"
    assert StreamClosedError.__module__ == "pyframework.iostream"
