"""IOLoop and PeriodicCallback: on asyncio's own loop, on ours, and on uvloop where it is installed."""

import asyncio
import contextlib
import datetime
import importlib
import importlib.util
import os
import socket
import subprocess
import sys
import threading
from concurrent import futures

import pytest

from pyframework import gen
from pyframework._core.loop import EventLoop
from pyframework.concurrent import Future
from pyframework.ioloop import IOLoop, PeriodicCallback
from pyframework.iostream import IOStream
from pyframework.platform.asyncio import AsyncIOLoop, AsyncIOMainLoop

LOOPS = [asyncio.SelectorEventLoop, EventLoop]
if importlib.util.find_spec("uvloop"):
    LOOPS.append(importlib.import_module("uvloop").new_event_loop)

LONG = 30  # seconds that a test never lasts unless it hangs


@pytest.fixture(params=LOOPS, ids=lambda make: f"{make.__module__}.{make.__name__}")
def io_loop(request):
    io_loop = IOLoop(asyncio_loop=request.param(), make_current=False)
    asyncio.set_event_loop(io_loop.asyncio_loop)
    yield io_loop
    asyncio.set_event_loop(None)
    io_loop.close()


@pytest.fixture
def turn(io_loop):
    """Lets the loop do what is ready now."""
    return lambda: io_loop.run_sync(gen.coroutine(lambda: None), timeout=LONG)


@pytest.fixture
def pair():
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        other.setblocking(False)
        yield one, other


@pytest.fixture
def no_current_loop():
    asyncio.set_event_loop(None)
    yield
    loop = asyncio.get_event_loop_policy()._local._loop
    if loop is not None:
        asyncio.set_event_loop(None)
        loop.close()


class TestCurrent:
    def test_belongs_to_the_running_loop(self, io_loop):
        seen = []
        io_loop.add_callback(lambda: seen.append(IOLoop.current()))
        io_loop.add_callback(io_loop.stop)
        io_loop.start()
        assert seen == [io_loop]

    def test_of_a_loop_that_asyncio_runs(self):
        async def main():
            io_loop = IOLoop.current()
            assert io_loop is IOLoop.current() is IOLoop.instance()
            assert io_loop.asyncio_loop is asyncio.get_running_loop()
            return io_loop

        assert isinstance(asyncio.run(main()), AsyncIOMainLoop)

    def test_makes_one_of_our_own_where_there_is_none(self, no_current_loop):
        assert IOLoop.current(instance=False) is None
        io_loop = IOLoop.current()
        assert isinstance(io_loop, AsyncIOMainLoop)
        assert isinstance(io_loop.asyncio_loop, EventLoop)
        assert IOLoop.current() is io_loop
        assert asyncio.get_event_loop_policy().get_event_loop() is io_loop.asyncio_loop

    def test_makes_one_in_any_thread(self):
        def work():
            io_loop = IOLoop.current()
            try:
                return io_loop.run_sync(lambda: gen.sleep(0)), io_loop is IOLoop.current()
            finally:
                io_loop.close()

        with futures.ThreadPoolExecutor(1) as pool:
            assert pool.submit(work).result() == (None, True)

    def test_a_policy_of_the_program_is_respected(self):
        class Loop(asyncio.SelectorEventLoop):
            pass

        class Policy(asyncio.DefaultEventLoopPolicy):
            def new_event_loop(self):
                return Loop()

        before = asyncio.get_event_loop_policy()
        asyncio.set_event_loop_policy(Policy())
        try:
            for io_loop in (IOLoop(make_current=False), IOLoop()):
                assert type(io_loop.asyncio_loop) is Loop
                io_loop.close()
            asyncio.set_event_loop(None)
            io_loop = IOLoop.current()
            assert type(io_loop.asyncio_loop) is Loop
            io_loop.close()
        finally:
            asyncio.set_event_loop_policy(before)

    def test_a_policy_that_is_not_derived_from_asyncios(self):
        class Policy(asyncio.AbstractEventLoopPolicy):
            loop = None

            def get_event_loop(self):
                if self.loop is None:
                    raise RuntimeError("none is set")
                return self.loop

            def set_event_loop(self, loop):
                self.loop = loop

            def new_event_loop(self):
                return asyncio.SelectorEventLoop()

        before = asyncio.get_event_loop_policy()
        asyncio.set_event_loop_policy(Policy())
        try:
            assert IOLoop.current(instance=False) is None
            io_loop = IOLoop.current()
            assert type(io_loop.asyncio_loop) is asyncio.SelectorEventLoop
            assert IOLoop.current(instance=False) is io_loop
            io_loop.close()
        finally:
            asyncio.set_event_loop_policy(before)

    def test_new_loops_are_ours(self, no_current_loop):
        io_loop = IOLoop()
        assert isinstance(io_loop, AsyncIOLoop)
        assert isinstance(io_loop.asyncio_loop, EventLoop)
        assert IOLoop.current() is io_loop
        io_loop.close()
        assert IOLoop.current(instance=False) is None

    def test_make_current_and_clear_current(self, no_current_loop):
        io_loop = IOLoop(make_current=False)
        assert IOLoop.current(instance=False) is None
        for make, clear in ((io_loop.make_current, IOLoop.clear_current), (io_loop.install, IOLoop.clear_instance)):
            with pytest.warns(DeprecationWarning):
                make()
            assert IOLoop.current() is io_loop
            with pytest.warns(DeprecationWarning):
                clear()
            assert IOLoop.current(instance=False) is None
        with pytest.warns(DeprecationWarning):
            IOLoop.clear_current()
        io_loop.close()

    def test_closing_one_leaves_the_current_one(self, no_current_loop):
        first, second = IOLoop(), IOLoop()
        first.close()
        assert IOLoop.current() is second
        second.close()

    def test_clear_current_in_a_thread_without_one(self):
        def clear():
            with pytest.warns(DeprecationWarning):
                IOLoop.clear_current()

        # The filters of warnings belong to the process, but nothing else warns now.
        with futures.ThreadPoolExecutor(1) as pool:
            pool.submit(clear).result()

    def test_importing_makes_no_loop(self):
        code = (
            "import asyncio, pyframework.ioloop, pyframework.gen, pyframework.platform.asyncio;"
            "assert asyncio.get_event_loop_policy()._local._loop is None;"
            "print(type(pyframework.ioloop.IOLoop.current()).__name__)"
        )
        output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert output == "AsyncIOMainLoop\n"


class TestConfigure:
    def test_by_name_and_by_class(self):
        saved = IOLoop._save_configuration()
        try:
            for impl in ("pyframework.platform.asyncio.AsyncIOMainLoop", AsyncIOMainLoop):
                IOLoop.configure(impl)
                assert IOLoop.configured_class() is AsyncIOMainLoop
            IOLoop.configure(None)
            assert IOLoop.configured_class() is AsyncIOLoop
        finally:
            IOLoop._restore_configuration(saved)

    @pytest.mark.parametrize("bad", ["builtins.dict", dict, IOLoop])
    def test_needs_asyncio(self, bad):
        with pytest.raises(RuntimeError):
            IOLoop.configure(bad)

    def test_unknown_names(self):
        with pytest.raises(ImportError):
            IOLoop.configure("pyframework.platform.nothing.Loop")


class TestRunSync:
    def test_results(self, io_loop):
        async def native():
            return "native"

        with futures.ThreadPoolExecutor(1) as pool:
            assert io_loop.run_sync(native) == "native"
            assert io_loop.run_sync(lambda: None) is None
            assert io_loop.run_sync(lambda: [native(), gen.moment]) == ["native", None]
            assert io_loop.run_sync(lambda: pool.submit(str, 1)) == "1"
            assert io_loop.run_sync(gen.moment.result) is None

    def test_exceptions(self, io_loop):
        async def native():
            raise KeyError("x")

        with pytest.raises(KeyError):
            io_loop.run_sync(native)
        with pytest.raises(ZeroDivisionError):
            io_loop.run_sync(lambda: 1 / 0)
        with pytest.raises(gen.BadYieldError):
            io_loop.run_sync(lambda: 42)

    @pytest.fixture
    def expire(self, io_loop, monkeypatch):
        """Lets the time of run_sync be over in the next turn of the loop."""
        timers = []
        monkeypatch.setattr(io_loop, "add_timeout", lambda deadline, callback: timers.append(callback) or callback)
        monkeypatch.setattr(io_loop, "remove_timeout", lambda timer: None, raising=False)
        return lambda: io_loop.add_callback(timers[0])

    def test_timeout_cancels(self, io_loop, expire):
        ends = []

        async def hangs():
            expire()
            try:
                await Future()
            except asyncio.CancelledError:
                ends.append("cancelled")
                raise

        with pytest.raises(TimeoutError, match="7 seconds"):
            io_loop.run_sync(hangs, timeout=7)
        assert ends == ["cancelled"]

    def test_timeout_of_something_that_cannot_be_cancelled(self, io_loop):
        future = futures.Future()
        future.set_running_or_notify_cancel()
        with pytest.raises(TimeoutError):
            io_loop.run_sync(lambda: future, timeout=0.001)

    def test_a_coroutine_that_survives_the_timeout_gives_its_result(self, io_loop, expire):
        async def stubborn():
            expire()
            try:
                await Future()
            except asyncio.CancelledError:
                return "stubborn"

        assert io_loop.run_sync(stubborn, timeout=7) == "stubborn"

    def test_timeout_does_not_stop_a_later_run(self, io_loop):
        io_loop.run_sync(lambda: None, timeout=0.001)
        assert io_loop.run_sync(lambda: gen.sleep(0.01)) is None

    def test_timeout_of_no_time_does_not_either(self, io_loop):
        for _ in range(20):
            io_loop.run_sync(lambda: None, timeout=0)
            assert io_loop.run_sync(lambda: gen.sleep(0)) is None

    def test_stopped_from_inside(self, io_loop):
        future = Future()

        async def stops():
            io_loop.stop()
            await future

        with pytest.raises(RuntimeError, match="Event loop stopped"):
            io_loop.run_sync(stops)
        future.set_result(None)
        io_loop.run_sync(lambda: gen.sleep(0))

    def test_cancelled_from_inside(self, io_loop):
        async def cancels():
            raise asyncio.CancelledError

        with pytest.raises(RuntimeError, match="Event loop stopped"):
            io_loop.run_sync(cancels, timeout=LONG)

    def test_from_inside_a_running_loop(self, io_loop):
        async def nested():
            with pytest.raises(RuntimeError):
                io_loop.run_sync(lambda: None)

        io_loop.run_sync(nested, timeout=LONG)

    @pytest.mark.parametrize("bad", ["1", datetime.timedelta(seconds=1)])
    def test_bad_timeouts(self, io_loop, bad):
        with pytest.raises(TypeError):
            io_loop.run_sync(lambda: None, timeout=bad)


class TestCallbacks:
    def test_order_and_arguments(self, io_loop, turn):
        calls = []

        def note(*args, **kwargs):
            calls.append((args, kwargs))

        io_loop.add_callback(note, 1, a=2)
        io_loop.spawn_callback(note, 3)
        with pytest.warns(DeprecationWarning):
            io_loop.add_callback_from_signal(note, b=4)
        assert not calls
        turn()
        assert calls == [((1,), {"a": 2}), ((3,), {}), ((), {"b": 4})]

    def test_from_another_thread_wakes_the_loop(self, io_loop):
        threads = []

        def stop():
            threads.append(threading.get_ident())
            io_loop.stop()

        worker = threading.Thread(target=io_loop.add_callback, args=(stop,))
        io_loop.add_callback(io_loop.add_callback, worker.start)
        io_loop.start()
        worker.join()
        assert threads == [threading.get_ident()]

    def test_on_a_closed_loop_is_dropped(self):
        io_loop = IOLoop(make_current=False)
        io_loop.close()
        io_loop.add_callback(print)
        with pytest.warns(DeprecationWarning):
            io_loop.add_callback_from_signal(print)
        with pytest.raises(RuntimeError):
            io_loop.start()

    def test_exceptions_are_logged(self, io_loop, turn, caplog):
        @gen.coroutine
        def coroutine():
            raise KeyError("coroutine")

        async def native():
            raise KeyError("native")

        for callback in (lambda: 1 / 0, coroutine, native):
            io_loop.add_callback(callback)
        for _ in range(4):
            turn()
        assert [record.name for record in caplog.records] == ["tornado.application"] * 3
        assert all(record.getMessage().startswith("Exception in callback") for record in caplog.records)

    def test_what_is_not_logged(self, io_loop, turn, caplog):
        async def cancelled():
            raise asyncio.CancelledError

        plain = (lambda: 42, dict, list, lambda: [42], lambda: gen.moment, lambda: Future().cancel())
        for callback in (cancelled, *plain):
            io_loop.add_callback(callback)
        for _ in range(4):
            turn()
        assert not caplog.records

    def test_add_future(self, io_loop, turn, caplog):
        seen = []
        pending, concurrent = Future(), futures.Future()
        for future in (pending, concurrent):
            io_loop.add_future(future, seen.append)
        pending.set_result(1)
        concurrent.set_result(2)
        assert not seen
        turn()
        turn()
        assert set(seen) == {pending, concurrent}
        io_loop.add_future(pending, lambda _: 1 / 0)
        turn()
        assert "Exception in callback" in caplog.text

    @pytest.mark.parametrize("bad", [None, 3, gen.moment])
    def test_add_future_needs_a_future(self, io_loop, bad):
        with pytest.raises(TypeError):
            io_loop.add_future(bad, print)

    def test_start_again_while_running(self, io_loop):
        async def again():
            with pytest.raises(RuntimeError):
                io_loop.start()

        io_loop.run_sync(again, timeout=LONG)

    def test_stop_before_start(self, io_loop):
        io_loop.stop()
        io_loop.start()


class TestTimeouts:
    def test_all_ways(self, io_loop):
        seen = []
        now = io_loop.time()
        io_loop.add_timeout(now, seen.append, 1)
        io_loop.add_timeout(datetime.timedelta(0), seen.append, 2)
        io_loop.call_at(now - 100, seen.append, 3)
        io_loop.call_later(-1, seen.append, 4)
        io_loop.call_later(0.02, io_loop.stop)
        io_loop.start()
        assert sorted(seen) == [1, 2, 3, 4]

    def test_keyword_arguments(self, io_loop):
        seen = {}
        io_loop.call_later(0, seen.update, a=1)
        io_loop.call_later(0.01, io_loop.stop)
        io_loop.start()
        assert seen == {"a": 1}

    def test_removed_ones_do_not_run(self, io_loop):
        seen = []
        first = io_loop.call_later(0, seen.append, "first")
        second = io_loop.call_later(0.005, seen.append, "second")
        io_loop.call_later(0, io_loop.remove_timeout, second)
        io_loop.call_later(0.02, io_loop.stop)
        io_loop.remove_timeout(first)
        io_loop.remove_timeout(first)
        io_loop.start()
        io_loop.remove_timeout(second)
        assert not seen

    def test_on_time(self, io_loop):
        def note():
            late.append(io_loop.time() - due)
            io_loop.stop()

        late = []
        due = io_loop.time() + 0.02
        io_loop.call_at(due, note)
        io_loop.start()
        assert late[0] > -0.005

    @pytest.mark.parametrize("bad", [None, "soon", object()])
    def test_bad_deadlines(self, io_loop, bad):
        with pytest.raises(TypeError):
            io_loop.add_timeout(bad, print)
        with pytest.raises(TypeError):
            io_loop.call_later(bad, print)
        with pytest.raises(TypeError):
            io_loop.call_at(bad, print)


class TestHandlers:
    def test_the_handler_gets_what_was_added(self, io_loop, pair):
        one, other = pair
        seen = []
        other.send(b"x")
        for fd in (one, one.fileno()):
            io_loop.add_handler(fd, lambda fd, events: (seen.append((fd, events)), io_loop.stop()), IOLoop.READ)
            io_loop.start()
            io_loop.remove_handler(fd)
        assert {fd for fd, _ in seen} == {one, one.fileno()}
        assert {events for _, events in seen} == {IOLoop.READ}

    def test_both_directions_and_updates(self, io_loop, pair):
        one, other = pair
        seen = []

        def handle(fd, events):
            seen.append(events)
            io_loop.stop()

        def next_event():
            seen.clear()
            io_loop.start()
            return set(seen)

        other.send(b"x")
        io_loop.add_handler(one, handle, IOLoop.WRITE)
        assert next_event() == {IOLoop.WRITE}
        io_loop.update_handler(one, IOLoop.READ | IOLoop.ERROR)
        assert next_event() == {IOLoop.READ}
        io_loop.update_handler(one, IOLoop.READ | IOLoop.WRITE)
        assert next_event() <= {IOLoop.READ, IOLoop.WRITE}
        assert io_loop.readers == io_loop.writers == {one.fileno()}
        io_loop.update_handler(one, IOLoop.NONE)
        assert io_loop.readers == io_loop.writers == set()
        assert list(io_loop.handlers) == [one.fileno()]
        io_loop.remove_handler(one)
        assert not io_loop.handlers

    def test_removed_by_another_handler(self, io_loop, pair):
        one, other = pair
        one.send(b"x")
        other.send(b"x")
        seen = []

        def handle(fd, events):
            seen.append(fd)
            for sock in pair:
                io_loop.remove_handler(sock)

        io_loop.add_handler(one, handle, IOLoop.READ)
        io_loop.add_handler(other, handle, IOLoop.READ)
        io_loop.call_later(0.02, io_loop.stop)
        io_loop.start()
        assert len(seen) == 1

    def test_one_handler_a_descriptor(self, io_loop, pair):
        one, _ = pair
        io_loop.add_handler(one, print, IOLoop.READ)
        for fd in (one, one.fileno()):
            with pytest.raises(ValueError, match="already"):
                io_loop.add_handler(fd, print, IOLoop.WRITE)
        io_loop.remove_handler(one.fileno())

    def test_bad_descriptors(self, io_loop, pair):
        one, _ = pair
        io_loop.remove_handler(one)
        with pytest.raises(ValueError):
            io_loop.update_handler(one, IOLoop.READ)
        with pytest.raises(ValueError):
            io_loop.add_handler(-1, print, IOLoop.READ)
        with pytest.raises(AttributeError):
            io_loop.add_handler("file", print, IOLoop.READ)
        with pytest.raises(AttributeError):
            io_loop.add_handler(None, print, IOLoop.READ)
        assert not io_loop.handlers
        assert not io_loop.readers

    def test_a_closed_descriptor(self, io_loop, pair):
        number = os.dup(pair[0].fileno())
        os.close(number)
        with pytest.raises(OSError):
            io_loop.add_handler(number, print, IOLoop.READ)
        assert not io_loop.handlers

    def test_a_failing_handler_goes_to_the_loops_exception_handler(self, io_loop, pair):
        one, other = pair
        other.send(b"x")
        seen = []

        def report(loop, details):
            seen.append(details["exception"])
            io_loop.remove_handler(one)
            io_loop.stop()

        io_loop.asyncio_loop.set_exception_handler(report)
        io_loop.add_handler(one, lambda fd, events: 1 / 0, IOLoop.READ)
        io_loop.start()
        assert isinstance(seen[0], ZeroDivisionError)

    def test_split_and_close(self, io_loop, pair):
        one, _ = pair
        assert io_loop.split_fd(one) == (one.fileno(), one)
        assert io_loop.split_fd(7) == (7, 7)
        number = os.dup(one.fileno())
        for fd in (number, number, one, one):
            io_loop.close_fd(fd)
        assert one.fileno() == -1


class TestClose:
    @pytest.mark.parametrize("make", LOOPS)
    def test_all_fds(self, make, pair):
        one, other = pair
        io_loop = IOLoop(asyncio_loop=make(), make_current=False)
        io_loop.add_handler(one, print, IOLoop.READ)
        io_loop.add_handler(other.detach(), print, IOLoop.READ)
        io_loop.close(all_fds=True)
        assert one.fileno() == -1
        assert io_loop.asyncio_loop.is_closed()

    @pytest.mark.parametrize("make", LOOPS)
    def test_all_fds_of_streams(self, make, pair):
        one, other = pair
        io_loop = IOLoop(asyncio_loop=make(), make_current=False)

        async def begin():
            stream = IOStream(one)
            return stream, stream.read_bytes(1)

        stream, _ = io_loop.asyncio_loop.run_until_complete(begin())
        io_loop.close(all_fds=True)
        assert one.fileno() == -1
        assert stream.closed()
        stream.close()

    @pytest.mark.parametrize("make", LOOPS)
    def test_leaves_descriptors_and_may_be_repeated(self, make, pair):
        one, other = pair
        io_loop = IOLoop(asyncio_loop=make(), make_current=False)
        io_loop.add_handler(one, print, IOLoop.READ)
        assert io_loop._poller.fileno() >= 0
        io_loop.close()
        io_loop.close()
        other.send(b"x")
        assert one.recv(1) == b"x"

    def test_leaves_nothing_in_the_map(self):
        IOLoop(make_current=False).close()
        before = dict(IOLoop._ioloop_for_asyncio)
        for _ in range(5):
            IOLoop(make_current=False).close()
        assert before == IOLoop._ioloop_for_asyncio

    def test_loops_closed_by_others_leave_the_map(self):
        async def main():
            return IOLoop.current()

        for _ in range(5):
            asyncio.run(main())
        IOLoop(make_current=False).close()
        assert not any(loop.is_closed() for loop in IOLoop._ioloop_for_asyncio)

    def test_many_threads_at_a_time(self):
        def work():
            for _ in range(20):
                IOLoop(make_current=False).close()

        with futures.ThreadPoolExecutor(4) as pool:
            for future in [pool.submit(work) for _ in range(4)]:
                future.result()


def test_one_ioloop_an_asyncio_loop(io_loop):
    with pytest.raises(RuntimeError, match="IOLoop already"):
        IOLoop(asyncio_loop=io_loop.asyncio_loop, make_current=False)


def test_poller_is_one_a_loop(io_loop):
    assert io_loop._poller is io_loop._poller
    assert io_loop._poller.fileno() >= 0


def test_executors(io_loop):
    class Counting(futures.ThreadPoolExecutor):
        count = 0

        def submit(self, *args, **kwargs):
            self.count += 1
            return super().submit(*args, **kwargs)

    with contextlib.ExitStack() as stack:
        default, other = (stack.enter_context(Counting(1)) for _ in range(2))
        io_loop.set_default_executor(default)
        for executor in (None, other):
            assert io_loop.run_sync(lambda: io_loop.run_in_executor(executor, divmod, 7, 2)) == (3, 1)  # noqa: B023
        assert (default.count, other.count) == (1, 1)


class FakeLoop:
    """A clock that a test moves, with timers that it fires."""

    def __init__(self):
        self.now = 1000.0
        self.timers = []

    def time(self):
        return self.now

    def add_timeout(self, deadline, callback):
        self.timers.append((deadline, callback))
        return self.timers[-1]

    def remove_timeout(self, timer):
        if timer in self.timers:
            self.timers.remove(timer)

    def fire(self):
        [(self.now, callback)] = self.timers
        self.timers.clear()
        coroutine = callback()
        with contextlib.suppress(StopIteration):
            coroutine.send(None)
        return coroutine


class TestPeriodicCallback:
    @pytest.fixture
    def clock(self, monkeypatch):
        clock = FakeLoop()
        monkeypatch.setattr(IOLoop, "current", lambda: clock)
        return clock

    def beats(self, clock, count):
        found = []
        for _ in range(count):
            found.append(clock.timers[0][0])
            clock.fire()
        return found

    def test_rhythm(self, clock):
        periodic = PeriodicCallback(lambda: None, 10000)
        assert not periodic.is_running()
        periodic.start()
        assert periodic.is_running()
        assert self.beats(clock, 4) == [1010, 1020, 1030, 1040]

    def test_long_calls_drop_beats(self, clock):
        def takes_25_seconds():
            clock.now += 25

        PeriodicCallback(takes_25_seconds, 10000).start()
        assert self.beats(clock, 3) == [1010, 1040, 1070]

    def test_a_clock_that_is_set_back(self, clock):
        def back():
            clock.now -= 100

        PeriodicCallback(back, 10000).start()
        assert self.beats(clock, 3) == [1010, 1020, 1030]

    def test_jitter(self, clock, monkeypatch):
        values = iter([0.0, 1.0, 0.5])
        monkeypatch.setattr("random.random", lambda: next(values))
        PeriodicCallback(lambda: None, 10000, jitter=0.2).start()
        assert [round(beat, 3) for beat in self.beats(clock, 2)] == [1009, 1020]

    def test_timedelta(self, clock):
        assert PeriodicCallback(print, datetime.timedelta(minutes=1, seconds=23)).callback_time == 83000

    def test_coroutines_do_not_overlap(self, clock):
        gate = Future(loop=asyncio.SelectorEventLoop())

        async def waits():
            await gate

        PeriodicCallback(waits, 10000).start()
        running = clock.fire()
        assert not clock.timers
        clock.now += 15
        gate.set_result(None)
        with pytest.raises(StopIteration):
            running.send(None)
        assert [deadline for deadline, _ in clock.timers] == [1030]
        gate.get_loop().close()

    def test_a_failing_call_is_logged_and_the_next_one_comes(self, clock, caplog):
        PeriodicCallback(lambda: 1 / 0, 10000).start()
        assert self.beats(clock, 2) == [1010, 1020]
        assert [record.name for record in caplog.records] == ["tornado.application"] * 2

    def test_stop(self, clock):
        periodic = PeriodicCallback(lambda: None, 10000)
        periodic.stop()
        periodic.start()
        periodic.stop()
        periodic.stop()
        assert not clock.timers
        assert not periodic.is_running()

    def test_stopped_by_its_own_callback(self, clock):
        periodic = PeriodicCallback(lambda: periodic.stop(), 10000)
        periodic.start()
        clock.fire()
        assert not clock.timers

    def test_started_twice_beats_once(self, clock):
        periodic = PeriodicCallback(lambda: None, 10000)
        periodic.start()
        periodic.start()
        assert len(clock.timers) == 1

    def test_restarted_by_its_own_callback_beats_once(self, clock):
        def restart():
            periodic.stop()
            periodic.start()

        periodic = PeriodicCallback(restart, 10000)
        periodic.start()
        clock.fire()
        assert len(clock.timers) == 1

    @pytest.mark.parametrize("bad", [0, -1, datetime.timedelta(0), datetime.timedelta(seconds=-1)])
    def test_bad_times(self, bad):
        with pytest.raises(ValueError, match="positive"):
            PeriodicCallback(print, bad)

    def test_on_a_real_loop(self, io_loop):
        count = 0

        async def tick():
            nonlocal count
            count += 1
            if count == 3:
                periodic.stop()
                io_loop.stop()

        periodic = PeriodicCallback(tick, 1)
        periodic.start()
        io_loop.start()
        assert count == 3
