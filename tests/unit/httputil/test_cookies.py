"""Morsels; how the Cookie header is read, test_values.py tests."""

from http.cookies import CookieError, Morsel, SimpleCookie

import pytest

from pyframework.httputil._cookies import is_cookie, morsel_attributes, put_cookie


def assigned(name: str, value: str) -> SimpleCookie:
    cookies: SimpleCookie = SimpleCookie()
    cookies[name] = value
    return cookies


@pytest.mark.parametrize("value", ["", "b", "b c", 'b"c', "\u00e4", "\u20ac"])
def test_put_cookie_is_an_assignment(value: str) -> None:
    cookies: SimpleCookie = SimpleCookie()
    morsel = put_cookie(cookies, "a", value)
    assert type(morsel) is Morsel
    assert morsel is cookies["a"]
    assert cookies == assigned("a", value)
    assert cookies.output() == assigned("a", value).output()
    assert is_cookie("a", value)


@pytest.mark.parametrize("name", ["", "a b", "a;b", "\u00e4", *Morsel(), "PATH"])
def test_refused_names(name: str) -> None:
    cookies: SimpleCookie = SimpleCookie()
    with pytest.raises(CookieError) as refusal:
        assigned(name, "x")
    with pytest.raises(CookieError) as same:
        put_cookie(cookies, name, "x")
    assert same.value.args == refusal.value.args
    assert not cookies
    assert not is_cookie(name, "x")


@pytest.mark.parametrize("value", ["\0", "a\nb", "\x7f", "\x85", "\u200b"])
def test_values_are_refused_as_by_this_python(value: str) -> None:
    try:
        assigned("a", value)
        accepted = True
    except CookieError:
        accepted = False
    assert is_cookie("a", value) is accepted


def test_attributes() -> None:
    morsel: Morsel[str] = Morsel()
    assert morsel_attributes({"path": "", "secure": False, "domain": None}) == dict(morsel)
    morsel["path"], morsel["secure"] = "/", True
    attributes = morsel_attributes({"path": "/", "secure": True})
    assert attributes == dict(morsel)
    assert put_cookie(SimpleCookie(), "a", "b", attributes).OutputString() == "a=b; Path=/; Secure"
    with pytest.raises(CookieError):
        morsel_attributes({"nothing": "x"})
