"""redis.asyncio against a server that knows a handful of commands, written with TCPServer."""

import asyncio
from typing import Any

import pytest

from pyframework.iostream import IOStream, StreamClosedError
from pyframework.tcpserver import TCPServer
from tests.libraries.conftest import Play

redis = pytest.importorskip("redis.asyncio")


class Store(TCPServer):
    """RESP 2 (https://redis.io/docs/latest/develop/reference/protocol-spec/): SET, GET, INCRBY; OK to all the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[bytes, bytes] = {}

    async def handle_stream(self, stream: IOStream, address: Any) -> None:
        try:
            while True:
                words = await self.read_command(stream)
                await stream.write(self.answer(words[0].upper(), words[1:]))
        except StreamClosedError:
            pass

    async def read_command(self, stream: IOStream) -> list[bytes]:
        count = int((await stream.read_until(b"\r\n"))[1:])
        words = []
        for _ in range(count):
            size = int((await stream.read_until(b"\r\n"))[1:])
            words.append((await stream.read_bytes(size + 2))[:-2])
        return words

    def answer(self, command: bytes, words: list[bytes]) -> bytes:
        if command == b"SET":
            self.values[words[0]] = words[1]
        elif command == b"GET":
            value = self.values.get(words[0])
            return b"$-1\r\n" if value is None else b"$%d\r\n%b\r\n" % (len(value), value)
        elif command == b"INCRBY":
            self.values[words[0]] = b"%d" % (int(self.values.get(words[0], b"0")) + int(words[1]))
            return b":%b\r\n" % self.values[words[0]]
        return b"+OK\r\n"


def test_commands_and_pipelines(play: Play) -> None:
    async def main() -> None:
        store = Store()
        store.listen(0, "127.0.0.1")
        port = next(iter(store._sockets.values())).getsockname()[1]
        client = redis.Redis(host="127.0.0.1", port=port, protocol=2)
        await client.set("a", b"x" * 100_000)
        assert await client.get("a") == b"x" * 100_000
        assert await client.get("nothing") is None
        assert sorted(await asyncio.gather(*(client.incr("n") for _ in range(10)))) == list(range(1, 11))
        async with client.pipeline(transaction=False) as pipeline:
            pipeline.set("b", 1).incr("b").get("b")
            assert (await pipeline.execute())[1:] == [2, b"2"]
        await client.aclose()
        store.stop()

    play(main())
