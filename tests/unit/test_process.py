"""process: forked servers and child processes, each in an interpreter of its own where it forks."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from pyframework import gen, process
from pyframework.ioloop import IOLoop
from pyframework.iostream import PipeIOStream
from pyframework.process import CalledProcessError, Subprocess
from pyframework.testing import bind_unused_port

ROOT = Path(process.__file__).parents[1]


def script(code: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


# ---------------------------------------------------------------------------------------------- forked processes


def test_children_have_numbers() -> None:
    done = script("""
        import os, sys
        from pyframework.process import fork_processes, task_id
        assert task_id() is None
        number = fork_processes(3)
        assert number == task_id()
        os.write(1, f"child {number}\\n".encode())
        sys.exit(0)
    """)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == ["child 0", "child 1", "child 2"]


def test_parent_outlives_its_children_and_says_what_became_of_them() -> None:
    done = script("""
        import logging, os, signal, sys
        from pyframework.process import fork_processes
        logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
        read_end, write_end = os.pipe()
        os.write(write_end, b"es")      # one token for each child that is to fail
        os.set_blocking(read_end, False)
        fork_processes(1)
        try:
            token = os.read(read_end, 1)
        except BlockingIOError:
            sys.exit(0)
        if token == b"e":
            os._exit(7)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if "asyncio" not in line]
    assert said[0] == "INFO Starting 1 processes"
    assert said[1].startswith("WARNING child 0") and said[1].endswith("exited with status 7")
    assert said[2].endswith("was killed by signal 9") and said[3].endswith("exited normally")


def test_too_many_failures() -> None:
    done = script("""
        import os
        from pyframework.process import fork_processes
        try:
            fork_processes(1, max_restarts=2)
        except RuntimeError as error:
            print(error)
        else:
            os.write(2, b"child\\n")
            os._exit(1)
    """)
    assert done.stdout == "Too many child restarts, giving up\n"
    assert done.stderr.count("child\n") == 3


def test_a_child_does_not_fork() -> None:
    done = script("""
        import sys
        from pyframework.process import fork_processes
        number = fork_processes(1)
        try:
            fork_processes(1)
        except RuntimeError as error:
            print(error, flush=True)
        sys.exit(0)
    """)
    assert done.stdout.startswith("fork_processes was called in child 0"), done.stderr


def test_children_are_not_equally_random() -> None:
    done = script("""
        import os, random, sys
        from pyframework.process import fork_processes
        random.seed(1)
        fork_processes(2)
        os.write(1, f"{random.random()}\\n".encode())
        sys.exit(0)
    """)
    assert len(set(done.stdout.splitlines())) == 2, done.stderr


def test_a_server_of_two_processes() -> None:
    sock, port = bind_unused_port()
    code = """
        import os, socket, sys
        from pyframework.ioloop import IOLoop
        from pyframework.process import task_id
        from pyframework.tcpserver import TCPServer

        class Server(TCPServer):
            def handle_stream(self, stream, address):
                stream.write(b"%d" % task_id())
                stream.close()
                self.stop()
                IOLoop.current().call_later(0, IOLoop.current().stop)

        server = Server()
        server.bind(int(sys.argv[1]), "127.0.0.1")
        server.start(2)
        os.write(1, b"x")
        IOLoop.current().start()
    """
    sock.close()
    server = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(port)], cwd=ROOT, stdout=subprocess.PIPE
    )
    with server:
        assert server.stdout is not None
        assert server.stdout.read(2) == b"xx"

        async def ask() -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            answer = await reader.read()
            writer.close()
            return answer

        # Each child serves one connection and ends.
        answers = {asyncio.run(ask()) for _ in range(2)}
        assert answers == {b"0", b"1"}
        assert server.wait(30) == 0


def test_cpu_count() -> None:
    assert process.cpu_count() == os.cpu_count()


# ---------------------------------------------------------------------------------------------- Subprocess


@pytest.fixture(autouse=True)
def signal_given_up() -> Any:
    yield
    Subprocess.uninitialize()
    assert not Subprocess._waiting


def test_streams_to_and_from_a_child() -> None:
    async def main() -> None:
        code = "import sys; text = sys.stdin.read(); print(text.upper()); print('done', file=sys.stderr)"
        stream = Subprocess.STREAM
        child = Subprocess([sys.executable, "-c", code], stdin=stream, stdout=stream, stderr=stream)
        assert isinstance(child.stdin, PipeIOStream)
        await child.stdin.write(b"hello")
        child.stdin.close()
        assert await child.stdout.read_until_close() == b"HELLO\n"
        assert await child.stderr.read_until_close() == b"done\n"
        assert await child.wait_for_exit() == child.returncode == 0
        with pytest.raises(ProcessLookupError):
            os.kill(child.pid, 0)

    asyncio.run(main())


def test_other_pipes_are_those_of_popen() -> None:
    async def main() -> None:
        child = Subprocess([sys.executable, "-c", "print(1)"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        assert child.stdin is child.stderr is None
        assert child.stdout is child.proc.stdout and child.pid == child.proc.pid
        assert child.stdout.read() == b"1\n"
        child.stdout.close()
        await child.wait_for_exit()

    asyncio.run(main())


@pytest.mark.parametrize("ending", ["sys.exit(3)", "os.kill(os.getpid(), signal.SIGTERM)"])
def test_an_end_that_is_a_failure(ending: str) -> None:
    code = 3 if "exit" in ending else -signal.SIGTERM

    async def main() -> None:
        arguments = [sys.executable, "-c", f"import os, signal, sys; {ending}"]
        child = Subprocess(arguments)
        raising, other = child.wait_for_exit(), child.wait_for_exit(raise_error=False)
        with pytest.raises(CalledProcessError) as caught:
            await raising
        assert (caught.value.returncode, caught.value.cmd) == (code, arguments)
        assert await other == code
        assert await child.wait_for_exit(raise_error=False) == code  # it has ended already

    asyncio.run(main())


def test_a_waiter_that_was_cancelled() -> None:
    async def main() -> None:
        child = Subprocess([sys.executable, "-c", "input()"], stdin=Subprocess.STREAM)
        child.wait_for_exit().cancel()
        end = child.wait_for_exit()
        await child.stdin.write(b"\n")
        assert await end == 0
        child.stdin.close()

    asyncio.run(main())


def test_the_exit_callback_runs_on_the_loop() -> None:
    io_loop = IOLoop(make_current=False)

    @gen.coroutine
    def main() -> Any:
        called: asyncio.Future[Any] = asyncio.Future()
        child = Subprocess([sys.executable, "-c", "pass"])
        child.set_exit_callback(lambda code: called.set_result((code, IOLoop.current())))
        return (yield called)

    assert io_loop.run_sync(main) == (0, io_loop)
    io_loop.close()
    # A loop that was closed gives SIGCHLD back to the next one.
    asyncio.run(asyncio.wait_for(_wait_for_a_child(), 30))


async def _wait_for_a_child() -> None:
    assert await Subprocess([sys.executable, "-c", "pass"]).wait_for_exit() == 0


def test_many_ends_at_once() -> None:
    async def main() -> None:
        children = [Subprocess([sys.executable, "-S", "-c", f"raise SystemExit({n})"]) for n in range(8)]
        assert await asyncio.gather(*(child.wait_for_exit(raise_error=False) for child in children)) == list(range(8))

    asyncio.run(main())


def test_a_program_that_does_not_exist_leaves_nothing_open() -> None:
    async def main() -> None:
        before = os.listdir("/dev/fd")
        stream = Subprocess.STREAM
        with pytest.raises(FileNotFoundError):
            Subprocess(["/nowhere/no-program"], stdin=stream, stdout=stream, stderr=stream)
        assert os.listdir("/dev/fd") == before

    asyncio.run(main())
