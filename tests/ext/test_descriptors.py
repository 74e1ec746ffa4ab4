"""Descriptors that the event loop watches, forks and the garbage collector."""

import asyncio
import gc
import os
import socket
import sys
import warnings
import weakref
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pyframework._core.loop import EventLoop, poller_of
from tests.ext.loops import turns

EAGER = sys.version_info >= (3, 12)
CERTIFICATE = Path(__file__).parents[2] / "pyframework" / "testing.crt"
KEY = CERTIFICATE.with_suffix(".key")


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
