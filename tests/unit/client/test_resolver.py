"""What is remembered of the addresses of names."""

import asyncio
import socket
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

import pytest

from pyframework._client import resolver as module
from pyframework._client.resolver import CachingResolver
from pyframework.netutil import Resolver
from pyframework.simple_httpclient import SimpleAsyncHTTPClient
from tests.unit.client.raw import Server, play


class Asked(Resolver):
    """Notes what it is asked; its answers wait for `go_on`."""

    def initialize(self) -> None:
        self.questions: list[Any] = []
        self.closed = False
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def resolve(self, host: str, port: int, family: int = socket.AF_UNSPEC) -> list[tuple[int, Any]]:
        self.questions.append((host, port, family))
        await self.go_on.wait()
        if host == "unknown":
            raise OSError("no such name")
        return [(socket.AF_INET, ("127.0.0.1", port))]

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main)


def test_for_some_seconds(clock: list[float]) -> None:
    async def main() -> None:
        asked = Asked()
        resolver = CachingResolver(resolver=asked, seconds=5)
        for _ in range(2):
            assert await resolver.resolve("name", 80) == [(socket.AF_INET, ("127.0.0.1", 80))]
        clock[0] += 4.9
        (await resolver.resolve("name", 80)).clear()  # the list is the caller's
        assert len(await resolver.resolve("name", 80)) == len(asked.questions) == 1
        clock[0] += 0.1
        await resolver.resolve("name", 80)
        assert len(asked.questions) == 2

    run(main())


def test_each_question_by_itself() -> None:
    async def main() -> None:
        asked = Asked()
        resolver = CachingResolver(resolver=asked)
        questions = [("name", 80), ("name", 81), ("other", 80), ("name", 80, socket.AF_INET)]
        for question in questions * 2:
            await resolver.resolve(*question)
        assert len(asked.questions) == 4
        resolver.close()
        assert asked.closed

    run(main())


def test_one_question_for_all_who_want_to_know() -> None:
    async def main() -> None:
        asked = Asked()
        asked.go_on.clear()
        resolver = CachingResolver(resolver=asked)
        waiting = [asyncio.create_task(resolver.resolve("name", 80)) for _ in range(3)]
        while not asked.questions:
            await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.wait(waiting[:1])
        asked.go_on.set()
        assert await waiting[1] == await waiting[2]
        assert len(asked.questions) == 1

    run(main())


def test_what_is_not_found_is_asked_again() -> None:
    async def main() -> None:
        asked = Asked()
        resolver = CachingResolver(resolver=asked)
        for number in (1, 2):
            with pytest.raises(OSError):
                await resolver.resolve("unknown", 80)
            assert len(asked.questions) == number

    run(main())


def test_so_many_and_no_more() -> None:
    async def main() -> None:
        asked = Asked()
        resolver = CachingResolver(resolver=asked, max_names=2)
        for name in ("a", "b", "c", "b", "c", "a"):
            await resolver.resolve(name, 80)
        assert [host for host, _, _ in asked.questions] == ["a", "b", "c", "a"]

    run(main())


@pytest.mark.parametrize("seconds", [0, 10])
def test_the_client_asks_through_it(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = Resolver.configured_class().resolve  # type: ignore[attr-defined]

    def resolve(self: Any, host: str, *rest: Any) -> Any:
        asked.append(host)
        return real(self, host, *rest)

    monkeypatch.setattr(Resolver.configured_class(), "resolve", resolve)

    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server()
        for _ in range(2):
            await client.fetch(server.url(), keep_alive=False)
        server.stop()

    play(main, dns_seconds=seconds)
    assert len(asked) == (2 if seconds else 4)


def test_a_resolver_of_the_callers_is_asked_each_time() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        asked = Asked()
        server = Server()
        mine = SimpleAsyncHTTPClient(force_instance=True, resolver=asked)
        for _ in range(2):
            await mine.fetch(server.url(), keep_alive=False)
        assert len(asked.questions) == 2
        mine.close()
        assert not asked.closed
        server.stop()

    play(main)
