"""The PROXY protocol, versions 1 and 2: what a proxy says of its client before the first byte of the client's own.

Specification: haproxy.org/download/3.0/doc/proxy-protocol.txt.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import struct
from collections.abc import Callable
from typing import Any

from pyframework.ioloop import IOLoop
from pyframework.log import gen_log

TIMEOUT = 5.0  # seconds that a proxy has to say it
MAX_V1_SIZE = 107  # bytes, by the specification
MAX_V2_SIZE = 4096  # bytes, with all additions; these are not looked at

_V1 = re.compile(rb"PROXY (?:UNKNOWN[^\r\n]*|(TCP4|TCP6) ([0-9A-Fa-f:.]+) [0-9A-Fa-f:.]+ ([0-9]{1,5}) [0-9]{1,5})\r\n")
_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED = 16  # bytes of version 2 that are always there
_LOCAL, _PROXY = 0x20, 0x21
_TCP4, _TCP6 = 0x11, 0x21


class ProxyHeaderError(ValueError):
    """What came is no header of the PROXY protocol."""


def header_size(data: bytes) -> int | None:
    """Return the size of the header that `data` begins with; None if that cannot be told yet.

    Raises ProxyHeaderError for what is no header.
    """
    if _SIGNATURE.startswith(data[: len(_SIGNATURE)]):
        if len(data) < _FIXED:
            return None
        size = _FIXED + int.from_bytes(data[14:16])
        if size > MAX_V2_SIZE:
            raise ProxyHeaderError("version 2 header is too long")
        return size
    if not b"PROXY ".startswith(data[:6]):
        raise ProxyHeaderError("no header")
    end = data.find(b"\n")
    if (len(data) if end < 0 else end) >= MAX_V1_SIZE:
        raise ProxyHeaderError("version 1 header is too long")
    return None if end < 0 else end + 1


def parse(header: bytes) -> tuple[str, int] | None:
    """Return address and port of the client; None where the proxy speaks for itself or does not know.

    Raises ProxyHeaderError for a malformed header.
    """
    if not header.startswith(_SIGNATURE):
        match = _V1.fullmatch(header)
        if match is None:
            raise ProxyHeaderError("malformed version 1 header")
        return _checked(match[2].decode(), int(match[3]), 4 if match[1] == b"TCP4" else 6) if match[1] else None
    command, family = header[12], header[13]
    addresses = header[_FIXED:]
    if command == _LOCAL:
        return None
    if command != _PROXY:
        raise ProxyHeaderError(f"unknown version or command {command:#x}")
    if family == _TCP4 and len(addresses) >= 12:
        return socket.inet_ntop(socket.AF_INET, addresses[:4]), struct.unpack("!H", addresses[8:10])[0]
    if family == _TCP6 and len(addresses) >= 36:
        return socket.inet_ntop(socket.AF_INET6, addresses[:16]), struct.unpack("!H", addresses[32:34])[0]
    if family in (_TCP4, _TCP6):
        raise ProxyHeaderError("addresses are missing")
    return None


def _checked(address: str, port: int, version: int) -> tuple[str, int]:
    try:
        if ipaddress.ip_address(address).version == version and port < 65536:
            return address, port
    except ValueError:
        pass
    raise ProxyHeaderError("malformed address")


class ProxyHeader:
    """Takes the header from a new connection, and not a byte more: TLS may begin behind it.

    done: called with the socket and the client's address, or with None for both if the connection was closed.
    """

    def __init__(
        self, connection: socket.socket, address: Any, done: Callable[[ProxyHeader, socket.socket | None, Any], None]
    ) -> None:
        self.connection, self.address, self.done = connection, address, done
        self.data = b""
        self.io_loop = IOLoop.current()
        connection.setblocking(False)
        self.timer = self.io_loop.call_later(TIMEOUT, self.fail, "it did not come in time")
        self.io_loop.add_handler(connection, self.receive, IOLoop.READ)

    def receive(self, connection: socket.socket, events: int) -> None:
        try:
            while True:
                peeked = connection.recv(MAX_V2_SIZE, socket.MSG_PEEK)
                if not peeked:
                    raise ProxyHeaderError("the connection ended")
                size = header_size(self.data + peeked)
                wanted = len(peeked) if size is None else size - len(self.data)
                self.data += connection.recv(min(wanted, len(peeked)))
                if len(self.data) == size:
                    break
            client = parse(self.data)
        except BlockingIOError:
            return
        except (OSError, ProxyHeaderError) as error:
            self.fail(str(error))
            return
        self.stop()
        self.done(self, connection, self.address if client is None else client)

    def fail(self, reason: str) -> None:
        """Close the connection."""
        gen_log.info("No PROXY header from %s: %s", self.address, reason)
        self.stop()
        self.connection.close()
        self.done(self, None, None)

    def stop(self) -> None:
        self.io_loop.remove_timeout(self.timer)
        self.io_loop.remove_handler(self.connection)
