from collections.abc import Awaitable
from typing import Any

from pyframework.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from pyframework.web import Application, RequestHandler

def rules_changed() -> None: ...

class Routing:
    def _literal_routes(self) -> dict[str, tuple[type[RequestHandler], dict[str, Any]]]: ...
    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate: ...

class RoutingDelegate:
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

class HandlerDelegate:
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
