"""Task, engine, callback=, yield points."""

import datetime
import logging
from typing import Any

import pytest

from pyframework import gen
from pyframework.ioloop import IOLoop
from pyframework.testing import AsyncTestCase, ExpectLog, gen_test


def later(callback: Any, *args: Any, **kwargs: Any) -> None:
    IOLoop.current().add_callback(callback, *args, **kwargs)


class TaskTest(AsyncTestCase):
    @gen_test
    async def test_in_native_coroutines(self) -> None:
        assert await gen.Task(lambda callback: later(callback, 1)) == 1

    @gen_test
    async def test_arguments(self) -> None:
        assert await gen.Task(lambda callback: callback()) is None
        assert await gen.Task(lambda callback: callback(1, 2)) == gen.Arguments((1, 2), {})
        assert await gen.Task(lambda callback: callback(a=1)) == gen.Arguments((), {"a": 1})

    @gen_test
    async def test_second_result_is_dropped(self) -> None:
        def twice(callback: Any) -> None:
            callback(1)
            callback(2)

        assert await gen.Task(twice) == 1


class CoroutineTest(AsyncTestCase):
    def test_callback(self) -> None:
        @gen.coroutine
        def double(n: int) -> Any:
            yield gen.moment
            return 2 * n

        double(4, callback=self.stop)
        assert self.wait() == 8

    @gen_test
    async def test_none_is_no_callback(self) -> None:
        @gen.coroutine
        def one() -> int:
            return 1

        assert await one(callback=None) == 1

    @gen_test
    async def test_a_function_with_a_callback_of_its_own_gets_it(self) -> None:
        @gen.coroutine
        def named(callback: Any) -> Any:
            return callback

        @gen.coroutine
        def any_name(**kwargs: Any) -> Any:
            return kwargs

        assert await named(callback=3) == 3
        assert await any_name(callback=3) == {"callback": 3}

    @gen_test
    async def test_replace_callback_is_accepted(self) -> None:
        assert await gen.coroutine(lambda: 1, replace_callback=False)() == 1

    @gen_test
    async def test_io_loop_of_with_timeout(self) -> None:
        future = gen.sleep(0)
        await gen.with_timeout(datetime.timedelta(seconds=9), future, io_loop=self.io_loop)
        await gen.with_timeout(datetime.timedelta(seconds=9), future, self.io_loop, (ValueError,))
        await gen.with_timeout(datetime.timedelta(seconds=9), future, (ValueError,))

    def test_engine_that_fails_at_once_raises(self) -> None:
        @gen.engine
        def fail() -> Any:
            raise KeyError("at once")
            yield

        with pytest.raises(KeyError):
            fail()

    def test_engine_logs_what_it_raises_later(self) -> None:
        @gen.engine
        def fail(callback: Any) -> Any:
            yield gen.moment
            self.io_loop.add_callback(callback)
            raise KeyError("later")

        with ExpectLog("tornado.application", "Exception in callback", level=logging.ERROR):
            fail(self.stop)
            self.wait()
            self.io_loop.add_callback(self.stop)
            self.wait()

    def test_engine_returns_nothing(self) -> None:
        @gen.engine
        def give() -> Any:
            return 1
            yield

        with pytest.raises(gen.ReturnValueIgnoredError):
            give()


class YieldPointTest(AsyncTestCase):
    @gen_test
    def test_leaked_callback(self) -> Any:
        @gen.coroutine
        def leak() -> Any:
            yield gen.Callback("key")

        with pytest.raises(gen.LeakedCallbackError):
            yield leak()

    @gen_test
    def test_failure_does_not_count_as_leak(self) -> Any:
        @gen.coroutine
        def fail() -> Any:
            yield gen.Callback("key")
            try:
                yield gen.maybe_future(later(None)) if False else [][0]
            finally:
                pass

        with pytest.raises(IndexError):
            yield fail()

    @gen_test
    def test_multi_with_several_failures_logs_the_others(self) -> Any:
        class Failing(gen.YieldPoint):  # type: ignore[misc, name-defined]
            def start(self, runner: Any) -> None:
                pass

            def is_ready(self) -> bool:
                return True

            def get_result(self) -> Any:
                raise ValueError("point")

        with ExpectLog("tornado.application", "Multiple exceptions", level=logging.ERROR):
            with pytest.raises(ValueError, match="point"):
                yield [Failing(), Failing()]
        with pytest.raises(ValueError, match="point"):
            yield gen.multi([Failing(), Failing()], quiet_exceptions=ValueError)

    @gen_test
    def test_yield_future(self) -> Any:
        assert (yield gen.YieldFuture(gen.maybe_future(3), io_loop=self.io_loop)) == 3
        assert (yield gen.YieldFuture(gen.Task(later))) is None
        assert (yield gen.MultiYieldPoint({"a": gen.maybe_future(1)})) == {"a": 1}

    def test_base_class_is_abstract(self) -> None:
        point = gen.YieldPoint()
        for call in (lambda: point.start(None), point.is_ready, point.get_result):
            with pytest.raises(NotImplementedError):
                call()
