"""TracebackFuture, return_future, run_on_executor with callback."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pyframework.concurrent import ReturnValueIgnoredError, TracebackFuture, return_future, run_on_executor
from pyframework.testing import AsyncTestCase, gen_test


class ReturnFutureTest(AsyncTestCase):
    @gen_test
    async def test_result(self) -> None:
        assert await return_future(lambda callback: callback(1))() == 1
        assert await return_future(lambda callback: callback())() is None

    def test_callback_by_name_and_by_place(self) -> None:
        @return_future
        def add(a: int, b: int, callback: Any = None) -> None:
            self.io_loop.add_callback(callback, a + b)

        add(1, 2, callback=self.stop)
        assert self.wait() == 3
        add(1, 2, self.stop)
        assert self.wait() == 3
        return_future(lambda callback: callback())(callback=self.stop)
        assert self.wait() is None

    @gen_test
    async def test_exceptions(self) -> None:
        def fail(_callback: Any = None) -> None:
            raise KeyError("x")

        with pytest.raises(KeyError):
            return_future(lambda callback: fail())()
        with pytest.raises(KeyError):
            await return_future(lambda callback: self.io_loop.add_callback(fail))()
        with pytest.raises(ReturnValueIgnoredError):
            return_future(lambda callback: 1)()


class TracebackFutureTest(AsyncTestCase):
    @gen_test
    async def test_outcomes(self) -> None:
        future = TracebackFuture()
        assert future.running() and future.exc_info() is None
        error = ValueError("x")
        future.set_exc_info((ValueError, error, None))
        assert not future.running() and future.exc_info()[:2] == (ValueError, error)
        assert future.exception(timeout=1) is error
        with pytest.raises(ValueError, match="x"):
            await future
        future = TracebackFuture()
        future.set_result(1)
        assert future.result(timeout=1) == 1 and future.exc_info() is None


class ExecutorTest(AsyncTestCase):
    @run_on_executor(executor="pool", io_loop="io_loop")
    def add(self, a: int, b: int) -> int:
        return a + b

    def test_callback(self) -> None:
        with ThreadPoolExecutor(1) as self.pool:
            self.add(1, b=2, callback=self.stop)
            assert self.wait() == 3

    @gen_test
    async def test_without(self) -> None:
        with ThreadPoolExecutor(1) as self.pool:
            assert await self.add(1, 2) == 3
