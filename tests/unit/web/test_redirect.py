import pytest

from pyframework.web import Application, RedirectHandler, _is_protocol_relative, _scheme_and_netloc


def redirect(fetch, pattern, url, path, **arguments):
    return fetch(Application([(pattern, RedirectHandler, {"url": url, **arguments})]), path)


def test_permanent_or_not(fetch):
    answer = redirect(fetch, "/a", "/b", "/a")
    assert (answer.status, answer.headers["Location"]) == (301, "/b")
    assert redirect(fetch, "/a", "/b", "/a", permanent=False).status == 302


@pytest.mark.parametrize(
    ("pattern", "url", "path", "location"),
    [
        ("/a", "/b", "/a?x=1&x=2", "/b?x=1&x=2"),
        ("/a", "/b?y=0", "/a?x=1", "/b?y=0&x=1"),
        ("/(.*?)/(.*?)/(.*)", "/{1}/{0}/{2}", "/a/b/c", "/b/a/c"),
        ("/(?P<name>.*)", "/to/{name}", "/a", "/to/a"),
        ("/(.*)/t", "/{0}/d", "/a/b/t", "/a/b/d"),
        ("/moved(.*)", "https://example.com{0}", "/moved/x", "https://example.com/x"),
        ("/any/(.*)", "{0}", "/any/foo/bar", "foo/bar"),
    ],
)
def test_target(fetch, pattern, url, path, location):
    answer = redirect(fetch, pattern, url, path)
    assert (answer.status, answer.headers["Location"]) == (301, location)


@pytest.mark.parametrize(
    ("url", "value"),
    [
        ("/{0}/d", "%2Fevil.com"),
        ("/{0}/d", "%5C%5Cevil.com"),
        ("/{0}/d", "%09//evil.com"),
        ("/{0}", "/evil.com?x=1"),
        ("https://{0}", "evil.com"),
        ("https:{0}", "evil.com"),
        ("https:{0}", "////evil.com"),
        ("https://example.com{0}", ".evil.com/"),
        ("https://example.com{0}", "@evil.com/"),
        ("https://example.com{0}", ":8080/"),
        ("https://example.com{0}", "%7Bx@evil.com"),
        ("{0}", "https://evil.com/"),
        ("{0}", "javascript:alert(1)"),
        ("{0}", "%5C%5Cevil.com"),
        ("{0}", "//%5B?x=1"),
        ("{0}", "%20//evil.com"),
        ("/{0}", "a%0Ab"),
        ("/{0}", "a%00b"),
    ],
)
def test_client_cannot_choose_the_host(fetch, caplog, url, value):
    assert redirect(fetch, "/p/(.*)", url, "/p/" + value).status == 400
    assert "Redirect URL c" in caplog.text and "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("/a//b", ("", "")),
        ("//H/a", ("", "h")),
        (" \t\\/h", ("", "h")),
        ("HTTPS:\\h?x", ("https", "h")),
        ("mailto:a@b", ("mailto", "")),
        ("x-y://u@h:1/", ("x-y", "u@h:1")),
    ],
)
def test_what_a_browser_sees(url, seen):
    assert _scheme_and_netloc(url) == seen


def test_protocol_relative():
    assert _is_protocol_relative("//a") and _is_protocol_relative("/\\a") and _is_protocol_relative("/\t/a")
    assert not _is_protocol_relative("/a//b") and not _is_protocol_relative("https://a")
