import hashlib

import pytest

from pyframework.web import RequestHandler


class Fixed(RequestHandler):
    def get(self):
        self.write("text")

    def compute_etag(self):
        return '"x"'


def test_default_is_a_hash_of_the_body(fetch):
    class Plain(RequestHandler):
        def get(self):
            self.write("he")
            self.write("llo")

    assert fetch(Plain).headers["Etag"] == f'"{hashlib.sha1(b"hello").hexdigest()}"'


@pytest.mark.parametrize(
    ("if_none_match", "status"),
    [
        ('"x"', 304),
        ("*", 304),
        ('W/"x"', 304),
        ('"y", "x"', 304),
        ('"y"', 200),
        ("x", 200),
        ("", 200),
    ],
)
def test_if_none_match(fetch, if_none_match, status):
    answer = fetch(Fixed, headers={"If-None-Match": if_none_match})
    assert answer.status == status
    assert answer.headers["Etag"] == '"x"'
    assert answer.body == (b"" if status == 304 else b"text")
    assert ("Content-Length" in answer.headers) == ("Content-Type" in answer.headers) == (status == 200)


def test_no_etag_where_it_makes_no_sense(fetch):
    class Answers(RequestHandler):
        def post(self):
            self.write("text")

        def get(self):
            self.set_status(201)

        def compute_etag(self):
            raise AssertionError

    for method in ("GET", "POST"):
        assert "Etag" not in fetch(Answers, method=method).headers


def test_none_and_own_header(fetch):
    class Without(RequestHandler):
        def get(self):
            pass

        def compute_etag(self):
            return None

    class Own(RequestHandler):
        def get(self):
            self.set_header("Etag", '"mine"')

    assert "Etag" not in fetch(Without).headers
    assert fetch(Without, headers={"If-None-Match": "*"}).status == 200
    # Whoever sets it checks it.
    assert fetch(Own, headers={"If-None-Match": '"mine"'}).status == 200


def test_early_check(make_handler):
    handler = make_handler(Fixed, headers={"If-None-Match": '"x"'})
    assert not handler.check_etag_header()
    handler.set_etag_header()
    assert handler.check_etag_header()
