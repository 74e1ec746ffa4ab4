"""anyio: task groups, cancel scopes, streams, threads, subprocesses, signals."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.libraries.conftest import Play

anyio = pytest.importorskip("anyio")


def test_tasks_and_cancellation(play: Play) -> None:
    async def main() -> None:
        done = []

        async def work(number: int, task_status: "anyio.abc.TaskStatus[int]") -> None:
            task_status.started(number)
            try:
                await anyio.sleep_forever()
            finally:
                done.append(number)

        async with anyio.create_task_group() as group:
            assert [await group.start(work, number) for number in range(3)] == [0, 1, 2]
            group.cancel_scope.cancel()
        assert sorted(done) == [0, 1, 2]
        with anyio.move_on_after(0.01) as scope:
            await anyio.sleep_forever()
        assert scope.cancelled_caught

    play(main())


def test_streams(play: Play) -> None:
    async def main() -> None:
        async def echo(stream: "anyio.abc.SocketStream") -> None:
            async with stream:
                async for data in stream:
                    await stream.send(data)

        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        async with anyio.create_task_group() as group:
            group.start_soon(listener.serve, echo)
            port = listener.extra(anyio.abc.SocketAttribute.local_port)
            async with await anyio.connect_tcp("127.0.0.1", port) as stream:
                await stream.send(b"x" * 100_000)
                left = 100_000
                while left:
                    left -= len(await stream.receive())
            group.cancel_scope.cancel()
        await listener.aclose()

    play(main())


def test_threads_and_files(play: Play) -> None:
    async def main() -> None:
        async def both() -> int:
            return await anyio.to_thread.run_sync(lambda: anyio.from_thread.run(anyio.sleep, 0) or 42)

        assert await both() == 42
        assert await anyio.Path(__file__).read_text() == Path(__file__).read_text()

    play(main())


def test_subprocess_and_signal(play: Play) -> None:
    async def main() -> None:
        done = await anyio.run_process([sys.executable, "-c", "print(input()[::-1])"], input=b"abc\n")
        assert done.stdout == b"cba\n"
        with anyio.open_signal_receiver(signal.SIGUSR1) as signals:
            os.kill(os.getpid(), signal.SIGUSR1)
            async for number in signals:
                assert number == signal.SIGUSR1
                break

    play(main())
