"""A resolver that remembers for a short time what another one has found."""

import asyncio
import socket
import time
from typing import Any

from pyframework.netutil import Resolver

DNS_SECONDS = 10.0
MAX_NAMES = 1000

_Addresses = list[tuple[int, Any]]
_Question = tuple[str, int, socket.AddressFamily]


class CachingResolver(Resolver):
    """Asks another resolver once for all who want to know the same meanwhile, and for `seconds` after the answer.

    What could not be found is not remembered.

    :arg resolver: the other one, which is closed with this one
    :arg seconds: how long an answer counts
    :arg max_names: the most answers that are kept; the oldest goes first
    """

    def initialize(
        self, resolver: Resolver, seconds: float = DNS_SECONDS, max_names: int = MAX_NAMES
    ) -> None:
        self.resolver = resolver
        self.seconds = seconds
        self.max_names = max_names
        self._answers: dict[_Question, tuple[_Addresses, float]] = {}  # with the time until which they count
        self._asked: dict[_Question, asyncio.Future[_Addresses]] = {}

    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[tuple[int, Any]]:
        question = host, port, family
        addresses, until = self._answers.get(question, ([], 0.0))
        if time.monotonic() < until:
            return list(addresses)
        asked = self._asked.get(question)
        if asked is None:
            asked = self._asked[question] = asyncio.ensure_future(self.resolver.resolve(host, port, family))
            asked.add_done_callback(lambda found: self._remember(question, found))
        return list(await asyncio.shield(asked))  # who gives up does not take the answer from the others

    def _remember(self, question: _Question, found: "asyncio.Future[_Addresses]") -> None:
        del self._asked[question]
        self._answers.pop(question, None)
        if found.cancelled() or found.exception() is not None:
            return
        if len(self._answers) >= self.max_names:
            del self._answers[next(iter(self._answers))]
        self._answers[question] = found.result(), time.monotonic() + self.seconds

    def close(self) -> None:
        self._answers.clear()
        self.resolver.close()
