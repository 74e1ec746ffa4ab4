"""Contexts that follow callbacks."""

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from pyframework import gen, stack_context
from pyframework.stack_context import ExceptionStackContext, NullContext, StackContext
from pyframework.testing import AsyncTestCase, gen_test

active: list[str] = []


@contextlib.contextmanager
def named(name: str) -> Iterator[None]:
    active.append(name)
    try:
        yield
    finally:
        active.remove(name)


class ContextTest(AsyncTestCase):
    def seen(self) -> None:
        self.stop(list(active))

    def test_is_a_module_of_the_framework(self) -> None:
        import pyframework

        assert sys.modules["pyframework.stack_context"] is stack_context is pyframework.stack_context

    def test_follows_timeouts_and_nested_callbacks(self) -> None:
        with StackContext(lambda: named("a")):
            self.io_loop.call_later(0, self.io_loop.add_callback, self.seen)
        assert active == []
        assert self.wait() == ["a"]
        assert active == []

    def test_null_context(self) -> None:
        with StackContext(lambda: named("a")), NullContext():
            self.io_loop.add_callback(self.seen)
        assert self.wait() == []

    def test_wrap_from_another_thread(self) -> None:
        with StackContext(lambda: named("a")):
            seen = stack_context.wrap(self.seen)
        assert stack_context.wrap(seen) is seen and stack_context.wrap(None) is None
        thread = threading.Thread(target=self.io_loop.add_callback, args=(seen,))
        thread.start()
        thread.join()
        assert self.wait() == ["a"]

    def test_handlers_from_the_inside_out(self) -> None:
        order: list[str] = []

        def handler(name: str, answer: bool) -> Any:
            return lambda typ, value, tb: (order.append(name), answer)[1]

        def fail() -> None:
            self.io_loop.add_callback(self.stop)
            raise KeyError("x")

        with ExceptionStackContext(handler("outermost", True)):
            with ExceptionStackContext(handler("outer", True)):
                with ExceptionStackContext(handler("inner", False)):
                    self.io_loop.add_callback(fail)
        self.wait()
        assert order == ["inner", "outer"]

    def test_block_that_fails(self) -> None:
        with ExceptionStackContext(lambda *exc_info: True):
            raise KeyError("taken")
        with pytest.raises(KeyError), ExceptionStackContext(lambda *exc_info: False):
            raise KeyError("not taken")
        with pytest.raises(KeyError), StackContext(lambda: contextlib.suppress(KeyError)):
            raise KeyError("a StackContext takes nothing")

    def test_inconsistent_end(self) -> None:
        outer, inner = StackContext(contextlib.nullcontext), StackContext(contextlib.nullcontext)
        outer.__enter__()
        inner.__enter__()
        with pytest.raises(stack_context.StackContextInconsistentError):
            outer.__exit__(None, None, None)

    @gen_test
    def test_coroutine_keeps_it_at_each_step(self) -> Any:
        @gen.coroutine
        def steps() -> Any:
            found = [list(active)]
            yield gen.moment
            found.append(list(active))
            yield gen.sleep(0)
            found.append(list(active))
            return found

        with StackContext(lambda: named("a")):
            future = steps()
        assert (yield future) == [["a"]] * 3
        assert active == []
