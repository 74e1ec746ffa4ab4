import gzip
import sys

import pytest

from pyframework.httputil import HTTPHeaders
from pyframework.web import Application, GZipContentEncoding, OutputTransform, RequestHandler, _encoders
from pyframework.web._encoders import encoders

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


def test_a_range_is_left_alone(transform):
    assert transform(Content_Range=f"bytes 0-{len(LONG) - 1}/9999")[2] == LONG


def decoded(coding, body):
    if coding == "br":
        return pytest.importorskip("brotli").decompress(body)
    if coding == "zstd":
        zstd = pytest.importorskip("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
        decompressor = zstd.ZstdDecompressor()
        body = decompressor.decompress(body)
        assert decompressor.eof
        return body
    return gzip.decompress(body) if coding == "gzip" else body


class Page(RequestHandler):
    def get(self):
        self.write(LONG)

    async def post(self):
        for piece in b"abc":
            self.write(bytes([piece]))
            await self.flush()


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("gzip, br, zstd", "br"),
        ("gzip, zstd", "zstd"),
        ("gzip;q=1, br;q=0.000, zstd; q=0", "gzip"),
        ("GZip", "gzip"),
        ("*", "br"),
        ("*, br;q=0", "zstd"),
        ("brotli, gzippy", None),
        ("*;q=0", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_listed_encodings(fetch, accept, coding, method):
    if coding in ("br", "zstd") and encoders()[coding] is None:
        pytest.skip(f"no package for {coding}")
    answer = fetch(Page, method=method, headers={"Accept-Encoding": accept}, compress_response=["br", "zstd", "gzip"])
    assert answer.headers.get("Content-Encoding") == coding
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert decoded(coding, answer.body) == (LONG if method == "GET" else b"abc")
    assert all(answer.chunks[:-1])


def test_etag_of_a_listed_encoding_is_weak_and_known_again(fetch):
    headers = {"Accept-Encoding": "gzip"}
    plain = fetch(Page, compress_response=["gzip"]).headers["Etag"]
    etag = fetch(Page, headers=headers, compress_response=["gzip"]).headers["Etag"]
    assert etag == f"W/{plain}"
    assert fetch(Page, headers={**headers, "If-None-Match": etag}, compress_response=["gzip"]).status == 304


def test_encodings_without_a_package_are_passed_over(fetch, monkeypatch):
    monkeypatch.setattr(_encoders, "_import", lambda name: None)
    encoders.cache_clear()
    try:
        answer = fetch(Page, headers={"Accept-Encoding": "br, gzip"}, compress_response=["br", "gzip"])
    finally:
        encoders.cache_clear()
    assert answer.headers["Content-Encoding"] == "gzip"


def test_an_encoding_that_is_none():
    with pytest.raises(ValueError, match="'deflate'; there are br, zstd, gzip"):
        Application(compress_response=["gzip", "deflate"])


def test_levels_are_those_of_the_class(make_handler):
    class Fast(GZipContentEncoding):
        GZIP_LEVEL = 0

    headers = HTTPHeaders({"Content-Type": "text/html"})
    request = make_handler(headers={"Accept-Encoding": "gzip"}).request
    assert len(Fast(request).transform_first_chunk(200, headers, LONG, True)[2]) > len(LONG)
