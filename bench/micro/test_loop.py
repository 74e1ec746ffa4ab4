"""What an event loop itself costs: callbacks, timers that are cancelled, and tasks that wake each other."""

import asyncio
from typing import Any

COUNT = 1000


def test_call_soon(benchmark: Any, loop: asyncio.AbstractEventLoop) -> None:
    """COUNT callbacks, each of which queues the next."""

    def step(left: int) -> None:
        if left:
            loop.call_soon(step, left - 1)
        else:
            loop.stop()

    def run() -> None:
        loop.call_soon(step, COUNT)
        loop.run_forever()

    benchmark(run)


def test_call_soon_batch(benchmark: Any, loop: asyncio.AbstractEventLoop) -> None:
    """COUNT callbacks that are all queued before the loop runs."""
    done: list[int] = []

    def run() -> None:
        done.clear()
        for number in range(COUNT):
            loop.call_soon(done.append, number)
        loop.call_soon(loop.stop)
        loop.run_forever()

    benchmark(run)
    assert done == list(range(COUNT))


def test_call_later_and_cancel(benchmark: Any, loop: asyncio.AbstractEventLoop) -> None:
    """COUNT timeouts of the usual kind: set, then cancelled since all went well."""
    fired: list[int] = []

    def run() -> None:
        for number in range(COUNT):
            loop.call_later(60, fired.append, number).cancel()
        loop.call_soon(loop.stop)
        loop.run_forever()

    benchmark(run)
    assert fired == []


def test_task_ping_pong(benchmark: Any, loop: asyncio.AbstractEventLoop) -> None:
    """Two tasks hand a ball to each other COUNT times through queues."""

    async def player(mine: asyncio.Queue[int], other: asyncio.Queue[int]) -> int:
        ball = 0
        while ball < COUNT:
            ball = await mine.get()
            other.put_nowait(ball + 1)
        return ball

    async def game() -> tuple[int, int]:
        left: asyncio.Queue[int] = asyncio.Queue()
        right: asyncio.Queue[int] = asyncio.Queue()
        left.put_nowait(0)
        return await asyncio.gather(player(left, right), player(right, left))

    assert min(benchmark(lambda: loop.run_until_complete(game()))) >= COUNT


def test_task_creation(benchmark: Any, loop: asyncio.AbstractEventLoop) -> None:
    """COUNT tasks, each of which waits for one turn of the loop."""

    async def all_tasks() -> None:
        await asyncio.gather(*(asyncio.sleep(0) for _ in range(COUNT)))

    benchmark(lambda: loop.run_until_complete(all_tasks()))
