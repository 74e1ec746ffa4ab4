"""Twisted beside this framework as it was: its reactor on an IOLoop, an IOLoop on its reactor, its name servers."""

import asyncio
import importlib
import socket
import sys
from typing import Any

from twisted.internet import asyncioreactor
from twisted.names import cache, client, dns, hosts, resolve

from pyframework.gen import convert_yielded
from pyframework.ioloop import IOLoop
from pyframework.legacy._arguments import add, ignoring_loop, replace
from pyframework.legacy._notes import note
from pyframework.netutil import Resolver, is_valid_ip
from pyframework.platform import twisted
from pyframework.platform.asyncio import BaseAsyncIOLoop

_FAMILIES = {dns.A: socket.AF_INET, dns.AAAA: socket.AF_INET6}
_TODAY = "twisted.internet.asyncioreactor runs Twisted on the same event loop"


class TornadoReactor(asyncioreactor.AsyncioSelectorReactor):  # type: ignore[misc]
    """Twisted's reactor on an IOLoop; starting either of them starts both.

    :arg io_loop: the current one by default
    """

    def __init__(self, io_loop: IOLoop | None = None) -> None:
        note("platform.twisted.TornadoReactor", _TODAY)
        self._io_loop = IOLoop.current() if io_loop is None else io_loop
        super().__init__(self._io_loop.asyncio_loop)
        self._io_loop.add_callback(self._start_with_loop)

    def _start_with_loop(self) -> None:
        if not self._started:
            self.startRunning(installSignalHandlers=False)


def install_reactor(io_loop: IOLoop | None = None) -> TornadoReactor:
    """Make a `TornadoReactor` the reactor of the process, and return it; call it before anything imports the reactor.

    :raises twisted.internet.error.ReactorAlreadyInstalledError: there is one
    """
    from twisted.internet.main import installReactor

    reactor = TornadoReactor(io_loop)
    installReactor(reactor)
    return reactor


class TwistedIOLoop(BaseAsyncIOLoop):
    """An IOLoop that runs when Twisted's reactor does.

    :arg reactor: the reactor of the process by default; where there is none yet, it becomes one that runs on asyncio
    :raises TypeError: the reactor does not run on asyncio
    """

    def initialize(self, reactor: Any = None, **kwargs: Any) -> None:  # type: ignore[override]
        note("platform.twisted.TwistedIOLoop", _TODAY)
        self.reactor = _reactor_of_process() if reactor is None else reactor
        if not isinstance(self.reactor, asyncioreactor.AsyncioSelectorReactor):
            raise TypeError(
                f"an IOLoop cannot run on {type(self.reactor).__qualname__}: make the IOLoop, or call "
                "twisted.internet.asyncioreactor.install(), before the program imports twisted.internet.reactor"
            )
        super().initialize(asyncio_loop=self.reactor._asyncioEventloop, **kwargs)

    def _make_current(self) -> None:
        asyncio.set_event_loop(self.asyncio_loop)

    def start(self) -> None:
        self.reactor.run()

    def stop(self) -> None:
        self.reactor.crash()


def _reactor_of_process() -> Any:
    if "twisted.internet.reactor" not in sys.modules:
        asyncioreactor.install()
    return importlib.import_module("twisted.internet.reactor")


class TwistedResolver(Resolver):
    """Asks ``/etc/hosts``, then name servers by Twisted."""

    def initialize(self) -> None:
        note("platform.twisted.TwistedResolver", "the default resolver does what the system does")
        reactor = TornadoReactor()
        servers = client.Resolver("/etc/resolv.conf", reactor=reactor)
        cached = cache.CacheResolver(reactor=reactor)
        self.resolver = resolve.ResolverChain([hosts.Resolver("/etc/hosts"), cached, servers])

    async def resolve(self, host: str, port: int, family: int = socket.AF_UNSPEC) -> list[tuple[int, Any]]:
        if is_valid_ip(host):
            found: list[tuple[int, str]] = [(socket.AF_INET6 if ":" in host else socket.AF_INET, host)]
        else:
            found = await self._ask(host, family)
        wanted = [(kind, address) for kind, address in found if family in (socket.AF_UNSPEC, kind)]
        if not wanted:
            raise OSError(f"{host} has no address of the family {family}")
        return [(kind, (address, port)) for kind, address in wanted]

    async def _ask(self, host: str, family: int) -> list[tuple[int, str]]:
        lookups = {socket.AF_INET: self.resolver.lookupAddress, socket.AF_INET6: self.resolver.lookupIPV6Address}
        asking = [convert_yielded(lookups[kind](host)) for kind in lookups if family in (socket.AF_UNSPEC, kind)]
        answers = await asyncio.gather(*asking, return_exceptions=True)
        errors = [answer for answer in answers if isinstance(answer, BaseException)]
        if len(errors) == len(answers):
            raise OSError(f"name servers know no address of {host}: {errors[0]!r}") from errors[0]
        records = [record for answer in answers if not isinstance(answer, BaseException) for record in answer[0]]
        found = [(_FAMILIES[record.type], record.payload.address) for record in records if record.type in _FAMILIES]
        return [(kind, socket.inet_ntop(kind, address)) for kind, address in found]


def install() -> None:
    add(twisted, TornadoReactor=TornadoReactor, TwistedIOLoop=TwistedIOLoop, TwistedResolver=TwistedResolver)
    replace(TwistedResolver, "initialize", "[io_loop]", ignoring_loop("Resolver"))
    twisted.install = install_reactor  # type: ignore[assignment]
