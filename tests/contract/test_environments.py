"""Where programs run: under gunicorn, on other loops, in threads, behind a fork, in spawned processes."""

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pyframework import alias

ROOT = Path(__file__).resolve().parents[2]
APPLICATION = """
import os
from tornado import ioloop, web

class Hello(web.RequestHandler):
    async def get(self):
        self.write(f"{web.__name__} {os.getpid()}")

def make_app():
    return web.Application([("/", Hello)], log_function=lambda handler: None)
"""


@pytest.fixture
def program(tmp_path: Path):
    """Write a program that has APPLICATION as a module, and return how it is started: `import tornado` is ours."""

    def program(text: str = "") -> tuple[Path, dict[str, str]]:
        (tmp_path / "application.py").write_text(APPLICATION)
        (tmp_path / "program.py").write_text(text)
        base = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
        return tmp_path / "program.py", alias.environment(base)

    return program


def printed(path: Path, env: dict[str, str]) -> str:
    done = subprocess.run([sys.executable, str(path)], env=env, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetched(port: int) -> str:
    """Return what the server says, as soon as it listens."""
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as response:
                return str(response.read().decode())
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError):
                raise


@contextmanager
def started(*command: str, env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, *command], env=env, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        _, said = process.communicate(timeout=30)
        assert "Traceback" not in said, said


def test_gunicorns_tornado_worker(program):
    pytest.importorskip("gunicorn", reason="gunicorn is not installed")
    path, env = program()
    port = free_port()
    options = ["-k", "tornado", "-b", f"127.0.0.1:{port}", "--chdir", str(path.parent), "application:make_app()"]
    with started("-m", "gunicorn", *options, env=env) as process:
        name, pid = fetched(port).split()
        assert name == "pyframework.web" and int(pid) != process.pid
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_uvloop_is_installed_before(program):
    pytest.importorskip("uvloop", reason="uvloop is not installed")
    text = """
import asyncio, uvloop
uvloop.install()
from tornado import httpclient, httpserver, ioloop, testing
from application import make_app

async def main():
    sock, port = testing.bind_unused_port()
    httpserver.HTTPServer(make_app()).add_sockets([sock])
    print((await httpclient.AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/")).body.decode().split()[0])
    print(type(asyncio.get_running_loop()).__module__)

ioloop.IOLoop.current().run_sync(main)
"""
    assert printed(*program(text)) == "pyframework.web\nuvloop\n"


def test_a_loop_is_entered_again_from_within(program):
    pytest.importorskip("nest_asyncio", reason="nest_asyncio is not installed")
    text = """
import asyncio, nest_asyncio
from tornado import httpclient, httpserver, ioloop, testing
from application import make_app

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
nest_asyncio.apply(loop)

async def main():
    sock, port = testing.bind_unused_port()
    server = httpserver.HTTPServer(make_app())
    server.add_sockets([sock])
    client = httpclient.AsyncHTTPClient()
    inner = asyncio.ensure_future(client.fetch(f"http://127.0.0.1:{port}/"))
    response = asyncio.get_event_loop().run_until_complete(inner)  # as a cell of a notebook does
    return response.body.decode().split()[0]

print(loop.run_until_complete(main()))
"""
    assert printed(*program(text)) == "pyframework.web\n"


def test_a_loop_in_a_thread(program):
    text = """
import asyncio, queue, threading, urllib.request
from tornado import httpserver, ioloop, testing
from application import make_app

ready = queue.Queue()

def serve():
    asyncio.set_event_loop(asyncio.new_event_loop())
    loop = ioloop.IOLoop.current()
    sock, port = testing.bind_unused_port()
    httpserver.HTTPServer(make_app()).add_sockets([sock])
    loop.add_callback(ready.put, (loop, port))
    loop.start()
    loop.close(all_fds=True)

thread = threading.Thread(target=serve)
thread.start()
loop, port = ready.get()
print(urllib.request.urlopen(f"http://127.0.0.1:{port}/").read().decode().split()[0])
loop.add_callback(loop.stop)
thread.join()
"""
    assert printed(*program(text)) == "pyframework.web\n"


def test_a_fork_before_the_loop(program):
    text = """
import os, signal, sys, urllib.request
from tornado import httpserver, ioloop, netutil
from application import make_app

server = httpserver.HTTPServer(make_app())
sockets = netutil.bind_sockets(0, "127.0.0.1")
port = sockets[0].getsockname()[1]
children = []
for _ in range(2):
    child = os.fork()
    if child == 0:
        server.add_sockets(sockets)
        ioloop.IOLoop.current().start()
        os._exit(0)
    children.append(child)
served = set()
while served != set(children):
    name, pid = urllib.request.urlopen(f"http://127.0.0.1:{port}/").read().decode().split()
    served.add(int(pid))
for child in children:
    os.kill(child, signal.SIGTERM)
    os.waitpid(child, 0)
print(name)
"""
    assert printed(*program(text)) == "pyframework.web\n"


def test_a_spawned_process(program):
    text = """
import multiprocessing, urllib.request

def serve(pipe):
    from tornado import httpserver, ioloop, testing
    from application import make_app
    sock, port = testing.bind_unused_port()
    httpserver.HTTPServer(make_app()).add_sockets([sock])
    pipe.send(port)
    ioloop.IOLoop.current().start()

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,))
    process.start()
    print(urllib.request.urlopen(f"http://127.0.0.1:{ours.recv()}/").read().decode().split()[0])
    process.terminate()
    process.join()
"""
    assert printed(*program(text)) == "pyframework.web\n"
