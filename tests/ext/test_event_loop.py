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
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pyframework._core.loop import EventLoop, poller_of
from tests.ext.loops import turns

EAGER = sys.version_info >= (3, 12)
CERTIFICATE = Path(__file__).parents[2] / "pyframework" / "testing.crt"
KEY = CERTIFICATE.with_suffix(".key")


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
