"""Keeps many answered, silent keep-alive connections, or WebSockets, open, in a helper process of its own.

Run as a program (`python -m bench.idle PORT COUNT PATH`, PATH that of a WebSocket or empty) it opens them, says "open",
waits for the end of its input, and says how many the server has closed meanwhile.
"""

import select
import socket
import subprocess
import sys
from types import TracebackType

from bench import machine
from bench.answers import parse_answer
from bench.peers import ROOT
from bench.servers import PeerFailed

PER_ADDRESS = 5000
IP_BIND_ADDRESS_NO_PORT = 24  # bind() would search a free port, slowly; connect() finds one at once
REQUEST = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
HANDSHAKE = (
    "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)


class IdleConnections:
    """`count` open connections to `port` for the time of a `with`: each after one answered request, or a WebSocket."""

    def __init__(self, port: int, count: int, websocket: str = "") -> None:
        with machine.pinned(machine.LOAD_CORE):
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bench.idle", str(port), str(count), websocket],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def __enter__(self) -> "IdleConnections":
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if line != "open":
            rest = self.process.communicate()[0].strip().splitlines()
            raise PeerFailed(f"idle connections could not be opened: {(rest or [line])[-1]}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        lost = self.process.communicate()[0].strip()
        if error is None and lost != "lost 0":
            raise PeerFailed(f"idle connections did not stay open: {lost}")


def open_connection(port: int, number: int, websocket: str) -> socket.socket:
    """Connect from one of several loopback addresses, as one may not have ports enough, and have a request answered."""
    connection = socket.socket()
    if sys.platform == "linux":
        connection.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        connection.bind((f"127.0.0.{2 + number // PER_ADDRESS}", 0))
    connection.settimeout(10)
    connection.connect(("127.0.0.1", port))
    connection.sendall((HANDSHAKE.format(websocket) if websocket else REQUEST).encode())
    data = b""
    while not (data.endswith(b"\r\n\r\n") if websocket else parse_answer(data)):
        received = connection.recv(65536)
        if not received:
            raise ConnectionError(f"connection {number} was closed instead of answered")
        data += received
    if websocket and not data.startswith(b"HTTP/1.1 101"):
        raise ConnectionError(f"no WebSocket: {data[:60]!r}")
    return connection


def main(port: int, count: int, websocket: str) -> None:
    connections = [open_connection(port, number, websocket) for number in range(count)]
    print("open", flush=True)
    sys.stdin.read()
    poll = select.poll()
    for connection in connections:
        poll.register(connection, select.POLLIN)
    print("lost", len(poll.poll(0)))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
