"""What libraries do with headers and requests: proxies copy fields, agents normalise names, tests build requests."""

import collections.abc
import copy
import pickle
from typing import Any

from pyframework import httputil
from pyframework.httputil import HTTPHeaders, HTTPServerRequest
from pyframework.web import RequestHandler


def test_headers_are_a_mutable_mapping():
    headers = HTTPHeaders({"a-b": "1"})
    assert isinstance(headers, collections.abc.MutableMapping)
    assert issubclass(HTTPHeaders, collections.abc.MutableMapping)
    headers.update({"C": "2"}, d="3")
    assert headers.pop("c") == "2" and headers.setdefault("A-B", "x") == "1"
    assert dict(headers) == {"A-B": "1", "D": "3"} and list(headers) == ["A-B", "D"]


def test_headers_are_copied_and_pickled():
    headers = HTTPHeaders({"a": "1"})
    headers.add("A", "2")
    for other in (copy.copy(headers), copy.deepcopy(headers), headers.copy(), pickle.loads(pickle.dumps(headers))):
        assert type(other) is HTTPHeaders and other.get_list("a") == ["1", "2"]
        other["a"] = "3"
    assert headers["A"] == "1,2"


def test_a_subclass_of_headers_overrides_what_it_likes():
    class Counting(HTTPHeaders):
        added = 0

        def add(self, name: str, value: str, **options: Any) -> None:
            Counting.added += 1
            super().add(name, value, **options)

    headers = Counting()
    headers.add("a", "1")
    headers.parse_line("B: 2\r\n")
    assert dict(headers) == {"A": "1", "B": "2"}
    assert Counting.added == 2


def test_normalize_header_is_a_function(monkeypatch):
    assert httputil._normalize_header("x-YZ") == "X-Yz"
    monkeypatch.setattr(httputil, "_normalize_header", lambda name: "Same")
    headers = HTTPHeaders()
    headers["a"] = "1"
    assert list(headers) == ["Same"] and headers["anything-else"] == "1"


async def test_the_headers_of_a_request_are_copied_to_another(open_site):
    class Proxy(RequestHandler):
        def get(self) -> None:
            headers = HTTPHeaders(self.request.headers)
            headers.pop("Host")
            assert "host" in self.request.headers
            self.write({name.lower(): value for name, value in headers.get_all()})

    response = await (await open_site(Proxy))(headers={"X-a": "1"})
    assert b'"x-a": "1"' in response.body and b"host" not in response.body


async def test_a_request_takes_attributes_and_is_changed(open_site):
    class Changing(RequestHandler):
        def prepare(self) -> None:
            self.request.user = "me"  # type: ignore[attr-defined]
            self.request.remote_ip = "1.2.3.4"
            self.request.headers["X-Added"] = "1"
            self.request.arguments["a"] = [b"2"]

        def get(self) -> None:
            request: Any = self.request
            self.write(f"{request.user} {request.remote_ip} {request.headers['X-Added']} {self.get_argument('a')}")

    assert (await (await open_site(Changing))("/?a=1")).body == b"me 1.2.3.4 1 2"


def test_a_request_is_made_by_hand():
    start_line = httputil.RequestStartLine("GET", "/a?b=c", "HTTP/1.1")
    request = HTTPServerRequest(start_line=start_line, headers=HTTPHeaders({"Host": "x"}), body=b"d")
    assert (request.path, request.query, request.host, request.body) == ("/a", "b=c", "x", b"d")
    assert request.arguments == {"b": [b"c"]}
