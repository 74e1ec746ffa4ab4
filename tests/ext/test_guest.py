"""A Poller that is the guest of an asyncio loop that is not ours: asyncio's own one, and uvloop where there is one."""

import asyncio
import gc
import os
import socket
import sys
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextvars import copy_context
from types import ModuleType
from typing import Any

import pytest

from pyframework._core.loop import EventLoop, Poller, poller_of, start_task

READ = 1

HOSTS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.SelectorEventLoop]
try:
    import uvloop
except ImportError:
    pass
else:
    HOSTS.append(uvloop.new_event_loop)


@pytest.fixture(params=HOSTS, ids=["asyncio", "uvloop"][: len(HOSTS)])
def host(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    loop: asyncio.AbstractEventLoop = request.param()
    yield loop
    loop.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    a, b = socket.socketpair()
    a.setblocking(False)
    with a, b:
        yield a, b


def test_each_loop_has_one_poller(host: asyncio.AbstractEventLoop) -> None:
    poller = poller_of(host)
    assert poller_of(host) is poller
    other = asyncio.SelectorEventLoop()
    assert poller_of(other) is not poller
    other.close()
    ours = EventLoop()
    assert poller_of(ours) is poller_of(ours)
    ours.close()


def test_the_host_serves_our_descriptors(
    host: asyncio.AbstractEventLoop, loop_probe: ModuleType, pair: tuple[socket.socket, socket.socket]
) -> None:
    a, b = pair
    got: list[bytes] = []

    def ready(mask: int) -> None:
        assert asyncio.get_running_loop() is host
        got.append(a.recv(5))
        if len(got) == 3:
            host.stop()
        else:
            b.send(b"more")

    loop_probe.Probe(ready).watch(poller_of(host), a.fileno(), READ)
    host.call_soon(b.send, b"first")
    host.run_forever()
    assert got == [b"first", b"more", b"more"]


def test_the_host_rings_the_alarms(
    host: asyncio.AbstractEventLoop, loop_probe: ModuleType, pair: tuple[socket.socket, socket.socket]
) -> None:
    rung: list[str] = []

    def last() -> None:
        rung.append("late")
        host.stop()

    late = loop_probe.Probe(None, last)
    early = loop_probe.Probe(None, lambda: (rung.append("early"), late.set_alarm(poller, 0.05)))
    poller = poller_of(host)
    for probe, sock in zip((late, early), pair, strict=True):
        probe.watch(poller, sock.fileno(), READ)
    late.set_alarm(poller, 3600)
    early.set_alarm(poller, 0)
    host.run_forever()
    assert rung == ["early", "late"]


def test_an_exception_goes_to_the_host(
    host: asyncio.AbstractEventLoop, loop_probe: ModuleType, pair: tuple[socket.socket, socket.socket]
) -> None:
    a, b = pair
    errors: list[dict[str, Any]] = []

    def ready(mask: int) -> None:
        a.recv(5)
        host.stop()
        raise ZeroDivisionError

    host.set_exception_handler(lambda loop, context: errors.append(context))
    loop_probe.Probe(ready).watch(poller_of(host), a.fileno(), READ)
    b.send(b"x")
    host.run_forever()
    assert isinstance(errors[0]["exception"], ZeroDivisionError)


def test_an_interrupt_ends_the_host(
    host: asyncio.AbstractEventLoop, loop_probe: ModuleType, pair: tuple[socket.socket, socket.socket]
) -> None:
    a, b = pair

    def ready(mask: int) -> None:
        a.recv(5)
        raise KeyboardInterrupt

    loop_probe.Probe(ready).watch(poller_of(host), a.fileno(), READ)
    b.send(b"x")
    with pytest.raises(KeyboardInterrupt):
        host.run_forever()


def test_the_guest_may_leave_while_it_serves(
    host: asyncio.AbstractEventLoop, loop_probe: ModuleType, pair: tuple[socket.socket, socket.socket]
) -> None:
    a, b = pair
    served: list[int] = []
    poller = poller_of(host)

    def ready(mask: int) -> None:
        served.append(1)
        poller.close()
        host.call_soon(host.stop)

    for sock in pair:
        loop_probe.Probe(ready).watch(poller, sock.fileno(), READ)
        sock.send(b"x")
    host.run_forever()
    assert served == [1]
    assert poller_of(host) is not poller  # the next one who asks gets a new guest


def test_host_closed_first(loop_probe: ModuleType, pair: tuple[socket.socket, socket.socket]) -> None:
    for make in HOSTS:
        host = make()
        poller = poller_of(host)
        probe = loop_probe.Probe(None, None)
        probe.watch(poller, pair[0].fileno(), READ)
        probe.set_alarm(poller, 5)
        host.close()
        poller.close()
        assert not probe.watched
        with pytest.raises(RuntimeError, match="closed"):
            poller_of(host)


def test_guest_closed_first(loop_probe: ModuleType, pair: tuple[socket.socket, socket.socket]) -> None:
    for make in HOSTS:
        host = make()
        poller = poller_of(host)
        probe = loop_probe.Probe(None, None)
        probe.watch(poller, pair[0].fileno(), READ)
        probe.set_alarm(poller, 5)
        fd = poller.fileno()
        poller.close()
        assert not host.remove_reader(fd)
        host.close()
        poller.close()


def test_nothing_is_left_of_a_host_that_was_closed(loop_probe: ModuleType) -> None:
    async def main() -> weakref.ref[Poller]:
        loop = asyncio.get_running_loop()
        poller = poller_of(loop)
        await loop_probe.done_of(poller)  # a Future that knows the loop
        pairs = [socket.socketpair() for _ in range(3)]
        for a, _ in pairs:
            probe = loop_probe.Probe(lambda mask, loop=loop: None)  # and who is watched knows it too
            probe.watch(poller, a.fileno(), READ)
            probe.set_alarm(poller, 3600)
        for a, b in pairs:
            a.close()
            b.close()
        return weakref.ref(poller)

    for make in HOSTS:
        gc.collect()
        before = len(os.listdir("/dev/fd"))
        with asyncio.Runner(loop_factory=make) as runner:
            poller = runner.run(main())
            host = weakref.ref(runner.get_loop())
        del runner
        gc.collect()
        assert host() is None
        assert poller() is None
        assert len(os.listdir("/dev/fd")) == before


def test_a_host_that_nobody_closed_is_collected() -> None:
    host = asyncio.SelectorEventLoop()
    gone = weakref.ref(poller_of(host))
    with pytest.warns(ResourceWarning, match="unclosed event loop"):
        del host
        gc.collect()
    assert gone() is None


def test_a_child_does_not_disturb_the_guest_of_its_parent(
    loop_probe: ModuleType, pair: tuple[socket.socket, socket.socket]
) -> None:
    host = asyncio.SelectorEventLoop()
    poller = poller_of(host)
    a, b = pair
    got: list[bytes] = []
    probe = loop_probe.Probe(lambda mask: (got.append(a.recv(5)), host.stop()))
    probe.watch(poller, a.fileno(), READ)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        status = 1
        try:
            b.send(b"child")
            poller.run_ready()
            probe.unwatch()  # as a stream does that is closed
            a.close()
            status = 0 if got == [b"child"] else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    b.send(b"x")
    host.run_forever()
    assert got == [b"x"]
    host.close()


def test_the_same_descriptor_at_the_host_and_at_the_guest(
    host: asyncio.AbstractEventLoop, loop_probe: ModuleType, pair: tuple[socket.socket, socket.socket]
) -> None:
    a, b = pair
    called: set[str] = set()

    def note(who: str) -> None:
        called.add(who)
        if len(called) == 2:
            host.stop()

    loop_probe.Probe(lambda mask: note("guest")).watch(poller_of(host), a.fileno(), READ)
    host.add_reader(a, note, "host")
    b.send(b"x")
    host.run_forever()
    assert called == {"guest", "host"}
    host.remove_reader(a)


def test_a_task_on_the_host(host: asyncio.AbstractEventLoop) -> None:
    order: list[str] = []

    async def work() -> str:
        order.append("begun")
        await asyncio.sleep(0)
        return "done"

    def callback() -> None:
        task = start_task(work(), copy_context())
        order.append("started")
        task.add_done_callback(lambda task: (order.append(task.result()), host.stop()))

    host.call_soon(callback)
    host.run_forever()
    expected = ["begun", "started", "done"] if sys.version_info >= (3, 12) else ["started", "begun", "done"]
    assert order == expected


def test_a_loop_without_add_reader_has_no_guest() -> None:
    class Bare(asyncio.BaseEventLoop):
        def __init__(self) -> None:
            super().__init__()

    bare = Bare()
    gc.collect()
    before = len(os.listdir("/dev/fd"))
    with pytest.raises(NotImplementedError):
        poller_of(bare)
    gc.collect()
    assert len(os.listdir("/dev/fd")) == before
    bare.close()
