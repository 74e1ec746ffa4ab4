"""The HTTP client on libcurl, by way of pycurl: ``AsyncHTTPClient.configure(CurlAsyncHTTPClient)``."""

import collections
import functools
import inspect
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pycurl

from pyframework import httputil
from pyframework._client import curl_options
from pyframework._client.curl_options import CR_OR_LF_RE, curl_log
from pyframework.httpclient import AsyncHTTPClient, HTTPError, HTTPRequest, HTTPResponse, main
from pyframework.ioloop import IOLoop
from pyframework.log import app_log

__all__ = ["CR_OR_LF_RE", "CurlAsyncHTTPClient", "CurlError", "curl_log"]

_EVENTS = {
    pycurl.POLL_NONE: IOLoop.NONE,
    pycurl.POLL_IN: IOLoop.READ,
    pycurl.POLL_OUT: IOLoop.WRITE,
    pycurl.POLL_INOUT: IOLoop.READ | IOLoop.WRITE,
}
_TIMES = {
    "namelookup": pycurl.NAMELOOKUP_TIME,
    "connect": pycurl.CONNECT_TIME,
    "appconnect": pycurl.APPCONNECT_TIME,
    "pretransfer": pycurl.PRETRANSFER_TIME,
    "starttransfer": pycurl.STARTTRANSFER_TIME,
    "total": pycurl.TOTAL_TIME,
    "redirect": pycurl.REDIRECT_TIME,
}
_FORGOTTEN_SECONDS = 1.0  # libcurl sometimes forgets to ask for a time-out: it is woken so often at least


class CurlError(HTTPError):
    """libcurl could not fetch it; ``errno`` is libcurl's number for why. Its ``code`` is 599."""

    def __init__(self, errno: int, message: str) -> None:
        super().__init__(599, message)
        self.errno = errno


class _BodyBuffer:
    """The body of a response, up to the client's limit."""

    def __init__(self, client: Any) -> None:
        self.file = BytesIO()
        self.body_too_large = False
        self._limit = client.max_body_size

    def write(self, chunk: bytes) -> int:
        if self.file.tell() + len(chunk) > self._limit:
            self.body_too_large = True
            return 0  # other than its length: libcurl gives up
        return self.file.write(chunk)

    def finish(self) -> None:
        self.file.seek(0)


class _CurlStreamingBuffer:
    """What is on its way from libcurl to a ``streaming_callback``, which is called by the event loop.

    When it holds ``max_buffer_size`` bytes, the transfer pauses until they are handed over.
    """

    max_buffer_size = 1024 * 1024

    def __init__(self, client: Any, curl: "pycurl.Curl", callback: Callable[[bytes], Any]) -> None:
        self.file = BytesIO()  # stays empty: the response has no body besides
        self.body_too_large = False
        self.paused = False
        self._client = client
        self._curl: Any = curl
        self._callback = callback
        self._chunks: collections.deque[bytes] = collections.deque()
        self._size = 0
        self._total = 0
        self._scheduled = False

    def write(self, chunk: bytes) -> int:
        if self._size >= self.max_buffer_size:
            self.paused = True
            return int(pycurl.WRITEFUNC_PAUSE)  # libcurl brings this chunk again
        if self._total + len(chunk) > self._client.max_body_size:
            self.body_too_large = True
            return 0
        self._total += len(chunk)
        self._size += len(chunk)
        self._chunks.append(chunk)
        self._schedule_flush()
        return len(chunk)

    def _schedule_flush(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._client.io_loop.add_callback(self.flush)

    def flush(self) -> None:
        """Hand over what is here, and let the transfer go on."""
        self._scheduled = False
        try:
            while self._chunks:
                chunk = self._chunks.popleft()
                self._size -= len(chunk)
                self._callback(chunk)
        finally:
            if self._chunks:
                self._schedule_flush()
            elif self.paused and self._curl is not None:
                self._go_on()

    def _go_on(self) -> None:
        self.paused = False
        try:
            self._curl.pause(pycurl.PAUSE_CONT)
        except pycurl.error:
            return  # the transfer has failed, and its end says so
        # Before version 8 libcurl does not ask for this by itself.
        self._client._set_timeout(0)

    def finish(self) -> None:
        """The transfer is over: hand over the rest before anyone hears of that."""
        self._curl = None
        if self._chunks:
            self.flush()


class CurlAsyncHTTPClient(AsyncHTTPClient):
    """An HTTP client on libcurl, with all that this can do; needs pycurl.

    :arg max_clients: the most requests at a time; the others wait
    :arg max_body_size: bytes that the body of a response may have, decompressed
    """

    def initialize(  # type: ignore[override]
        self, max_clients: int = 10, defaults: dict[str, Any] | None = None, max_body_size: int = 104857600
    ) -> None:
        super().initialize(defaults=defaults)
        self.max_body_size = max_body_size
        self._timeout: object | None = None
        self._fds: dict[int, int] = {}  # descriptors that libcurl has us watch, with the events
        self._requests: collections.deque[tuple[Any, Callable[[HTTPResponse], None], float]] = collections.deque()
        self._curls = [pycurl.Curl() for _ in range(max_clients)]
        self._free_list = list(self._curls)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._handle_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timeout)
        self._forgotten = self.io_loop.call_later(_FORGOTTEN_SECONDS, self._look_for_forgotten)

    def close(self) -> None:
        if self._closed:
            return
        super().close()
        self.io_loop.remove_timeout(self._forgotten)
        if self._timeout is not None:
            self.io_loop.remove_timeout(self._timeout)
        for fd in list(self._fds):
            self.io_loop.remove_handler(fd)
        self._fds.clear()
        for curl in self._curls:
            curl.close()
        self._multi.close()
        # libcurl's handles refer to this object by its methods.
        self._curls, self._free_list, self._multi = [], [], None

    def fetch_impl(self, request: HTTPRequest, callback: Callable[[HTTPResponse], None]) -> None:
        self._requests.append((request, callback, self.io_loop.time()))
        self._process_queue()
        self._set_timeout(0)

    # ---- between libcurl and the event loop

    def _handle_socket(self, event: int, fd: int, multi: Any, data: Any) -> None:
        """libcurl wants to know, or no longer, when this descriptor is ready."""
        known = self._fds.pop(fd, None)
        if event == pycurl.POLL_REMOVE:
            if known is not None:
                self.io_loop.remove_handler(fd)
            return
        events = _EVENTS[event]
        # The descriptor may be another one by now, with the same number.
        if known is not None:
            self.io_loop.remove_handler(fd)
        self.io_loop.add_handler(fd, self._handle_events, events)
        self._fds[fd] = events

    def _set_timeout(self, msecs: int) -> None:
        """libcurl wants to be called after that time; -1: not at all."""
        if self._timeout is not None:
            self.io_loop.remove_timeout(self._timeout)
            self._timeout = None
        if msecs >= 0:
            self._timeout = self.io_loop.call_later(msecs / 1000, self._handle_timeout)

    def _handle_events(self, fd: int, events: int) -> None:
        action = 0
        if events & IOLoop.READ:
            action |= pycurl.CSELECT_IN
        if events & IOLoop.WRITE:
            action |= pycurl.CSELECT_OUT
        self._act(fd, action)

    def _handle_timeout(self) -> None:
        self._timeout = None
        self._act(pycurl.SOCKET_TIMEOUT, 0)
        if self._multi is not None:
            # What libcurl wants next it does not always say by itself.
            wanted = self._multi.timeout()
            if wanted >= 0:
                self._set_timeout(wanted)

    def _look_for_forgotten(self) -> None:
        self._act(pycurl.SOCKET_TIMEOUT, 0)
        if not self._closed:
            self._forgotten = self.io_loop.call_later(_FORGOTTEN_SECONDS, self._look_for_forgotten)

    def _act(self, fd: int, action: int) -> None:
        status = pycurl.E_CALL_MULTI_PERFORM
        while status == pycurl.E_CALL_MULTI_PERFORM:
            try:
                status, _ = self._multi.socket_action(fd, action)
            except pycurl.error as error:
                status = error.args[0]
        self._finish_pending_requests()

    # ---- requests

    def _finish_pending_requests(self) -> None:
        """End those that libcurl is through with, and begin others in their place."""
        left = 1
        while left and self._multi is not None:
            left, done, failed = self._multi.info_read()
            for curl in done:
                self._finish(curl)
            for curl, number, message in failed:
                self._finish(curl, number, message)
        if not self._closed:
            self._process_queue()

    def _process_queue(self) -> None:
        while self._free_list and self._requests:
            curl = self._free_list.pop()
            request, callback, queued = self._requests.popleft()
            curl.reset()
            headers = httputil.HTTPHeaders()
            if request.streaming_callback is None:
                buffer: Any = _BodyBuffer(self)
            else:
                buffer = _CurlStreamingBuffer(self, curl, request.streaming_callback)
            curl.info = {
                "request": request,
                "callback": callback,
                "headers": headers,
                "buffer": buffer,
                "queue_start_time": queued,
                "curl_start_time": self.io_loop.time(),
                "curl_start_wall_time": time.time(),
            }
            try:
                if _is_coroutine_function(request.streaming_callback):
                    raise TypeError("streaming_callback must be a plain function: libcurl does not wait for coroutines")
                curl_options.set_up(curl, request, headers, buffer.write, self.io_loop.add_callback)
                self._multi.add_handle(curl)
            except Exception as error:
                self._free_list.append(curl)
                curl.info = None
                callback(HTTPResponse(request=request, code=599, error=error))

    def _finish(self, curl: Any, curl_error: int | None = None, curl_message: str | None = None) -> None:
        info, curl.info = curl.info, None
        self._multi.remove_handle(curl)
        self._free_list.append(curl)
        buffer = info["buffer"]
        try:
            buffer.finish()
        except Exception:
            self.handle_callback_exception(info["request"].streaming_callback)
        error = None
        if curl_error is not None:
            if buffer.body_too_large:
                curl_message = f"the body is longer than max_body_size, {self.max_body_size} bytes"
            error = CurlError(curl_error, curl_message or "")
        headers = info["headers"]
        reason = headers.pop("X-Http-Reason", None)
        now = self.io_loop.time()
        times = {name: curl.getinfo(number) for name, number in _TIMES.items()}
        response = HTTPResponse(
            request=info["request"],
            code=599 if error is not None else curl.getinfo(pycurl.HTTP_CODE),
            headers=headers,
            buffer=None if error is not None else buffer.file,
            effective_url=None if error is not None else curl.getinfo(pycurl.EFFECTIVE_URL),
            error=error,
            reason=None if error is not None else reason,
            request_time=now - info["curl_start_time"],
            start_time=info["curl_start_wall_time"],
            time_info={"queue": info["curl_start_time"] - info["queue_start_time"], **times},
        )
        try:
            info["callback"](response)
        except Exception:
            self.handle_callback_exception(info["callback"])

    def handle_callback_exception(self, callback: Any) -> None:
        app_log.error("Exception in callback %r", callback, exc_info=True)


def _is_coroutine_function(callback: Any) -> bool:
    while isinstance(callback, functools.partial):
        callback = callback.func
    return inspect.iscoroutinefunction(callback) or getattr(callback, "__tornado_coroutine__", False)


if __name__ == "__main__":
    AsyncHTTPClient.configure(CurlAsyncHTTPClient)
    main()
