"""Requests, responses, the blocking client and the command line; the clients themselves have tests of their own."""

import asyncio
import copy
import datetime
import gc
import subprocess
import sys
import threading
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest

from pyframework.httpclient import (
    AsyncHTTPClient,
    HTTPClient,
    HTTPClientError,
    HTTPError,
    HTTPRequest,
    HTTPResponse,
    _RequestProxy,
)
from pyframework.httpserver import HTTPServer
from pyframework.httputil import HTTPHeaders
from pyframework.simple_httpclient import SimpleAsyncHTTPClient
from pyframework.testing import bind_unused_port
from pyframework.web import Application, RequestHandler

URL = "http://127.0.0.1/"


class Hello(RequestHandler):
    def get(self) -> None:
        self.set_header("X-Connection", self.request.headers.get("Connection", "none"))
        self.write("Hello")


@pytest.fixture
def server_url() -> Iterator[str]:
    """A server on a loop in a thread of its own."""
    begun: threading.Event = threading.Event()
    ends: list[Any] = []

    async def serve() -> None:
        server = HTTPServer(Application([("/", Hello)]))
        sock, port = bind_unused_port()
        server.add_sockets([sock])
        end = asyncio.Event()
        ends.extend([port, end.set, asyncio.get_running_loop()])
        begun.set()
        await end.wait()
        server.stop()
        await server.close_all_connections()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    begun.wait()
    port, end, loop = ends
    yield f"http://127.0.0.1:{port}/"
    loop.call_soon_threadsafe(end)
    thread.join()


# ---- requests


def test_headers_and_body_of_a_request() -> None:
    request = HTTPRequest(URL, headers={"x": "y"}, body="\xe4")
    assert request.headers == {"x": "y"} and request.body == b"\xc3\xa4"
    request.headers = None  # type: ignore[assignment]
    request.body = None  # type: ignore[assignment]
    assert request.headers == HTTPHeaders() and request.body is None


def test_if_modified_since() -> None:
    when = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    headers = {"x": "y"}
    request = HTTPRequest(URL, headers=headers, if_modified_since=when)
    assert request.headers == {"X": "y", "If-Modified-Since": "Thu, 01 Jan 2026 00:00:00 GMT"}
    assert headers == {"x": "y"}


@pytest.mark.parametrize(
    ("options", "decompress"),
    [({}, None), ({"use_gzip": False}, False), ({"use_gzip": False, "decompress_response": True}, True)],
)
def test_the_older_name_of_decompress_response(options: dict[str, Any], decompress: bool | None) -> None:
    assert HTTPRequest(URL, **options).decompress_response is decompress


def test_defaults_stand_in_for_what_is_left_out() -> None:
    request = HTTPRequest(URL, user_agent="mine", follow_redirects=False)
    proxy = _RequestProxy(request, {"user_agent": "default", "follow_redirects": True, "ca_certs": "file"})
    assert (proxy.user_agent, proxy.follow_redirects, proxy.ca_certs) == ("mine", False, "file")
    assert proxy.auth_username is None and proxy.request is request
    assert _RequestProxy(request, None).ca_certs is None
    with pytest.raises(AttributeError):
        _ = proxy.nothing


# ---- responses


def test_a_response() -> None:
    response = HTTPResponse(HTTPRequest(URL), 200, buffer=BytesIO(b"body"))
    assert (response.body, response.reason, response.effective_url, response.error) == (b"body", "OK", URL, None)
    assert response.headers == HTTPHeaders() and response.time_info == {}
    response.rethrow()
    assert repr(response).startswith("HTTPResponse(") and "code=200" in repr(response)
    assert HTTPResponse(HTTPRequest(URL), 204).body == b""


@pytest.mark.parametrize(
    ("code", "text"),
    [(304, "HTTP 304: Not Modified"), (404, "HTTP 404: Not Found"), (799, "HTTP 799: Unknown")],
)
def test_a_response_of_no_success(code: int, text: str) -> None:
    response = HTTPResponse(HTTPRequest(URL), code)
    with pytest.raises(HTTPError) as caught:
        response.rethrow()
    error = caught.value
    assert isinstance(error, HTTPClientError) and error.response is response and error.code == code
    assert str(error) == repr(error) == str(copy.copy(error)) == text
    assert repr(response)  # they refer to each other


def test_a_response_without_an_answer() -> None:
    error = OSError("broken")
    with pytest.raises(OSError, match="broken"):
        HTTPResponse(HTTPRequest(URL), 599, error=error).rethrow()


# ---- the clients


def test_the_default_client() -> None:
    async def main() -> None:
        client = AsyncHTTPClient()
        assert isinstance(client, SimpleAsyncHTTPClient) and client is AsyncHTTPClient()
        assert client is not SimpleAsyncHTTPClient()
        SimpleAsyncHTTPClient().close()
        client.close()
        client.close()

    asyncio.run(main())


def test_defaults_of_a_client() -> None:
    async def main() -> None:
        client = AsyncHTTPClient(force_instance=True, defaults={"user_agent": "mine"})
        assert client.defaults["user_agent"] == "mine" and client.defaults["request_timeout"] == 20
        client.close()

    asyncio.run(main())


def test_arguments_besides_a_request() -> None:
    async def main() -> None:
        client = AsyncHTTPClient(force_instance=True)
        with pytest.raises(ValueError, match="method"):
            client.fetch(HTTPRequest(URL), method="POST")
        client.close()
        with pytest.raises(RuntimeError, match="closed"):
            client.fetch(URL)

    asyncio.run(main())


def test_a_fetch_that_the_end_of_the_loop_cuts_off(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        sock, port = bind_unused_port()
        with sock:
            AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/")

    asyncio.run(main())
    gc.collect()
    assert not caplog.records


def test_the_blocking_client(server_url: str) -> None:
    client = HTTPClient()
    for _ in range(2):
        response = client.fetch(server_url)
        assert response.body == b"Hello" and response.request_time is not None
        assert response.headers["X-Connection"] == "close"
    with pytest.raises(HTTPError) as caught:
        client.fetch(server_url + "nothing")
    assert caught.value.code == 404
    assert client.fetch(server_url + "nothing", raise_error=False).code == 404
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.fetch(server_url)


def test_a_blocking_client_that_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="nonsense"):
        HTTPClient(nonsense=1)


def test_the_command_line(server_url: str) -> None:
    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-W", "ignore::RuntimeWarning:runpy", "-m", "pyframework.httpclient", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    done = run("--print_headers", server_url)
    assert done.returncode == 0 and not done.stderr
    assert "Content-Length: 5\n" in done.stdout and done.stdout.endswith("\nHello\n")
    assert "Not Found" in run(server_url + "nothing").stdout
    assert run("--print_body=false", server_url).stdout == ""
    assert run("http://127.0.0.1:1/").returncode == 1
