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

    ``code``, ``reason``, ``headers`` and ``effective_url`` are there from the begin. The connection is read no further
    than one piece ahead of who takes them.
    """

    def __init__(self, client: AsyncHTTPClient, request: HTTPRequest, raise_error: bool) -> None:
        self.request = request
        self._sent = copy.copy(request)
        self._sent.streaming_callback = self._on_piece
        self._sent._streamed = self
        self.code = 0
        self.reason = ""
        self.headers = httputil.HTTPHeaders()
        self.effective_url = request.url
        self._client = client
        self._raise_error = raise_error
        self._connection: Any = None
        self._left = False
        self._pieces: collections.deque[bytes] = collections.deque()
        self._news: Future[None] | None = None
        self._room: Future[None] | None = None
        self._fetching: Future[HTTPResponse] | None = None

    async def __aenter__(self) -> "Streamed":
        if self._fetching is not None:
            raise RuntimeError("a streamed response is entered once: call stream() again")
        self._fetching = self._client.fetch(self._sent, raise_error=False)
        self._fetching.add_done_callback(self._on_end)
        try:
            while not self.code:
                if self._fetching.done():
                    self._fetching.result()
                await self._wait()
            if self._raise_error and not 200 <= self.code < 300:
                response = HTTPResponse(
                    self.request, self.code, self.headers, reason=self.reason, effective_url=self.effective_url
                )
                raise HTTPClientError(self.code, self.reason, response)
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
            if self._fetching is None or self._left:
                raise RuntimeError("read inside of the block: async with client.stream(…) as response")
            if self._fetching.done():
                self._fetching.result()
                raise StopAsyncIteration
            await self._wait()
        piece = self._pieces.popleft()
        if self._room is not None:
            future_set_result_unless_cancelled(self._room, None)
            self._room = None
        return piece

    async def read(self) -> bytes:
        """Return the rest of the body."""
        return b"".join([piece async for piece in self])

    # ---- for the connection

    def begin(self, connection: Any) -> None:
        """This connection goes for the response, first or after a redirect."""
        self._connection = connection
        if self._left:
            connection.abandon()

    def head_received(self, connection: Any) -> None:
        """The head of the response is there."""
        self.code, self.reason, self.headers = connection.code, connection.reason, connection.headers
        self.effective_url = connection.request.url
        self._tell()

    def _on_piece(self, piece: bytes) -> Awaitable[None] | None:
        self._pieces.append(piece)
        self._tell()
        if len(self._pieces) > 1:
            self._room = asyncio.get_running_loop().create_future()
        return self._room

    def _on_end(self, fetching: "Future[HTTPResponse]") -> None:
        if not fetching.cancelled():
            fetching.exception()  # who reads the pieces sees it; who left does not want to
        self._tell()

    async def _wait(self) -> None:
        self._news = asyncio.get_running_loop().create_future()
        await self._news

    def _tell(self) -> None:
        if self._news is not None:
            future_set_result_unless_cancelled(self._news, None)
            self._news = None

    def _leave(self) -> None:
        """End the request, if it is still under way; nobody waits for it any more."""
        self._left = True
        self._pieces.clear()
        if self._fetching is not None and not self._fetching.done() and self._connection is not None:
            self._connection.abandon()
