import asyncio
import datetime
import functools

import pytest

from pyframework import locks
from pyframework.ioloop import IOLoop

AT_ONCE = datetime.timedelta(0)
NEVER = datetime.timedelta(hours=1)


def run(test):
    """Run a coroutine test on a loop of its own."""

    @functools.wraps(test)
    def wrapper(*args, **kwargs):
        asyncio.run(test(*args, **kwargs))

    return wrapper


async def settle():
    for _ in range(3):
        await asyncio.sleep(0)


class TestCondition:
    @run
    async def test_notify_wakes_the_oldest(self):
        condition = locks.Condition()
        waits = [condition.wait() for _ in range(4)]
        condition.notify()
        assert [wait.done() for wait in waits] == [True, False, False, False]
        condition.notify(2)
        assert [wait.done() for wait in waits] == [True, True, True, False]
        condition.notify_all()
        assert await asyncio.gather(*waits) == [True] * 4
        condition.notify()

    @run
    async def test_timeout(self):
        condition = locks.Condition()
        assert await condition.wait(AT_ONCE) is False
        assert await condition.wait(0) is False
        assert await condition.wait(IOLoop.current().time() - 1) is False

    @run
    async def test_those_who_gave_up_are_passed_over(self):
        condition = locks.Condition()
        late, cancelled, third = condition.wait(AT_ONCE), condition.wait(), condition.wait(NEVER)
        cancelled.cancel()
        assert await late is False
        condition.notify()
        assert await third is True

    @run
    async def test_waiting_again_does_not_take_part_in_the_same_notify_all(self):
        condition = locks.Condition()
        turns = []

        async def waiter():
            await condition.wait()
            turns.append(1)
            await condition.wait()
            turns.append(2)

        task = asyncio.create_task(waiter())
        await settle()
        condition.notify_all()
        await settle()
        assert turns == [1]
        condition.notify_all()
        await task
        assert turns == [1, 2]

    @run
    async def test_expired_waiters_do_not_pile_up(self):
        condition = locks.Condition()
        patient = condition.wait()
        for _ in range(1000):
            await condition.wait(AT_ONCE)
        assert len(condition._waiters) < 200
        condition.notify()
        assert await patient is True

    @run
    async def test_bad_timeout_leaves_no_waiter(self):
        condition = locks.Condition()
        with pytest.raises(TypeError):
            condition.wait("soon")
        assert not condition._waiters

    @run
    async def test_repr(self):
        condition = locks.Condition()
        assert repr(condition) == "<Condition>"
        condition.wait()
        assert repr(condition) == "<Condition waiters[1]>"


class TestEvent:
    @run
    async def test_set_and_clear(self):
        event = locks.Event()
        first = event.wait()
        assert not event.is_set()
        event.set()
        event.set()
        second = event.wait()
        event.clear()
        third = event.wait()
        assert [first.done(), second.done(), third.done()] == [True, True, False]

    @run
    async def test_timeout(self):
        event = locks.Event()
        for timeout in (AT_ONCE, 0):
            with pytest.raises(TimeoutError):
                await event.wait(timeout)
        await settle()
        assert not event._waiters
        event.set()
        await event.wait(AT_ONCE)

    @run
    async def test_cancelled_waiters_are_forgotten(self):
        event = locks.Event()
        task = asyncio.create_task(asyncio.wait_for(event.wait(NEVER), None))
        await settle()
        task.cancel()
        await settle()
        assert task.cancelled()
        assert not event._waiters
        event.set()

    @run
    async def test_repr(self):
        event = locks.Event()
        assert repr(event) == "<Event clear>"
        event.set()
        assert repr(event) == "<Event set>"


class TestSemaphore:
    @run
    async def test_as_many_as_its_value(self):
        semaphore = locks.Semaphore(2)
        holds = [semaphore.acquire() for _ in range(4)]
        assert [hold.done() for hold in holds] == [True, True, False, False]
        semaphore.release()
        assert [hold.done() for hold in holds] == [True, True, True, False]
        semaphore.release()
        semaphore.release()
        assert (semaphore._value, len(semaphore._waiters)) == (1, 0)

    @run
    async def test_context_managers_release(self):
        semaphore = locks.Semaphore()
        with await semaphore.acquire() as nothing:
            assert nothing is None
            assert semaphore._value == 0
        async with semaphore as nothing:
            assert nothing is None
            assert semaphore._value == 0
        with pytest.raises(KeyError):
            async with semaphore:
                raise KeyError
        assert semaphore._value == 1

    @run
    async def test_timeout(self):
        semaphore = locks.Semaphore(0)
        for timeout in (AT_ONCE, 0):
            with pytest.raises(TimeoutError):
                await semaphore.acquire(timeout)
        semaphore.release()
        await semaphore.acquire(AT_ONCE)

    @run
    async def test_those_who_gave_up_do_not_take_a_release(self):
        semaphore = locks.Semaphore(0)
        late, cancelled, third = semaphore.acquire(AT_ONCE), semaphore.acquire(), semaphore.acquire(NEVER)
        cancelled.cancel()
        with pytest.raises(TimeoutError):
            await late
        semaphore.release()
        await third
        assert semaphore._value == 0

    @run
    async def test_expired_waiters_do_not_pile_up(self):
        semaphore = locks.Semaphore(0)
        patient = semaphore.acquire()
        for _ in range(500):
            with pytest.raises(TimeoutError):
                await semaphore.acquire(AT_ONCE)
        assert len(semaphore._waiters) < 200
        semaphore.release()
        await patient

    def test_misuse(self):
        with pytest.raises(ValueError):
            locks.Semaphore(-1)
        with pytest.raises(RuntimeError, match="async with"):
            with locks.Semaphore():
                pass

    @run
    async def test_repr(self):
        semaphore = locks.Semaphore()
        assert repr(semaphore).endswith("[unlocked,value:1]>")
        semaphore.acquire()
        semaphore.acquire()
        assert repr(semaphore).endswith("[locked,waiters:1]>")


class TestBoundedSemaphore:
    @run
    async def test_release_needs_an_acquire(self):
        semaphore = locks.BoundedSemaphore(2)
        with pytest.raises(ValueError, match="more often"):
            semaphore.release()
        await semaphore.acquire()
        semaphore.release()
        with pytest.raises(ValueError, match="more often"):
            semaphore.release()
        assert semaphore._value == 2


class TestLock:
    @run
    async def test_one_holder_at_a_time_in_order(self):
        lock = locks.Lock()
        turns = []

        async def holder(index):
            async with lock:
                turns.append(index)
                await asyncio.sleep(0)
                turns.append(index)

        await asyncio.gather(*(holder(index) for index in range(3)))
        assert turns == [0, 0, 1, 1, 2, 2]
        assert lock._block._value == 1

    @run
    async def test_with_after_acquire(self):
        lock = locks.Lock()
        with pytest.raises(KeyError):
            with await lock.acquire():
                raise KeyError
        assert lock.acquire().done()

    @run
    async def test_timeout(self):
        lock = locks.Lock()
        await lock.acquire(AT_ONCE)
        with pytest.raises(TimeoutError):
            await lock.acquire(AT_ONCE)

    def test_misuse(self):
        lock = locks.Lock()
        with pytest.raises(RuntimeError, match="nobody holds it"):
            lock.release()
        with pytest.raises(RuntimeError, match="async with"):
            with lock:
                pass
        assert "unlocked" in repr(lock)
