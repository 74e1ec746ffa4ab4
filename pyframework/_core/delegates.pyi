from collections.abc import Awaitable, Generator, Iterator
from typing import Any

from pyframework._core.http1 import Gatherer
from pyframework._core.routes import PathIndex
from pyframework.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from pyframework.web import Application, RequestHandler

class Routing:
    def _route_index(self) -> PathIndex | None: ...
    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate: ...

class RoutingDelegate(Gatherer):
    router: Any
    server_conn: object
    request_conn: Any
    delegate: HTTPMessageDelegate
    def __init__(self, router: Any, server_conn: object, request_conn: Any) -> None: ...
    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None: ...
    def data_received(self, chunk: bytes) -> Awaitable[None] | None: ...
    def finish(self) -> None: ...
    def on_connection_close(self) -> None: ...

class TaskRequest:
    def __await__(self) -> Generator[None]: ...
    def __iter__(self) -> Iterator[None]: ...
    def __next__(self) -> None: ...

class Done:
    def __await__(self) -> Generator[None]: ...

DONE: Done

class HandlerDelegate(Gatherer):
    application: Application
    request: HTTPServerRequest
    connection: Any
    handler_class: type[RequestHandler]
    handler_kwargs: dict[str, Any] | None
    path_args: list[bytes] | None
    path_kwargs: dict[str, bytes] | None
    stream_request_body: bool
    handler: RequestHandler
    chunks: list[bytes] | None
    def __init__(
        self,
        application: Application,
        request: HTTPServerRequest,
        handler_class: type[RequestHandler],
        handler_kwargs: dict[str, Any] | None = None,
        path_args: list[bytes] | None = None,
        path_kwargs: dict[str, bytes] | None = None,
    ) -> None: ...
    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None: ...
    def data_received(self, data: bytes) -> Awaitable[None] | None: ...
    def finish(self) -> None: ...
    def on_connection_close(self) -> None: ...
    def execute(self) -> Awaitable[None] | None: ...
