"""start_task: coroutines that become Tasks after their first step."""

import asyncio
import contextvars
import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyframework._core.loop import EventLoop, start_task
from tests.ext.loops import turns

EAGER = sys.version_info >= (3, 12)
CERTIFICATE = Path(__file__).parents[2] / "pyframework" / "testing.crt"
KEY = CERTIFICATE.with_suffix(".key")


# ---------------------------------------------------------------------------------------------- start_task


def test_the_first_step_of_a_task_runs_at_once(loop: EventLoop) -> None:
    order: list[object] = []

    async def work() -> str:
        order.append(asyncio.current_task() is not None)
        order.append("begun")
        await asyncio.sleep(0)
        return "done"

    def callback() -> None:
        task = start_task(work(), contextvars.copy_context())
        order.append("started")
        task.add_done_callback(lambda task: (order.append(task.result()), loop.stop()))

    loop.call_soon(callback)
    loop.run_forever()
    assert order == [True, "begun", "started", "done"]


def test_a_coroutine_that_was_stepped_before_goes_on_in_a_task(loop: EventLoop) -> None:
    class Step:
        def __await__(self) -> Iterator[None]:
            yield

    async def work() -> str:
        await Step()
        async with asyncio.timeout(10):
            await asyncio.sleep(0)
        return "done"

    def callback() -> None:
        coroutine = work()
        context = contextvars.copy_context()
        context.run(coroutine.send, None)
        start_task(coroutine, context).add_done_callback(lambda task: (results.append(task.result()), loop.stop()))

    results: list[str] = []
    loop.call_soon(callback)
    loop.run_forever()
    assert results == ["done"]


def test_a_task_that_ends_in_its_first_step_is_done(loop: EventLoop, errors: list[dict[str, Any]]) -> None:
    async def work(fail: bool) -> str:
        if fail:
            raise ZeroDivisionError
        return "done"

    def callback() -> None:
        queued = len(loop._ready)
        for fail in (False, True):
            tasks.append(start_task(work(fail), contextvars.copy_context()))
            assert tasks[-1].done()
        assert len(loop._ready) == queued

    tasks: list[Any] = []
    loop.call_soon(callback)
    turns(loop)
    assert errors == []
    assert tasks[0].result() == "done"
    assert isinstance(tasks[1].exception(), ZeroDivisionError)


def test_start_task_inside_of_a_task(loop: EventLoop) -> None:
    order: list[object] = []

    async def inner() -> None:
        order.append(asyncio.current_task())
        await asyncio.sleep(0)

    async def outer() -> None:
        me = asyncio.current_task()
        task = start_task(inner(), contextvars.copy_context())
        assert asyncio.current_task() is me
        await task
        assert order == [task]

    loop.run_until_complete(outer())


def test_what_is_no_coroutine_starts_no_task_and_spoils_nothing(loop: EventLoop, errors: list[dict[str, Any]]) -> None:
    ran: list[int] = []

    def callback() -> None:
        with pytest.raises(TypeError):
            start_task("no coroutine", contextvars.copy_context())  # type: ignore[arg-type]
        loop.call_soon(ran.append, 1)

    loop.call_soon(callback)
    turns(loop, 2)
    assert ran == [1]
    assert errors == []


def test_a_context_that_is_entered_starts_no_task(loop: EventLoop, errors: list[dict[str, Any]]) -> None:
    async def work() -> None: ...

    context = contextvars.copy_context()
    coroutine = work()

    def callback() -> None:
        start_task(coroutine, context)

    loop.call_soon(callback, context=context)
    turns(loop, 2)
    coroutine.close()
    assert "already entered" in str(errors[0]["exception"])


def test_start_task_without_a_running_loop() -> None:
    async def work() -> None: ...

    coroutine = work()
    with pytest.raises(RuntimeError, match="no running event loop"):
        start_task(coroutine, contextvars.copy_context())
    coroutine.close()


@pytest.mark.parametrize("takes_context", [True, False])
def test_start_task_asks_the_task_factory(loop: EventLoop, takes_context: bool) -> None:
    made: list[object] = []
    var: contextvars.ContextVar[str] = contextvars.ContextVar("var", default="outside")

    def modern(loop: Any, coroutine: Any, **options: Any) -> Any:
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)

    def old(loop: Any, coroutine: Any) -> Any:
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop)

    async def work() -> str:
        return var.get()

    async def main() -> str:
        coroutine = work()
        context = contextvars.copy_context()
        context.run(var.set, "inside")
        result = await start_task(coroutine, context)
        assert coroutine in made
        return result

    task = asyncio.Task(main(), loop=loop)
    loop.set_task_factory(modern if takes_context else old)
    assert loop.run_until_complete(task) == "inside"


def test_a_call_soon_of_a_subclass_sees_the_task(pair: Any) -> None:
    class Counting(EventLoop):
        swallowed = 0

        def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
            Counting.swallowed += 1
            handle = super().call_soon(callback, *args, context=context)
            super().call_soon(lambda: None)
            return handle

    async def work() -> str:
        await asyncio.sleep(0)
        return "done"

    def callback() -> None:
        start_task(work(), contextvars.copy_context()).add_done_callback(
            lambda task: (results.append(task.result()), loop.stop())
        )

    results: list[str] = []
    loop = Counting()
    loop.call_soon(callback)
    loop.run_forever()
    loop.close()
    assert results == ["done"]


def test_an_exit_request_in_the_first_step_passes_through(loop: EventLoop) -> None:
    async def work() -> None:
        raise KeyboardInterrupt

    loop.call_soon(lambda: start_task(work(), contextvars.copy_context()))
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()
    gc.collect()
