import pytest

from pyframework.web import HTTPError, MissingArgumentError, RequestHandler


def test_values_are_decoded_and_stripped(make_handler):
    handler = make_handler(path="/?a=+x+&a=%C3%A9&d=")
    assert handler.get_argument("a") == "é"
    assert handler.get_arguments("a") == ["x", "é"]
    assert handler.get_arguments("a", strip=False) == [" x ", "é"]
    assert handler.get_argument("d") == ""


def test_control_characters_become_spaces(make_handler):
    handler = make_handler(path="/?a=%00b%0D%0Ac%1f")
    assert handler.get_argument("a", strip=False) == " b\r\nc "


def test_missing_arguments(make_handler):
    handler = make_handler()
    assert handler.get_argument("a", None) is None
    assert handler.get_query_argument("a", "default") == "default"
    assert handler.get_body_arguments("a") == []
    for get in (handler.get_argument, handler.get_query_argument, handler.get_body_argument):
        with pytest.raises(MissingArgumentError) as caught:
            get("a")
        assert caught.value.arg_name == "a"


def test_get_arguments_has_no_default(make_handler):
    with pytest.raises(AssertionError):
        make_handler().get_arguments("a", "default")


def test_invalid_utf8_is_a_bad_request(make_handler):
    with pytest.raises(HTTPError, match=r"Invalid unicode in a: b'\\xff'") as caught:
        make_handler(path="/?a=%FF").get_argument("a")
    assert caught.value.status_code == 400


def test_query_and_body_are_told_apart(fetch):
    class Echo(RequestHandler):
        def post(self):
            self.write(
                {
                    "both": self.get_arguments("a"),
                    "last": self.get_argument("a"),
                    "query": self.get_query_argument("a"),
                    "body": self.get_body_argument("a"),
                }
            )

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = fetch(Echo, "/?a=q", "POST", form, b"a=b")
    assert answer.body == b'{"both": ["q", "b"], "last": "b", "query": "q", "body": "b"}'


def test_path_arguments(fetch):
    from pyframework.web import Application

    class Echo(RequestHandler):
        def get(self, *args, **kwargs):
            self.write(repr((args, kwargs, self.path_args, self.path_kwargs)))

    application = Application([("/p/(.*?)/(x)?", Echo), ("/k/(?P<name>.*)", Echo)])
    assert fetch(application, "/p/%C3%A9/").body.decode() == "(('é', None), {}, ['é', None], {})"
    assert fetch(application, "/k/a%2Fb").body.decode() == "((), {'name': 'a/b'}, [], {'name': 'a/b'})"
    assert fetch(application, "/k/%FF").status == 400


def test_decode_argument_may_keep_bytes(make_handler):
    class Raw(RequestHandler):
        def decode_argument(self, value, name=None):
            return value

    assert make_handler(Raw, "/?a=+%FF").get_argument("a") == b"\xff"
