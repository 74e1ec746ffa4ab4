import datetime
import time

import pytest

from pyframework.httputil import format_timestamp
from pyframework.web import Application, RequestHandler


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        ("\xe9\t", "\xe9\t"),
        (b"\xe9", "\xe9"),
        (5, "5"),
        (datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), "Wed, 01 Jan 2020 00:00:00 GMT"),
    ],
)
def test_values_become_text(make_handler, value, text):
    handler = make_handler()
    handler.set_header("x-value", value)
    assert handler._headers["X-Value"] == text


@pytest.mark.parametrize("value", ["a\r\nb", "a\0", "\x7f", "\u4e2d", b"\n"])
def test_unsafe_values(make_handler, value):
    with pytest.raises(ValueError, match="Unsafe header value"):
        make_handler().set_header("X", value)


@pytest.mark.parametrize("value", [1.5, None, ["a"]])
def test_unsupported_values(make_handler, value):
    with pytest.raises(TypeError, match="Unsupported header value"):
        make_handler().add_header("X", value)


def test_add_and_clear(make_handler):
    handler = make_handler()
    handler.add_header("X", "1")
    handler.add_header("x", 2)
    assert handler._headers.get_list("X") == ["1", "2"]
    handler.clear_header("x")
    handler.clear_header("not there")
    assert "X" not in handler._headers


@pytest.mark.parametrize(
    ("code", "reason", "shown"),
    [
        (200, None, "OK"),
        (299, None, "Unknown"),
        (200, "Fine", "Fine"),
        (200, "a\tb", "a\tb"),
        (200, "", "Unknown"),
        (200, "OK\r\nX: y", "Unknown"),
        (200, "<b>", "Unknown"),
    ],
)
def test_status(make_handler, code, reason, shown):
    handler = make_handler()
    handler.set_status(code, reason)
    assert (handler.get_status(), handler._reason) == (code, shown)


def test_clear_starts_anew(make_handler):
    class Named(RequestHandler):
        def set_default_headers(self):
            self.set_header("Server", "mine")

    handler = make_handler(Named)
    handler.set_header("X", "1")
    handler.set_status(404)
    handler.write("text")
    handler.clear()
    assert sorted(handler._headers) == ["Content-Type", "Date", "Server"]
    assert handler._headers["Server"] == "mine"
    assert (handler.get_status(), handler._write_buffer) == (200, [])


def test_date_is_made_once_a_second(make_handler, monkeypatch):
    make_default, made = RequestHandler._default_headers, []
    counted = lambda self, now: made.append(now) or make_default(self, now)  # noqa: E731
    monkeypatch.setattr(RequestHandler, "_default_headers", counted)
    before = int(time.time()) - 1  # the clock of the core may be a tick behind
    dates = [make_handler()._headers["Date"] for _ in range(50)]
    seconds = range(before, int(time.time()) + 1)
    assert len(made) == len(set(made)) and set(made) <= set(seconds)
    assert set(dates) <= {format_timestamp(second) for second in seconds}


def test_handlers_do_not_share_headers(make_handler):
    make_handler()._headers["X"] = "1"
    assert "X" not in make_handler()._headers


class Json(RequestHandler):
    def get(self):
        self.set_cookie("a", "b")
        self.write({})


def marked(original):
    return lambda self, name, value: original(self, f"X-{name}", value)


def check_marked(fetch, target):
    headers = fetch(target).headers
    assert headers["X-Content-Type"] == "application/json; charset=UTF-8" and headers["X-Content-Length"] == "2"
    assert headers["X-Etag"].startswith('"') and headers["X-Set-Cookie"] == "a=b; Path=/"
    assert headers["Content-Type"].startswith("text/html")
    assert not {"Content-Length", "Etag", "Set-Cookie"} & set(headers)


def test_the_framework_s_own_headers_pass_what_a_subclass_overrides(fetch):
    class Marked(Json):
        set_header, add_header = marked(RequestHandler.set_header), marked(RequestHandler.add_header)

    check_marked(fetch, Marked)


def test_the_framework_s_own_headers_pass_what_replaces_a_method(fetch, monkeypatch):
    application = Application([("/", Json)])
    plain = fetch(application).headers
    with monkeypatch.context() as patch:
        for name in ("set_header", "add_header"):
            patch.setattr(RequestHandler, name, marked(getattr(RequestHandler, name)))
        check_marked(fetch, application)
    assert set(fetch(application).headers) == set(plain) >= {"Content-Length", "Etag", "Set-Cookie"}


def test_the_framework_s_own_headers_pass_what_an_instance_has(fetch):
    class Own(Json):
        def prepare(self):
            for name in ("set_header", "add_header"):
                setattr(self, name, marked(getattr(RequestHandler, name)).__get__(self))

    check_marked(fetch, Own)


def test_an_overridden_set_header_gets_the_values_as_they_are(fetch):
    seen = {}

    class Seeing(RequestHandler):
        def get(self):
            self.write("text")

        def compute_etag(self):
            return b'"x"'

        def set_header(self, name, value):
            seen[name] = value
            super().set_header(name, value)

    assert fetch(Seeing).headers["Etag"] == '"x"'
    assert seen == {"Etag": b'"x"', "Content-Length": 4}
