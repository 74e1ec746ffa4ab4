"""The PROXY protocol: its headers, and servers that take them from the networks they trust."""

import asyncio
import logging
import ssl
from pathlib import Path
from typing import Any

import pytest

import pyframework.testing
from pyframework import _proxy_protocol, httpserver, httputil
from pyframework._proxy_protocol import ProxyHeaderError, header_size, parse
from pyframework.httpserver import HTTPServer
from pyframework.netutil import bind_sockets

CERTIFICATE = str(Path(pyframework.testing.__file__).with_name("testing.crt"))
KEY = str(Path(pyframework.testing.__file__).with_name("testing.key"))
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ADDRESSES_4 = bytes([1, 2, 3, 4, 5, 6, 7, 8]) + (1000).to_bytes(2) + (80).to_bytes(2)
ADDRESSES_6 = bytes(15) + b"\1" + bytes(15) + b"\2" + (1000).to_bytes(2) + (80).to_bytes(2)


def v2(command: int, family: int, addresses: bytes) -> bytes:
    return SIGNATURE + bytes([command, family]) + len(addresses).to_bytes(2) + addresses


GOOD: list[tuple[bytes, tuple[str, int] | None]] = [
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 1000 80\r\n", ("1.2.3.4", 1000)),
    (b"PROXY TCP6 ::1 ::2 1000 80\r\n", ("::1", 1000)),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", None),
    (v2(0x21, 0x11, ADDRESSES_4), ("1.2.3.4", 1000)),
    (v2(0x21, 0x11, ADDRESSES_4 + b"\4\0\1x"), ("1.2.3.4", 1000)),
    (v2(0x21, 0x21, ADDRESSES_6), ("::1", 1000)),
    (v2(0x20, 0, b""), None),
    (v2(0x21, 0, b""), None),
    (v2(0x21, 0x31, bytes(216)), None),
]
BAD = [
    b"GET / HTTP/1.1\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1000\r\n",
    b"PROXY TCP4 ::1 ::1 1 1\r\n",
    b"PROXY TCP4 1.2.3.4.5 5.6.7.8 1 1\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 99999 1\r\n",
    b"PROXY TCP5 1.2.3.4 5.6.7.8 1 1\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 1\n",
    b"PROXY UNKNOWN" + b"x" * 200,
    b"PROXY UNKNOWN" + b"x" * 200 + b"\r\n",
    v2(0x31, 0x11, ADDRESSES_4),
    v2(0x22, 0x11, ADDRESSES_4),
    v2(0x21, 0x11, ADDRESSES_4[:-1]),
    v2(0x21, 0x21, ADDRESSES_4),
    v2(0x21, 0x11, bytes(5000)),
    b"\r\n\r\nx",
]


@pytest.mark.parametrize(("header", "client"), GOOD)
def test_headers(header: bytes, client: tuple[str, int] | None) -> None:
    assert parse(header) == client
    for end in range(len(header)):
        assert header_size(header[:end]) in (None, len(header))
    assert header_size(header + b"GET") == len(header)


@pytest.mark.parametrize("header", BAD)
def test_what_is_no_header(header: bytes) -> None:
    with pytest.raises(ProxyHeaderError):
        size = header_size(header)
        assert size is not None
        parse(header[:size])


def show(request: httputil.HTTPServerRequest) -> None:
    connection: Any = request.connection
    body = f"{request.remote_ip} {request.protocol}".encode()
    headers = httputil.HTTPHeaders({"Content-Length": str(len(body))})
    connection.write_headers(httputil.ResponseStartLine("HTTP/1.1", 200, "OK"), headers, body)
    connection.finish()


REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Real-Ip: 9.9.9.9\r\n\r\n"


def ask(pieces: list[bytes], secure: bool = False, **options: Any) -> bytes:
    async def main() -> bytes:
        tls = {"certfile": CERTIFICATE, "keyfile": KEY} if secure else None
        server = HTTPServer(show, ssl_options=tls, proxy_protocol=True, **options)
        (listening,) = bind_sockets(0, "127.0.0.1")
        server.add_socket(listening)
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            for _ in range(3):
                await asyncio.sleep(0)
        if secure:
            context = ssl.create_default_context(cafile=CERTIFICATE)
            await writer.start_tls(context, server_hostname="localhost")
            writer.write(REQUEST)
        try:
            answer = await reader.read()
        except ConnectionResetError:
            answer = b""
        writer.close()
        await server.shutdown()
        assert not server._proxy_headers
        return answer.rpartition(b"\r\n\r\n")[2]

    return asyncio.run(asyncio.wait_for(main(), 30))


@pytest.mark.parametrize(("header", "client"), GOOD)
def test_server(header: bytes, client: tuple[str, int] | None) -> None:
    expected = f"{'127.0.0.1' if client is None else client[0]} http".encode()
    bytewise = [bytes([byte]) for byte in header] + [REQUEST]
    for pieces in ([header + REQUEST], bytewise, [header[:13], header[13:] + REQUEST]):
        assert ask(pieces, trusted_proxies=["127.0.0.0/8"]) == expected


def test_tls_behind_the_header() -> None:
    assert ask([GOOD[0][0]], secure=True, trusted_proxies=["127.0.0.0/8"]) == b"1.2.3.4 https"


def test_others_send_no_header() -> None:
    assert ask([REQUEST], trusted_proxies=["10.0.0.0/8"]) == b"127.0.0.1 http"


@pytest.mark.parametrize("header", BAD)
def test_bad_headers_close_the_connection(header: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "tornado.general"):
        assert ask([header], trusted_proxies=["127.0.0.1"]) == b""
    assert ["No PROXY header from" in record.getMessage() for record in caplog.records] == [True]


def test_a_header_that_does_not_come(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(_proxy_protocol, "TIMEOUT", 0.01)
    with caplog.at_level(logging.INFO, "tornado.general"):
        assert ask([b"PROXY "], trusted_proxies=["127.0.0.1"]) == b""
    assert ["in time" in record.getMessage() for record in caplog.records] == [True]


def test_headers_of_http_behind_it() -> None:
    pieces = [GOOD[0][0] + REQUEST]
    assert ask(pieces, trusted_proxies=["127.0.0.1"], xheaders=True) == b"1.2.3.4 http"
    assert ask(pieces, trusted_proxies=["127.0.0.1", "1.2.3.0/24"], xheaders=True) == b"9.9.9.9 http"


def test_whom_to_believe_must_be_said() -> None:
    for option in ({"proxy_protocol": True}, {"forwarded": True}):
        with pytest.raises(ValueError, match="trusted_proxies"):
            HTTPServer(show, **option)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"trusted_proxies": ["127.0.0.1"], "forwarded": True}, "1.1.1.1 https"),
        ({"trusted_proxies": ["127.0.0.1"], "xheaders": True}, "2.2.2.2 http"),
        ({"trusted_proxies": ["127.0.0.1"], "forwarded": True, "xheaders": True}, "1.1.1.1 https"),
        ({"trusted_proxies": ["10.0.0.0/8"], "forwarded": True, "xheaders": True}, "127.0.0.1 http"),
        ({"trusted_proxies": ["127.0.0.1"]}, "127.0.0.1 http"),
    ],
)
def test_context(options: dict[str, Any], expected: str) -> None:
    server = HTTPServer(show, **options)
    stream: Any = type("Stream", (), {"socket": None})()
    context = httpserver._HTTPRequestContext(stream, ("127.0.0.1", 1), None)
    context.trust(server.trusted_proxies, server.xheaders, server.forwarded)
    for _ in range(2):
        context._apply_xheaders(
            httputil.HTTPHeaders({"Forwarded": "for=1.1.1.1;proto=https", "X-Forwarded-For": "2.2.2.2"})
        )
        assert f"{context.remote_ip} {context.protocol}" == expected
    context._unapply_xheaders()
    assert f"{context.remote_ip} {context.protocol}" == "127.0.0.1 http"
