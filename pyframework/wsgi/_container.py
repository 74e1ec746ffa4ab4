"""A WSGI application on our server."""

import asyncio
import concurrent.futures
import io
import os
import stat
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Executor
from http import HTTPStatus
from types import TracebackType
from typing import Any

import pyframework
from pyframework import httputil
from pyframework.concurrent import dummy_executor
from pyframework.httpserver import _CallableAdapter
from pyframework.ioloop import IOLoop
from pyframework.iostream import StreamClosedError
from pyframework.log import access_log, app_log
from pyframework.wsgi._environ import WSGIAppType, environ_of
from pyframework.wsgi._input import BodyInput

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]
_BLOCK_SIZE = 65536
_GATHERED_SIZE = 65536  # bytes of a body up to which the application is called when all of it is there


class FileWrapper:
    """`wsgi.file_wrapper`: the blocks of a file, which is closed at the end.

    :arg filelike: has `read(size)`, and perhaps `close()`
    :arg block_size: bytes read at a time
    """

    def __init__(self, filelike: Any, block_size: int = _BLOCK_SIZE) -> None:
        self.filelike = filelike
        self.block_size = block_size

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        block: bytes = self.filelike.read(self.block_size)
        if not block:
            raise StopIteration
        return block

    def regular_part(self) -> tuple[int, int, int] | None:
        """Return descriptor, position and number of bytes left of a regular file: the server can send it by itself."""
        try:
            fd, offset = self.filelike.fileno(), self.filelike.tell()
            status = os.fstat(fd)
        except (AttributeError, OSError):
            return None
        return (fd, offset, status.st_size - offset) if stat.S_ISREG(status.st_mode) else None

    def close(self) -> None:
        close = getattr(self.filelike, "close", None)
        if close is not None:
            close()


class WSGIContainer(httputil.HTTPServerConnectionDelegate):
    """Answers requests with a WSGI application: ``HTTPServer(WSGIContainer(app))``, or the target of a rule.

    :arg wsgi_application: the application
    :arg executor: where it runs. Without one it runs in the event loop's thread, and nothing else does meanwhile:
        give it a `concurrent.futures.ThreadPoolExecutor` unless it is quick. There it also reads the body of a large
        request while that comes in
    """

    def __init__(self, wsgi_application: WSGIAppType, executor: concurrent.futures.Executor | None = None) -> None:
        self.wsgi_application = wsgi_application
        self.executor: Executor = dummy_executor if executor is None else executor

    def start_request(
        self, server_conn: object, request_conn: httputil.HTTPConnection
    ) -> httputil.HTTPMessageDelegate:
        return _Message(self, request_conn)

    def __call__(self, request: httputil.HTTPServerRequest) -> None:
        if self.executor is not dummy_executor:
            IOLoop.current().spawn_callback(self.handle_request, request)
            return
        answer = _Answer(self, request)
        rest = answer.begin(answer.call())
        if rest is not None:
            IOLoop.current().spawn_callback(lambda: rest)

    async def handle_request(self, request: httputil.HTTPServerRequest) -> None:
        """Call the application in the executor, and send its answer to the end."""
        await self._answer(_Answer(self, request))

    async def _answer(self, answer: "_Answer") -> None:
        rest = answer.begin(await asyncio.get_running_loop().run_in_executor(self.executor, answer.call))
        if rest is not None:
            await rest

    async def _stream(self, request: httputil.HTTPServerRequest, body: BodyInput) -> None:
        try:
            await self._answer(_Answer(self, request, body))
        finally:
            body.drop()

    def environ(self, request: httputil.HTTPServerRequest) -> dict[str, Any]:
        """Return the `environ` (PEP 3333) for ``request``."""
        environ = environ_of(request, multithread=self.executor is not dummy_executor)
        environ["wsgi.file_wrapper"] = FileWrapper
        return environ

    def _log(self, status_code: int, request: httputil.HTTPServerRequest) -> None:
        if status_code < 400:
            log = access_log.info
        elif status_code < 500:
            log = access_log.warning
        else:
            log = access_log.error
        milliseconds = 1000.0 * request.request_time()
        log("%d %s %s (%s) %.2fms", status_code, request.method, request.uri, request.remote_ip, milliseconds)


class _Message(_CallableAdapter):
    """One request: the container gets it with its body, or sooner if that is large and an executor reads it."""

    body: BodyInput | None = None
    _size = 0

    def __init__(self, container: WSGIContainer, connection: httputil.HTTPConnection) -> None:
        super().__init__(container, connection)
        self.container = container

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        if self.body is not None:
            return self.body.feed(chunk)
        self._chunks.append(chunk)
        self._size += len(chunk)
        if self._size > _GATHERED_SIZE and self.container.executor is not dummy_executor:
            return self._begin_stream()
        return None

    def _begin_stream(self) -> Awaitable[None] | None:
        assert self.request is not None
        chunks, self._chunks = self._chunks, []
        self.body = BodyInput(asyncio.get_running_loop())
        IOLoop.current().spawn_callback(self.container._stream, self.request, self.body)
        return self.body.feed(b"".join(chunks))

    def finish(self) -> None:
        if self.body is None:
            super().finish()
        else:
            self.body.end()

    def on_connection_close(self) -> None:
        super().on_connection_close()
        if self.body is not None:
            self.body.end(cut=True)


_END = object()


class _Answer:
    """One call of the application, and what it answers."""

    def __init__(
        self, container: WSGIContainer, request: httputil.HTTPServerRequest, body: BodyInput | None = None
    ) -> None:
        self.container = container
        self.request = request
        self.body = body
        self.connection: Any = request.connection
        self.status: str | None = None
        self.headers: list[tuple[str, str]] = []
        self.written: list[bytes] = []  # by the function that start_response returns
        self.sent = False
        self.closed = False
        self.code = 500

    # ---- what the application sees

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: _ExcInfo | None = None
    ) -> Callable[[bytes], Any]:
        if exc_info is None and self.status is not None:
            raise AssertionError("start_response may be called again only with exc_info")
        if exc_info is not None and self.sent:
            try:
                raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        self.status, self.headers = status, headers
        return self.written.append

    # ---- the call

    def call(self) -> Any:
        """Call the application and return its iterable, or an exception that was raised."""
        try:
            environ = self.container.environ(self.request)
            if self.body is not None:
                environ["wsgi.input"] = io.BufferedReader(self.body)
            return self.container.wsgi_application(environ, self.start_response)
        except Exception as error:
            return error

    def begin(self, result: Any) -> Coroutine[Any, Any, None] | None:
        """Send an answer that is there as a whole; for another return the coroutine that sends it."""
        if isinstance(result, Exception):
            self._fail(result)
        elif isinstance(result, (list, tuple)):
            try:
                self._send_whole(result)
            except Exception as error:
                self._fail(error)
            finally:
                _close(result)
        else:
            by_itself = isinstance(result, FileWrapper) and hasattr(self.connection, "write_file")
            part = result.regular_part() if by_itself else None
            return self._send_pieces(result) if part is None else self._send_file(result, *part)
        return None

    def _send_whole(self, pieces: Iterable[bytes]) -> None:
        body = b"".join([*self.written, *pieces])
        self._send_head(body, whole=True)
        self._finish()

    async def _send_file(self, result: FileWrapper, fd: int, offset: int, size: int) -> None:
        try:
            lengths = [int(value) for name, value in self.headers if name.lower() == "content-length"]
            if lengths:
                size = min(size, lengths[0])
            else:
                self.headers = [*self.headers, ("Content-Length", str(size))]
            if self.request.method == "HEAD":
                self._send_head(b"", whole=False)
            else:
                self.connection._more_follows()
                self._send_head(b"", whole=False)
                await self.connection.write_file(fd, offset, size)
            self._finish()
        except StreamClosedError:
            pass  # nobody waits for the rest
        except Exception as error:
            self._fail(error)
        finally:
            result.close()

    async def _send_pieces(self, result: Iterable[bytes]) -> None:
        loop, executor = asyncio.get_running_loop(), self.container.executor
        try:
            pieces = iter(result)
            while True:
                piece: Any = await loop.run_in_executor(executor, self._next, pieces, result)
                written, self.written[:] = b"".join(self.written), []
                if piece is _END:
                    break
                if written or piece:
                    await self._send(written + piece)
            if written or not self.sent:
                await self._send(written)
            self._finish()
        except StreamClosedError:
            pass  # nobody waits for the rest
        except Exception as error:
            self._fail(error)
        finally:
            if not self.closed:
                await loop.run_in_executor(executor, _close, result)

    def _next(self, pieces: Iterator[bytes], result: Any) -> Any:
        """Return the next piece; behind the last close the iterable, before the client knows that it was the last."""
        piece = next(pieces, _END)
        if piece is _END:
            self.closed = True
            _close(result)
        return piece

    async def _send(self, piece: bytes) -> None:
        if self.sent:
            if self.request.method != "HEAD":
                await self.connection.write(piece)
        else:
            await self._send_head(piece, whole=False)

    def _send_head(self, body: bytes, whole: bool) -> Any:
        if self.status is None:
            raise AssertionError("the WSGI application did not call start_response")
        code, _, reason = self.status.partition(" ")
        self.code = int(code)
        headers = httputil.HTTPHeaders()
        for name, value in self.headers:
            headers.add(name, value)
        if whole and self.code not in (204, 304) and "Content-Length" not in headers:
            headers["Content-Length"] = str(len(body))
        if self.code not in (204, 304) and "Content-Type" not in headers:
            headers["Content-Type"] = "text/html; charset=UTF-8"
        if "Server" not in headers:
            headers["Server"] = f"pyframework/{pyframework.__version__}"
        start_line = httputil.ResponseStartLine("HTTP/1.1", self.code, reason)
        head = self.request.method == "HEAD"
        sent = self.connection.write_headers(start_line, headers, chunk=b"" if head else body)
        self.sent = True
        return sent

    def _finish(self) -> None:
        self.connection.finish()
        self.container._log(self.code, self.request)

    def _fail(self, error: Exception) -> None:
        """Answer 500, or where an answer has begun cut it: its end must not be taken for the whole."""
        if self.body is not None and self.body.cut:
            return  # nobody waits for an answer
        app_log.error(
            "Uncaught exception in the WSGI application: %s %s", self.request.method, self.request.uri, exc_info=error
        )
        if self.sent:
            self.connection.close()
            return
        reason = HTTPStatus.INTERNAL_SERVER_ERROR.phrase
        self.status, self.headers = f"500 {reason}", [("Content-Type", "text/plain; charset=UTF-8")]
        self.written.clear()
        try:
            self._send_whole([f"{reason}\n".encode()])
        except StreamClosedError:
            pass


def _close(result: Any) -> None:
    close = getattr(result, "close", None)
    if close is not None:
        close()
