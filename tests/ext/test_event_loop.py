"""EventLoop: what asyncio promises of a loop, and what its compiled heart could get wrong."""

import asyncio
import contextlib
import contextvars
import gc
import heapq
import logging
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import warnings
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pyframework._core.loop import EventLoop, poller_of, start_task

EAGER = sys.version_info >= (3, 12)
CERTIFICATE = Path(__file__).parents[2] / "pyframework" / "testing.crt"
KEY = CERTIFICATE.with_suffix(".key")


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    loop = EventLoop()
    yield loop
    loop.close()


@pytest.fixture
def errors(loop: EventLoop) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda loop, context: seen.append(context))
    return seen


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    a, b = socket.socketpair()
    a.setblocking(False)
    b.setblocking(False)
    with a, b:
        yield a, b


def turns(loop: EventLoop, count: int = 1) -> None:
    """Let the loop run so many turns."""
    for _ in range(count):
        loop.call_soon(loop.stop)
        loop.run_forever()


# ---------------------------------------------------------------------------------------------- callbacks


def test_callbacks_run_in_order_and_what_they_add_waits_for_the_next_turn(loop: EventLoop) -> None:
    order: list[object] = []
    loop.call_soon(order.append, 1)
    loop.call_soon(lambda: loop.call_soon(order.append, "next turn"))
    loop.call_soon(order.append, 2)
    turns(loop)
    assert order == [1, 2]
    turns(loop)
    assert order == [1, 2, "next turn"]


def test_stop_ends_the_turn_it_is_called_in(loop: EventLoop) -> None:
    order: list[int] = []
    loop.stop()
    loop.call_soon(order.append, 1)
    loop.run_forever()
    assert order == [1]
    loop.call_soon(loop.stop)
    loop.call_soon(order.append, 2)
    loop.run_forever()
    assert order == [1, 2]
    assert not loop.is_running()


def test_a_cancelled_callback_does_not_run_even_in_the_same_turn(loop: EventLoop) -> None:
    ran: list[int] = []
    loop.call_soon(lambda: victim.cancel())
    victim = loop.call_soon(ran.append, 1)
    victim_of_itself = loop.call_soon(lambda: victim_of_itself.cancel())
    turns(loop)
    assert ran == []
    assert victim.cancelled()
    victim.cancel()


def test_each_callback_runs_in_its_context(loop: EventLoop) -> None:
    var: contextvars.ContextVar[str] = contextvars.ContextVar("var", default="outside")
    seen: list[str] = []
    inside = contextvars.copy_context()
    inside.run(var.set, "inside")
    given = loop.call_soon(lambda: seen.append(var.get()), context=inside)
    loop.call_soon_threadsafe(lambda: seen.append(var.get()), context=inside)
    loop.call_later(0, lambda: seen.append(var.get()), context=inside)
    inside.run(loop.call_soon, lambda: seen.append(var.get()))
    loop.call_soon(lambda: seen.append(var.get()))
    while len(seen) < 5:
        turns(loop)
    assert sorted(seen) == ["inside"] * 4 + ["outside"]
    assert given.get_context() is inside


def test_a_context_that_is_entered_already_is_an_error_of_the_callback(
    loop: EventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[int] = []
    context = contextvars.copy_context()

    def nested() -> None:
        loop.call_soon(ran.append, 1, context=context)
        loop._run_once()  # type: ignore[attr-defined]

    loop.call_soon(nested, context=context)
    with caplog.at_level(logging.ERROR, "asyncio"):
        turns(loop)
    assert ran == []
    assert "already entered" in caplog.text


def test_an_exception_goes_to_the_handler_with_the_handle(loop: EventLoop, errors: list[dict[str, Any]]) -> None:
    ran: list[int] = []
    handle = loop.call_soon(lambda: 1 / 0)
    loop.call_soon(ran.append, 1)
    turns(loop)
    assert ran == [1]
    (error,) = errors
    assert isinstance(error["exception"], ZeroDivisionError)
    assert error["handle"] is handle
    assert error["message"].startswith("Exception in callback test_an_exception")


def test_the_exception_handler_runs_in_the_context_of_the_callback(loop: EventLoop) -> None:
    var: contextvars.ContextVar[str] = contextvars.ContextVar("var", default="outside")
    context = contextvars.copy_context()
    context.run(var.set, "inside")
    seen: list[str] = []
    loop.set_exception_handler(lambda loop, error: seen.append(var.get()))
    loop.call_soon(lambda: 1 / 0, context=context)
    turns(loop)
    assert seen == ["inside" if EAGER else "outside"]  # CPython does so from 3.12 on


def test_without_a_handler_an_exception_is_logged(loop: EventLoop, caplog: pytest.LogCaptureFixture) -> None:
    loop.call_soon(lambda: 1 / 0)
    with caplog.at_level(logging.ERROR, "asyncio"):
        turns(loop)
    assert "Exception in callback" in caplog.text
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_exit_requests_end_the_loop_and_leave_the_rest_queued(
    loop: EventLoop, errors: list[dict[str, Any]], kind: type[BaseException]
) -> None:
    ran: list[int] = []

    def leave() -> None:
        raise kind

    loop.call_soon(leave)
    loop.call_soon(ran.append, 1)
    with pytest.raises(kind):
        loop.run_forever()
    assert ran == [] and errors == []
    assert not loop.is_running()
    turns(loop)
    assert ran == [1]


def test_a_closed_loop_refuses(loop: EventLoop) -> None:
    loop.close()
    loop.close()
    assert loop.is_closed()
    for call in (loop.call_soon, loop.call_soon_threadsafe):
        with pytest.raises(RuntimeError, match="Event loop is closed"):
            call(print)
    for later in (loop.call_later, loop.call_at):
        with pytest.raises(RuntimeError, match="Event loop is closed"):
            later(0, print)
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.add_reader(0, print)
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.run_forever()
    assert loop.remove_reader(0) is False
    assert loop.remove_writer(0) is False
    assert poller_of(loop).closed


def test_a_running_loop_cannot_be_closed_nor_its_poller(loop: EventLoop, errors: list[dict[str, Any]]) -> None:
    loop.call_soon(loop.close)
    loop.call_soon(poller_of(loop).close)
    turns(loop)
    assert [str(error["exception"]) for error in errors] == ["Cannot close a running event loop"] * 2
    assert not loop.is_closed() and not poller_of(loop).closed
    turns(loop)


def test_handles_name_what_they_call(loop: EventLoop) -> None:
    def callback() -> None: ...

    loop.set_debug(False)
    handle = loop.call_soon(callback)
    timer = loop.call_at(5, callback)
    assert repr(handle).startswith("<Handle test_handles_name_what_they_call.<locals>.callback() at ")
    assert repr(timer).startswith("<TimerHandle when=5.0 test_handles")
    handle.cancel()
    timer.cancel()
    assert repr(handle) == "<Handle cancelled>"
    assert repr(timer) == "<TimerHandle cancelled when=5.0>"


def test_a_callback_may_run_the_loop_itself(loop: EventLoop) -> None:
    order: list[str] = []

    def nest() -> None:
        loop.call_soon(order.append, "inner")
        loop._run_once()  # type: ignore[attr-defined]
        order.append("back")

    loop.call_soon(nest)
    loop.call_soon(order.append, "queued")
    turns(loop)
    assert order == ["queued", "inner", "back"]


def test_asyncios_own_turn_works_on_our_queues(loop: EventLoop) -> None:
    """A `_run_once` written in Python for asyncio's loops, as libraries that nest loops bring it."""

    def run_once(self: Any) -> None:
        timeout = 0 if self._ready or self._stopping else None
        if timeout is None and self._scheduled:
            timeout = max(0, self._scheduled[0]._when - self.time())
        self._process_events(self._selector.select(timeout))
        while self._scheduled and self._scheduled[0]._when <= self.time():
            self._ready.append(heapq.heappop(self._scheduled))
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            if not handle._cancelled:
                handle._run()

    class Nestable(EventLoop):
        _run_once = run_once

    async def main() -> str:
        await asyncio.sleep(0.001)
        return await asyncio.to_thread(lambda: "thread")

    nestable = Nestable()
    assert nestable.run_until_complete(main()) == "thread"
    nestable.run_until_complete(nestable.shutdown_default_executor())
    nestable.close()


# ---------------------------------------------------------------------------------------------- timers


def test_timers_come_in_the_order_of_their_times_and_never_early(loop: EventLoop) -> None:
    order: list[int] = []
    early: list[float] = []
    start = loop.time()

    def note(number: int, delay: float) -> None:
        order.append(number)
        early.append(loop.time() - start - delay)

    loop.call_later(0.03, note, 3, 0.03)
    loop.call_at(start + 0.02, note, 2, 0.02)
    loop.call_later(Fraction(1, 100), note, 1, 0.01)
    loop.call_later(-1, note, 0, 0)
    loop.call_later(0.04, loop.stop)
    loop.run_forever()
    assert order == [0, 1, 2, 3]
    assert min(early) >= -1e-6


@pytest.mark.parametrize("bad", [None, "1", object()])
def test_a_time_is_a_number(loop: EventLoop, bad: Any) -> None:
    with pytest.raises(TypeError):
        loop.call_later(bad, print)
    with pytest.raises(TypeError):
        loop.call_at(bad, print)


@pytest.mark.parametrize("delay", [1e6, 1e300, float("inf")])
def test_far_timers_do_not_disturb(loop: EventLoop, delay: float) -> None:
    far = loop.call_later(delay, pytest.fail)
    near: list[int] = []
    loop.call_later(0.001, lambda: (near.append(1), loop.stop()))
    loop.run_forever()
    assert near == [1]
    assert far.when() > loop.time()


def live(loop: EventLoop) -> int:
    return sum(not timer._cancelled for timer in loop._scheduled)


def test_cancelled_timers_are_dropped_and_counted_once(loop: EventLoop) -> None:
    keep = loop.call_later(3600, print)
    for _ in range(3):  # the count would drift from round to round
        timers = [loop.call_later(1000 + number, print) for number in range(500)]
        for timer in timers:
            timer.cancel()
            timer.cancel()
        turns(loop)
        assert loop._scheduled == [keep]
        few = [loop.call_later(4000, print) for _ in range(20)]
        for timer in few:
            timer.cancel()
        turns(loop)
        assert len(loop._scheduled) == 21  # so few behind a live one may stay
        assert live(loop) == 1
        keep.cancel()
        turns(loop)
        assert loop._scheduled == []
        keep = loop.call_later(3600, print)


def test_a_timer_cancelled_when_due_or_after_it_ran_is_not_counted(loop: EventLoop) -> None:
    ran: list[int] = []
    for _ in range(300):
        now = loop.time() - 1
        victim = loop.call_at(now, ran.append, 1)
        killer = loop.call_at(now - 1, victim.cancel)
        turns(loop)
        killer.cancel()
        victim.cancel()
    assert ran == []
    loop.call_later(500, print)
    half = [loop.call_later(1000, print) for _ in range(150)]
    other = [loop.call_later(1000, print) for _ in range(160)]
    for timer in half:
        timer.cancel()
    turns(loop)
    # 150 of 311 are no majority: had the 600 been counted, the heap would have been made anew.
    assert half[0]._scheduled and other[0]._scheduled  # type: ignore[attr-defined]
    other[0].cancel()
    assert live(loop) == 160


def test_timers_compare_as_asyncios_do(loop: EventLoop) -> None:
    a, same, b, other = loop.call_at(1, print), loop.call_at(1, print), loop.call_at(2, print), loop.call_at(1, repr)
    assert a == same and a != b and a != other and a != 1
    assert a < b and b > a and a <= same and a >= same and not a < same
    assert not a <= other and not a >= other
    assert hash(a) == hash(same)
    assert len({a, same, b}) == 2
    same.cancel()
    assert a != same
    theirs = asyncio.TimerHandle(1, print, (), loop)
    assert a != theirs
    with pytest.raises(TypeError):
        a < 1  # type: ignore[operator] # noqa: B015
    assert a.when() == 1


# ---------------------------------------------------------------------------------------------- debug mode


@pytest.fixture
def debug(loop: EventLoop) -> EventLoop:
    loop.set_debug(True)
    return loop


def test_debug_refuses_what_cannot_be_called(debug: EventLoop) -> None:
    async def coroutine() -> None: ...

    for bad in (coroutine, None, 5):
        with pytest.raises(TypeError, match="callback was expected"):
            debug.call_soon(bad)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="callback was expected"):
            debug.call_later(1, bad)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="callback was expected"):
            debug.call_soon_threadsafe(bad)  # type: ignore[arg-type]
    made = coroutine()
    with pytest.raises(TypeError, match="callback was expected"):
        debug.call_soon(made)  # type: ignore[arg-type]
    made.close()


def test_debug_refuses_other_threads(debug: EventLoop) -> None:
    caught: list[BaseException] = []

    def elsewhere() -> None:
        for call in (debug.call_soon, lambda callback: debug.call_later(1, callback)):
            try:
                call(print)
            except RuntimeError as error:
                caught.append(error)
        debug.call_soon_threadsafe(debug.stop)

    thread = threading.Thread(target=elsewhere)
    debug.call_soon(thread.start)
    debug.run_forever()
    thread.join()
    assert len(caught) == 2
    assert "Non-thread-safe operation" in str(caught[0])


def test_debug_tells_of_slow_callbacks_and_tasks(debug: EventLoop, caplog: pytest.LogCaptureFixture) -> None:
    async def coroutine() -> None: ...

    def callback() -> None: ...

    debug.slow_callback_duration = 0
    with caplog.at_level(logging.WARNING, "asyncio"):
        debug.call_soon(callback)
        debug.run_until_complete(coroutine())
    messages = [record.getMessage() for record in caplog.records]
    assert any(m.startswith("Executing <Handle test_debug") and "created at" in m and "took 0." in m for m in messages)
    assert any(m.startswith("Executing <Task") for m in messages)


def test_debug_knows_where_a_handle_was_made(debug: EventLoop, errors: list[dict[str, Any]]) -> None:
    handle = debug.call_soon(lambda: 1 / 0)
    line = sys._getframe().f_lineno - 1
    turns(debug)
    assert handle._source_traceback[-1].lineno == line  # type: ignore[attr-defined]
    assert errors[0]["source_traceback"] is handle._source_traceback  # type: ignore[attr-defined]
    assert repr(handle).endswith(f"created at {__file__}:{line}>")


def test_debug_tells_which_handle_raised_inside_of_a_callback(
    debug: EventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    debug.call_soon(lambda: debug.default_exception_handler({"message": "strange"}))
    with caplog.at_level(logging.ERROR, "asyncio"):
        turns(debug)
    assert "Handle created at" in caplog.text


# ---------------------------------------------------------------------------------------------- threads and signals


def test_a_thread_ends_the_wait(loop: EventLoop, loop_probe: ModuleType) -> None:
    poller = poller_of(loop)

    def stop_it() -> None:
        while not loop_probe.is_sleeping(poller):
            pass
        loop.call_soon_threadsafe(loop.stop)

    thread = threading.Thread(target=stop_it)
    thread.start()
    loop.run_forever()
    thread.join()


def test_no_wake_up_is_lost_among_many_threads(loop: EventLoop) -> None:
    """Each thread waits for its answer before the next question: a lost wake-up would stop it for ever."""
    done: list[int] = []

    def ask(number: int) -> None:
        for _ in range(300):
            answer = threading.Event()
            loop.call_soon_threadsafe(answer.set)
            assert answer.wait(30)
        loop.call_soon_threadsafe(done.append, number)
        loop.call_soon_threadsafe(lambda: len(done) == 8 and loop.stop())

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    loop.run_forever()
    for thread in threads:
        thread.join()
    assert sorted(done) == list(range(8))


def test_many_wake_ups_are_one(loop: EventLoop) -> None:
    for _ in range(1000):
        loop._write_to_self()  # type: ignore[attr-defined]
    turns(loop, 2)
    waited: list[float] = []
    start = loop.time()
    loop.call_later(0.01, lambda: (waited.append(loop.time() - start), loop.stop()))
    loop.run_forever()
    assert waited[0] >= 0.01


def test_loops_in_several_threads(loop: EventLoop) -> None:
    async def main(number: int) -> int:
        await asyncio.sleep(0.001)
        return await asyncio.to_thread(lambda: number)

    results: list[int] = []

    def run(number: int) -> None:
        with asyncio.Runner(loop_factory=EventLoop) as runner:
            results.append(runner.run(main(number)))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [0, 1, 2, 3]


def test_a_signal_handler_of_the_loop(loop: EventLoop) -> None:
    got: list[str] = []

    def handler(word: str) -> None:
        got.append(word)
        loop.stop()

    loop.add_signal_handler(signal.SIGUSR1, handler, "usr1")
    for debug in (False, True):
        loop.set_debug(debug)
        loop.call_soon(os.kill, os.getpid(), signal.SIGUSR1)
        loop.run_forever()
    assert got == ["usr1", "usr1"]
    assert loop.remove_signal_handler(signal.SIGUSR1)


@contextlib.contextmanager
def handling(handler: Callable[[int, object], object]) -> Iterator[None]:
    old = signal.signal(signal.SIGALRM, handler)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


def test_a_plain_signal_handler_ends_the_wait(loop: EventLoop) -> None:
    with handling(lambda *_: loop.call_soon_threadsafe(loop.stop)):
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        loop.run_forever()


def test_a_signal_that_came_before_the_wait_does_not_wait(loop: EventLoop) -> None:
    """The callback that raises the signal is the last thing that runs before the loop waits for ever."""
    with handling(lambda *_: loop.stop()):
        loop.call_soon(signal.raise_signal, signal.SIGALRM)
        loop.run_forever()


def test_an_exception_from_a_signal_handler_ends_the_wait(loop: EventLoop) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with handling(interrupt):
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with pytest.raises(KeyboardInterrupt):
            loop.run_forever()
    turns(loop)


@pytest.fixture
def _ctrl_c() -> Iterator[None]:
    """Ctrl-C as in a terminal: a program that was started in the background may be told to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_ctrl_c")
def test_ctrl_c_cancels_the_main_task() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGINT)
        await asyncio.Event().wait()

    with asyncio.Runner(loop_factory=EventLoop) as runner, pytest.raises(KeyboardInterrupt):
        runner.run(main())


# ---------------------------------------------------------------------------------------------- descriptors


def test_readers_and_writers(loop: EventLoop, pair: tuple[socket.socket, socket.socket]) -> None:
    a, b = pair
    got: list[object] = []
    loop.add_reader(a, lambda: got.append(a.recv(10)))
    loop.add_writer(a.fileno(), got.append, "writable")
    b.send(b"x")
    turns(loop, 2)
    assert set(got) == {b"x", "writable"}
    assert loop.remove_writer(a) is True
    assert loop.remove_writer(a) is False
    got.clear()
    b.send(b"y")
    turns(loop, 2)
    assert got == [b"y"]
    loop.add_reader(a, lambda: got.append("another"))
    b.send(b"z")
    turns(loop, 2)
    assert got[1] == "another"
    assert loop.remove_reader(a) is True
    assert loop.remove_reader(a) is False
    got.clear()
    turns(loop, 2)
    assert got == []


def test_a_hang_up_calls_the_reader_and_the_writer(loop: EventLoop, pair: tuple[socket.socket, socket.socket]) -> None:
    a, b = pair
    a.send(b"unread, so that closing b is an error for a")
    called: set[str] = set()
    loop.add_reader(a, called.add, "reader")
    b.close()
    turns(loop, 2)
    assert called == {"reader"}
    loop.remove_reader(a)
    loop.add_writer(a, called.add, "writer")
    turns(loop, 2)
    assert called == {"reader", "writer"}
    loop.remove_writer(a)


def test_a_reader_may_remove_another_that_is_ready(loop: EventLoop) -> None:
    served: list[int] = []
    sockets: list[socket.socket] = []

    def ready(number: int) -> None:
        served.append(number)
        for sock in sockets[:3]:
            loop.remove_reader(sock)
            sock.close()

    pairs = [socket.socketpair() for _ in range(3)]
    sockets.extend([a for a, _ in pairs] + [b for _, b in pairs])
    for number, (a, b) in enumerate(pairs):
        b.send(b"x")
        loop.add_reader(a, ready, number)
    turns(loop, 3)
    assert len(served) == 1
    for sock in sockets:
        sock.close()


@pytest.mark.parametrize("writes", [False, True])
def test_a_socket_that_was_closed_can_still_be_removed(
    loop: EventLoop, pair: tuple[socket.socket, socket.socket], writes: bool
) -> None:
    a, _ = pair
    if writes:
        loop.add_writer(a, print)
    else:
        loop.add_reader(a, print)
    a.close()
    assert (loop.remove_writer if writes else loop.remove_reader)(a) is True
    with pytest.raises(ValueError, match="Invalid file descriptor: -1"):
        loop.remove_reader(a)


def test_a_watched_socket_is_kept_alive(loop: EventLoop) -> None:
    a, b = socket.socketpair()
    got: list[bytes] = []
    fd = a.fileno()
    loop.add_reader(a, lambda: got.append(os.read(fd, 5)))
    del a
    gc.collect()
    b.send(b"x")
    turns(loop, 2)
    assert got == [b"x"]
    with b, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        loop.remove_reader(fd)
        gc.collect()


@pytest.mark.parametrize("bad", [-1, "x", None, object()])
def test_what_is_no_descriptor(loop: EventLoop, bad: Any) -> None:
    with pytest.raises(ValueError):
        loop.add_reader(bad, print)
    with pytest.raises(ValueError):
        loop.add_writer(bad, print)


@pytest.mark.parametrize("fd", [2**31 - 1, 10**9])
def test_a_number_that_nobody_has_is_refused(loop: EventLoop, fd: int) -> None:
    with pytest.raises(OSError):
        loop.add_reader(fd, print)


def test_a_regular_file_is_refused(loop: EventLoop, tmp_path: Path) -> None:
    with open(tmp_path / "file", "w") as file:
        with pytest.raises(PermissionError):
            loop.add_reader(file, print)
        assert loop.remove_reader(file) is False


def test_the_descriptor_of_a_stream_is_its_own(
    loop: EventLoop, loop_probe: ModuleType, pair: tuple[socket.socket, socket.socket]
) -> None:
    a, b = pair
    stream = loop_probe.Probe(lambda mask: None)
    stream.watch(poller_of(loop), a.fileno(), 1)
    with pytest.raises(RuntimeError, match="used by a stream"):
        loop.add_reader(a, print)
    assert loop.remove_reader(a) is False
    assert stream.watched
    stream.unwatch()
    loop.add_reader(a, print)
    stream.watch(poller_of(loop), a.fileno(), 1)  # the last one who asks has it
    assert loop.remove_reader(a) is False
    stream.unwatch()
    del b


def test_a_number_that_a_dead_stream_had_is_free(
    loop: EventLoop, loop_probe: ModuleType, pair: tuple[socket.socket, socket.socket]
) -> None:
    a, b = pair

    class Dead(loop_probe.Probe):  # type: ignore[misc, name-defined]
        def fileno(self) -> int:
            return -1

    stream = Dead(None)
    stream.watch(poller_of(loop), a.fileno(), 1)
    got: list[bytes] = []
    loop.add_reader(a, lambda: got.append(a.recv(5)))
    assert not stream.watched
    b.send(b"x")
    turns(loop, 2)
    assert got == [b"x"]
    loop.remove_reader(a)


def test_close_forgets_descriptors(loop: EventLoop, loop_probe: ModuleType, pair: Any) -> None:
    stream = loop_probe.Probe(None)
    stream.watch(poller_of(loop), pair[0].fileno(), 1)
    stream.set_alarm(poller_of(loop), 5)
    loop.add_reader(pair[1], print)
    loop.close()
    assert not stream.watched
    assert loop_probe.alarms_of(poller_of(loop)) == 0
    assert loop.remove_reader(pair[1]) is False
    pair[0].send(b"the sockets are open")


def test_an_alarm_ends_the_wait(loop: EventLoop, loop_probe: ModuleType, pair: Any) -> None:
    stream = loop_probe.Probe(None, loop.stop)
    stream.watch(poller_of(loop), pair[0].fileno(), 1)
    stream.set_alarm(poller_of(loop), 0.01)
    loop.run_forever()
    far = loop.call_later(3600, print)
    stream.set_alarm(poller_of(loop), 0.01)
    loop.run_forever()
    far.cancel()
    stream.alarmed = lambda: rung.append(1)
    rung: list[int] = []
    stream.set_alarm(poller_of(loop), 0.01)
    while not rung:
        loop._selector.select(None)  # type: ignore[attr-defined]
    stream.unwatch()


def test_the_shared_future_is_done_for_all(loop: EventLoop, loop_probe: ModuleType) -> None:
    async def main() -> None:
        future = loop_probe.done_of(poller_of(loop))
        assert future is loop_probe.done_of(poller_of(loop))
        assert await future is None
        assert await future is None

    loop.run_until_complete(main())


def test_the_selector_knows_what_is_watched(loop: EventLoop, pair: tuple[socket.socket, socket.socket]) -> None:
    selector = loop._selector  # type: ignore[attr-defined]
    with pytest.raises(KeyError):
        selector.get_key(pair[0])
    loop.add_reader(pair[0], print)
    assert selector.get_key(pair[0]).events == 1
    loop.add_writer(pair[0], print)
    assert selector.get_key(pair[0].fileno()).events == 3
    assert pair[0].fileno() in selector.get_map()
    loop.remove_reader(pair[0])
    loop.remove_writer(pair[0])


# ---------------------------------------------------------------------------------------------- fork and the collector


def test_a_child_has_a_poller_of_its_own(loop: EventLoop, pair: tuple[socket.socket, socket.socket]) -> None:
    a, b = pair
    got: list[bytes] = []
    loop.add_reader(a, lambda: got.append(a.recv(5)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        status = 1
        try:
            b.send(b"child")
            turns(loop, 2)
            loop.call_soon_threadsafe(loop.stop)
            loop.run_forever()
            loop.remove_reader(a)  # the parent goes on to watch it
            loop.close()
            status = 0 if got == [b"child"] else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    b.send(b"x")
    turns(loop, 2)
    assert got == [b"x"]
    loop.remove_reader(a)


def test_a_loop_that_nobody_closed_is_collected_with_a_warning() -> None:
    loop = EventLoop()
    loop.call_later(1000, print)
    poller_of(loop)
    fds = [poller_of(loop).fileno()]
    gone = [weakref.ref(loop), weakref.ref(poller_of(loop))]
    with pytest.warns(ResourceWarning, match="unclosed event loop"):
        del loop
        gc.collect()
    assert [ref() for ref in gone] == [None, None]
    with pytest.raises(OSError):
        os.fstat(fds[0])


def test_nothing_is_left_of_a_closed_loop(loop_probe: ModuleType) -> None:
    async def main() -> None:
        await asyncio.sleep(0)
        await loop_probe.done_of(poller_of(asyncio.get_running_loop()))

    gc.collect()
    before = len(os.listdir("/dev/fd"))
    gone = []
    for _ in range(3):
        loop = EventLoop()
        loop.run_until_complete(main())
        loop.close()
        gone.append(weakref.ref(loop))
        del loop
    gc.collect()
    assert [ref() for ref in gone] == [None] * 3
    assert len(os.listdir("/dev/fd")) == before


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


# ---------------------------------------------------------------------------------------------- what asyncio adds


def test_run_until_complete(loop: EventLoop) -> None:
    async def work() -> str:
        await asyncio.sleep(0)
        return "done"

    assert loop.run_until_complete(work()) == "done"
    future = loop.create_future()
    loop.call_soon(loop.stop)
    with pytest.raises(RuntimeError, match="Event loop stopped before Future completed"):
        loop.run_until_complete(future)


def test_the_runner_takes_it() -> None:
    async def main() -> tuple[str, int]:
        assert isinstance(asyncio.get_running_loop(), EventLoop)
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            task = group.create_task(asyncio.to_thread(lambda: "thread"))
            address = group.create_task(asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80))
        return task.result(), address.result()[0][4][1]

    with asyncio.Runner(loop_factory=EventLoop) as runner:
        assert runner.run(main()) == ("thread", 80)


def test_a_timeout_of_asyncio(loop: EventLoop) -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.001)

    loop.run_until_complete(main())


@pytest.mark.parametrize("secure", [False, True])
def test_asyncios_streams(loop: EventLoop, secure: bool) -> None:
    server_context = client_context = None
    if secure:
        server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        server_context.load_cert_chain(CERTIFICATE, KEY)
        client_context = ssl.create_default_context()
        client_context.check_hostname = False
        client_context.verify_mode = ssl.CERT_NONE
    big = bytes(range(256)) * 4096

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int(await reader.readline())
        writer.write(await reader.readexactly(size))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_context)
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client_context)
        assert "read=polling" in repr(writer.transport) or secure
        writer.write(b"%d\n" % len(big))
        writer.write(big)
        assert await reader.read() == big
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    loop.run_until_complete(asyncio.wait_for(main(), 30))


def test_socket_methods(loop: EventLoop) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
            listener.setblocking(False)
            client.setblocking(False)
            accepting = asyncio.ensure_future(loop.sock_accept(listener))
            await loop.sock_connect(client, listener.getsockname())
            server, _ = await accepting
            with server:
                big = b"x" * 5_000_000
                sending = asyncio.ensure_future(loop.sock_sendall(client, big))
                received = 0
                while received < len(big):
                    received += len(await loop.sock_recv(server, 1 << 16))
                await sending
                waiting = asyncio.ensure_future(loop.sock_recv(server, 5))
                await asyncio.sleep(0)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                await loop.sock_sendall(client, b"again")
                assert await loop.sock_recv(server, 5) == b"again"

    loop.run_until_complete(asyncio.wait_for(main(), 30))


def test_subprocesses(loop: EventLoop) -> None:
    async def main() -> tuple[int | None, bytes]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "print(input()[::-1])", stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        out, _ = await process.communicate(b"abc\n")
        return process.returncode, out

    with asyncio.Runner(loop_factory=EventLoop) as runner:
        assert runner.run(main()) == (0, b"cba\n")


def test_an_asynchronous_generator_that_was_left_is_closed(loop: EventLoop) -> None:
    closed: list[int] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append(1)

    async def main() -> None:
        async for _ in numbers():
            break
        gc.collect()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    loop.run_until_complete(main())
    assert closed == [1]
    loop.run_until_complete(loop.shutdown_asyncgens())
