import pytest

from pyframework.web import RequestHandler


def test_found_once(make_handler):
    class Known(RequestHandler):
        asked = 0

        def get_current_user(self):
            self.asked += 1
            return ""

    handler = make_handler(Known)
    assert handler.current_user == handler.current_user == ""
    assert handler.asked == 1


def test_set(make_handler):
    class Known(RequestHandler):
        def get_current_user(self):
            raise AssertionError

    handler = make_handler(Known)
    handler.current_user = "me"
    assert handler.current_user == "me"


def test_unknown(make_handler):
    assert make_handler().current_user is None


def test_login_url(make_handler):
    assert make_handler(login_url="/login").get_login_url() == "/login"
    with pytest.raises(Exception, match="'login_url' setting"):
        make_handler().get_login_url()
