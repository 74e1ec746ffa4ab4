"""The Poller, on a loop that does nothing but take exceptions: descriptors, batches, alarms and shared buffers."""

import errno
import gc
import os
import resource
import socket
import time
import weakref
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from pyframework._core.loop import Poller

READ, WRITE, ERROR = 1, 2, 4


class Timer:
    def __init__(self, delay: float, callback: Callable[[], None]) -> None:
        self.delay = delay
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Host:
    """What a Poller asks of the asyncio loop whose guest it is; the test plays the loop."""

    def __init__(self) -> None:
        self.readers: dict[int, Callable[[], None]] = {}
        self.timers: list[Timer] = []
        self.errors: list[dict[str, Any]] = []
        self.closed = False

    def add_reader(self, fd: int, callback: Callable[[], None]) -> None:
        self.readers[fd] = callback

    def remove_reader(self, fd: int) -> None:
        del self.readers[fd]

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        self.timers.append(Timer(delay, callback))
        return self.timers[-1]

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.errors.append(context)

    def is_closed(self) -> bool:
        return self.closed


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def poller(host: Host) -> Iterator[Poller]:
    poller = Poller(host)  # type: ignore[arg-type]
    yield poller
    poller.close()


@pytest.fixture
def pairs() -> Iterator[Callable[[], tuple[socket.socket, socket.socket]]]:
    made: list[socket.socket] = []

    def make() -> tuple[socket.socket, socket.socket]:
        pair = socket.socketpair()
        made.extend(pair)
        return pair

    yield make
    for sock in made:
        sock.close()


def until(poller: Poller, done: Callable[[], object], seconds: float = 10) -> None:
    """Serve what is ready and due until something has happened."""
    limit = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < limit
        poller.run_ready()
        time.sleep(0.001)


def test_it_serves_what_is_ready_and_the_host_waits_for_one_descriptor(
    host: Host, poller: Poller, loop_probe: ModuleType, pairs: Any
) -> None:
    assert list(host.readers) == [poller.fileno()]
    a, b = pairs()
    masks: list[int] = []
    probe = loop_probe.Probe(masks.append)
    probe.watch(poller, a.fileno(), READ)
    poller.run_ready()
    assert masks == []
    b.send(b"x")
    host.readers[poller.fileno()]()
    assert masks == [READ]
    probe.watch(poller, a.fileno(), READ | WRITE)
    poller.run_ready()
    assert masks == [READ, READ | WRITE]
    probe.unwatch()
    poller.run_ready()
    assert len(masks) == 2
    assert not probe.watched


def test_a_hang_up_is_told_to_one_who_wants_neither_reading_nor_writing(
    poller: Poller, loop_probe: ModuleType, pairs: Any
) -> None:
    a, b = pairs()
    masks: list[int] = []
    loop_probe.Probe(masks.append).watch(poller, a.fileno(), 0)
    b.send(b"x")
    poller.run_ready()
    assert masks == []
    b.close()
    poller.run_ready()
    assert masks == [ERROR]


@pytest.mark.parametrize("closes", [False, True])
def test_who_is_removed_in_a_batch_is_not_served_in_it(
    poller: Poller, loop_probe: ModuleType, pairs: Any, closes: bool
) -> None:
    served: list[int] = []
    probes: list[Any] = []
    sockets: list[socket.socket] = []

    def ready(_: int) -> None:
        served.append(1)
        for probe, sock in zip(probes, sockets, strict=True):
            if probe.watched:
                probe.unwatch()
            if closes:
                sock.close()

    for _ in range(3):
        a, b = pairs()
        b.send(b"x")
        probes.append(loop_probe.Probe(ready))
        probes[-1].watch(poller, a.fileno(), READ)
        sockets.append(a)
    poller.run_ready()
    poller.run_ready()
    assert served == [1]


def test_an_event_for_the_former_owner_of_a_number_does_not_reach_the_new_one(
    poller: Poller, loop_probe: ModuleType, pairs: Any
) -> None:
    quiet, _peer = pairs()
    served: list[str] = []
    numbers: list[int] = []

    def ready(_: int) -> None:
        served.append("old")
        for number in numbers:
            os.dup2(quiet.fileno(), number)
            loop_probe.Probe(lambda mask: served.append("new")).watch(poller, number, READ)

    for _ in range(2):
        a, b = pairs()
        b.send(b"x")
        loop_probe.Probe(ready).watch(poller, a.fileno(), READ)
        numbers.append(a.fileno())
    poller.run_ready()
    poller.run_ready()
    assert served == ["old"]


def test_a_number_that_comes_again_after_a_silent_close_has_a_new_owner(
    poller: Poller, loop_probe: ModuleType, pairs: Any
) -> None:
    a, b = pairs()
    served: list[str] = []
    old = loop_probe.Probe(lambda mask: served.append("old"), lambda: served.append("old alarm"))
    old.watch(poller, a.fileno(), READ)
    old.set_alarm(poller, 60)
    c, d = pairs()
    os.dup2(c.fileno(), a.fileno())
    new = loop_probe.Probe(lambda mask: served.append("new"))
    new.watch(poller, a.fileno(), READ)
    assert not old.watched
    assert loop_probe.alarms_of(poller) == 0
    d.send(b"x")
    poller.run_ready()
    assert served == ["new"]


def test_a_watch_that_moves_to_another_descriptor_leaves_the_first(
    poller: Poller, loop_probe: ModuleType, pairs: Any
) -> None:
    (a, b), (c, d) = pairs(), pairs()
    served: list[int] = []
    probe = loop_probe.Probe(served.append)
    probe.watch(poller, a.fileno(), READ)
    probe.watch(poller, c.fileno(), READ)
    assert list(loop_probe.watched_by(poller)) == [c.fileno()]
    b.send(b"x")
    poller.run_ready()
    assert served == []
    d.send(b"x")
    poller.run_ready()
    assert served == [READ]


@pytest.mark.parametrize("fd", [-1, 2**31 - 1, 10**9])
def test_what_is_no_descriptor_is_refused_at_no_cost(poller: Poller, loop_probe: ModuleType, fd: int) -> None:
    with pytest.raises(OSError) as caught:
        loop_probe.Probe().watch(poller, fd, READ)
    assert caught.value.errno == errno.EBADF
    assert loop_probe.watched_by(poller) == {}


def test_a_regular_file_cannot_be_watched(poller: Poller, loop_probe: ModuleType, tmp_path: Any) -> None:
    probe = loop_probe.Probe()
    with open(tmp_path / "file", "w") as file, pytest.raises(PermissionError):
        probe.watch(poller, file.fileno(), READ)
    assert not probe.watched


def test_descriptors_above_1024(poller: Poller, loop_probe: ModuleType, pairs: Any) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 5000:
        pytest.skip("needs 5,000 descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (5000, hard))
    try:
        a, b = pairs()
        os.dup2(a.fileno(), 4321)
        served: list[int] = []
        probe = loop_probe.Probe(served.append)
        probe.watch(poller, 4321, READ)
        b.send(b"x")
        poller.run_ready()
        assert served == [READ]
        probe.unwatch()
        os.close(4321)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_more_ready_descriptors_than_one_batch_takes(poller: Poller, loop_probe: ModuleType, pairs: Any) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 900:
        pytest.skip("needs 900 descriptors")
    served: set[int] = set()
    for number in range(300):
        a, b = pairs()
        b.send(b"x")
        loop_probe.Probe(lambda mask, number=number: served.add(number)).watch(poller, a.fileno(), READ)
    poller.run_ready()
    poller.run_ready()
    assert served == set(range(300))


def test_a_watch_may_drop_the_last_reference_to_itself(poller: Poller, loop_probe: ModuleType, pairs: Any) -> None:
    a, b = pairs()
    gone: list[int] = []

    def ready(_: int) -> None:
        loop_probe.watched_by(poller)[a.fileno()].unwatch()
        gc.collect()

    probe = loop_probe.Probe(ready)
    weakref.finalize(probe, gone.append, 1)
    probe.watch(poller, a.fileno(), READ)
    del probe
    b.send(b"x")
    poller.run_ready()
    assert gone == [1]


def test_an_exception_goes_to_the_hosts_handler_and_others_are_served(
    host: Host, poller: Poller, loop_probe: ModuleType, pairs: Any
) -> None:
    served: list[int] = []

    def ready(_: int) -> None:
        served.append(1)
        raise ZeroDivisionError

    for _ in range(2):
        a, b = pairs()
        b.send(b"x")
        loop_probe.Probe(ready).watch(poller, a.fileno(), READ)
    poller.run_ready()
    assert served == [1, 1]
    assert [type(error["exception"]) for error in host.errors] == [ZeroDivisionError] * 2
    assert host.errors[0]["message"].startswith("Exception while serving <")


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_exit_requests_pass_through_and_nobody_is_forgotten(
    host: Host, poller: Poller, loop_probe: ModuleType, pairs: Any, kind: type[BaseException]
) -> None:
    served: set[int] = set()

    def ready(number: int) -> None:
        if not served:
            served.add(number)
            raise kind
        served.add(number)

    for number in range(3):
        a, b = pairs()
        b.send(b"x")
        loop_probe.Probe(lambda mask, number=number: ready(number)).watch(poller, a.fileno(), READ)
    with pytest.raises(kind):
        poller.run_ready()
    poller.run_ready()
    assert served == {0, 1, 2}
    assert host.errors == []


def test_serving_inside_of_serving(poller: Poller, loop_probe: ModuleType, pairs: Any) -> None:
    depth: list[int] = []

    def ready(_: int) -> None:
        depth.append(1)
        if len(depth) < 5:
            poller.run_ready()

    a, b = pairs()
    b.send(b"x")
    loop_probe.Probe(ready).watch(poller, a.fileno(), READ)
    poller.run_ready()
    assert len(depth) == 5


def test_closed_in_the_middle_of_a_batch(host: Host, poller: Poller, loop_probe: ModuleType, pairs: Any) -> None:
    served: list[int] = []

    def ready(_: int) -> None:
        served.append(1)
        poller.close()

    for _ in range(3):
        a, b = pairs()
        b.send(b"x")
        probe = loop_probe.Probe(ready)
        probe.watch(poller, a.fileno(), READ)
        probe.set_alarm(poller, 0)
    poller.run_ready()
    assert served == [1]
    assert poller.closed
    assert host.readers == {}
    assert all(timer.cancelled for timer in host.timers)
    assert loop_probe.watched_by(poller) == {}
    with pytest.raises(RuntimeError, match="closed"):
        probe.watch(poller, a.fileno(), READ)
    probe.set_alarm(poller, 0)
    assert loop_probe.alarms_of(poller) == 0
    poller.close()


def test_closed_after_its_host(host: Host, loop_probe: ModuleType, pairs: Any) -> None:
    poller = Poller(host)  # type: ignore[arg-type]
    probe = loop_probe.Probe()
    probe.watch(poller, pairs()[0].fileno(), READ)
    host.closed = True
    poller.close()
    assert not probe.watched
    assert len(host.readers) == 1  # a closed loop is not spoken to


def test_closed_after_its_host_is_gone(loop_probe: ModuleType, pairs: Any) -> None:
    host = Host()
    poller = Poller(host)  # type: ignore[arg-type]
    del host
    gc.collect()
    poller.close()
    assert poller.closed


# ---------------------------------------------------------------------------------------------- alarms


@pytest.fixture
def watching(poller: Poller, loop_probe: ModuleType, pairs: Any) -> Callable[..., Any]:
    def watch(alarmed: Callable[[], object]) -> Any:
        probe = loop_probe.Probe(None, alarmed)
        probe.watch(poller, pairs()[0].fileno(), READ)
        return probe

    return watch


def test_an_alarm_never_comes_early_even_when_the_last_batch_is_long_ago(
    poller: Poller, loop_probe: ModuleType, watching: Any
) -> None:
    poller.run_ready()
    rung: list[float] = []
    probe = watching(lambda: rung.append(time.monotonic()))
    time.sleep(0.2)  # a callback that blocks
    start = time.monotonic()
    probe.set_alarm(poller, 0.1)
    until(poller, lambda: rung)
    assert rung[0] - start > 0.099
    assert loop_probe.alarms_of(poller) == 0


def test_an_alarm_can_be_moved_and_stopped(poller: Poller, loop_probe: ModuleType, watching: Any) -> None:
    rung: list[str] = []
    stopped, moved, kept = (watching(lambda name=name: rung.append(name)) for name in ("stopped", "moved", "kept"))
    for probe in (stopped, moved, kept):
        probe.set_alarm(poller, 0)
    stopped.stop_alarm(poller)
    stopped.stop_alarm(poller)
    moved.set_alarm(poller, 60)
    assert loop_probe.alarms_of(poller) == 2
    until(poller, lambda: rung)
    assert rung == ["kept"]
    moved.unwatch()
    assert loop_probe.alarms_of(poller) == 0


def test_an_alarm_that_is_set_again_by_itself_and_one_that_removes_another(
    poller: Poller, loop_probe: ModuleType, watching: Any
) -> None:
    rung: list[str] = []

    def first() -> None:
        rung.append("first")
        if second.watched:
            second.unwatch()
        one.set_alarm(poller, 0)

    one, second = watching(first), watching(lambda: rung.append("second"))
    one.set_alarm(poller, 0)
    second.set_alarm(poller, 0)
    until(poller, lambda: len(rung) == 2)
    assert rung == ["first", "first"]


def test_one_who_does_not_watch_has_no_alarm(poller: Poller, loop_probe: ModuleType, watching: Any) -> None:
    probe = loop_probe.Probe()
    probe.set_alarm(poller, 0)
    assert loop_probe.alarms_of(poller) == 0
    probe = watching(None)
    probe.unwatch()
    probe.set_alarm(poller, 0)
    assert loop_probe.alarms_of(poller) == 0


@pytest.mark.parametrize("seconds", [float("inf"), 1e300, float("nan")])
def test_an_endless_alarm_does_not_ring(host: Host, poller: Poller, watching: Any, seconds: float) -> None:
    watching(lambda: pytest.fail("it rang")).set_alarm(poller, seconds)
    host.timers[-1].callback()
    poller.run_ready()
    assert not host.timers[-1].cancelled


def test_a_negative_time_rings_at_once(poller: Poller, watching: Any) -> None:
    rung: list[int] = []
    watching(lambda: rung.append(1)).set_alarm(poller, -5)
    until(poller, lambda: rung)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ZeroDivisionError])
def test_an_alarm_that_raises_keeps_the_others(
    host: Host, poller: Poller, watching: Any, kind: type[BaseException]
) -> None:
    rung: list[int] = []

    def alarmed() -> None:
        rung.append(1)
        if len(rung) == 1:
            raise kind

    for _ in range(2):
        watching(alarmed).set_alarm(poller, 0)
    if kind is KeyboardInterrupt:
        with pytest.raises(KeyboardInterrupt):
            until(poller, lambda: False)
    until(poller, lambda: len(rung) == 2)
    assert len(host.errors) == (kind is ZeroDivisionError)


def test_the_host_is_asked_for_the_nearest_alarm(host: Host, poller: Poller, watching: Any) -> None:
    slow, fast = watching(lambda: None), watching(lambda: None)
    slow.set_alarm(poller, 60)
    assert len(host.timers) == 1
    slow.set_alarm(poller, 70)
    assert len(host.timers) == 1  # it comes early and asks again
    fast.set_alarm(poller, 1)
    early, late = host.timers
    assert early.cancelled and not late.cancelled
    assert 1 <= late.delay <= 1.1
    fast.set_alarm(poller, 2)
    assert len(host.timers) == 2


def test_a_host_timer_that_is_early_is_set_again(host: Host, poller: Poller, watching: Any) -> None:
    rung: list[int] = []
    watching(lambda: rung.append(1)).set_alarm(poller, 5)
    host.timers[0].callback()
    assert rung == []
    assert len(host.timers) == 2 and 4 < host.timers[1].delay <= 5.1


def test_a_late_host_timer_serves_and_sets_the_next(host: Host, poller: Poller, watching: Any) -> None:
    rung: list[int] = []
    watching(lambda: rung.append(1)).set_alarm(poller, 0)
    watching(lambda: rung.append(2)).set_alarm(poller, 30)
    time.sleep(0.15)  # the host is busy
    host.timers[0].callback()
    assert rung == [1]
    assert len(host.timers) == 2


def test_an_interrupt_in_an_alarm_leaves_the_host_timer_set(host: Host, poller: Poller, watching: Any) -> None:
    def alarmed() -> None:
        raise KeyboardInterrupt

    watching(alarmed).set_alarm(poller, 0)
    watching(lambda: None).set_alarm(poller, 3)
    time.sleep(0.15)
    with pytest.raises(KeyboardInterrupt):
        host.timers[0].callback()
    assert len(host.timers) == 2 and not host.timers[1].cancelled


# ---------------------------------------------------------------------------------------------- shared buffers


def test_the_next_user_of_a_buffer_has_the_last_one_give_it_up(
    poller: Poller, loop_probe: ModuleType, watching: Any
) -> None:
    first, second = watching(None), watching(None)
    first.borrow_inbox(poller)
    first.borrow_inbox(poller)
    assert first.yielded == []
    second.borrow_inbox(poller)
    assert first.yielded == ["inbox"]
    first.stage(poller, b"")
    second.stage(poller, b"")
    assert first.yielded == ["inbox", "outbox"]


def test_what_was_staged_by_one_who_is_forgotten_is_sent_by_nobody(
    poller: Poller, loop_probe: ModuleType, watching: Any
) -> None:
    first, second = watching(None), watching(None)
    assert first.stage(poller, b"for the first alone") == b"for the first alone"
    first.unwatch()
    assert second.stage(poller, b"second") == b"second"


def test_closing_sends_what_is_staged(poller: Poller, watching: Any) -> None:
    probe = watching(None)
    probe.stage(poller, b"bytes")
    poller.close()
    assert probe.yielded == ["outbox"]
