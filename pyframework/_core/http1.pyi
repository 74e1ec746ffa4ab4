from asyncio import Future
from collections.abc import Callable
from typing import Any

from pyframework._core.stream import Consumer
from pyframework.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)

_MAX_1XX_RESPONSES: int

class Parameters:
    no_keep_alive: bool
    chunk_size: int
    max_header_size: int
    header_timeout: float | None
    max_body_size: int | None
    body_timeout: float | None
    decompress: bool
    strict_rfc: bool
    max_header_count: int
    head_timeout: float | None
    min_data_rate: float
    data_rate_window: float
    max_unsent_size: int
    linger_timeout: float

class Gatherer: ...

class Connection(Consumer):
    stream: Any
    params: Any
    context: Any
    no_keep_alive: bool
    min_data_rate: float
    @property
    def is_client(self) -> bool: ...
    @property
    def _max_body_size(self) -> int: ...
    def __init__(self, stream: Any, is_client: bool, params: Any = None, context: object = None) -> None: ...
    def read_response(self, delegate: HTTPMessageDelegate) -> Future[bool]: ...
    def write_headers(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders, chunk: bytes | None = None
    ) -> Future[None]: ...
    def write(self, chunk: bytes) -> Future[None]: ...
    def write_file(self, fd: int, offset: int, count: int) -> Future[None]: ...
    def finish(self) -> None: ...
    def set_close_callback(self, callback: Callable[[], None] | None) -> None: ...
    def close(self) -> None: ...
    def detach(self) -> Any: ...
    def set_body_timeout(self, timeout: float) -> None: ...
    def set_max_body_size(self, max_body_size: int) -> None: ...

class ServerConnection(Consumer):
    stream: Any
    params: Any
    context: Any
    def __init__(self, stream: Any, params: Any = None, context: object = None) -> None: ...
    def start_serving(self, delegate: HTTPServerConnectionDelegate) -> None: ...
    async def close(self) -> None: ...
    def _decline(self, delegate: HTTPServerConnectionDelegate, answer: bytes) -> None: ...
    def _drain(self, quiet: float) -> None: ...

def resolve(future: Future[Any]) -> None: ...
