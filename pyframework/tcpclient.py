"""TCPClient: from a host name to a connected stream, over whichever of its addresses answers first."""

from __future__ import annotations

import asyncio
import collections
import datetime
import functools
import numbers
import socket
import ssl
from asyncio import Future
from collections.abc import Awaitable, Callable
from typing import Any

from pyframework import gen
from pyframework.concurrent import future_add_done_callback
from pyframework.ioloop import IOLoop
from pyframework.iostream import IOStream
from pyframework.netutil import Resolver
from pyframework.util import TimeoutError

# Seconds that the first address family has for itself; RFC 6555, section 5.5, wants 150 to 250 ms or more.
_INITIAL_CONNECT_TIMEOUT = 0.3

_Addresses = collections.deque[tuple[int, Any]]


def _format_addr(addr: Any) -> str:
    """Return an address as it stands in a URL."""
    if not isinstance(addr, tuple) or len(addr) < 2:
        return str(addr)
    host, port = addr[:2]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


class _Connector:
    """Connects to whichever of several addresses answers first: "happy eyeballs", RFC 6555.

    The family of the first address begins. The other one joins in when an attempt has failed or takes long; from then
    on each family has one attempt under way. Attempts that are not needed are closed.

    addrinfo: pairs of family and address.
    connect: begins an attempt, and returns the stream and the Future of its connection.
    """

    def __init__(
        self, addrinfo: list[tuple[int, Any]], connect: Callable[..., tuple[IOStream, Future[IOStream]]]
    ) -> None:
        if not addrinfo:
            raise OSError("there is no address to connect to")
        self.io_loop = IOLoop.current()
        self.connect = connect
        primary, secondary = self.split(addrinfo)
        self.primary: _Addresses = collections.deque(primary)
        self.secondary: _Addresses = collections.deque(secondary)
        self.pending: dict[IOStream, Any] = {}  # attempts under way, with their addresses
        self.streams: set[IOStream] = set()  # of all attempts, except the one that succeeded
        self.last_error: Exception | None = None
        self.timeout: object | None = None
        self.connect_timeout: object | None = None
        self.future: Future[tuple[int, Any, IOStream]] = Future()
        self.future.add_done_callback(lambda _: self._clean_up())

    @staticmethod
    def split(addrinfo: list[tuple[int, Any]]) -> tuple[list[tuple[int, Any]], list[tuple[int, Any]]]:
        """Return those of the first address's family, and the others."""
        family = addrinfo[0][0]
        return [pair for pair in addrinfo if pair[0] == family], [pair for pair in addrinfo if pair[0] != family]

    def start(
        self,
        timeout: float = _INITIAL_CONNECT_TIMEOUT,
        connect_timeout: float | datetime.timedelta | None = None,
    ) -> Future[tuple[int, Any, IOStream]]:
        """Begin; the Future's result is the family, the address and the stream. Cancelling it closes everything.

        timeout: seconds after which the other family joins in.
        connect_timeout: a deadline as of `IOLoop.add_timeout`, at which the Future fails with `TimeoutError`.
        """
        self.timeout = self.io_loop.call_later(timeout, self.on_timeout)
        if connect_timeout is not None:
            self.connect_timeout = self.io_loop.add_timeout(connect_timeout, self.on_connect_timeout)
        self._attempt(self.primary)
        return self.future

    def _attempt(self, addresses: _Addresses) -> None:
        failed = False
        while addresses:
            family, address = addresses.popleft()
            try:
                stream, connected = self.connect(family, address)
            except Exception as error:
                self.last_error = error
                failed = True
                continue
            self.pending[stream] = address
            self.streams.add(stream)
            future_add_done_callback(
                connected, functools.partial(self._on_outcome, addresses, family, address, stream)
            )
            break
        if failed:
            self._hurry()
        self._fail_if_exhausted()

    def _on_outcome(
        self, addresses: _Addresses, family: int, address: Any, stream: IOStream, connected: Future[IOStream]
    ) -> None:
        del self.pending[stream]
        if self.future.done():
            stream.close()
            connected.cancelled() or connected.exception()  # nobody else wants to know
            return
        try:
            connected.result()
        except asyncio.CancelledError:
            pass
        except Exception as error:
            self.last_error = error
        else:
            self.streams.discard(stream)
            self.future.set_result((family, address, stream))
            self._clean_up()
            return
        stream.close()
        self._attempt(addresses)
        self._hurry()

    def on_timeout(self) -> None:
        """Let the other family join in."""
        self.timeout = None
        if not self.future.done():
            self._attempt(self.secondary)

    def _hurry(self) -> None:
        if self.timeout is not None:
            self.io_loop.remove_timeout(self.timeout)
            self.on_timeout()

    def _fail_if_exhausted(self) -> None:
        if not (self.pending or self.primary or self.secondary or self.future.done()):
            self.future.set_exception(self.last_error or OSError("connection failed"))
            self._clean_up()

    def on_connect_timeout(self) -> None:
        """Give up."""
        if not self.future.done():
            tried = ", ".join(sorted(_format_addr(address) for address in self.pending.values()))
            self.future.set_exception(TimeoutError(f"Timeout while connecting{' to ' if tried else ''}{tried}"))
        self._clean_up()

    def _clean_up(self) -> None:
        for timer in (self.timeout, self.connect_timeout):
            if timer is not None:
                self.io_loop.remove_timeout(timer)
        self.timeout = self.connect_timeout = None
        for stream in self.streams:
            stream.close()


class TCPClient:
    """Connects to hosts by name.

    resolver: finds their addresses; by default a `Resolver` of its own.
    """

    def __init__(self, resolver: Resolver | None = None) -> None:
        self._own_resolver = resolver is None
        self.resolver = Resolver() if resolver is None else resolver

    def close(self) -> None:
        """Close the resolver, if it is the client's own."""
        if self._own_resolver:
            self.resolver.close()

    async def connect(
        self,
        host: str,
        port: int,
        af: socket.AddressFamily = socket.AF_UNSPEC,
        ssl_options: dict[str, Any] | ssl.SSLContext | None = None,
        max_buffer_size: int | None = None,
        source_ip: str | None = None,
        source_port: int | None = None,
        timeout: float | datetime.timedelta | None = None,
    ) -> IOStream:
        """Connect to `port` of `host` and return the stream, which is an `SSLIOStream` if there are `ssl_options`.

        af: take only addresses of this family.
        ssl_options: a context, or arguments for `netutil.ssl_options_to_context`.
        max_buffer_size: as of `IOStream`, in bytes.
        source_ip, source_port: where to connect from; a port alone stands for the loopback address.
        timeout: seconds or a timedelta for everything together; `TimeoutError` says what took too long.

        Raises OSError if no address answers. Whoever cancels it leaves no socket open.
        """
        deadline = None if timeout is None else _deadline(timeout)
        found = self.resolver.resolve(host, port, af)
        addresses = await _by(deadline, found, lambda: f"Timeout while resolving {host}")
        create = functools.partial(
            self._create_stream, max_buffer_size, source_ip=source_ip, source_port=source_port
        )
        connecting = _Connector(addresses, create).start(connect_timeout=deadline)
        try:
            _, address, stream = await connecting
        except BaseException:
            _abandon(connecting, lambda result: result[2])
            raise
        if ssl_options is None:
            return stream
        try:
            secured = stream.start_tls(False, ssl_options=ssl_options, server_hostname=host)
        except BaseException:
            stream.close()
            raise
        try:
            await _by(deadline, secured, lambda: f"Timeout during TLS handshake with {_format_addr(address)}")
            return secured.result()
        except BaseException:
            _abandon(secured, lambda secured_stream: secured_stream)
            raise

    def _create_stream(
        self,
        max_buffer_size: int | None,
        af: int,
        addr: Any,
        source_ip: str | None = None,
        source_port: int | None = None,
    ) -> tuple[IOStream, Future[IOStream]]:
        sock = socket.socket(af)
        try:
            if source_ip or source_port:
                loopback = "::1" if af == socket.AF_INET6 else "127.0.0.1"
                sock.bind((source_ip or loopback, source_port or 0))
            stream = IOStream(sock, max_buffer_size=max_buffer_size)
        except BaseException:
            sock.close()
            raise
        return stream, stream.connect(addr)


def _abandon(future: Future[Any], stream_of: Callable[[Any], IOStream]) -> None:
    """Close the stream that `future` will give, or has given although nobody took it."""
    if not future.done():
        future.cancel()
    elif not future.cancelled() and future.exception() is None:
        stream_of(future.result()).close()


def _deadline(timeout: Any) -> float:
    """Return when `timeout` is over, on the IOLoop's clock."""
    if isinstance(timeout, datetime.timedelta):
        timeout = timeout.total_seconds()
    elif not isinstance(timeout, numbers.Real):
        raise TypeError(f"Unsupported timeout {timeout!r}: use seconds or a datetime.timedelta")
    deadline: float = IOLoop.current().time() + timeout
    return deadline


async def _by(deadline: float | None, awaitable: Awaitable[Any], message: Callable[[], str]) -> Any:
    """Wait for `awaitable`, with a deadline if there is one."""
    return await (awaitable if deadline is None else gen.with_timeout(deadline, awaitable, message=message))
