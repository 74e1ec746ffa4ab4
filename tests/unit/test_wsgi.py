"""WSGI applications on our server, and our applications on servers of WSGI: wsgiref, waitress, gunicorn."""

import asyncio
import io
import re
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from pyframework.httpclient import AsyncHTTPClient, HTTPResponse
from pyframework.httpserver import HTTPServer
from pyframework.simple_httpclient import HTTPStreamClosedError
from pyframework.testing import ExpectLog, bind_unused_port
from pyframework.web import Application, RequestHandler, stream_request_body
from pyframework.wsgi import FileWrapper, WSGIAdapter, WSGIApplication, WSGIContainer

ROOT = Path(__file__).resolve().parents[2]
Fetch = Callable[..., Coroutine[Any, Any, HTTPResponse]]


def serve(app: Any, main: Callable[[Fetch], Coroutine[Any, Any, None]], threads: bool) -> None:
    """Run `main` with a function that fetches from `app`, a WSGI application, in the loop's thread or in others."""

    async def run() -> None:
        server = HTTPServer(WSGIContainer(app, executor if threads else None))
        sock, port = bind_unused_port()
        server.add_sockets([sock])
        client = AsyncHTTPClient(force_instance=True)

        async def fetch(path: str = "/", **options: Any) -> HTTPResponse:
            return await client.fetch(f"http://127.0.0.1:{port}{path}", **options)

        try:
            await asyncio.wait_for(main(fetch), 20)
        finally:
            client.close()
            server.stop()
            await server.close_all_connections()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.gather(*others)

    with ThreadPoolExecutor() as executor:
        asyncio.run(run())


both = pytest.mark.parametrize("threads", [False, True])


class TestContainer:
    @both
    def test_what_the_application_sees(self, threads: bool) -> None:
        seen: dict[str, Any] = {}

        def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
            seen.update(environ, body=environ["wsgi.input"].read(9), thread=threading.current_thread())
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"ok"]

        async def main(fetch: Fetch) -> None:
            headers = {"X-Mine": "1", "Content-Type": "text/x", "Bad_Name": "2"}
            response = await fetch("/a%2Fb%20c?q=1", method="POST", body=b"body", headers=headers)
            assert response.body == b"ok"

        serve(validator(app), main, threads)
        assert seen["PATH_INFO"] == "/a/b c" and seen["QUERY_STRING"] == "q=1" and seen["SCRIPT_NAME"] == ""
        assert (seen["REQUEST_METHOD"], seen["SERVER_NAME"], seen["REMOTE_ADDR"]) == ("POST", "127.0.0.1", "127.0.0.1")
        assert (seen["CONTENT_TYPE"], seen["CONTENT_LENGTH"], seen["body"]) == ("text/x", "4", b"body")
        assert seen["HTTP_X_MINE"] == "1" and "HTTP_BAD_NAME" not in seen
        assert seen["wsgi.multithread"] is threads
        assert (seen["thread"] is threading.main_thread()) is not threads

    def test_an_address_of_ipv6(self) -> None:
        container = WSGIContainer(lambda environ, start_response: [])
        environ = container.environ(_request("GET", "/", Host="[::1]:8888"))
        assert (environ["SERVER_NAME"], environ["SERVER_PORT"], environ["HTTP_HOST"]) == ("[::1]", "8888", "[::1]:8888")

    @both
    def test_pieces_are_sent_as_they_come(self, threads: bool) -> None:
        go_on = threading.Event()
        closed = []

        class Pieces:
            def __iter__(self) -> Iterator[bytes]:
                yield b"first"
                if threads:
                    assert go_on.wait(10)
                yield b"second"

            def close(self) -> None:
                closed.append(True)

        def app(environ: dict[str, Any], start_response: Any) -> Any:
            start_response("200 OK", [("Content-Type", "text/plain")])
            return Pieces()

        async def main(fetch: Fetch) -> None:
            pieces = []

            def take(piece: bytes) -> None:
                pieces.append(piece)
                go_on.set()

            await fetch(streaming_callback=take)
            assert b"".join(pieces) == b"firstsecond"

        serve(validator(app), main, threads)
        assert closed == [True]

    def test_a_large_body_is_read_as_it_comes(self) -> None:
        begun = threading.Event()
        sizes: list[int] = []

        def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
            body = environ["wsgi.input"]
            assert body.read(5) == b"01234" and body.readline() == b"56789\n"
            begun.set()
            while piece := body.read(300_000):
                sizes.append(len(piece))
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [str(sum(sizes) + 11).encode()]

        async def produce(write: Callable[[bytes], Any]) -> None:
            await write(b"0123456789\n" * 10_000)
            assert await asyncio.get_running_loop().run_in_executor(None, begun.wait, 10)
            for _ in range(40):
                await write(b"0123456789\n" * 10_000)

        async def main(fetch: Fetch) -> None:
            for headers in ({}, {"Content-Length": "4510000"}):
                begun.clear()
                sizes.clear()
                response = await fetch(method="POST", body_producer=produce, headers=headers)
                assert response.body == b"4510000"

        serve(validator(app), main, True)

    def test_a_large_body_that_nobody_reads(self) -> None:
        def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"enough"]

        async def main(fetch: Fetch) -> None:
            for _ in range(2):
                assert (await fetch(method="POST", body=b"x" * 5_000_000)).body == b"enough"

        serve(app, main, True)

    def test_a_client_that_goes_before_the_end_of_its_body(self) -> None:
        failed: list[Exception] = []

        def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
            try:
                environ["wsgi.input"].read()
            except Exception as error:
                failed.append(error)
                raise
            return []

        async def run() -> None:
            with ThreadPoolExecutor() as executor:
                server = HTTPServer(WSGIContainer(app, executor))
                sock, port = bind_unused_port()
                server.add_sockets([sock])
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 100_000)
                await writer.drain()
                writer.close()
                while not failed:
                    await asyncio.sleep(0)
                server.stop()
                await server.close_all_connections()

        asyncio.run(run())
        assert isinstance(failed[0], ConnectionResetError)

    @both
    def test_written_and_returned(self, threads: bool) -> None:
        def app(environ: dict[str, Any], start_response: Any) -> Any:
            write = start_response("201 Made", [("X-Mine", "1")])
            write(b"a")
            return [b"b"] if environ["PATH_INFO"] == "/list" else iter([b"", b"b"])

        async def main(fetch: Fetch) -> None:
            for path in ("/list", "/iterator"):
                response = await fetch(path)
                assert (response.code, response.reason, response.body) == (201, "Made", b"ab")

        serve(app, main, threads)

    @both
    @pytest.mark.parametrize("where", ["/call", "/iterator", "/nothing", "/twice"])
    def test_an_application_that_fails(self, threads: bool, where: str) -> None:
        def app(environ: dict[str, Any], start_response: Any) -> Any:
            path = environ["PATH_INFO"]
            if path == "/call":
                raise ValueError("in the call")
            if path != "/nothing":
                start_response("200 OK", [])
            if path == "/twice":
                start_response("200 OK", [])
            return failing() if path == "/iterator" else [b"x"]

        def failing() -> Iterator[bytes]:
            raise ValueError("in the iterator")
            yield b""

        async def main(fetch: Fetch) -> None:
            with ExpectLog("tornado.application", "Uncaught exception in the WSGI"), ExpectLog("tornado.access", "500"):
                response = await fetch(where, raise_error=False)
            assert (response.code, response.body) == (500, b"Internal Server Error\n")

        serve(app, main, threads)

    @both
    def test_one_that_fails_in_the_middle(self, threads: bool) -> None:
        def app(environ: dict[str, Any], start_response: Any) -> Any:
            start_response("200 OK", [])
            yield b"begin"
            raise ValueError("in the middle")

        async def main(fetch: Fetch) -> None:
            with ExpectLog("tornado.application", "Uncaught exception in the WSGI"):
                with pytest.raises(HTTPStreamClosedError):
                    await fetch()

        serve(app, main, threads)

    def test_start_response_after_an_error(self) -> None:
        def app(environ: dict[str, Any], start_response: Any) -> Any:
            start_response("200 OK", [("Content-Type", "text/plain")])
            try:
                raise ValueError
            except ValueError:
                start_response("503 Busy", [("Content-Type", "text/plain"), ("X-Mine", "1")], sys.exc_info())
            return [b"later"]

        async def main(fetch: Fetch) -> None:
            with ExpectLog("tornado.access", "503"):
                response = await fetch(raise_error=False)
            assert (response.code, response.headers["X-Mine"], response.body) == (503, "1", b"later")

        serve(validator(app), main, False)

    @both
    def test_a_file(self, threads: bool) -> None:
        file = io.BytesIO(b"x" * 200_000)

        def app(environ: dict[str, Any], start_response: Any) -> Any:
            start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "200000")])
            return environ["wsgi.file_wrapper"](file, 50_000)

        async def main(fetch: Fetch) -> None:
            assert (await fetch()).body == b"x" * 200_000

        serve(app, main, threads)
        assert file.closed

    @both
    @pytest.mark.parametrize("length", [0, 300_000, 200_000])
    def test_a_regular_file_is_sent_from_its_position(self, threads: bool, length: int, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"x" * 10 + b"y" * 300_000)
        opened = []

        def app(environ: dict[str, Any], start_response: Any) -> Any:
            opened.append(path.open("rb"))
            opened[-1].seek(10)
            headers = [("Content-Type", "text/plain")]
            start_response("200 OK", headers + [("Content-Length", str(length))] * bool(length))
            return environ["wsgi.file_wrapper"](opened[-1])

        async def main(fetch: Fetch) -> None:
            size = length or 300_000
            assert (await fetch()).body == b"y" * size
            head = await fetch(method="HEAD")
            assert (head.headers["Content-Length"], head.body) == (str(size), b"")

        serve(app, main, threads)
        assert all(file.closed for file in opened)

    def test_a_file_without_close(self) -> None:
        class Bare:
            def read(self, size: int) -> bytes:
                return b""

        assert list(FileWrapper(Bare())) == []
        FileWrapper(Bare()).close()

    @both
    def test_answers_without_a_body(self, threads: bool) -> None:
        def app(environ: dict[str, Any], start_response: Any) -> Any:
            status = environ["PATH_INFO"][1:]
            start_response(f"{status} Whatever", [] if status != "200" else [("Content-Type", "text/plain")])
            return [] if status != "200" else [b"four"]

        async def main(fetch: Fetch) -> None:
            assert (await fetch("/204")).headers.get("Content-Length") is None
            assert (await fetch("/304", raise_error=False)).code == 304
            head = await fetch("/200", method="HEAD")
            assert (head.headers["Content-Length"], head.body) == ("4", b"")

        serve(app, main, threads)

    @both
    def test_head_of_an_answer_in_pieces(self, threads: bool, caplog: pytest.LogCaptureFixture) -> None:
        def app(environ: dict[str, Any], start_response: Any) -> Any:
            start_response("200 OK", [("Content-Type", "text/plain")])
            yield b"one"
            yield b"two"

        async def main(fetch: Fetch) -> None:
            assert (await fetch(method="HEAD")).body == b""
            assert (await fetch()).body == b"onetwo"

        serve(app, main, threads)
        assert not [record for record in caplog.records if record.levelname == "ERROR"]

    @both
    def test_flask(self, threads: bool) -> None:
        import flask

        app = flask.Flask(__name__)

        @app.route("/hello/<name>", methods=["GET", "POST"])
        def hello(name: str) -> flask.Response:
            answer = flask.jsonify(name=name, form=flask.request.form.to_dict(), query=flask.request.args.to_dict())
            answer.set_cookie("seen", name)
            return answer

        @app.route("/stream")
        def stream() -> flask.Response:
            return flask.Response((f"{number}\n" for number in range(3)), mimetype="text/plain")

        async def main(fetch: Fetch) -> None:
            response = await fetch("/hello/you?q=1", method="POST", body="a=b")
            assert flask.json.loads(response.body) == {"name": "you", "form": {"a": "b"}, "query": {"q": "1"}}
            assert response.headers["Set-Cookie"].startswith("seen=you")
            assert (await fetch("/stream")).body == b"0\n1\n2\n"
            with ExpectLog("tornado.access", "404", required=False):  # it may come later than the answer
                assert (await fetch("/nowhere", raise_error=False)).code == 404

        serve(app, main, threads)

    def test_django(self, tmp_path: Path) -> None:
        program = tmp_path / "program.py"
        program.write_text(DJANGO)
        done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, cwd=ROOT, timeout=60)
        assert done.stdout.splitlines()[-2:] == ["200 Hello, you", "404"], done.stdout + done.stderr


DJANGO = '''
import asyncio
from concurrent.futures import ThreadPoolExecutor

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

settings.configure(SECRET_KEY="x", ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__)
urlpatterns = [path("hello/<name>", lambda request, name: HttpResponse(f"Hello, {name}"))]

from pyframework.httpclient import AsyncHTTPClient
from pyframework.httpserver import HTTPServer
from pyframework.testing import bind_unused_port
from pyframework.wsgi import WSGIContainer


async def main():
    with ThreadPoolExecutor() as executor:
        server = HTTPServer(WSGIContainer(get_wsgi_application(), executor))
        sock, port = bind_unused_port()
        server.add_sockets([sock])
        client = AsyncHTTPClient(force_instance=True)
        response = await client.fetch(f"http://127.0.0.1:{port}/hello/you")
        print(response.code, response.body.decode())
        response = await client.fetch(f"http://127.0.0.1:{port}/nowhere", raise_error=False)
        print(response.code)
        client.close()
        server.stop()
        await server.close_all_connections()

asyncio.run(main())
'''


# ---- the other way


class Hello(RequestHandler):
    async def get(self, name: str) -> None:
        await asyncio.sleep(0)
        self.set_header("X-Query", self.get_argument("q", "none"))
        self.write(f"Hello, {name} from {self.request.remote_ip}")

    def post(self, name: str) -> None:
        self.write(f"{name} {self.get_body_argument('a')}")


class Chunks(RequestHandler):
    async def get(self) -> None:
        for number in range(3):
            self.write(f"{number}\n")
            await self.flush()
            await asyncio.sleep(0)


class Broken(RequestHandler):
    def get(self) -> None:
        raise ValueError("on purpose")


class Detached(RequestHandler):
    def get(self) -> None:
        self.detach()


@stream_request_body
class Upload(RequestHandler):
    def initialize(self) -> None:
        self.size = 0

    async def data_received(self, chunk: bytes) -> None:
        await asyncio.sleep(0)
        self.size += len(chunk)

    def put(self) -> None:
        self.write(str(self.size))


def handlers() -> list[Any]:
    return [
        (r"/hello/(.*)", Hello),
        (r"/chunks", Chunks),
        (r"/broken", Broken),
        (r"/detached", Detached),
        (r"/upload", Upload),
    ]


application = WSGIAdapter(Application(handlers()))


def call(
    app: Any, path: str, method: str = "GET", body: bytes = b"", **environ: str
) -> tuple[str, dict[str, str], bytes]:
    """Call a WSGI application through the validator."""
    full: dict[str, Any] = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, **environ}
    full["REMOTE_ADDR"] = "127.0.0.9"
    setup_testing_defaults(full)
    full["wsgi.input"] = io.BytesIO(body)
    if body:
        full["CONTENT_LENGTH"] = str(len(body))
    seen: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], Any]:
        seen[:] = status, dict(headers)
        return lambda data: None

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = validator(app)(full, start_response)
        data = b"".join(result)
        result.close()
    return seen[0], seen[1], data


def _request(method: str, path: str, **headers: str) -> Any:
    from pyframework.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

    return HTTPServerRequest(
        start_line=RequestStartLine(method, path, "HTTP/1.1"), headers=HTTPHeaders(headers), body=b""
    )


class TestAdapter:
    def test_a_coroutine_runs_to_its_end(self) -> None:
        status, headers, body = call(application, "/hello/you", QUERY_STRING="q=1")
        assert (status, headers["X-Query"], body) == ("200 OK", "1", b"Hello, you from 127.0.0.9")
        assert headers["Content-Length"] == str(len(body))

    def test_the_path_is_decoded_once(self) -> None:
        assert call(application, "/hello/a%41%2f")[2] == b"Hello, a%41%2f from 127.0.0.9"

    def test_a_form(self) -> None:
        form = "application/x-www-form-urlencoded"
        assert call(application, "/hello/x", "POST", b"a=b", CONTENT_TYPE=form)[2] == b"x b"

    def test_flushed_pieces(self) -> None:
        status, headers, body = call(application, "/chunks")
        assert (status, body) == ("200 OK", b"0\n1\n2\n")
        assert "Content-Length" not in headers and "Transfer-Encoding" not in headers

    def test_a_body_in_pieces(self) -> None:
        assert call(application, "/upload", "PUT", b"x" * 200_000)[2] == b"200000"

    def test_errors(self) -> None:
        with ExpectLog("tornado.application", "Uncaught exception"), ExpectLog("tornado.access", "500"):
            assert call(application, "/broken")[0] == "500 Internal Server Error"
        with ExpectLog("tornado.access", "404"):
            assert call(application, "/nowhere")[0] == "404 Not Found"

    def test_what_wsgi_cannot_do(self) -> None:
        with ExpectLog("tornado.application", "(?s)Uncaught exception"), ExpectLog("tornado.access", "500"):
            assert call(application, "/detached")[0].startswith("500")

    def test_inside_a_running_loop(self) -> None:
        async def main() -> None:
            with pytest.raises(RuntimeError, match="running event loop"):
                call(application, "/hello/you")

        asyncio.run(main())

    def test_an_application_that_is_one_itself(self) -> None:
        app = WSGIApplication(handlers())
        assert call(app, "/hello/you")[2] == b"Hello, you from 127.0.0.9"

    def test_paths(self) -> None:
        path = "/hello/ä b?%".encode().decode("latin1")
        assert call(application, path)[2] == "Hello, ä b?% from 127.0.0.9".encode()
        assert call(application, "/you", SCRIPT_NAME="/hello")[2].startswith(b"Hello, you")

    def test_wsgiref(self) -> None:
        class Quiet(WSGIRequestHandler):
            def log_message(self, *args: Any) -> None:
                pass

        with make_server("127.0.0.1", 0, application, handler_class=Quiet) as server:
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            answer = ask(server.server_port, "/hello/wsgiref")
            thread.join()
        assert answer.endswith(b"Hello, wsgiref from 127.0.0.1")

    def test_waitress(self) -> None:
        import waitress.server

        server = waitress.server.create_server(application, host="127.0.0.1", port=0, threads=2)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            for _ in range(4):
                answer = ask(server.effective_port, "/hello/waitress")
                assert answer.endswith(b"Hello, waitress from 127.0.0.1")
            assert re.search(rb"0\n.*1\n.*2\n", ask(server.effective_port, "/chunks"), re.DOTALL)
        finally:
            server.close()
            server.task_dispatcher.shutdown()
            server.asyncore.close_all(server._map)
            thread.join()

    def test_gunicorn(self) -> None:
        words = ["-b", "127.0.0.1:0", "-w", "1", "--worker-class", "sync", "tests.unit.test_wsgi:application"]
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *words], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        try:
            assert process.stderr is not None
            found = (re.search(r"Listening at: http://.*:(\d+)", line) for line in process.stderr)
            port = next(int(match[1]) for match in found if match)
            assert ask(port, "/hello/gunicorn").endswith(b"Hello, gunicorn from 127.0.0.1")
            assert b"0\r\n\r\n" in ask(port, "/chunks")
        finally:
            process.terminate()
            process.communicate(timeout=20)


def ask(port: int, path: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        return connection.makefile("rb").read()
