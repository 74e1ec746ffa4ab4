from asyncio import Future
from typing import Any

from pyframework._core.stream import Consumer
from pyframework.httputil import HTTPHeaders, RequestStartLine, ResponseStartLine

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

class Server(Consumer): ...

class Writer(Consumer):
    stream: Any
    params: Any
    context: Any
    @property
    def is_client(self) -> bool: ...
    def write_headers(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders, chunk: bytes | None = None
    ) -> Future[None]: ...
    def write(self, chunk: bytes) -> Future[None]: ...
    def _more_follows(self) -> None: ...
    def write_file(self, fd: int, offset: int, count: int) -> Future[None]: ...
