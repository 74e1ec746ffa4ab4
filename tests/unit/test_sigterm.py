"""SIGTERM under `python -m pyframework run`, to programs that know nothing of it."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
import asyncio, tornado.ioloop, tornado.web

class Slow(tornado.web.RequestHandler):
    async def get(self):
        print("begun", flush=True)
        await asyncio.to_thread(input)
        self.write("done")

async def main():
    server = tornado.web.Application([("/", Slow)]).listen(0, "127.0.0.1")
    {extra}
    print(list(server._sockets.values())[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
OWN = "import os, signal; signal.signal(signal.SIGTERM, lambda *args: (print('mine', flush=True), os._exit(3)))"


@contextmanager
def program(tmp_path: Path, command: list[str], extra: str = "pass") -> Iterator["subprocess.Popen[str]"]:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM.replace("{extra}", extra))
    with subprocess.Popen(
        [sys.executable, *command, str(path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def wait_until_refused(address: tuple[str, int]) -> None:
    with suppress(ConnectionError):
        while True:
            socket.create_connection(address).close()


def test_what_was_accepted_is_finished(tmp_path: Path) -> None:
    with program(tmp_path, ["-m", "pyframework", "run"]) as process:
        address = ("127.0.0.1", int(line(process)))
        with socket.create_connection(address) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert line(process) == "begun"
            process.send_signal(signal.SIGTERM)
            wait_until_refused(address)
            assert process.stdin is not None
            print(file=process.stdin, flush=True)
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        assert b"\r\nConnection: close\r\n" in answer and answer.endswith(b"done")
        assert process.wait(30) == -signal.SIGTERM


def test_a_program_that_has_its_own_way(tmp_path: Path) -> None:
    with program(tmp_path, ["-m", "pyframework", "run"], OWN) as process:
        line(process)
        process.send_signal(signal.SIGTERM)
        assert line(process) == "mine"
        assert process.wait(30) == 3


def test_without_run_nothing_changes(tmp_path: Path) -> None:
    code = "import runpy, sys; import pyframework.alias as a; a.install(); runpy.run_path(sys.argv[1])"
    with program(tmp_path, ["-c", code]) as process:
        with socket.create_connection(("127.0.0.1", int(line(process)))) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert line(process) == "begun"
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == -signal.SIGTERM
