"""unittest classes and helpers for asynchronous code: an `IOLoop` per test, an HTTP server per test, expected logs."""

import asyncio
import functools
import inspect
import logging
import os
import re
import signal
import socket
import sys
import unittest
import warnings
from collections.abc import Callable, Coroutine, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from pyframework import gen
from pyframework.ioloop import IOLoop
from pyframework.platform.asyncio import AsyncIOMainLoop

if TYPE_CHECKING:
    from pyframework.httpclient import AsyncHTTPClient, HTTPResponse
    from pyframework.httpserver import HTTPServer
    from pyframework.web import Application

# These wrap an asyncio loop that somebody else made, and closes.
_NON_OWNED_IOLOOPS = AsyncIOMainLoop

_DEFAULT_TIMEOUT = 5.0


def bind_unused_port(reuse_port: bool = False, address: str = "127.0.0.1") -> tuple[socket.socket, int]:
    """Return a listening, non-blocking socket on a port that the kernel chose, and the port.

    ``reuse_port`` sets ``SO_REUSEPORT``.
    """
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.setblocking(False)
        sock.bind((address, 0))
        sock.listen()
    except OSError:
        sock.close()
        raise
    return sock, sock.getsockname()[1]


def get_async_test_timeout() -> float:
    """Return how many seconds a test may take: the environment variable ``ASYNC_TEST_TIMEOUT``, or 5."""
    try:
        return float(os.environ["ASYNC_TEST_TIMEOUT"])
    except (KeyError, ValueError):
        return _DEFAULT_TIMEOUT


class AsyncTestCase(unittest.TestCase):
    """A test case with an `IOLoop` of its own in ``io_loop``, made for each test and closed after it.

    Decorate coroutine test methods with `gen_test`. In the older style a test calls `wait`, and a callback ends that
    with `stop`.
    """

    def __init__(self, methodName: str = "runTest") -> None:
        super().__init__(methodName)
        self.__running = self.__stopped = False
        self.__stop_args: Any = None
        self.__failure: BaseException | None = None

    def setUp(self) -> None:
        super().setUp()
        if type(self).get_new_ioloop is not AsyncTestCase.get_new_ioloop:
            warnings.warn("get_new_ioloop is deprecated", DeprecationWarning, stacklevel=2)
        self.io_loop = self.get_new_ioloop()
        if not isinstance(self.io_loop, _NON_OWNED_IOLOOPS):
            # Where setUp of a subclass fails there is no tearDown.
            self.addCleanup(self.io_loop.close)
        asyncio.set_event_loop(self.io_loop.asyncio_loop)

    def tearDown(self) -> None:
        self._end_tasks()
        process = sys.modules.get("pyframework.process")
        if process is not None:
            process.Subprocess.uninitialize()
        asyncio.set_event_loop(None)
        if not isinstance(self.io_loop, _NON_OWNED_IOLOOPS):
            self.io_loop.close(all_fds=True)
        super().tearDown()

    def _end_tasks(self) -> None:
        """Cancel the tasks that the test left behind, and raise what they raise except for the cancellation."""
        tasks = asyncio.all_tasks(self.io_loop.asyncio_loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self.io_loop.run_sync(lambda: asyncio.wait(tasks))
        for task in tasks:
            if not task.cancelled():
                task.result()

    def get_new_ioloop(self) -> IOLoop:
        """Return the loop for a test: a new one. Overriding this is deprecated."""
        io_loop: IOLoop = IOLoop(make_current=False)
        return io_loop

    def _callTestMethod(self, method: Callable[..., Any]) -> None:
        """Call the test method; fail if it returns something, as one does that lacks its decorator."""
        result = method()
        if isinstance(result, Generator) or inspect.iscoroutine(result):
            result.close()  # the error says it all: no warning besides that it was never awaited
            raise TypeError("Generator and coroutine test methods should be decorated with gen_test")
        if result is not None:
            raise ValueError(f"Return value from test method ignored: {result!r}")

    def stop(self, _arg: Any = None, **kwargs: Any) -> None:
        """End the present `wait`, or the next one, which returns the argument, or the keyword arguments as a dict."""
        if _arg is not None and kwargs:
            raise TypeError("stop() takes one positional argument or keyword arguments, not both")
        self.__stop_args = kwargs or _arg
        if self.__running:
            self.io_loop.stop()
            self.__running = False
        self.__stopped = True

    def wait(self, condition: Callable[..., bool] | None = None, timeout: float | None = None) -> Any:
        """Run the loop until `stop` is called and ``condition()``, if given, is true; return what `stop` was given.

        Fails the test after ``timeout`` seconds (unless given: `get_async_test_timeout`; 0: never).
        """
        if timeout is None:
            timeout = get_async_test_timeout()
        timer = self.io_loop.call_later(timeout, self.__time_out, timeout) if timeout else None
        satisfied = self.__stopped
        while not satisfied:
            self.__running = True
            self.io_loop.start()
            satisfied = self.__failure is not None or condition is None or condition()
        if timer is not None:
            self.io_loop.remove_timeout(timer)
        if not self.__stopped:
            raise RuntimeError("the loop was stopped by other means than stop()")
        self.__stopped = False
        failure, self.__failure = self.__failure, None
        if failure is not None:
            raise failure
        result, self.__stop_args = self.__stop_args, None
        return result

    def __time_out(self, timeout: float) -> None:
        self.__failure = self.failureException(f"Async operation timed out after {timeout} seconds")
        self.stop()


class AsyncHTTPTestCase(AsyncTestCase):
    """A test case with an HTTP server that runs what `get_app` returns, and a client for it in ``http_client``."""

    def setUp(self) -> None:
        super().setUp()
        listener, self.__port = bind_unused_port()
        self.addCleanup(listener.close)
        self.http_client = self.get_http_client()
        self._app = self.get_app()
        self.http_server = server = self.get_http_server()
        server.add_sockets([listener])

    def get_http_client(self) -> "AsyncHTTPClient":
        """Return the client for a test."""
        from pyframework.httpclient import AsyncHTTPClient

        return AsyncHTTPClient()

    def get_http_server(self) -> "HTTPServer":
        """Return the server for a test, which is not listening yet."""
        from pyframework.httpserver import HTTPServer

        return HTTPServer(self._app, **self.get_httpserver_options())

    def get_app(self) -> "Application":
        """Return the `Application`, or another callback for `HTTPServer`, to test; subclasses must define it."""
        raise NotImplementedError

    def fetch(self, path: str, raise_error: bool = False, **kwargs: Any) -> "HTTPResponse":
        """Fetch a path of the test server, or an absolute URL, and return the response.

        With ``raise_error``, a response code other than 200 raises `HTTPError`. ``kwargs`` go to
        `AsyncHTTPClient.fetch`.
        """
        url = path if path.lower().startswith(("http://", "https://")) else self.get_url(path)
        begin = functools.partial(self.http_client.fetch, url, raise_error=raise_error, **kwargs)
        response: HTTPResponse = self.io_loop.run_sync(begin, timeout=get_async_test_timeout())
        return response

    def get_httpserver_options(self) -> dict[str, Any]:
        """Return the keyword arguments for `HTTPServer`."""
        return {}

    def get_http_port(self) -> int:
        """Return the port of the test server."""
        return self.__port

    def get_protocol(self) -> str:
        """Return the scheme of the test server's URLs."""
        return "http"

    def get_url(self, path: str) -> str:
        """Return the absolute URL of a path of the test server."""
        return f"{self.get_protocol()}://127.0.0.1:{self.get_http_port()}{path}"

    def tearDown(self) -> None:
        server, limit = self.http_server, get_async_test_timeout()
        # A test case outlives its test in the runner's result: it must not keep the application alive.
        del self._app, self.http_server
        self.http_client.close()
        server.stop()
        self.io_loop.run_sync(server.close_all_connections, timeout=limit)
        super().tearDown()


class AsyncHTTPSTestCase(AsyncHTTPTestCase):
    """An `AsyncHTTPTestCase` whose server speaks TLS, with a self-signed certificate that the client accepts."""

    def get_http_client(self) -> "AsyncHTTPClient":
        from pyframework.httpclient import AsyncHTTPClient

        return AsyncHTTPClient(force_instance=True, defaults={"validate_cert": False})

    def get_httpserver_options(self) -> dict[str, Any]:
        return {"ssl_options": self.get_ssl_options()}

    def get_ssl_options(self) -> dict[str, Any]:
        """Return the ``ssl_options`` of the server."""
        return type(self).default_ssl_options()

    @staticmethod
    def default_ssl_options() -> dict[str, Any]:
        """Return ``certfile`` and ``keyfile`` of a certificate for ``localhost`` that is good for nothing but tests."""
        here = os.path.dirname(os.path.abspath(__file__))
        return {"certfile": os.path.join(here, "testing.crt"), "keyfile": os.path.join(here, "testing.key")}

    def get_protocol(self) -> str:
        return "https"


_Test: TypeAlias = Callable[..., Generator[Any, Any, Any] | Coroutine[Any, Any, Any]]


@overload
def gen_test(*, timeout: float | None = None) -> Callable[[_Test], Callable[..., None]]: ...


@overload
def gen_test(func: _Test) -> Callable[..., None]: ...


def gen_test(
    func: _Test | None = None, timeout: float | None = None
) -> Callable[..., None] | Callable[[_Test], Callable[..., None]]:
    """Decorate a coroutine test method, native or generator-based, so that it runs on the ``io_loop`` of its test case.

    Use it bare or as ``@gen_test(timeout=seconds)`` (unless given: `get_async_test_timeout`). A test that takes longer
    raises `TimeoutError` from the line where it waited.
    """
    limit = get_async_test_timeout() if timeout is None else timeout

    def decorate(method: _Test) -> Callable[..., None]:
        @functools.wraps(method)
        def run_test(self: AsyncTestCase, *args: Any, **kwargs: Any) -> None:
            body: Any = None

            def begin() -> Any:
                nonlocal body
                body = method(self, *args, **kwargs)
                return gen.coroutine(lambda: body)() if isinstance(body, Generator) else body

            try:
                self.io_loop.run_sync(begin, timeout=limit)
            except TimeoutError as error:
                # The traceback is to show where the test waits. One that has ended raised the error itself.
                if isinstance(body, Generator) and inspect.getgeneratorstate(body) != inspect.GEN_CLOSED:
                    body.throw(error)
                raise

        return run_test

    return decorate if func is None else decorate(func)


class ExpectLog(logging.Filter):
    """A context manager that expects a log message, and keeps it out of the log.

    ``logger`` is a logger or its name ("" is the root logger), ``regex`` is matched against the start of the message.
    Unless ``required`` is false, leaving the block without a match raises an exception. ``level`` is the one level at
    which messages count; the logger lets them through meanwhile. Without it, a required message that comes below level
    WARNING only is deprecated. ``logged_stack`` says whether a record on the logger came with an exception.
    """

    def __init__(
        self,
        logger: logging.Logger | str,
        regex: str,
        required: bool = True,
        level: int | None = None,
    ) -> None:
        super().__init__()
        self.logger = logging.getLogger(logger) if isinstance(logger, str) else logger
        self.regex = re.compile(regex)
        self.required = required
        self.level = level
        self.matched = 0
        self.deprecated_level_matched = 0
        self.logged_stack = False
        self.orig_level: int | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info:
            self.logged_stack = True
        if not self.regex.match(record.getMessage()):
            return True
        if self.level is not None and record.levelno != self.level:
            return True
        if self.level is None and record.levelno < logging.WARNING:
            self.deprecated_level_matched += 1
        self.matched += 1
        return False

    def __enter__(self) -> "ExpectLog":
        self.logger.addFilter(self)
        if self.level is not None and not self.logger.isEnabledFor(self.level):
            self.orig_level = self.logger.level
            self.logger.setLevel(self.level)
        return self

    def __exit__(
        self,
        typ: "type[BaseException] | None",
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.logger.removeFilter(self)
        original, self.orig_level = self.orig_level, None
        if original is not None:
            self.logger.setLevel(original)
        if typ is not None or not self.required:
            return
        if not self.matched:
            raise Exception("did not get expected log message")
        if self.deprecated_level_matched == self.matched:
            warnings.warn(
                "ExpectLog matched at INFO or below: say so with its level argument", DeprecationWarning, stacklevel=2
            )


def setup_with_context_manager(testcase: unittest.TestCase, cm: Any) -> Any:
    """Enter a context manager that is left at the end of the test, and return what it gives."""
    return testcase.enterContext(cm)


_MAIN_OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    # option: (what it does, what that means to unittest.main)
    "verbose": ("name each test", {"verbosity": 2}),
    "quiet": ("print no dots", {"verbosity": 0}),
    "failfast": ("stop at the first failure", {"failfast": True}),
    "catch": ("finish the running test on Ctrl-C", {"catchbreak": True}),
    "buffer": ("show the output of failed tests only", {"buffer": True}),
}


def main(**kwargs: Any) -> None:
    """Run tests as `unittest.main` does, with the project's command line options and log format.

    ``python -m pyframework.testing tests.some_test`` names the tests on the command line. ``kwargs`` go to
    `unittest.main`.
    """
    from pyframework.options import define, options, parse_command_line

    define("exception_on_interrupt", True, bool, "raise KeyboardInterrupt on Ctrl-C; otherwise end at once")
    for name, (text, _) in _MAIN_OPTIONS.items():
        define(name, None, bool, text)
    argv = [sys.argv[0], *parse_command_line(sys.argv)]
    if not options.exception_on_interrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    for name, (_, arguments) in _MAIN_OPTIONS.items():
        if options[name]:
            kwargs.update(arguments)

    named = len(argv) > 1
    if not named and __name__ == "__main__":
        sys.exit("No tests specified")
    # Without names on the command line, the script provides all().
    unittest.main(**({"module": None} if named else {"defaultTest": "all"}), argv=argv, **kwargs)


if __name__ == "__main__":
    main()
