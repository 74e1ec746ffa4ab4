"""A server under attack goes on to serve, and afterwards has what it had before.

Usage: python -m tests.soak.attack. 200 connections that send a byte now and then, 10,000 heads that are too long,
20,000 bad requests and 5,000 connections that are reset, while a good client asks all the time. Prints the good
client's latencies, and the server's descriptors and memory before and after; ends with an error if it was not served.
"""

import asyncio
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.soak.shutdown import PROGRAM, until_open

AT_A_TIME = 16
BAD = (
    b"\x16\x03\x01",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
)
BOMB = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000


@dataclass
class Server:
    process: "subprocess.Popen[bytes]"
    port: int

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def memory_kib(self) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


@dataclass
class Good:
    """A client with one connection that asks all the time."""

    latencies: list[float] = field(default_factory=list)

    async def run(self, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while True:
                began = time.perf_counter()
                writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200 "), head
                await reader.readexactly(len(b"GET / a "))
                self.latencies.append(time.perf_counter() - began)
                await asyncio.sleep(0.001)
        finally:
            writer.close()

    def quantile(self, share: float) -> float:
        return sorted(self.latencies)[int(share * (len(self.latencies) - 1))]


async def throw(port: int, data: bytes) -> None:
    """Send, read what comes, and go."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        await asyncio.wait_for(reader.read(), 10)
    except OSError:
        pass
    finally:
        writer.close()


async def reset(port: int, _data: bytes) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\n")
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


async def many(times: int, attack: Callable[[int, bytes], Coroutine[Any, Any, None]], port: int, data: bytes) -> None:
    async def some() -> None:
        for _ in range(times // AT_A_TIME):
            await attack(port, data)

    await asyncio.gather(*(some() for _ in range(AT_A_TIME)))


async def drip(port: int) -> None:
    """A head that never ends, a byte a second."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while True:
            writer.write(b"G")
            await asyncio.sleep(1)
    finally:
        writer.close()


async def attack(server: Server, lorises: int, bombs: int, bad: int, resets: int) -> Good:
    """Do all of it while a good client asks; return that."""
    good = Good()
    asking = asyncio.create_task(good.run(server.port))
    dripping = [asyncio.create_task(drip(server.port)) for _ in range(lorises)]
    await many(bombs, throw, server.port, BOMB)
    for data in BAD:
        await many(bad // len(BAD), throw, server.port, data)
    await many(resets, reset, server.port, b"")
    assert not asking.done(), asking
    for task in (asking, *dripping):
        task.cancel()
    await asyncio.wait([asking, *dripping])
    return good


MADE_ONCE = 2  # descriptors that a server opens with its first connections and keeps


async def settled(server: Server, descriptors: int) -> None:
    """Wait until the server has no more descriptors than before."""
    async with asyncio.timeout(30):
        while server.descriptors() > descriptors:
            await asyncio.sleep(0.05)


async def main(lorises: int, bombs: int, bad: int, resets: int) -> tuple[Good, tuple[int, int], tuple[int, int]]:
    """Return the good client, and descriptors and KiB of the server before and after."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "pyframework", "run", PROGRAM, str(port)])
    server = Server(process, port)
    try:
        await until_open(port, process)
        idle = server.descriptors()
        await many(AT_A_TIME, throw, port, BAD[0])
        await settled(server, idle + MADE_ONCE)
        before = server.descriptors(), server.memory_kib()
        good = await attack(server, lorises, bombs, bad, resets)
        await settled(server, before[0])
        return good, before, (server.descriptors(), server.memory_kib())
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    good, before, after = asyncio.run(main(200, 10_000, 20_000, 5_000))
    p50, p99 = (f"{good.quantile(share) * 1e3:.1f} ms" for share in (0.5, 0.99))
    print(f"{len(good.latencies)} good requests, p50 {p50}, p99 {p99}")
    print(f"descriptors {before[0]} -> {after[0]}, memory {before[1]} -> {after[1]} KiB")
