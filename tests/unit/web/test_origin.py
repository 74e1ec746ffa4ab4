import pytest

from pyframework.web import RequestHandler

HERE, ELSEWHERE, FRIEND = "http://example.com", "https://evil.example", "https://friend.example"


class Handler(RequestHandler):
    prepared = False

    def prepare(self):
        Handler.prepared = True

    def get(self):
        pass

    post = options = head = get


def ask(fetch, headers, method="POST", handler=Handler):
    return fetch(handler, method=method, headers=headers, cross_origin_protection=True, trusted_origins=[FRIEND])


@pytest.mark.parametrize(
    ("site", "origin", "status"),
    [
        (None, None, 200),
        ("same-origin", None, 200),
        ("same-origin", ELSEWHERE, 200),
        ("none", None, 200),
        ("same-site", None, 403),
        ("cross-site", None, 403),
        ("cross-site", HERE, 403),
        ("cross-site", FRIEND, 200),
        ("", None, 403),
        (None, HERE, 200),
        (None, "HTTP://EXAMPLE.COM/path", 200),
        (None, HERE + ":8080", 403),
        (None, ELSEWHERE, 403),
        (None, FRIEND, 200),
        (None, FRIEND + "/", 403),
        (None, "null", 403),
        (None, "", 403),
        (None, "http://[::1", 403),
    ],
)
def test_decision(fetch, caplog, site, origin, status):
    headers = {"Sec-Fetch-Site": site, "Origin": origin}
    answer = ask(fetch, {name: value for name, value in headers.items() if value is not None})
    assert answer.status == status
    assert ("not allowed" in caplog.text) == (status == 403)
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_safe_methods_are_free(fetch, method):
    assert ask(fetch, {"Sec-Fetch-Site": "cross-site", "Origin": ELSEWHERE}, method).status == 200


def test_before_prepare_and_before_the_method(fetch):
    Handler.prepared = False
    assert ask(fetch, {"Sec-Fetch-Site": "cross-site"}, "PUT").status == 403
    assert not Handler.prepared


def test_off_by_default(fetch):
    assert fetch(Handler, method="POST", headers={"Origin": ELSEWHERE}).status == 200


def test_override(fetch):
    class Open(Handler):
        def check_trusted_origin(self, origin):
            return True

        def check_origin(self, origin):
            raise AssertionError("this one is for websockets")

    assert ask(fetch, {"Sec-Fetch-Site": "cross-site", "Origin": ELSEWHERE}, handler=Open).status == 200
