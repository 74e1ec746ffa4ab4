import asyncio
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from pyframework import escape, web
from pyframework.web import Finish, HTTPError, OutputTransform, RequestHandler


def handler_of(get):
    return type("Handler", (RequestHandler,), {"get": get, "head": get})


def test_one_piece(fetch):
    answer = fetch(handler_of(lambda self: self.write("hello")))
    assert answer.calls == ["write_headers", "finish"]
    assert tuple(answer.start_line)[1:] == (200, "OK")
    assert answer.headers["Content-Length"] == "5"
    assert answer.body == b"hello"
    assert answer.close_callback is None


@pytest.mark.parametrize(
    ("chunk", "written", "content_type"),
    [
        ("é", "é".encode(), "text/html; charset=UTF-8"),
        (b"\xff", b"\xff", "text/html; charset=UTF-8"),
        ({"a": "</b>"}, b'{"a": "<\\/b>"}', "application/json; charset=UTF-8"),
    ],
)
def test_write(make_handler, chunk, written, content_type):
    handler = make_handler()
    handler.write(chunk)
    assert handler._write_buffer == [written]
    assert handler._headers["Content-Type"] == content_type


@pytest.mark.parametrize("chunk", [[1], 5, None, bytearray(b"x")])
def test_write_refuses(make_handler, chunk):
    with pytest.raises(TypeError, match="only accepts bytes, unicode, and dict"):
        make_handler().write(chunk)


def test_flush_streams(fetch):
    async def get(self):
        self.write("a")
        await self.flush()
        await self.flush()
        self.write("b")
        await self.flush()
        await self.finish("c")

    answer = fetch(handler_of(get))
    assert answer.calls == ["write_headers", "write", "write", "write", "finish"]
    assert answer.chunks == [b"a", b"", b"b", b"c"]
    assert "Content-Length" not in answer.headers and "Etag" not in answer.headers


def test_head_has_no_body_but_its_length(fetch):
    async def get(self):
        self.write("a")
        if self.request.path == "/flush":
            await self.flush()
            self.write("b")

    answer = fetch(handler_of(get), method="HEAD")
    assert (answer.body, answer.headers["Content-Length"]) == (b"", "1")
    assert "Etag" in answer.headers
    assert fetch(handler_of(get), "/flush", method="HEAD").calls == ["write_headers", "finish"]


@pytest.mark.parametrize("status", [100, 199, 204, 304])
def test_statuses_without_body(fetch, status):
    answer = fetch(handler_of(lambda self: self.set_status(status)))
    assert answer.status == status
    assert not {"Content-Length", "Content-Type", "Content-Encoding"} & set(answer.headers)


def test_body_that_the_status_forbids(fetch, caplog):
    def get(self):
        self.set_status(204)
        self.write("x")

    assert fetch(handler_of(get)).status == 500
    assert "Cannot send body with status code HTTP204" in caplog.text


def test_order_at_the_end(fetch):
    seen = []

    class Handler(RequestHandler):
        def get(self):
            self.finish("x")

        def on_finish(self):
            seen.append(("on_finish", self._finished, self.request.connection.calls[-1]))

        def _log(self):
            seen.append(("_log", self._finished, self.request.connection.calls[-1]))

    fetch(Handler)
    assert seen == [("_log", False, "finish"), ("on_finish", True, "finish")]


@pytest.mark.parametrize("late", ["write", "finish", "redirect"])
def test_after_the_end(fetch, caplog, late):
    def get(self):
        self.finish()
        getattr(self, late)("x") if late != "finish" else self.finish()

    assert fetch(handler_of(get)).calls == ["write_headers", "finish"]
    assert "Uncaught exception" in caplog.text


def test_finish_returns_a_future(fetch):
    futures = []
    fetch(handler_of(lambda self: futures.append(self.finish())))
    assert asyncio.isfuture(futures[0]) and futures[0].done()


@pytest.mark.parametrize(
    ("arguments", "status"),
    [({}, 302), ({"permanent": True}, 301), ({"status": 307}, 307), ({"permanent": True, "status": 303}, 303)],
)
def test_redirect(fetch, arguments, status):
    answer = fetch(handler_of(lambda self: self.redirect("/é", **arguments)))
    assert answer.status == status
    assert answer.headers["Location"] == "/é".encode().decode("latin1")


@pytest.mark.parametrize("status", [200, 400, "301"])
def test_redirect_with_another_status(make_handler, status):
    with pytest.raises(AssertionError, match="from 300 to 399"):
        make_handler().redirect("/", status=status)


def test_send_error(fetch):
    def get(self):
        self.set_header("X", "1")
        self.write("lost")
        self.send_error(503, reason="Later")

    answer = fetch(handler_of(get))
    assert (answer.status, answer.reason) == (503, "Later")
    assert answer.body == b"<html><title>503: Later</title><body>503: Later</body></html>"
    assert "X" not in answer.headers


def test_send_error_when_it_is_too_late(fetch, caplog):
    def get(self):
        self.write("a")
        self.flush()
        self.send_error(500)

    answer = fetch(handler_of(get))
    assert answer.calls == ["write_headers", "write", "finish"]
    assert answer.status == 200
    assert "Cannot send error response after headers written" in caplog.text


def test_write_error_that_fails(fetch, caplog):
    class Handler(RequestHandler):
        def get(self):
            raise HTTPError(403)

        def write_error(self, status_code, **kwargs):
            assert kwargs["exc_info"][0] is HTTPError
            raise ZeroDivisionError

    answer = fetch(Handler)
    assert (answer.status, answer.body) == (403, b"")
    assert "Uncaught exception in write_error" in caplog.text


def test_traceback_for_developers(fetch):
    def get(self):
        raise HTTPError(403, "secret")

    answer = fetch(handler_of(get), serve_traceback=True)
    assert answer.headers["Content-Type"] == "text/plain"
    assert b"Traceback" in answer.body and b"secret" in answer.body
    assert b"secret" not in fetch(handler_of(get)).body


@pytest.mark.parametrize("status", [204, 304])
def test_error_without_body(fetch, status):
    def get(self):
        raise HTTPError(status)

    answer = fetch(handler_of(get))
    assert (answer.status, answer.body) == (status, b"")


def test_reason_of_the_exception_wins(fetch):
    def get(self):
        raise HTTPError(682, reason="Foo")

    assert fetch(handler_of(get)).reason == "Foo"


def test_last_words(fetch):
    def get(self):
        self.set_status(401)
        raise Finish("who are you?")

    answer = fetch(handler_of(get))
    assert (answer.status, answer.body) == (401, b"who are you?")


def test_transforms(fetch):
    class Upper(OutputTransform):
        def transform_first_chunk(self, status_code, headers, chunk, finishing):
            headers["X-Finishing"] = str(finishing)
            return 201, headers, chunk.upper()

        def transform_chunk(self, chunk, finishing):
            return chunk.upper() + (b"." if finishing else b"")

    async def get(self):
        self.write("a")
        if self.request.path == "/flush":
            await self.flush()
        self.write("b")

    from pyframework.web import Application

    application = Application([(".*", handler_of(get))], transforms=[Upper])
    answer = fetch(application)
    assert (answer.status, answer.body, answer.headers["X-Finishing"]) == (201, b"AB", "True")
    answer = fetch(application, "/flush")
    assert (answer.body, answer.headers["X-Finishing"]) == (b"AB.", "False")


def test_detach(fetch):
    streams = []
    answer = fetch(handler_of(lambda self: streams.append(self.detach())))
    assert streams == ["the stream"]
    assert answer.calls == ["detach"]


@pytest.mark.parametrize("encoded", ["[]", b"[]"])
@pytest.mark.parametrize("of", ["escape", "web.escape"])
def test_a_dict_is_encoded_by_whatever_escape_has(fetch, monkeypatch, of, encoded):
    if of == "escape":
        monkeypatch.setattr(escape, "json_encode", lambda value: encoded)
    else:
        monkeypatch.setattr(web, "escape", SimpleNamespace(json_encode=lambda value: encoded))
    answer = fetch(handler_of(lambda self: self.write({})))
    assert answer.body == b"[]" and answer.headers["Content-Type"].startswith("application/json")


def test_errors_are_logged_to_whatever_web_has(fetch, monkeypatch):
    def refuse(self):
        raise HTTPError(400, "no")

    application, general = Mock(), Mock()
    monkeypatch.setattr(web, "app_log", application)
    monkeypatch.setattr(web, "gen_log", general)
    fetch(handler_of(lambda self: 1 / 0))
    fetch(handler_of(refuse))
    assert [call[0] for call in application.method_calls] == ["error"]
    assert [call[0] for call in general.method_calls] == ["warning"]


def test_the_error_page_escapes_the_reason(fetch):
    answer = fetch(handler_of(lambda self: self.send_error(400, reason="A & 'B'")))
    title = "400: A &amp; &#x27;B&#x27;"
    assert answer.body.decode() == f"<html><title>{title}</title><body>{title}</body></html>"
    assert answer.reason == "A & 'B'"
