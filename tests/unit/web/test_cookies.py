import copy
import http.cookies
import pickle

import pytest

from pyframework import web
from pyframework.httputil import HTTPServerRequest, RequestStartLine
from pyframework.web import Application, RequestHandler


def set_cookie(make_handler, name="a", value="x", **attributes):
    handler = make_handler()
    handler.set_cookie(name, value, **attributes)
    return handler._new_cookie[name].OutputString()


@pytest.mark.parametrize(
    ("attributes", "header"),
    [
        ({}, "a=x; Path=/"),
        ({"value": b"x"}, "a=x; Path=/"),
        ({"value": "a=b"}, 'a="a=b"; Path=/'),
        ({"path": None}, "a=x"),
        ({"domain": "", "max_age": 0, "secure": False, "httponly": False}, "a=x; Path=/"),
        ({"max_age": 5, "secure": True, "httponly": True}, "a=x; HttpOnly; Max-Age=5; Path=/; Secure"),
        ({"domain": "d", "samesite": "Lax"}, "a=x; Domain=d; Path=/; SameSite=Lax"),
        ({"expires": 1e9, "expires_days": 5}, "a=x; expires=Sun, 09 Sep 2001 01:46:40 GMT; Path=/"),
    ],
)
def test_attributes(make_handler, attributes, header):
    assert set_cookie(make_handler, **attributes) == header


def test_other_spellings_are_deprecated(make_handler):
    with pytest.warns(DeprecationWarning, match="HttpOnly"):
        assert set_cookie(make_handler, HttpOnly=True, Path="/b") == "a=x; HttpOnly; Path=/b"


@pytest.mark.parametrize("attribute", ["name", "domain", "path", "samesite", "Path"])
@pytest.mark.parametrize("character", [";", "\n", "\0", "\x7f", " "])
def test_attributes_cannot_break_out(make_handler, attribute, character):
    with pytest.raises(http.cookies.CookieError, match=f"Invalid cookie attribute {attribute}="):
        set_cookie(make_handler, **{attribute: "b" + character})


@pytest.mark.parametrize("attributes", [{"value": "a\nb"}, {"value": "a b"}, {"max_age": "1; Path=/x"}])
def test_bad_values(make_handler, attributes):
    with pytest.raises(ValueError):
        set_cookie(make_handler, **attributes)


def test_last_one_wins(make_handler):
    handler = make_handler()
    assert not hasattr(handler, "_new_cookie")
    handler.set_cookie("a", "1", domain="d")
    handler.set_cookie("a", "2")
    assert handler._new_cookie.output() == "Set-Cookie: a=2; Path=/"


def test_request_cookies(make_handler):
    handler = make_handler(headers={"Cookie": "a=1; b=2"})
    assert handler.get_cookie("a") == "1"
    assert handler.get_cookie("c", "default") == "default"
    assert handler.cookies is handler.request.cookies


@pytest.mark.parametrize("name", ["path", "Expires", "a b", "a,b", "", "ä"])
def test_names_that_no_cookie_may_have(make_handler, name):
    handler = make_handler(headers={"Cookie": f"{name}=1; {name}x=1"})
    assert handler.get_cookie(name, "default") == "default"
    assert name not in handler.cookies
    assert handler.get_cookie(name, "default") == "default"


@pytest.mark.parametrize("value", [r'"\012"', r'"\177"', r'"\240"', "\u200b", '"a b"', '"', ""])
def test_values_are_those_of_the_morsels(make_handler, value):
    handler = make_handler(headers={"Cookie": f"a={value}"})
    first = handler.get_cookie("a", "refused")
    assert first == (handler.cookies["a"].value if "a" in handler.cookies else "refused")
    assert first == handler.get_cookie("a", "refused")


def test_changed_request_cookies_count(make_handler):
    handler = make_handler(headers={"Cookie": "a=1; b=2; c=3"})
    assert handler.get_cookie("a") == "1"
    handler.request.cookies["a"] = "4"
    handler.cookies["b"].set("b", "5", "5")
    del handler.cookies["c"]
    assert [handler.get_cookie(name) for name in "abc"] == ["4", "5", None]
    handler.request.cookies = http.cookies.SimpleCookie("c=6")
    assert [handler.get_cookie(name) for name in "abc"] == [None, None, "6"]


def test_assigned_request_cookies_count(make_handler):
    handler = make_handler(headers={"Cookie": "a=1"})
    handler.request.cookies = http.cookies.SimpleCookie("b=2")
    assert (handler.get_cookie("a"), handler.get_cookie("b")) == (None, "2")


def test_overridden_request_cookies_count(make_handler):
    class Request(HTTPServerRequest):
        cookies = http.cookies.SimpleCookie("b=2")

    handler = make_handler(headers={"Cookie": "a=1"})
    start_line = RequestStartLine("GET", "/", "HTTP/1.1")
    request = Request(headers=handler.request.headers, start_line=start_line, connection=handler.request.connection)
    other = RequestHandler(Application(), request)
    assert (other.get_cookie("a"), other.get_cookie("b")) == (None, "2")


def test_morsels_are_as_if_made_by_hand(make_handler):
    handler = make_handler()
    handler.set_cookie("a", "b,c", domain="d", secure=True)
    cookies = http.cookies.SimpleCookie()
    cookies["a"] = "b,c"
    cookies["a"].update({"domain": "d", "path": "/", "secure": True})
    morsel = handler._new_cookie["a"]
    assert type(handler._new_cookie) is http.cookies.SimpleCookie
    assert type(morsel) is http.cookies.Morsel
    assert morsel == cookies["a"]
    assert handler._new_cookie == cookies
    assert handler._new_cookie.output() == cookies.output()


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_morsels_can_be_copied(make_handler, duplicate):
    handler = make_handler()
    handler.set_cookie("a", "b", samesite="Lax")
    for original in (handler._new_cookie, handler._new_cookie["a"]):
        twin = duplicate(original)
        assert twin == original
        assert twin.output() == original.output() == "Set-Cookie: a=b; Path=/; SameSite=Lax"


def test_morsels_can_be_changed(make_handler):
    handler = make_handler()
    handler.set_cookie("a", "1")
    handler.set_cookie("b", "2")
    changed = handler._new_cookie["a"]
    changed["Max-Age"] = 5
    changed["secure"] = True
    changed["path"] = ""
    changed.set("a", "x y", '"x y"')
    assert changed.OutputString() == 'a="x y"; Max-Age=5; Secure'
    with pytest.raises(http.cookies.CookieError):
        changed["nothing"] = "x"
    assert handler._new_cookie["b"].OutputString() == "b=2; Path=/"
    handler.set_cookie("a", "1")
    assert handler._new_cookie["a"].OutputString() == "a=1; Path=/"


@pytest.mark.parametrize("name", ["Path", "a,b", "", "ä"])
def test_names_that_cannot_be_set(make_handler, name):
    for _ in range(2):
        with pytest.raises(http.cookies.CookieError, match="key"):
            set_cookie(make_handler, name)


def test_a_flag_is_kept_as_it_was_given(make_handler):
    for given in (True, 1, 1.0, "yes"):
        handler = make_handler()
        handler.set_cookie("a", "1", secure=given)
        assert type(handler._new_cookie["a"]["secure"]) is type(given)


def test_cookies_are_sent(fetch):
    class Sets(RequestHandler):
        def get(self):
            self.set_cookie("a", "1")
            self.set_cookie("b", "2", path="/b")

    assert fetch(Sets).headers.get_list("Set-Cookie") == ["a=1; Path=/", "b=2; Path=/b"]


def test_clearing(make_handler):
    handler = make_handler(headers={"Cookie": "a=1; b=2"})
    handler.clear_all_cookies(path="/p")
    for name in "ab":
        assert handler._new_cookie[name].value == ""
        assert handler._new_cookie[name]["path"] == "/p"
        assert handler._new_cookie[name]["expires"]
    for argument in ("expires", "max_age"):
        with pytest.raises(TypeError, match=argument):
            handler.clear_cookie("a", **{argument: 1})


def test_signed_round_trip(make_handler):
    handler = make_handler(cookie_secret="s")
    handler.set_signed_cookie("a", b"\xff", httponly=True)
    morsel = handler._new_cookie["a"]
    assert morsel["httponly"] and morsel["expires"]
    back = make_handler(headers={"Cookie": f"a={morsel.coded_value}"}, cookie_secret="s")
    assert back.get_signed_cookie("a") == b"\xff"
    assert back.get_signed_cookie("a", min_version=2) == b"\xff"
    assert back.get_signed_cookie_key_version("a") == 0
    assert back.get_signed_cookie("b") is None
    assert back.get_signed_cookie_key_version("b") is None
    assert make_handler(cookie_secret="other").get_signed_cookie("a", morsel.value) is None


def test_key_versions(make_handler):
    secrets = {1: "one", 2: "two"}
    with pytest.raises(Exception, match="key_version setting"):
        make_handler(cookie_secret=secrets).create_signed_value("a", "x")
    signed = make_handler(cookie_secret=secrets, key_version=2).create_signed_value("a", "x")
    reader = make_handler(cookie_secret=secrets, key_version=1)
    assert reader.get_signed_cookie("a", signed.decode()) == b"x"
    assert reader.get_signed_cookie_key_version("a", signed.decode()) == 2


def test_secret_is_required(make_handler):
    with pytest.raises(Exception, match="'cookie_secret' setting .* to use secure cookies"):
        make_handler().set_signed_cookie("a", "x")


def test_old_names():
    assert RequestHandler.set_secure_cookie is RequestHandler.set_signed_cookie
    assert RequestHandler.get_secure_cookie is RequestHandler.get_signed_cookie


def test_signed_values_are_made_and_read_by_whatever_web_has(make_handler, monkeypatch):
    handler = make_handler(cookie_secret="secret")
    monkeypatch.setattr(web, "create_signed_value", lambda *args, **kwargs: b"made")
    monkeypatch.setattr(web, "decode_signed_value", lambda *args, **kwargs: b"read")
    handler.set_signed_cookie("a", "b")
    assert handler._new_cookie["a"].value == "made"
    assert handler.get_signed_cookie("a", "b") == b"read"
