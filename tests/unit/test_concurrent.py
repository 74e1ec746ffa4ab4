"""Futures of both kinds: handing outcomes on, across threads too, and running methods on executors."""

import asyncio
import logging
import threading
from concurrent import futures

import pytest

from pyframework.concurrent import (
    FUTURES,
    Future,
    chain_future,
    dummy_executor,
    future_add_done_callback,
    future_set_exc_info,
    future_set_exception_unless_cancelled,
    future_set_result_unless_cancelled,
    is_future,
    run_on_executor,
)


@pytest.fixture
def loop():
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def pool():
    with futures.ThreadPoolExecutor(1) as pool:
        yield pool


KINDS = [Future, futures.Future]


@pytest.mark.parametrize("kind", KINDS)
def test_is_future_knows_both_kinds(loop, kind):
    assert Future is asyncio.Future
    assert kind in FUTURES
    assert is_future(kind())
    assert not is_future(kind)
    assert not is_future(None)


@pytest.mark.parametrize("target_kind", KINDS)
@pytest.mark.parametrize("source_kind", KINDS)
class TestChainFuture:
    def finish(self, loop, source_kind, target_kind, act):
        source, target = source_kind(), target_kind()
        chain_future(source, target)
        act(source)
        for _ in range(3):
            loop.run_until_complete(asyncio.sleep(0))
        return target

    def test_passes_a_result_on(self, loop, source_kind, target_kind):
        target = self.finish(loop, source_kind, target_kind, lambda source: source.set_result(42))
        assert target.result() == 42

    def test_passes_an_exception_on(self, loop, source_kind, target_kind):
        error = KeyError("x")
        target = self.finish(loop, source_kind, target_kind, lambda source: source.set_exception(error))
        assert target.exception() is error

    def test_passes_cancellation_on(self, loop, source_kind, target_kind):
        target = self.finish(loop, source_kind, target_kind, lambda source: source.cancel())
        assert target.cancelled()

    def test_leaves_a_finished_target_alone(self, loop, source_kind, target_kind):
        source, target = source_kind(), target_kind()
        chain_future(source, target)
        target.set_result("first")
        source.set_result("second")
        for _ in range(3):
            loop.run_until_complete(asyncio.sleep(0))
        assert target.result() == "first"

    def test_copies_what_is_done_at_once(self, loop, source_kind, target_kind):
        source, target = source_kind(), target_kind()
        source.set_result(1)
        chain_future(source, target)
        assert target.done()

    def test_does_not_cancel_the_source(self, loop, source_kind, target_kind):
        source, target = source_kind(), target_kind()
        chain_future(source, target)
        target.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        assert not source.done()


def test_chain_wakes_a_sleeping_loop_from_another_thread(loop, pool):
    go = threading.Event()
    target = loop.create_future()
    chain_future(pool.submit(lambda: go.wait() and threading.get_ident()), target)
    callback_threads = []
    target.add_done_callback(lambda _: callback_threads.append(threading.get_ident()))
    loop.call_soon(go.set)
    worker = loop.run_until_complete(asyncio.wait_for(target, 30))
    assert worker != threading.get_ident()
    assert callback_threads == [threading.get_ident()]


def test_chain_drops_a_result_whose_loop_is_closed(pool, caplog):
    loop = asyncio.new_event_loop()
    go = threading.Event()
    source = pool.submit(go.wait)
    chain_future(source, loop.create_future())
    loop.close()
    go.set()
    assert source.result()
    pool.shutdown()
    assert not caplog.records


def test_chain_gives_a_running_future_a_cancelled_error(loop):
    source, target = Future(), futures.Future()
    target.set_running_or_notify_cancel()
    chain_future(source, target)
    source.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    assert isinstance(target.exception(timeout=0), asyncio.CancelledError)


def test_chain_does_not_lose_a_stop_iteration(loop, pool):
    target = loop.create_future()
    chain_future(pool.submit(next, iter([])), target)
    with pytest.raises(RuntimeError, match="StopIteration") as caught:
        loop.run_until_complete(asyncio.wait_for(target, 30))
    assert isinstance(caught.value.__cause__, StopIteration)


@pytest.mark.parametrize("bad", [None, 3, "future", object()])
def test_chain_refuses_other_objects(loop, bad):
    with pytest.raises(TypeError):
        chain_future(Future(), bad)
    with pytest.raises((TypeError, AttributeError)):
        chain_future(bad, Future())


class TestRunOnExecutor:
    class Worker:
        def __init__(self, pool):
            self.executor = self._other = pool

        @run_on_executor
        def add(self, x, y=0):
            """Adds."""
            return x + y

        @run_on_executor()
        def thread(self):
            return threading.get_ident()

        @run_on_executor(executor="_other")
        def fail(self):
            raise KeyError("from the worker")

    def test_returns_an_awaitable_future(self, loop, pool):
        future = self.Worker(pool).add(1, y=2)
        assert isinstance(future, asyncio.Future)
        assert loop.run_until_complete(future) == 3

    def test_runs_in_the_executor(self, loop, pool):
        assert loop.run_until_complete(self.Worker(pool).thread()) == pool.submit(threading.get_ident).result()

    def test_passes_exceptions_on_and_takes_an_attribute_name(self, loop, pool):
        with pytest.raises(KeyError, match="from the worker"):
            loop.run_until_complete(self.Worker(pool).fail())

    def test_keeps_the_methods_name(self):
        assert self.Worker.add.__name__ == "add"
        assert self.Worker.add.__doc__ == "Adds."

    def test_refuses_positional_arguments_beside_the_method(self):
        with pytest.raises(ValueError):
            run_on_executor(len, "executor")
        with pytest.raises(ValueError):
            run_on_executor(len, executor="x")


class TestDummyExecutor:
    def test_runs_at_once(self):
        future = dummy_executor.submit(divmod, 7, 2)
        assert future.done()
        assert future.result() == (3, 1)

    def test_keeps_an_exception(self):
        future = dummy_executor.submit(divmod, 1, 0)
        assert isinstance(future.exception(), ZeroDivisionError)

    def test_survives_shutdown(self):
        dummy_executor.shutdown(wait=True, cancel_futures=True)
        assert dummy_executor.submit(int).result() == 0


@pytest.mark.parametrize("kind", KINDS)
class TestSetters:
    def test_callback_of_a_done_future_runs_at_once(self, loop, kind):
        future, seen = kind(), []
        future.set_result(1)
        future_add_done_callback(future, seen.append)
        assert seen == [future]

    def test_callback_of_a_pending_future_runs_later(self, loop, kind):
        future, seen = kind(), []
        future_add_done_callback(future, seen.append)
        assert not seen
        future.set_result(1)
        loop.run_until_complete(asyncio.sleep(0))
        assert seen == [future]

    def test_result_unless_cancelled(self, loop, kind):
        future, cancelled = kind(), kind()
        cancelled.cancel()
        future_set_result_unless_cancelled(future, 7)
        future_set_result_unless_cancelled(cancelled, 7)
        assert future.result() == 7
        assert cancelled.cancelled()

    def test_a_second_result_is_an_error(self, loop, kind):
        future = kind()
        future.set_result(1)
        with pytest.raises((asyncio.InvalidStateError, futures.InvalidStateError)):
            future_set_result_unless_cancelled(future, 2)

    def test_exception_unless_cancelled(self, loop, kind, caplog):
        future, cancelled = kind(), kind()
        cancelled.cancel()
        error = KeyError("late")
        future_set_exception_unless_cancelled(future, error)
        assert future.exception() is error
        assert not caplog.records
        future_set_exception_unless_cancelled(cancelled, error)
        [record] = caplog.records
        assert record.levelno == logging.ERROR
        assert record.exc_info[1] is error

    def test_exc_info(self, loop, kind, caplog):
        future, cancelled = kind(), kind()
        cancelled.cancel()
        error = KeyError("x")
        future_set_exc_info(future, (KeyError, error, None))
        future_set_exc_info(cancelled, (KeyError, error, None))
        assert future.exception() is error
        assert not caplog.records

    def test_exc_info_without_an_exception(self, loop, kind):
        with pytest.raises(ValueError, match="exc_info"):
            future_set_exc_info(kind(), (None, None, None))
