import pytest

from pyframework.web import (
    RequestHandler,
    _has_stream_request_body,
    addslash,
    authenticated,
    removeslash,
    stream_request_body,
)


class Private(RequestHandler):
    @authenticated
    def get(self):
        self.write(self.current_user)

    post = get

    def get_current_user(self):
        return self.get_argument("user", None)


@pytest.mark.parametrize(
    ("login_url", "location"),
    [
        ("/login", "/login?next=%2Fa%3Fb%3Dc"),
        ("/login?x", "/login?x"),
        ("http://login.example/", "http://login.example/?next=http%3A%2F%2Fexample.com%2Fa%3Fb%3Dc"),
    ],
)
def test_login(fetch, login_url, location):
    answer = fetch(Private, "/a?b=c", login_url=login_url)
    assert (answer.status, answer.headers["Location"]) == (302, location)


def test_known_users(fetch):
    assert fetch(Private, "/?user=me").body == b"me"
    assert fetch(Private, method="POST").status == 403


class With(RequestHandler):
    @addslash
    def get(self):
        self.write("with")

    post = get


class Without(RequestHandler):
    @removeslash
    def get(self):
        self.write("without")

    post = get


@pytest.mark.parametrize(
    ("handler", "path", "location"),
    [
        (With, "/a", "/a/"),
        (With, "/a?b=c", "/a/?b=c"),
        (Without, "/a/", "/a"),
        (Without, "/a//?b=c", "/a?b=c"),
    ],
)
def test_slashes(fetch, handler, path, location):
    answer = fetch(handler, path)
    assert (answer.status, answer.headers["Location"]) == (301, location)
    assert fetch(handler, path, "POST").status == 404


@pytest.mark.parametrize(("handler", "path"), [(With, "/a/"), (Without, "/a"), (Without, "/")])
def test_slashes_as_wanted(fetch, handler, path):
    assert fetch(handler, path).status == 200


@pytest.mark.parametrize(("handler", "path"), [(With, "//evil.com"), (Without, "//evil.com/"), (Without, "///e//")])
def test_no_way_to_other_sites(fetch, caplog, handler, path):
    assert fetch(handler, path).status == 403
    assert "cannot redirect path with two initial slashes" in caplog.text


def test_stream_request_body():
    class Handler(RequestHandler):
        pass

    assert not _has_stream_request_body(Handler)
    assert stream_request_body(Handler) is Handler
    assert _has_stream_request_body(Handler) and not _has_stream_request_body(RequestHandler)
    for decorator in (stream_request_body, _has_stream_request_body):
        with pytest.raises(TypeError):
            decorator(dict)
        with pytest.raises(TypeError):
            decorator(5)


def test_wrapped_methods_keep_their_names():
    assert With.get.__name__ == Private.get.__name__ == "get"
