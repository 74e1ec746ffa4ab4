"""gen.coroutine: what it yields, how it ends, threads, contexts."""

import asyncio
import contextvars
import datetime
import gc
import threading
import time
import weakref
from concurrent import futures

import pytest

from pyframework import gen
from pyframework.concurrent import Future
from pyframework.ioloop import IOLoop
from tests.unit.gen.coroutines import LONG, after_a_moment, fails_after_a_moment, native


class TestCoroutine:
    def test_result_of_a_plain_function(self, run):
        assert run(gen.coroutine(lambda: 42)) == 42

    def test_runs_up_to_the_first_wait_at_once(self, io_loop):
        steps = []

        @gen.coroutine
        def f():
            steps.append(1)
            yield done
            steps.append(2)
            yield gen.moment
            steps.append(3)

        done = Future()
        done.set_result(None)
        future = f()
        assert steps == [1, 2]
        io_loop.run_sync(lambda: future)
        assert steps == [1, 2, 3]

    def test_arguments_and_attributes(self, run):
        def f(a, *, b):
            """Says."""
            yield
            return a, b

        wrapped = gen.coroutine(f)
        assert run(lambda: wrapped(1, b=2)) == (1, 2)
        assert wrapped.__wrapped__ is f
        assert (wrapped.__name__, wrapped.__doc__) == ("f", "Says.")
        assert gen.is_coroutine_function(wrapped)
        assert not gen.is_coroutine_function(f)
        assert not gen.is_coroutine_function(native)

    def test_return_exception(self, run):
        @gen.coroutine
        def early():
            raise gen.Return("early")

        @gen.coroutine
        def late():
            yield gen.moment
            raise gen.Return("late")

        assert run(early) == "early"
        assert run(late) == "late"
        assert gen.Return().value is None
        assert gen.Return(3).args == (3,)

    def test_stop_iteration_of_a_plain_function_is_its_result(self, run):
        @gen.coroutine
        def f():
            raise StopIteration(4)

        assert run(f) == 4

    def test_exceptions_go_into_the_future(self, io_loop):
        @gen.coroutine
        def f():
            raise KeyError("x")

        future = f()
        assert isinstance(future.exception(), KeyError)
        with pytest.raises(KeyError):
            io_loop.run_sync(lambda: fails_after_a_moment(KeyError("y")))

    def test_exception_can_be_caught_and_replaced(self, run):
        @gen.coroutine
        def f():
            try:
                yield fails_after_a_moment(KeyError("a"))
            except KeyError:
                raise ValueError("b") from None

        with pytest.raises(ValueError, match="b"):
            run(f)

    def test_exceptions_are_not_chained_by_the_runner(self, run):
        @gen.coroutine
        def f():
            for n in range(3):
                try:
                    yield fails_after_a_moment(KeyError(n))
                except KeyError as error:
                    assert error.__context__ is None
            return "through"

        assert run(f) == "through"

    def test_cython_and_other_foreign_generators(self, run):
        class Countdown:
            """A generator by its methods only, as compiled ones are."""

            def __init__(self):
                self.left = 3

            def __iter__(self):
                return self

            def __next__(self):
                return self.send(None)

            def send(self, value):
                self.left -= 1
                if not self.left:
                    raise StopIteration("lift-off")
                return native(self.left)

            def throw(self, *args):
                raise args[0]

            def close(self):
                pass

        from collections.abc import Generator

        Generator.register(Countdown)
        assert run(gen.coroutine(Countdown)) == "lift-off"

    def test_no_reference_cycle_keeps_a_failure_alive(self, io_loop):
        class Canary:
            pass

        canaries = []

        @gen.coroutine
        def inner():
            canary = Canary()
            canaries.append(weakref.ref(canary))
            yield done
            raise KeyError("x")

        @gen.coroutine
        def outer():
            try:
                yield inner()
            except KeyError:
                pass

        done = Future()
        done.set_result(None)
        gc.disable()
        try:
            io_loop.run_sync(outer)
            assert canaries[0]() is None
        finally:
            gc.enable()

    def test_generator_lives_as_long_as_its_future(self, io_loop):
        inner = []

        @gen.coroutine
        def f():
            future = Future()
            inner.append(weakref.ref(future))
            return (yield future)

        outer = f()
        gc.collect()
        inner[0]().set_result("alive")
        assert io_loop.run_sync(lambda: outer, timeout=LONG) == "alive"

    def test_debug_mode_names_the_caller(self, io_loop):
        io_loop.asyncio_loop.set_debug(True)
        future = after_a_moment(1)
        assert __file__ in repr(future)
        assert io_loop.run_sync(lambda: future) == 1

    def test_keyboard_interrupt_stops_the_loop(self, io_loop):
        with pytest.raises(KeyboardInterrupt):
            io_loop.run_sync(lambda: fails_after_a_moment(KeyboardInterrupt()))

    def test_an_exception_can_be_raised_where_it_waits(self, io_loop):
        @gen.coroutine
        def f():
            try:
                yield pending
            except KeyError as error:
                yield gen.moment
                return str(error)

        pending = Future()
        future = f()
        error = KeyError("thrown")
        assert future._runner.handle_exception(KeyError, error, None)
        pending.set_result("too late")
        assert io_loop.run_sync(lambda: future, timeout=LONG) == "'thrown'"
        assert not future._runner.handle_exception(KeyError, error, None)

    def test_same_runner_is_not_entered_twice(self, run):
        @gen.coroutine
        def f():
            future._runner.run()
            yield gen.moment
            return 1

        async def main():
            nonlocal future
            future = g()
            return await future

        @gen.coroutine
        def g():
            yield gen.moment
            future._runner.run()  # the generator is running: no effect
            yield gen.moment
            return "once"

        future = None
        assert run(main) == "once"


class TestCancellation:
    def test_cancelled_error_cancels_the_future(self, io_loop):
        @gen.coroutine
        def f():
            raise asyncio.CancelledError

        assert f().cancelled()

    def test_waiting_for_a_cancelled_future_cancels(self, io_loop):
        @gen.coroutine
        def f():
            yield future

        future = Future()
        outer = f()
        io_loop.add_callback(future.cancel)
        io_loop.run_sync(lambda: asyncio.wait([outer]))
        assert outer.cancelled()

    def test_it_can_be_caught(self, io_loop, run):
        @gen.coroutine
        def f():
            try:
                yield future
            except asyncio.CancelledError:
                return "caught"

        future = Future()
        io_loop.add_callback(future.cancel)
        assert run(f) == "caught"

    def test_a_cancelled_result_future_takes_no_result(self, io_loop, caplog):
        ends = []

        @gen.coroutine
        def f():
            yield gen.moment
            ends.append(1)
            return 1

        future = f()
        future.cancel()
        io_loop.run_sync(lambda: native(None))
        io_loop.run_sync(lambda: native(None))
        assert ends == [1]
        assert future.cancelled()
        assert not caplog.records


class TestYieldable:
    def test_awaitables(self, io_loop, run):
        class Custom:
            def __await__(self):
                yield from asyncio.sleep(0).__await__()
                return "custom"

        @gen.coroutine
        def f():
            return (
                (yield native("native")),
                (yield after_a_moment("coroutine")),
                (yield io_loop.asyncio_loop.run_in_executor(None, str, "asyncio")),
                (yield Custom()),
                (yield None),
            )

        assert run(f) == ("native", "coroutine", "asyncio", "custom", None)

    def test_collections(self, run):
        @gen.coroutine
        def f():
            return (yield [native(1), {"a": after_a_moment(2), "b": [native(3), None]}, gen.moment])

        assert run(f) == [1, {"a": 2, "b": [3, None]}, None]

    def test_empty_collections_keep_their_type(self, run):
        @gen.coroutine
        def f():
            return (yield []), (yield {})

        assert run(f) == ([], {})

    @pytest.mark.parametrize("bad", [42, "text", (1, 2), object(), [3], {"a": 3}, native])
    def test_others_raise_inside_the_generator(self, run, bad):
        @gen.coroutine
        def f():
            try:
                yield bad
            except gen.BadYieldError as error:
                return str(error)

        assert "yielded unknown object" in run(f)

    def test_foreign_types_can_be_registered(self, run):
        class Deferred:
            pass

        @gen.convert_yielded.register(Deferred)
        def _(deferred):
            future = Future()
            future.set_result("fired")
            return future

        @gen.coroutine
        def f():
            return (yield Deferred())

        assert run(f) == "fired"

    def test_a_failing_converter_raises_inside_the_generator(self, run):
        class Broken:
            pass

        @gen.convert_yielded.register(Broken)
        def _(broken):
            raise LookupError("converter")

        @gen.coroutine
        def f():
            with pytest.raises(LookupError):
                yield Broken()
            return "went on"

        assert run(f) == "went on"

    def test_futures_are_passed_through(self, io_loop):
        for future in (Future(), futures.Future()):
            assert gen.convert_yielded(future) is future

    def test_moment_lets_others_run(self, run):
        calls = []

        @gen.coroutine
        def f(name, yieldable):
            for _ in range(3):
                calls.append(name)
                yield yieldable

        @gen.coroutine
        def both(yieldable):
            yield [f("a", yieldable), f("b", yieldable)]

        run(both, gen.moment)
        assert "".join(calls) == "ababab"
        calls.clear()
        done = Future()
        done.set_result(None)
        run(both, done)
        assert "".join(calls) == "aaabbb"


class TestThreads:
    """What an executor finishes wakes the loop, wherever it was yielded, and resumes in the loop's thread."""

    def check(self, run, wait):
        @gen.coroutine
        def f():
            result = yield wait()
            return result, threading.get_ident()

        result, thread = run(f)
        assert thread == threading.get_ident()
        return result

    def test_alone(self, run, late):
        assert self.check(run, lambda: late(str, 1)) == "1"

    def test_in_a_list(self, run, late):
        assert self.check(run, lambda: [late(str, 1), late(str, 2)]) == ["1", "2"]

    def test_in_a_dict(self, run, late):
        assert self.check(run, lambda: {"a": late(str, 1), "b": native(2)}) == {"a": "1", "b": 2}

    def test_in_multi(self, run, late):
        assert self.check(run, lambda: gen.multi([late(str, 1)])) == ["1"]

    def test_in_a_wait_iterator(self, run, late):
        assert self.check(run, lambda: gen.WaitIterator(late(str, 1)).next()) == "1"

    def test_under_a_timeout(self, run, late):
        hour = datetime.timedelta(hours=1)
        assert self.check(run, lambda: gen.with_timeout(hour, late(str, 1))) == "1"

    def test_exceptions(self, run, late):
        @gen.coroutine
        def f():
            yield [late(divmod, 1, 0)]

        with pytest.raises(ZeroDivisionError):
            run(f)

    def test_many_at_a_time(self, run, pool):
        @gen.coroutine
        def f():
            return (yield [pool.submit(str, n) for n in range(200)])

        assert run(f) == [str(n) for n in range(200)]


class TestContext:
    var = contextvars.ContextVar("var", default="outside")

    def test_it_is_a_copy(self, run):
        @gen.coroutine
        def f():
            self.var.set("inside")
            yield gen.moment
            assert self.var.get() == "inside"
            yield native(None)
            assert self.var.get() == "inside"

        async def main():
            await f()
            return self.var.get()

        assert run(main) == "outside"

    def test_children_see_it(self, run):
        async def child():
            return self.var.get()

        @gen.coroutine
        def f():
            self.var.set("inside")
            first = yield child()
            return first, (yield [child(), gen.coroutine(self.var.get)()])

        assert run(f) == ("inside", ["inside", "inside"])

    def test_tokens_stay_valid_across_yields(self, run):
        @gen.coroutine
        def f():
            token = self.var.set("inside")
            yield gen.moment
            self.var.reset(token)
            return self.var.get()

        assert run(f) == "outside"

    def test_results_from_threads_do_not_bring_another_context(self, run, late):
        @gen.coroutine
        def f():
            self.var.set("inside")
            yield late(int)
            return self.var.get()

        assert run(f) == "inside"


class TestSmallOnes:
    def test_sleep(self, io_loop, run):
        start = time.monotonic()
        assert run(gen.sleep, 0.02) is None
        assert time.monotonic() - start >= 0.015

    def test_a_cancelled_sleep_is_quiet(self, io_loop, run, caplog):
        async def main():
            gen.sleep(0).cancel()
            await gen.sleep(0.001)

        run(main)
        assert not caplog.records

    @pytest.mark.parametrize("bad", [None, "1", datetime.timedelta(1)])
    def test_bad_durations(self, io_loop, bad):
        with pytest.raises(TypeError):
            gen.sleep(bad)

    def test_maybe_future(self, io_loop):
        future = Future()
        assert gen.maybe_future(future) is future
        assert gen.maybe_future(3).result() == 3
        assert gen.maybe_future(None).result() is None

    def test_tasks_are_held_until_they_end(self, run):
        async def main():
            gate, before = Future(), set(IOLoop._pending_tasks)

            async def waits():
                return await weakref.ref(gate)()

            task = weakref.ref(gen.convert_yielded(waits()))
            gc.collect()
            assert task() in IOLoop._pending_tasks
            gate.set_result(None)
            await task()
            await asyncio.sleep(0)
            assert IOLoop._pending_tasks == before

        run(main)
