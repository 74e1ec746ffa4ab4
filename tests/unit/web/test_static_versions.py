import hashlib
import os

import pytest

from pyframework.web import HTTPError, StaticFileHandler


@pytest.fixture(autouse=True)
def forget_versions():
    StaticFileHandler.reset()
    yield
    StaticFileHandler.reset()


@pytest.fixture
def settings(tmp_path):
    for name in "abc":
        (tmp_path / name).write_text(name)
    return {"static_path": str(tmp_path)}


def sha512(text):
    return hashlib.sha512(text.encode()).hexdigest()


def test_version_is_a_hash(settings):
    assert StaticFileHandler.get_version(settings, "a") == sha512("a")
    assert StaticFileHandler.make_static_url(settings, "a") == f"/static/a?v={sha512('a')}"
    assert StaticFileHandler.make_static_url({**settings, "static_url_prefix": "/s/"}, "a", False) == "/s/a"


@pytest.mark.parametrize("name", ["nix", "", "fifo", "a\0b"])
def test_no_version(settings, caplog, name):
    os.mkfifo(os.path.join(settings["static_path"], "fifo"))
    assert StaticFileHandler.get_version(settings, name) is None
    assert StaticFileHandler.make_static_url(settings, name) == "/static/" + name
    assert len(caplog.records) == 1 and "Could not open static file" in caplog.text


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", ".."])
def test_outside(settings, name):
    with pytest.raises(HTTPError) as caught:
        StaticFileHandler.get_version(settings, name)
    assert caught.value.status_code == 403


def test_large_files_have_none(settings, caplog):
    class Small(StaticFileHandler):
        MAX_VERSION_CONTENT_SIZE = 0

    assert Small.get_version(settings, "a") is None
    assert "larger than 0 bytes" in caplog.text


def test_remembered_until_reset(settings, tmp_path):
    before = StaticFileHandler.get_version(settings, "a")
    (tmp_path / "a").write_text("changed")
    assert StaticFileHandler.get_version(settings, "a") == before
    StaticFileHandler.reset()
    assert StaticFileHandler.get_version(settings, "a") == sha512("changed")


def test_least_recently_used_goes_first(settings):
    reads = []

    class Two(StaticFileHandler):
        MAX_CACHED_VERSIONS = 2

        @classmethod
        def get_content_version(cls, abspath):
            reads.append(os.path.basename(abspath))
            return super().get_content_version(abspath)

    Two.reset()
    for name in "abacab":
        assert Two.get_version(settings, name) == sha512(name)
    assert reads == ["a", "b", "c", "b"]
    assert len(Two._static_hashes) == 2


def test_content(tmp_path):
    path = str(tmp_path / "file")
    with open(path, "wb") as file:
        file.write(bytes(range(250)) * 1000)

    def content(*bounds):
        return b"".join(StaticFileHandler.get_content(path, *bounds))

    whole = content()
    assert len(whole) == 250000
    assert content(10, 20) == whole[10:20]
    assert content(200000) == whole[200000:]
    assert content(None, 70000) == whole[:70000]
    assert content(249990, 300000) == whole[-10:]
    assert max(map(len, StaticFileHandler.get_content(path))) == 65536


def test_content_in_one_piece():
    class Memory(StaticFileHandler):
        @classmethod
        def get_content(cls, abspath, start=None, end=None):
            return b"bytes"

    assert Memory.get_content_version("any") == sha512("bytes")
