"""CaresResolver against a name server of ours on the loopback interface."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pycares
import pytest

from pyframework.platform.caresresolver import CaresResolver


class NameServer(asyncio.DatagramProtocol):
    """Knows that `known.test` is 192.0.2.7, that `unknown.test` is nobody, and answers nothing for other names."""

    transport: asyncio.DatagramTransport

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.asked = 0

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.asked += 1
        question = data[12 : data.index(b"\0", 12) + 5]
        if b"known\4test" in question:
            found = question.startswith(b"\5known")
            # RFC 1035, section 4: an answer, its code (0, or 3 for "no such name"), and one record.
            head = data[:2] + (b"\x81\x80" if found else b"\x81\x83") + b"\0\1" + bytes([0, found]) + b"\0\0\0\0"
            record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton("192.0.2.7")
            self.transport.sendto(head + question + (record if found else b""), address)


def play(main: Callable[[CaresResolver, NameServer], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
            NameServer, local_addr=("127.0.0.1", 0)
        )
        port = transport.get_extra_info("sockname")[1]
        resolver = CaresResolver()
        resolver.channel = pycares.Channel(
            sock_state_cb=resolver._watch, servers=["127.0.0.1"], udp_port=port, tcp_port=port, timeout=0.05, tries=2
        )
        try:
            await main(resolver, server)
        finally:
            resolver.close()
            transport.close()

    asyncio.run(asyncio.wait_for(run(), 30))


def test_a_name() -> None:
    async def main(resolver: CaresResolver, server: NameServer) -> None:
        for family in (socket.AF_INET, socket.AF_UNSPEC):
            assert await resolver.resolve("known.test", 80, family) == [(socket.AF_INET, ("192.0.2.7", 80))]

    play(main)


def test_an_address_asks_nobody() -> None:
    async def main(resolver: CaresResolver, server: NameServer) -> None:
        assert await resolver.resolve("127.0.0.1", 80) == [(socket.AF_INET, ("127.0.0.1", 80))]
        assert await resolver.resolve("::1", 80, socket.AF_INET6) == [(socket.AF_INET6, ("::1", 80))]
        with pytest.raises(OSError, match="not of the family"):
            await resolver.resolve("::1", 80, socket.AF_INET)
        assert server.asked == 0

    play(main)


def test_a_name_that_nobody_has() -> None:
    async def main(resolver: CaresResolver, server: NameServer) -> None:
        with pytest.raises(OSError, match=r"unknown\.test"):
            await resolver.resolve("unknown.test", 80, socket.AF_INET)

    play(main)


def test_a_server_that_does_not_answer() -> None:
    async def main(resolver: CaresResolver, server: NameServer) -> None:
        with pytest.raises(OSError, match="C-Ares returned error"):
            await resolver.resolve("silent.example", 80, socket.AF_INET)
        assert server.asked >= 2

    play(main)


def test_closed_while_it_waits() -> None:
    async def main(resolver: CaresResolver, server: NameServer) -> None:
        answer = asyncio.ensure_future(resolver.resolve("silent.example", 80, socket.AF_INET))
        while not resolver.fds:
            await asyncio.sleep(0)
        resolver.close()
        with pytest.raises(OSError):
            await answer
        assert not resolver.fds

    play(main)
