import gzip

import pytest

from pyframework.httputil import HTTPHeaders
from pyframework.web import GZipContentEncoding, OutputTransform

LONG = b"x" * GZipContentEncoding.MIN_LENGTH


@pytest.fixture
def transform(make_handler):
    def transform(chunk=LONG, finishing=True, accept="gzip", **headers):
        request = make_handler(headers={"Accept-Encoding": accept}).request
        compressor = GZipContentEncoding(request)
        sent = HTTPHeaders({"Content-Type": "text/html", **{name.replace("_", "-"): headers[name] for name in headers}})
        status, sent, chunk = compressor.transform_first_chunk(200, sent, chunk, finishing)
        assert status == 200
        return compressor, sent, chunk

    return transform


def test_compressed(transform):
    _, headers, chunk = transform(Content_Length=str(len(LONG)))
    assert gzip.decompress(chunk) == LONG
    assert headers["Content-Encoding"] == "gzip"
    assert headers["Content-Length"] == str(len(chunk))
    assert headers["Vary"] == "Accept-Encoding"


def test_in_pieces(transform):
    compressor, headers, first = transform(b"a", finishing=False, Content_Length="3")
    pieces = [first, compressor.transform_chunk(b"b", False), compressor.transform_chunk(b"c", True)]
    assert gzip.decompress(b"".join(pieces)) == b"abc"
    assert "Content-Length" not in headers
    assert all(pieces)  # each flush lets the client see what was written so far


@pytest.mark.parametrize(
    "case",
    [
        {"accept": ""},
        {"accept": "br"},
        {"chunk": LONG[1:]},
        {"Content_Encoding": "br"},
        {"Content_Type": "image/png"},
    ],
)
def test_left_alone(transform, case):
    compressor, headers, chunk = transform(**case)
    assert chunk == case.get("chunk", LONG)
    assert headers.get("Content-Encoding") == case.get("Content_Encoding")
    assert headers["Vary"] == "Accept-Encoding"
    assert compressor.transform_chunk(b"more", True) == b"more"


@pytest.mark.parametrize("content_type", ["text/css", "application/json; charset=UTF-8", "image/svg+xml"])
def test_types(transform, content_type):
    assert transform(Content_Type=content_type)[1]["Content-Encoding"] == "gzip"


def test_vary_is_kept(transform):
    assert transform(Vary="Cookie")[1]["Vary"] == "Cookie, Accept-Encoding"


def test_base_class_changes_nothing(make_handler):
    plain = OutputTransform(make_handler().request)
    headers = HTTPHeaders()
    assert plain.transform_first_chunk(200, headers, b"a", True) == (200, headers, b"a")
    assert plain.transform_chunk(b"b", True) == b"b"
