import warnings
from types import SimpleNamespace
from typing import Any

import pytest

from pyframework.httputil import (
    HTTPHeaders,
    HTTPInputError,
    HTTPServerRequest,
    ParseBodyConfig,
    ParseUrlEncodedConfig,
    RequestStartLine,
    set_parse_body_config,
)


def request(
    uri: str = "/", host: str | None = "Example.com:80", version: str = "HTTP/1.1", **kwargs: Any
) -> HTTPServerRequest:
    headers = HTTPHeaders({} if host is None else {"Host": host})
    return HTTPServerRequest(start_line=RequestStartLine("GET", uri, version), headers=headers, **kwargs)


def test_derived_attributes() -> None:
    it = request("/a%20b?x=1&y=%FF&x=2&z")
    assert (it.method, it.uri, it.version, it.body) == ("GET", "/a%20b?x=1&y=%FF&x=2&z", "HTTP/1.1", b"")
    assert (it.path, it.query) == ("/a%20b", "x=1&y=%FF&x=2&z")
    assert (it.host, it.host_name) == ("Example.com:80", "example.com")
    assert it.arguments == it.query_arguments == {"x": [b"1", b"2"], "y": [b"\xff"], "z": [b""]}
    assert it.arguments is not it.query_arguments
    assert it.body_arguments == {} and it.files == {}
    assert it.full_url() == "http://Example.com:80/a%20b?x=1&y=%FF&x=2&z"
    assert (it.remote_ip, it.protocol, it.connection, it.server_connection) == (None, "http", None, None)
    assert it.get_ssl_certificate() is None
    assert "Example.com" in repr(it)


def test_derived_attributes_are_remembered_and_can_be_assigned() -> None:
    it = request("/a?b=c")
    for name in ("path", "query", "host_name", "arguments", "query_arguments", "body_arguments", "files", "cookies"):
        assert getattr(it, name) is getattr(it, name)
        setattr(it, name, name)
        assert getattr(it, name) == name


@pytest.mark.parametrize("uri", ["", "*", "//x/y", "/a;b#c", "h:443"])
def test_targets_without_query(uri: str) -> None:
    it = request(uri)
    assert (it.path, it.query, it.arguments) == (uri, "", {})


@pytest.mark.parametrize(
    ("uri", "path", "query"),
    [
        ("http://h:1/p?q=r", "/p", "q=r"),
        ("http://h:1", "/", ""),
        ("http://h:1?q=http://x/", "/", "q=http://x/"),
        ("http://u:p@h:1/p/?q", "/p/", "q"),
    ],
)
def test_targets_in_absolute_form(uri: str, path: str, query: str) -> None:
    it = request(uri)
    assert (it.path, it.query, it.host, it.host_name, it.uri) == (path, query, "h:1", "h", uri)
    assert it.full_url() == uri


def test_the_context_is_read_at_once() -> None:
    context = SimpleNamespace(remote_ip="1.2.3.4", protocol="https")
    it = request(connection=SimpleNamespace(context=context))
    context.remote_ip = "5.6.7.8"
    assert (it.remote_ip, it.protocol) == ("1.2.3.4", "https")
    assert it.full_url() == "https://Example.com:80/"


@pytest.mark.parametrize("host", ["a b", "a/b", "u@h", "a,b", "a\x7f", "%4", "x" * 300 + "/"])
def test_bad_hosts(host: str) -> None:
    for _ in range(2):
        with pytest.raises(HTTPInputError, match="[Hh]ost"):
            request(host=host)


@pytest.mark.parametrize(
    ("host", "name"), [("", ""), ("A", "a"), ("[::1]:80", "[::1]"), ("a:b", "a:b"), ("x" * 300 + ":1", "x" * 300)]
)
def test_good_hosts(host: str, name: str) -> None:
    for _ in range(2):
        assert request(host=host).host_name == name


def test_a_missing_host() -> None:
    with pytest.raises(HTTPInputError, match="Missing Host"):
        request(host=None)
    assert request(host=None, version="HTTP/1.0").host == "127.0.0.1"


def test_a_repeated_host() -> None:
    headers = HTTPHeaders.parse("Host: a\r\nHost: b")
    with pytest.raises(HTTPInputError, match="Multiple"):
        HTTPServerRequest(start_line=RequestStartLine("GET", "/", "HTTP/1.1"), headers=headers)


def test_more_valid_hosts_than_are_remembered() -> None:
    for number in range(2500):
        assert request(host=f"h{number}").host_name == f"h{number}"


def test_the_limit_on_query_arguments() -> None:
    set_parse_body_config(ParseBodyConfig(urlencoded=ParseUrlEncodedConfig(max_arguments=2)))
    try:
        assert len(request("/a&b&c?d&e").arguments) == 2
        with pytest.raises(HTTPInputError, match="Max number of fields exceeded"):
            request("/?a&b&c")
    finally:
        set_parse_body_config(ParseBodyConfig())


def test_cookies() -> None:
    it = request()
    it.headers["Cookie"] = 'a=b; c="d e"; bad key=1; expires=1; a=f'
    assert {name: morsel.value for name, morsel in it.cookies.items()} == {"a": "f", "c": "d e"}
    assert not request().cookies


def test_parse_body() -> None:
    it = request("/?a=1", body=b"b=2&a=3")
    it._parse_body()
    assert it.body_arguments == {}
    it.headers["Content-Type"] = "application/x-www-form-urlencoded"
    it._parse_body()
    assert it.query_arguments == {"a": [b"1"]}
    assert it.body_arguments == {"b": [b"2"], "a": [b"3"]}
    assert it.arguments == {"a": [b"1", b"3"], "b": [b"2"]}


def test_parse_body_errors() -> None:
    it = request(body=b"")
    it.headers["Content-Type"] = "multipart/form-data; boundary=x"
    with pytest.raises(HTTPInputError):
        it._parse_body()


def test_request_time() -> None:
    it = request()
    it._finish_time = it._start_time + 2.5
    assert it.request_time() == 2.5
    it._finish_time = None
    assert it.request_time() >= 0


def test_certificate() -> None:
    socket = SimpleNamespace(getpeercert=lambda binary_form: b"DER" if binary_form else {"subject": ()})
    it = request(connection=SimpleNamespace(stream=SimpleNamespace(socket=socket)))
    assert it.get_ssl_certificate(binary_form=True) == b"DER"
    assert it.get_ssl_certificate() == {"subject": ()}


def test_files_as_argument() -> None:
    files: dict[str, Any] = {"a": []}
    assert request(files=files).files is files


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"method": "POST", "uri": "/x"}, ("POST", "/x", "HTTP/1.0", "127.0.0.1")),
        ({"uri": "/x", "host": "h"}, ("GET", "/x", "HTTP/1.0", "h")),
        ({}, ("GET", "/", "HTTP/1.0", "127.0.0.1")),
    ],
)
def test_deprecated_arguments(arguments: dict[str, str], expected: tuple[str, ...]) -> None:
    with pytest.warns(DeprecationWarning) as caught:
        it = HTTPServerRequest(**arguments)  # type: ignore[arg-type]
    assert (it.method, it.uri, it.version, it.host) == expected
    assert {warning.filename for warning in caught} == {__file__}


def test_a_start_line_alone_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        HTTPServerRequest(start_line=RequestStartLine("GET", "/", "HTTP/1.0"))
