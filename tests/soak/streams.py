"""Random connects, writes, cancels, closes and timeouts; afterwards nothing may be left.

Usage: python -m tests.soak.streams SECONDS [SEED]. Runs that long on the loop of pyframework and as long as a guest of
asyncio's own, and ends with an error if a descriptor, a stream or a Task is left, or an ERROR was logged.
"""

import asyncio
import gc
import logging
import os
import random
import socket
import ssl
import struct
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyframework
from pyframework import gen
from pyframework._core.loop import EventLoop
from pyframework.ioloop import IOLoop
from pyframework.iostream import IOStream, StreamClosedError, UnsatisfiableReadError
from pyframework.tcpclient import TCPClient
from pyframework.tcpserver import TCPServer
from pyframework.util import TimeoutError as GenTimeout

AT_A_TIME = 40
LINE_LIMIT = 4096
EXPECTED = (StreamClosedError, UnsatisfiableReadError, GenTimeout, TimeoutError, OSError, asyncio.CancelledError)
FILES = Path(pyframework.__file__).parent
Clock = Callable[[int], bool]


class Echo(TCPServer):
    """Echoes lines; ends the connection after "close"."""

    async def handle_stream(self, stream: IOStream, address: Any) -> None:
        try:
            while (line := await stream.read_until(b"\n", max_bytes=LINE_LIMIT)) != b"close\n":
                await stream.write(line)
        except StreamClosedError:
            pass
        stream.close()


class Errors(logging.Handler):
    """Keeps what is logged at ERROR and above."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class Peers:
    """What clients do; each coroutine does one thing to one server, and may fail as the network fails."""

    def __init__(self, chance: random.Random, plain: int, secure: int, dead: int) -> None:
        self.chance = chance
        self.plain, self.secure, self.dead = plain, secure, dead
        self.client = TCPClient()
        self.tls = ssl.create_default_context(cafile=FILES / "testing.crt")
        self.tls.check_hostname = False

    async def connect(self) -> IOStream:
        secure = self.chance.random() < 0.4
        port = self.secure if secure else self.plain
        return await self.client.connect("127.0.0.1", port, ssl_options=self.tls if secure else None)

    async def echo(self) -> None:
        with closing(await self.connect()) as stream:
            for _ in range(self.chance.randrange(1, 6)):
                line = b"x" * self.chance.choice((0, 1, 60, 4000)) + b"\n"
                stream.write(line)
                assert await stream.read_until(b"\n") == line

    async def told_to_close(self) -> None:
        with closing(await self.connect()) as stream:
            await stream.write(b"one\nclose\n")
            assert await stream.read_until_close() == b"one\n"

    async def beyond_the_limit(self) -> None:
        with closing(await self.connect()) as stream:
            await stream.write(b"y" * 2 * LINE_LIMIT)
            await stream.read_until(b"\n")

    async def half_a_line(self) -> None:
        with closing(await self.connect()) as stream:
            stream.write(b"half")

    async def cancelled(self) -> None:
        """A Task that is cancelled at a random step of its connect, write or read."""
        task = asyncio.ensure_future(self.echo())
        for _ in range(self.chance.randrange(12)):
            await asyncio.sleep(0)
        task.cancel()
        await task

    async def timed_out(self) -> None:
        with closing(await self.connect()) as stream:
            await gen.with_timeout(timedelta(milliseconds=1), stream.read_bytes(1), StreamClosedError)

    async def reset(self) -> None:
        raw = socket.create_connection(("127.0.0.1", self.chance.choice((self.plain, self.secure))))
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.sendall(b"no TLS, and no line")
        raw.close()

    async def refused(self) -> None:
        await IOStream(socket.socket()).connect(("127.0.0.1", self.dead))

    async def closed_while_connecting(self) -> None:
        with closing(IOStream(socket.socket())) as stream:
            connecting = stream.connect(("127.0.0.1", self.plain))
        await connecting


    def any_of_them(self) -> Coroutine[Any, Any, None]:
        kinds = (
            self.echo, self.echo, self.told_to_close, self.beyond_the_limit, self.half_a_line, self.cancelled,
            self.timed_out, self.reset, self.refused, self.closed_while_connecting,
        )  # fmt: skip
        return self.chance.choice(kinds)()


async def quietly(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except EXPECTED:
        pass


def bound() -> tuple[socket.socket, int]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    listener.setblocking(False)
    return listener, listener.getsockname()[1]


async def soak(chance: random.Random, going_on: Clock) -> int:
    """Let random peers loose on two echo servers as long as ``going_on`` says; return how many there were."""
    server_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_tls.load_cert_chain(FILES / "testing.crt", FILES / "testing.key")
    (plain, plain_port), (secure, secure_port), (dead, dead_port) = bound(), bound(), bound()
    dead.close()
    servers = [Echo(), Echo(ssl_options=server_tls)]
    for server, listener in zip(servers, (plain, secure), strict=True):
        server.add_sockets([listener])
    peers = Peers(chance, plain_port, secure_port, dead_port)
    count = 0
    running: set[asyncio.Task[None]] = set()
    while going_on(count):
        while len(running) < AT_A_TIME:
            running.add(asyncio.ensure_future(quietly(peers.any_of_them())))
            count += 1
        _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait(running)
    for server in servers:
        server.stop()
    peers.client.close()
    return count


def open_descriptors() -> int:
    folder = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
    return len(os.listdir(folder))


def forget_closed_loops() -> None:
    """As every new IOLoop does; until then it keeps those whose asyncio loop was closed behind its back."""
    IOLoop(make_current=False).close()
    gc.collect()


def things() -> list[object]:
    return [thing for thing in gc.get_objects() if isinstance(thing, (IOStream, asyncio.Task, ssl.SSLObject))]


async def until_quiet() -> None:
    """Wait until the servers' coroutines have seen that their peers are gone."""
    async with asyncio.timeout(10):
        while len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0.01)


def run(loop_factory: Callable[[], asyncio.AbstractEventLoop], chance: random.Random, going_on: Clock) -> int:
    """Soak on a loop of this kind; return the number of peers.

    Raises:
        AssertionError: something was left, or an ERROR was logged.
    """
    errors = Errors()
    logging.getLogger().addHandler(errors)
    try:
        forget_closed_loops()
        before, earlier_things = open_descriptors(), things()
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            count = runner.run(soak(chance, going_on))
            runner.run(until_quiet())
        forget_closed_loops()
        left = [thing for thing in things() if not any(thing is earlier for earlier in earlier_things)]
        assert not left, f"{len(left)} objects are left: {left[:5]}"
        assert open_descriptors() == before, f"{open_descriptors() - before} descriptors are left"
        assert not errors.lines, f"{len(errors.lines)} errors were logged, the first: {errors.lines[0]}"
    finally:
        logging.getLogger().removeHandler(errors)
    return count


if __name__ == "__main__":
    seconds, seed = float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns()
    print("seed", seed, flush=True)
    for factory in (EventLoop, asyncio.SelectorEventLoop):
        end = time.monotonic() + seconds
        count = run(factory, random.Random(seed), lambda _, end=end: time.monotonic() < end)
        print(factory.__name__, count, "peers", flush=True)
