"""Frames as data (tests/vectors/websocket) against the compiled connection, whole and cut at every place."""

import asyncio
import json
import socket
import zlib
from pathlib import Path
from typing import Any

import pytest

from pyframework._core.loop import EventLoop
from pyframework._core.websocket import websocket_mask
from pyframework.iostream import IOStream
from pyframework.websocket import WebSocketProtocol13, _WebSocketParams

VECTORS = Path(__file__).parent.parent / "vectors" / "websocket" / "frames.json"
CASES = json.loads(VECTORS.read_text(encoding="ascii"))
KEY = b"\x11\x22\x33\x44"
LIMIT = 400  # bytes of a message


class Handler:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.closed: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    def on_message(self, message: str | bytes) -> None:
        text = f"text:{message.encode().decode('latin-1')}" if isinstance(message, str) else ""
        self.messages.append(text or f"binary:{bytes(message).decode('latin-1')}")  # type: ignore[arg-type]

    def on_ping(self, data: bytes) -> None:
        pass

    def on_pong(self, data: bytes) -> None:
        pass

    def on_ws_connection_close(self, close_code: int | None = None, close_reason: str | None = None) -> None:
        self.closed.set_result(close_code)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        raise AssertionError from value


def frame(first: str, payload: str, key: bytes = KEY) -> bytes:
    data = payload.encode("latin-1")
    if len(data) < 126:
        size = bytes([0x80 | len(data)])
    else:
        size = b"\xfe" + len(data).to_bytes(2, "big")
    return bytes.fromhex(first) + size + key + websocket_mask(key, data)


def frames_of(wire: bytes) -> list[tuple[int, bytes]]:
    """Return the opcodes and payloads of a server's frames, none of which is longer than 125 bytes."""
    frames = []
    while wire:
        end = 2 + wire[1]
        frames.append((wire[0] & 15, wire[2:end]))
        wire = wire[end:]
    return frames


async def exchange(pieces: list[bytes], compressed: bool = False) -> tuple[Handler, list[tuple[int, bytes]]]:
    """Send the pieces, one in each turn of the loop, then end; return what came of it."""
    peer, own = socket.socketpair()
    peer.setblocking(False)
    loop = asyncio.get_running_loop()
    handler = Handler()
    protocol = WebSocketProtocol13(handler, False, _WebSocketParams(max_message_size=LIMIT))
    if compressed:
        protocol._create_compressors("server", {})
    protocol.stream = IOStream(own)
    protocol._begin()
    try:
        for piece in pieces:
            await loop.sock_sendall(peer, piece)
            await asyncio.sleep(0)
        peer.shutdown(socket.SHUT_WR)
    except (BrokenPipeError, ConnectionResetError):  # it was closed before the last piece
        pass
    answer = bytearray()
    while data := await loop.sock_recv(peer, 65536):
        answer += data
    closed_with = await handler.closed
    peer.close()
    protocol.stream.close()
    handler.closed = loop.create_future()
    handler.closed.set_result(closed_with)
    return handler, frames_of(bytes(answer))


def check(case: dict[str, Any], handler: Handler, answers: list[tuple[int, bytes]]) -> None:
    expect = case["expect"]
    assert handler.messages == expect["messages"]
    assert [data.decode("latin-1") for opcode, data in answers if opcode == 10] == expect["pongs"]
    closes = [int.from_bytes(data[:2], "big") for opcode, data in answers if opcode == 8]
    assert closes == ([] if expect["close"] is None else [expect["close"]])
    assert handler.closed.result() == expect["close_code"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_case_gives_the_same_however_it_is_cut(case: dict[str, Any]) -> None:
    wire = b"".join(frame(*one) for one in case["frames"])

    async def main() -> None:
        check(case, *await exchange([wire]))
        step = max(1, len(wire) // 40)
        for place in range(1, len(wire), step):
            check(case, *await exchange([wire[:place], wire[place:]]))

    with asyncio.Runner(loop_factory=EventLoop) as runner:
        runner.run(asyncio.wait_for(main(), 30))


@pytest.mark.parametrize("case", CASES[:20], ids=[case["name"] for case in CASES[:20]])
def test_a_case_comes_byte_by_byte(case: dict[str, Any]) -> None:
    wire = b"".join(frame(*one) for one in case["frames"])
    pieces = [wire[at : at + 1] for at in range(len(wire))]
    with asyncio.Runner(loop_factory=EventLoop) as runner:
        check(case, *runner.run(asyncio.wait_for(exchange(pieces), 30)))


def run(pieces: list[bytes], compressed: bool = False) -> tuple[Handler, list[tuple[int, bytes]]]:
    with asyncio.Runner(loop_factory=EventLoop) as runner:
        return runner.run(asyncio.wait_for(exchange(pieces, compressed), 30))


def test_a_frame_without_a_mask_is_refused() -> None:
    _, answers = run([b"\x81\x01x"])
    assert answers[0][0] == 8 and answers[0][1][:2] == (1002).to_bytes(2, "big")


def test_a_length_above_63_bits_is_refused() -> None:
    _, answers = run([b"\x82\xff" + b"\xff" * 8 + KEY])
    assert answers[0][1][:2] == (1002).to_bytes(2, "big")


def test_compressed_data_that_is_none_is_refused() -> None:
    _, answers = run([frame("c1", "\xff\xff\xff\xff")], compressed=True)
    assert answers[0][1][:2] == (1007).to_bytes(2, "big")


def test_a_decompression_bomb_stops_at_the_limit() -> None:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = (deflate.compress(bytes(100_000)) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
    handler, answers = run([frame("c2", bomb.decode("latin-1"))], compressed=True)
    assert handler.messages == []
    assert answers[0][1][:2] == (1009).to_bytes(2, "big")


@pytest.mark.parametrize("size", [*range(70), 127, 128, 129, 1000])
def test_the_mask_is_that_of_the_rfc(size: int) -> None:
    data = bytes(at * 7 % 256 for at in range(size))
    assert websocket_mask(KEY, data) == bytes(byte ^ KEY[at % 4] for at, byte in enumerate(data))
