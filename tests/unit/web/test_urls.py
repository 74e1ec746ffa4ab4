import pytest

from pyframework.web import HTTPError, StaticFileHandler


@pytest.fixture(autouse=True)
def forget_versions():
    StaticFileHandler.reset()


def test_static_url(make_handler, tmp_path):
    (tmp_path / "a.txt").write_text("a")
    handler = make_handler(static_path=str(tmp_path))
    url = handler.static_url("a.txt")
    assert url.startswith("/static/a.txt?v=") and len(url) == len("/static/a.txt?v=") + 128
    assert handler.static_url("a.txt", include_host=True) == "http://example.com" + url
    assert handler.static_url("a.txt", include_version=False) == "/static/a.txt"
    handler.include_host = True
    assert handler.static_url("a.txt") == "http://example.com" + url
    assert handler.static_url("a.txt", include_host=False) == url
    with pytest.raises(HTTPError, match="not in root static directory"):
        handler.static_url("../a.txt")


def test_own_handler_class(make_handler):
    class Mine(StaticFileHandler):
        @classmethod
        def make_static_url(cls, settings, path, color="red"):
            return f"/{color}/{path}"

    handler = make_handler(static_path="any", static_handler_class=Mine)
    assert handler.static_url("a", color="blue") == "/blue/a"


def test_static_path_is_required(make_handler):
    with pytest.raises(Exception, match="'static_path' setting .* static_url"):
        make_handler().static_url("a")


def test_reverse_url(make_handler):
    handler = make_handler()
    with pytest.raises(KeyError, match="nix not found in named urls"):
        handler.reverse_url("nix")
