import logging

import pytest

from pyframework.web import HTTPError, RequestHandler


class Form(RequestHandler):
    def get(self):
        self.write(self.xsrf_token)

    def post(self):
        self.write("ok")


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def post(fetch, token="", cookie="", headers=None, **settings):
    body = b"_xsrf=" + token.encode() if token else b""
    return fetch(Form, "/", "POST", {"Cookie": cookie, **FORM, **(headers or {})}, body, xsrf_cookies=True, **settings)


def token_of(fetch, **settings):
    return fetch(Form, xsrf_cookies=True, **settings).body.decode()


@pytest.mark.parametrize("version", [1, 2])
def test_token_and_cookie(fetch, version):
    answer = fetch(Form, xsrf_cookies=True, xsrf_cookie_version=version)
    token = answer.body.decode()
    assert answer.headers["Set-Cookie"] == f"_xsrf={token}; Path=/"
    assert post(fetch, token, f"_xsrf={token}").status == 200
    assert post(fetch, "", f"_xsrf={token}", {"X-Csrftoken": token}).status == 200
    assert post(fetch, "", f"_xsrf={token}", {"X-Xsrftoken": token}).status == 200


def test_mask_is_new_each_time(make_handler):
    cookie = make_handler().xsrf_token.decode()
    handlers = [make_handler(headers={"Cookie": f"_xsrf={cookie}"}) for _ in range(3)]
    tokens = {handler.xsrf_token for handler in handlers}
    assert len(tokens) == 3
    assert len({handler._decode_xsrf_token(handler.xsrf_token.decode())[1] for handler in handlers}) == 1
    assert not any(hasattr(handler, "_new_cookie") for handler in handlers)


def test_versions_are_compatible(fetch, make_handler):
    cookie = make_handler(xsrf_cookie_version=1).xsrf_token.decode()
    upgraded = make_handler(headers={"Cookie": f"_xsrf={cookie}"}).xsrf_token.decode()
    assert upgraded.startswith("2|")
    assert post(fetch, upgraded, f"_xsrf={cookie}").status == 200
    assert post(fetch, cookie, f"_xsrf={upgraded}").status == 200


@pytest.mark.parametrize("short", ["deadbeef", "xoxo"])
def test_old_tokens_of_any_form(fetch, short):
    assert post(fetch, short, f"_xsrf={short}").status == 200


@pytest.mark.parametrize(
    ("token", "cookie", "message"),
    [
        ("", "_xsrf=abcd", "'_xsrf' argument missing from POST"),
        ("3%7C", "_xsrf=abcd", "'_xsrf' argument has invalid format"),
        ("abcd", "", "XSRF cookie does not match POST argument"),
        ("abcd", "_xsrf=3|", "XSRF cookie does not match POST argument"),
        ("abcd", "_xsrf=dcba", "XSRF cookie does not match POST argument"),
    ],
)
def test_refused(fetch, caplog, token, cookie, message):
    assert post(fetch, token, cookie).status == 403
    assert message in caplog.text


@pytest.mark.parametrize("token", ["2|", "2|aabb|00|1", "2|aabbccdd|0|1", "2|aabbccdd|00|x", "2|a|b|c|d", "1|a", "9|"])
def test_malformed_tokens(make_handler, caplog, token):
    with caplog.at_level(logging.INFO):
        assert make_handler()._decode_xsrf_token(token) == (None, None, None)
    assert not caplog.records


def test_settings(make_handler):
    settings = {"xsrf_cookie_name": "__Host-x", "xsrf_cookie_kwargs": {"secure": True}}
    handler = make_handler(**settings)
    handler.current_user = "me"
    token = handler.xsrf_token.decode()
    assert handler._new_cookie["__Host-x"]["secure"] and handler._new_cookie["__Host-x"]["expires"]
    handler = make_handler(headers={"Cookie": f"__Host-x={token}", "X-Xsrftoken": token}, **settings)
    handler.check_xsrf_cookie()
    with pytest.raises(HTTPError):
        make_handler(headers={"Cookie": f"_xsrf={token}", "X-Xsrftoken": token}, **settings).check_xsrf_cookie()
    with pytest.raises(ValueError, match="unknown xsrf cookie version 3"):
        _ = make_handler(xsrf_cookie_version=3).xsrf_token


def test_form_html(make_handler):
    handler = make_handler()
    assert handler.xsrf_form_html() == f'<input type="hidden" name="_xsrf" value="{handler.xsrf_token.decode()}"/>'


def test_safe_methods_are_free(fetch):
    assert fetch(Form, xsrf_cookies=True).status == 200
    assert fetch(Form, method="POST").status == 200
