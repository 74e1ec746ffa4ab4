from typing import Any

from pyframework.httputil import HTTPHeaders, RequestStartLine

class Request:
    method: str
    uri: str
    version: str
    headers: HTTPHeaders
    body: bytes
    connection: Any
    server_connection: Any
    remote_ip: str | None
    protocol: str
    host: str
    path: str
    query: str
    _start_time: float
    @property
    def _has_content(self) -> bool: ...
    def __init__(
        self,
        method: str | None = None,
        uri: str | None = None,
        version: str = "HTTP/1.0",
        headers: HTTPHeaders | None = None,
        body: bytes | None = None,
        host: str | None = None,
        files: dict[str, list[Any]] | None = None,
        connection: Any = None,
        start_line: RequestStartLine | None = None,
        server_connection: object | None = None,
    ) -> None: ...
