import asyncio
import datetime
import functools

import pytest

from pyframework import queues

AT_ONCE = datetime.timedelta(0)
NEVER = datetime.timedelta(hours=1)


def run(test):
    """Run a coroutine test on a loop of its own."""

    @functools.wraps(test)
    def wrapper(*args, **kwargs):
        asyncio.run(test(*args, **kwargs))

    return wrapper


def drain(queue):
    return [queue.get_nowait() for _ in range(queue.qsize())]


class TestOrder:
    @pytest.mark.parametrize(
        "cls, expected", [(queues.Queue, [2, 3, 1]), (queues.LifoQueue, [1, 3, 2]), (queues.PriorityQueue, [1, 2, 3])]
    )
    @run
    async def test_of_items(self, cls, expected):
        queue = cls()
        for item in (2, 3, 1):
            queue.put_nowait(item)
        assert drain(queue) == expected

    @run
    async def test_a_waiting_putter_comes_in_before_the_item_goes_out(self):
        queue = queues.PriorityQueue(1)
        queue.put_nowait(5)
        put = queue.put(1)
        assert queue.get_nowait() == 1
        assert put.done()
        assert queue.get_nowait() == 5

    @run
    async def test_a_subclass_decides_what_comes_out(self):
        class Doubling(queues.Queue):
            def _put(self, item):
                super()._put(item * 2)

        queue = Doubling()
        get = queue.get()
        queue.put_nowait(2)
        queue.put_nowait(3)
        assert (await get, queue.get_nowait()) == (4, 6)


class TestSize:
    @run
    async def test_full_and_empty(self):
        queue = queues.Queue(2)
        assert queue.empty() and not queue.full() and queue.maxsize == 2
        queue.put_nowait("a")
        queue.put_nowait("b")
        assert queue.full() and queue.qsize() == 2
        with pytest.raises(queues.QueueFull):
            queue.put_nowait("c")
        assert drain(queue) == ["a", "b"]
        with pytest.raises(queues.QueueEmpty):
            queue.get_nowait()

    def test_no_limit(self):
        queue = queues.Queue()
        for item in range(1000):
            queue.put_nowait(item)
        assert not queue.full()

    @pytest.mark.parametrize("maxsize, error", [(None, TypeError), (-1, ValueError), ("a", TypeError)])
    def test_bad_maxsize(self, maxsize, error):
        with pytest.raises(error):
            queues.Queue(maxsize)


class TestWaiting:
    @run
    async def test_getters_are_served_in_order(self):
        queue = queues.Queue()
        gets = [queue.get() for _ in range(3)]
        queue.put_nowait("a")
        await queue.put("b")
        assert [get.done() for get in gets] == [True, True, False]
        assert await asyncio.gather(*gets[:2]) == ["a", "b"]
        assert queue.empty()

    @run
    async def test_putters_are_served_in_order(self):
        queue = queues.Queue(1)
        puts = [queue.put(item) for item in range(3)]
        assert [put.done() for put in puts] == [True, False, False]
        assert await queue.get() == 0
        assert [put.done() for put in puts] == [True, True, False]
        assert [await queue.get(), await queue.get()] == [1, 2]

    @run
    async def test_timeouts(self):
        queue = queues.Queue(1)
        for timeout in (AT_ONCE, 0):
            with pytest.raises(TimeoutError):
                await queue.get(timeout)
        await queue.put("a", AT_ONCE)
        for timeout in (AT_ONCE, 0):
            with pytest.raises(TimeoutError):
                await queue.put("b", timeout)
        assert await queue.get(AT_ONCE) == "a"
        assert queue.empty()

    @run
    async def test_getters_that_gave_up_take_no_item(self):
        queue = queues.Queue()
        late, cancelled, third = queue.get(AT_ONCE), queue.get(), queue.get(NEVER)
        cancelled.cancel()
        with pytest.raises(TimeoutError):
            await late
        queue.put_nowait("a")
        assert await third == "a"

    @run
    async def test_putters_that_gave_up_put_no_item(self):
        queue = queues.Queue(1)
        queue.put_nowait("a")
        late, cancelled, third = queue.put("b", AT_ONCE), queue.put("c"), queue.put("d", NEVER)
        cancelled.cancel()
        with pytest.raises(TimeoutError):
            await late
        assert queue.get_nowait() == "a"
        await third
        assert drain(queue) == ["d"]
        assert queue._unfinished_tasks == 2

    @run
    async def test_expired_waiters_do_not_pile_up(self):
        queue = queues.Queue()
        for _ in range(100):
            with pytest.raises(TimeoutError):
                await queue.get(AT_ONCE)
        assert len(queue._getters) == 1

    @run
    async def test_bad_timeout_leaves_no_waiter(self):
        queue = queues.Queue(1)
        with pytest.raises(TypeError):
            queue.get("soon")
        queue.put_nowait("a")
        with pytest.raises(TypeError):
            queue.put("b", "soon")
        assert not queue._getters and not queue._putters
        assert drain(queue) == ["a"]

    @run
    async def test_async_for(self):
        queue = queues.Queue(1)

        async def produce():
            for item in range(5):
                await queue.put(item)

        producer = asyncio.create_task(produce())
        got = []
        async for item in queue:
            got.append(item)
            if item == 4:
                break
        await producer
        assert got == [0, 1, 2, 3, 4]


class TestJoin:
    @run
    async def test_until_all_tasks_are_done(self):
        queue = queues.Queue()
        await queue.join()
        queue.put_nowait("a")
        queue.put_nowait("b")
        join = queue.join()
        drain(queue)
        queue.task_done()
        assert not join.done()
        queue.task_done()
        await join

    @run
    async def test_items_handed_over_count(self):
        queue = queues.Queue()
        get = queue.get()
        queue.put_nowait("a")
        assert await get == "a"
        assert not queue.join().done()
        queue.task_done()
        await queue.join()

    @run
    async def test_timeout(self):
        queue = queues.Queue()
        queue.put_nowait("a")
        with pytest.raises(TimeoutError):
            await queue.join(AT_ONCE)

    def test_too_many_task_done(self):
        queue = queues.Queue()
        with pytest.raises(ValueError, match="more often"):
            queue.task_done()


@run
async def test_repr():
    queue = queues.Queue(1)
    assert str(queue) == "<Queue maxsize=1>"
    queue.get()
    assert str(queue) == "<Queue maxsize=1 getters[1]>"
    for item in "abc":
        queue.put(item)
    assert str(queue) == "<Queue maxsize=1 queue=deque(['b']) putters[1] tasks=2>"
    assert hex(id(queue)) in repr(queue)
    assert str(queues.LifoQueue()) == "<LifoQueue maxsize=0>"
