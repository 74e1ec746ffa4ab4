"""The fixtures, used as a project's own tests use them: in a pytest run of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = '''
import asyncio
from pathlib import Path

import pyframework
from pyframework.ioloop import IOLoop
from pyframework.web import Application, RequestHandler


from pyframework.websocket import WebSocketHandler


class Hello(RequestHandler):
    async def get(self):
        await asyncio.sleep(0)
        self.write("hello")


class Echo(WebSocketHandler):
    def on_message(self, message):
        self.write_message(message)

    def on_close(self):
        left.append(self.close_code)


def test_loop_is_current(io_loop):
    assert io_loop.run_sync(asyncio_loop) is io_loop.asyncio_loop


async def asyncio_loop():
    return asyncio.get_running_loop()


async def test_a_coroutine_runs_on_the_loop(io_loop):
    assert IOLoop.current() is io_loop


async def test_server(http_server, http_client):
    response = await http_client.fetch(http_server(Application([("/", Hello)])))
    assert response.body == b"hello"


async def test_server_of_https(http_server, http_client, pytestconfig):
    folder = Path(pyframework.__file__).parent
    options = {"certfile": folder / "testing.crt", "keyfile": folder / "testing.key"}
    url = http_server(Application([("/", Hello)]), ssl_options=options)
    assert url.startswith("https:")
    assert (await http_client.fetch(url, validate_cert=False)).body == b"hello"


async def test_websocket(http_server, ws_connect):
    connection = await ws_connect(http_server(Application([("/", Echo)])), compression_options={})
    await connection.write_message("hello")
    assert await connection.read_message() == "hello"


def test_websocket_was_closed():
    assert left == [None]
    left.clear()


async def test_what_is_left_is_cancelled(io_loop):
    left.append(asyncio.create_task(asyncio.Event().wait()))


left = []


def test_it_was_cancelled():
    assert left.pop().cancelled()


async def test_failure(io_loop):
    await asyncio.sleep(0)
    raise ValueError("seen by pytest")
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    tmp_path.joinpath("test_project.py").write_text(TESTS)
    return tmp_path


def test_a_project_uses_the_fixtures(project: Path) -> None:
    words = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(project)]
    done = subprocess.run(words, cwd=project, capture_output=True, text=True)
    assert "8 passed" in done.stdout and "1 failed" in done.stdout, done.stdout + done.stderr
    assert "ValueError: seen by pytest" in done.stdout


def test_the_fixtures_are_listed(project: Path) -> None:
    words = [sys.executable, "-m", "pytest", "--fixtures", "-q", "-p", "no:cacheprovider", str(project)]
    done = subprocess.run(words, cwd=project, capture_output=True, text=True)
    assert "io_loop" in done.stdout and "http_server" in done.stdout and "ws_connect" in done.stdout
