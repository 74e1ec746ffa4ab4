"""A response whose body is taken piece by piece: what `SimpleAsyncHTTPClient.stream` gives."""

import asyncio
import collections
import copy
from collections.abc import AsyncIterator, Awaitable
from types import TracebackType
from typing import Any

from pyframework import httputil
from pyframework.concurrent import Future, future_set_result_unless_cancelled
from pyframework.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse


class Streamed:
    """An asynchronous context manager, and inside it the response: its head, and the body by ``async for``.

    ``code``, ``reason`` and ``headers`` are there from the begin. The connection is read no further than one piece
    ahead of who takes them.
    """

    def __init__(self, client: AsyncHTTPClient, request: HTTPRequest, raise_error: bool) -> None:
        self.request = copy.copy(request)
        self.request.header_callback = self._on_line
        self.request.streaming_callback = self._on_piece
        self.request._on_connection = self._on_connection
        self.code = 0
        self.reason = ""
        self.headers = httputil.HTTPHeaders()
        self._client = client
        self._raise_error = raise_error
        self._connection: Any = None
        self._complete = False  # the head is
        self._pieces: collections.deque[bytes] = collections.deque()
        self._news: Future[None] | None = None
        self._room: Future[None] | None = None
        self._fetching: Future[HTTPResponse] | None = None

    async def __aenter__(self) -> "Streamed":
        self._fetching = self._client.fetch(self.request, raise_error=False)
        self._fetching.add_done_callback(lambda _: self._tell())
        try:
            while not self._complete:
                if self._fetching.done():
                    self._fetching.result().rethrow()
                    break
                await self._wait()
            if self._raise_error and not 200 <= self.code < 300:
                raise HTTPClientError(self.code, self.reason)
        except BaseException:
            self._leave()
            raise
        return self

    async def __aexit__(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._leave()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self._fetching is None:
                raise RuntimeError("enter the response first: async with client.stream(…) as response")
            if self._fetching.done():
                self._fetching.result()
                raise StopAsyncIteration
            await self._wait()
        piece = self._pieces.popleft()
        if self._room is not None:
            future_set_result_unless_cancelled(self._room, None)
            self._room = None
        return piece

    def _on_connection(self, connection: Any) -> None:
        self._connection = connection

    def _on_line(self, line: str) -> None:
        if line == "\r\n":
            self._complete = True
            self._tell()
        elif not self.code:
            start_line = httputil.parse_response_start_line(line.rstrip("\r\n"))
            self.code, self.reason = start_line.code, start_line.reason
        else:
            self.headers.parse_line(line)

    def _on_piece(self, piece: bytes) -> Awaitable[None] | None:
        self._pieces.append(piece)
        self._tell()
        if len(self._pieces) > 1:
            self._room = asyncio.get_running_loop().create_future()
        return self._room

    async def _wait(self) -> None:
        self._news = asyncio.get_running_loop().create_future()
        await self._news

    def _tell(self) -> None:
        if self._news is not None:
            future_set_result_unless_cancelled(self._news, None)
            self._news = None

    def _leave(self) -> None:
        """End the request, if it is still under way; nobody waits for it any more."""
        self._pieces.clear()
        if self._fetching is not None and not self._fetching.done():
            self._fetching.add_done_callback(lambda fetching: fetching.cancelled() or fetching.exception())
            self._connection.abandon()
