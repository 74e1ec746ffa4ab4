"""A resolver of host names that needs no thread: c-ares, by pycares. Deprecated."""

import socket
from typing import Any

import pycares

from pyframework.concurrent import Future, future_set_result_unless_cancelled
from pyframework.ioloop import IOLoop
from pyframework.netutil import Resolver, is_valid_ip


class CaresResolver(Resolver):
    """Asks name servers by c-ares on the current IOLoop.

    It may find other addresses than the system's resolver does; ask it for one family, as for AF_UNSPEC it finds
    addresses of one family only. Deprecated: the default resolver uses threads, and does what the system does.
    """

    def initialize(self) -> None:
        self.io_loop = IOLoop.current()
        self.channel: Any = pycares.Channel(sock_state_cb=self._watch)
        self.fds: dict[int, int] = {}  # events that are waited for
        self._timer: object | None = None

    def close(self) -> None:
        self._stop_timer()
        for fd in list(self.fds):
            self._watch(fd, False, False)
        self.channel.cancel()

    def _watch(self, fd: int, readable: bool, writable: bool) -> None:
        """c-ares has changed its mind about a descriptor."""
        events = (IOLoop.READ if readable else 0) | (IOLoop.WRITE if writable else 0)
        if not events:
            if self.fds.pop(fd, None) is not None:
                self.io_loop.remove_handler(fd)
        elif fd in self.fds:
            self.io_loop.update_handler(fd, events)
            self.fds[fd] = events
        else:
            self.io_loop.add_handler(fd, self._process, events)
            self.fds[fd] = events

    def _process(self, fd: int, events: int) -> None:
        none = pycares.ARES_SOCKET_BAD
        self.channel.process_fd(fd if events & IOLoop.READ else none, fd if events & IOLoop.WRITE else none)
        self._set_timer()

    def _set_timer(self) -> None:
        """c-ares asks again, or gives up, when it is called at the right time."""
        self._stop_timer()
        seconds = self.channel.timeout()
        if self.fds and seconds > 0:
            self._timer = self.io_loop.call_later(seconds, self._process, pycares.ARES_SOCKET_BAD, 0)

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            self.io_loop.remove_timeout(timer)

    async def resolve(self, host: str, port: int, family: int = 0) -> list[tuple[int, Any]]:
        addresses = [host] if is_valid_ip(host) else await self._ask(host, family)
        found: list[tuple[int, Any]] = []
        for address in addresses:
            kind = socket.AF_INET6 if ":" in address else socket.AF_INET
            if family not in (socket.AF_UNSPEC, kind):
                raise OSError(f"{host} has the address {address}, which is not of the family {family}")
            found.append((kind, (address, port)))
        return found

    async def _ask(self, host: str, family: int) -> list[str]:
        answered: Future[tuple[Any, int | None]] = Future()
        self.channel.gethostbyname(
            host,
            family or socket.AF_INET,
            lambda result, error: future_set_result_unless_cancelled(answered, (result, error)),
        )
        self._set_timer()
        result, error = await answered
        if error is not None:
            reason: Any = pycares.errno.strerror(error)
            raise OSError(f"C-Ares returned error {error}: {reason} while resolving {host}")
        addresses: list[str] = result.addresses
        return addresses
