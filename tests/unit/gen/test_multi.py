"""gen.multi, with_timeout and WaitIterator."""

import asyncio
import datetime
import logging

import pytest

from pyframework import gen
from pyframework.concurrent import Future
from tests.unit.gen.coroutines import after_a_moment, fails_after_a_moment, native


class TestMulti:
    def test_duplicates(self, run):
        async def main():
            one = after_a_moment(1)
            return await gen.multi([one, after_a_moment(2), one])

        assert run(main) == [1, 2, 1]

    def test_any_iterable(self, run):
        async def main():
            return await gen.multi(after_a_moment(n) for n in range(3))

        assert run(main) == [0, 1, 2]

    def test_first_failure_is_raised_when_all_are_done(self, run, caplog):
        async def main():
            slow = asyncio.ensure_future(native("slow"))
            with pytest.raises(KeyError, match="first"):
                await gen.multi([slow, fails_after_a_moment(KeyError("first")), after_a_moment(1)])
            assert slow.done()

        run(main)
        assert not caplog.records

    def test_further_failures_are_logged_unless_quiet(self, run, caplog):
        def children():
            return [fails_after_a_moment(KeyError("first")), fails_after_a_moment(ValueError("second"))]

        async def main(*quiet):
            with pytest.raises(KeyError, match="first"):
                await gen.multi(children(), *quiet)

        run(main, ValueError)
        run(main, (TypeError, ValueError))
        assert not caplog.records
        run(main)
        [record] = caplog.records
        assert (record.name, record.levelno) == ("tornado.application", logging.ERROR)
        assert record.exc_info[0] is ValueError

    def test_a_cancelled_child_raises_but_does_not_cancel(self, run, caplog):
        async def main():
            child = Future()
            child.cancel()
            outcome = gen.multi([child, fails_after_a_moment(asyncio.CancelledError())])
            with pytest.raises(asyncio.CancelledError):
                await outcome
            assert not outcome.cancelled()

        run(main)
        assert not caplog.records

    def test_cancelling_it_leaves_the_children(self, run):
        async def main():
            child = Future()
            gen.multi([child]).cancel()
            await asyncio.sleep(0)
            assert not child.cancelled()
            child.set_result(None)
            await asyncio.sleep(0)

        run(main)

    def test_names(self):
        assert gen.Multi is gen.multi

    def test_bad_children(self, io_loop):
        with pytest.raises(gen.BadYieldError):
            gen.multi([42])


class TestWithTimeout:
    def test_in_time(self, run):
        async def main():
            return await gen.with_timeout(datetime.timedelta(hours=1), native("in time"))

        assert run(main) == "in time"

    @pytest.mark.parametrize(
        ("message", "text"), [(None, "Timeout"), ("late", "late"), (lambda: "lazy", "lazy"), ("", "")]
    )
    def test_too_late(self, run, message, text):
        async def main():
            pending = Future()
            with pytest.raises(TimeoutError) as caught:
                await gen.with_timeout(datetime.timedelta(0), pending, message=message)
            assert str(caught.value) == text
            assert not pending.cancelled()

        run(main)

    def test_a_time_in_the_past(self, io_loop, run):
        async def main():
            with pytest.raises(TimeoutError):
                await gen.with_timeout(io_loop.time() - 10, Future())

        run(main)

    def test_what_is_done_counts_even_then(self, io_loop, run):
        async def main():
            done = Future()
            done.set_result("done")
            assert await gen.with_timeout(io_loop.time() - 10, gen.moment) is None
            return await gen.with_timeout(io_loop.time() - 10, done)

        assert run(main) == "done"

    @pytest.mark.parametrize(
        ("error", "quiet", "logs"),
        [
            (KeyError("x"), (), 1),
            (KeyError("x"), KeyError, 0),
            (KeyError("x"), (ValueError, KeyError), 0),
            (KeyError("x"), ValueError, 1),
            (asyncio.CancelledError(), (), 0),
        ],
    )
    def test_late_failures_are_logged(self, run, caplog, error, quiet, logs):
        async def main():
            pending = Future()
            with pytest.raises(TimeoutError):
                await gen.with_timeout(datetime.timedelta(0), pending, quiet)
            if isinstance(error, asyncio.CancelledError):
                pending.cancel()
            else:
                pending.set_exception(error)
            await asyncio.sleep(0)

        run(main)
        assert len(caplog.records) == logs

    def test_bad_timeouts(self, io_loop, run):
        async def main():
            with pytest.raises(TypeError):
                gen.with_timeout("soon", Future())

        run(main)

    def test_the_timer_goes_with_the_result(self, io_loop, run):
        timers = []
        io_loop.remove_timeout = timers.append

        async def main():
            await gen.with_timeout(datetime.timedelta(hours=1), native(1))
            await asyncio.sleep(0)

        run(main)
        assert timers


class TestWaitIterator:
    def test_order_of_completion(self, run):
        async def main():
            first, second, third = Future(), Future(), Future()
            waiting = gen.WaitIterator(first, second, third)
            seen = []
            for future in (third, first, second):
                pending = waiting.next()
                future.set_result(len(seen))
                seen.append((await pending, waiting.current_index))
                assert waiting.current_future is future
            assert waiting.done()
            assert waiting.current_index is waiting.current_future is None
            return seen

        assert run(main) == [(0, 2), (1, 0), (2, 1)]

    def test_keywords(self, run):
        async def main():
            waiting = gen.WaitIterator(a=after_a_moment(1), b=after_a_moment(2))
            found = {}
            while not waiting.done():
                result = await waiting.next()
                found[waiting.current_index] = result
            return found

        assert run(main) == {"a": 1, "b": 2}

    def test_async_for(self, run):
        async def main():
            return sorted([value async for value in gen.WaitIterator(*map(after_a_moment, range(4)))])

        assert run(main) == [0, 1, 2, 3]

    def test_goes_on_after_an_exception(self, run):
        async def main():
            waiting = gen.WaitIterator(fails_after_a_moment(KeyError("x")), after_a_moment(1))
            with pytest.raises(KeyError):
                await waiting.next()
            assert waiting.current_index == 0
            return await waiting.next()

        assert run(main) == 1

    def test_the_same_future_twice(self, run):
        async def main():
            future = after_a_moment(5)
            waiting = gen.WaitIterator(future, future)
            results = []
            while not waiting.done():
                results.append((await waiting.next(), waiting.current_index))
            return results

        assert run(main) == [(5, 0), (5, 1)]

    def test_an_abandoned_next_loses_no_result(self, run):
        async def main():
            future = Future()
            waiting = gen.WaitIterator(future)
            waiting.next().cancel()
            future.set_result("kept")
            return await waiting.next()

        assert run(main) == "kept"

    def test_concurrent_futures_keep_their_identity(self, run, late):
        async def main():
            future = late(str, 1)
            waiting = gen.WaitIterator(future)
            await waiting.next()
            assert waiting.current_future is future

        run(main)

    def test_bad_arguments(self, io_loop):
        assert gen.WaitIterator().done()
        with pytest.raises(ValueError):
            gen.WaitIterator(Future(), a=Future())
        with pytest.raises(AttributeError):
            gen.WaitIterator(42)
