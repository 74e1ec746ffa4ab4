"""Timers of the event loop, and its debug mode."""

import asyncio
import logging
import sys
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from pyframework._core.loop import EventLoop
from tests.ext.loops import turns

EAGER = sys.version_info >= (3, 12)
CERTIFICATE = Path(__file__).parents[2] / "pyframework" / "testing.crt"
KEY = CERTIFICATE.with_suffix(".key")


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
