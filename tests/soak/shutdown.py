"""A server that is told to end while it is under load: no request that it was sent may be lost.

Usage: python -m tests.soak.shutdown TIMES. Prints how many requests were answered; ends with an error if one was not.
"""

import asyncio
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.conformance.http import application

PROGRAM = str(Path(application.__file__))
CLIENTS = 32
REQUEST = b"GET /later HTTP/1.1\r\nHost: a\r\n\r\n"
ANSWERS_BEFORE_THE_END = 300


class Load:
    """Clients that ask again and again, each until its connection is to close."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answered = 0
        self.failed = 0
        self.enough = asyncio.Event()

    async def client(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            while True:
                writer.write(REQUEST)
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200 ")
                assert await reader.readexactly(len(b"later")) == b"later"
                self.answered += 1
                if self.answered == ANSWERS_BEFORE_THE_END:
                    self.enough.set()
                if b"\r\nConnection: close\r\n" in head:
                    return
        except (AssertionError, OSError, asyncio.IncompleteReadError):
            self.failed += 1
        finally:
            writer.close()


async def once() -> tuple[int, int]:
    """Start a server, load it, end it with SIGTERM; return how many requests were answered, and how many were not."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "pyframework", "run", PROGRAM, str(port)]
    process = subprocess.Popen(words)
    try:
        await until_open(port, process)
        load = Load(port)
        clients = [asyncio.create_task(load.client()) for _ in range(CLIENTS)]
        await load.enough.wait()
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(asyncio.gather(*clients), 30)
        code = await asyncio.to_thread(process.wait, 30)
        assert code == -signal.SIGTERM, f"the server ended with {code}"
    finally:
        process.kill()
        process.wait()
    return load.answered, load.failed


async def until_open(port: int, process: "subprocess.Popen[bytes]") -> None:
    async with asyncio.timeout(30):
        while process.poll() is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
    raise AssertionError("the server did not start")


def run(times: int) -> int:
    """Do it so often; return how many requests were answered.

    Raises:
        AssertionError: a request was not.
    """
    answered = 0
    for _ in range(times):
        good, bad = asyncio.run(once())
        assert bad == 0, f"{bad} requests of {good + bad} were lost"
        answered += good
    return answered


if __name__ == "__main__":
    print(run(int(sys.argv[1])), "requests, none lost")
