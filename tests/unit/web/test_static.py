import asyncio
import datetime
import os
import random
import re
import ssl
from pathlib import Path

import pytest

import pyframework.testing
from pyframework.httpserver import HTTPServer
from pyframework.netutil import bind_sockets
from pyframework.web import Application, RequestHandler, StaticFileHandler, _static_paths
from tests.conformance.http.answers import read_answers

CERTIFICATE = str(Path(pyframework.testing.__file__).with_name("testing.crt"))
KEY = str(Path(pyframework.testing.__file__).with_name("testing.key"))

MODIFIED = "Sun, 09 Sep 2001 01:46:40 GMT"


@pytest.fixture(autouse=True)
def forget_versions():
    StaticFileHandler.reset()


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "files"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    for name in ("a.txt", "sub/index.html", "x.tar.gz", "y.bz2", "z.unknown"):
        (root / name).write_text("0123456789")
        os.utime(root / name, (1e9, 1e9 + 0.7))
    (root / "empty").write_text("")
    return root


@pytest.fixture
def get(fetch, root):
    def get(path, method="GET", headers=None, handler=StaticFileHandler, **arguments):
        application = Application([("/s/(.*)", handler, {"path": str(root), **arguments})])
        return fetch(application, path, method, headers)

    return get


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_file(get, method):
    answer = get("/s/a.txt", method)
    assert answer.status == 200
    assert answer.body == (b"0123456789" if method == "GET" else b"")
    shown = {
        name: answer.headers[name] for name in ("Content-Length", "Content-Type", "Last-Modified", "Accept-Ranges")
    }
    assert shown == {
        "Content-Length": "10",
        "Content-Type": "text/plain",
        "Last-Modified": MODIFIED,
        "Accept-Ranges": "bytes",
    }
    assert len(answer.headers["Etag"]) == 130
    assert "Cache-Control" not in answer.headers


def test_a_root_that_is_a_path(fetch, root):
    application = Application([("/s/(.*)", StaticFileHandler, {"path": root})])
    assert fetch(application, "/s/a.txt").body == b"0123456789"
    linked = Application([("/s/(.*)", StaticFileHandler, {"path": root, "allowed_symlink_directory": root})])
    assert fetch(linked, "/s/a.txt").status == 200
    assert fetch(application, "/s/%2e%2e/secret").status == 403


def test_empty_file(get):
    answer = get("/s/empty")
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "0")


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("x.tar.gz", "application/gzip"),
        ("y.bz2", "application/octet-stream"),
        ("z.unknown", "application/octet-stream"),
    ],
)
def test_types(get, name, content_type):
    assert get("/s/" + name).headers["Content-Type"] == content_type


def test_versioned_urls_are_kept_for_long(get):
    headers = get("/s/a.txt?v=1").headers
    assert headers["Cache-Control"] == f"max-age={10 * 365 * 86400}"
    assert "Expires" in headers


@pytest.mark.parametrize(
    ("value", "status", "body", "content_range"),
    [
        ("bytes=0-0", 206, b"0", "bytes 0-0/10"),
        ("bytes=5-", 206, b"56789", "bytes 5-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=9-20", 206, b"9", "bytes 9-9/10"),
        ("bytes=1", 206, b"123456789", "bytes 1-9/10"),
        ("bytes=0-", 200, b"0123456789", None),
        ("bytes=0-99", 200, b"0123456789", None),
        ("bytes=-99", 200, b"0123456789", None),
        ("bytes=1-3,5-6", 200, b"0123456789", None),
        ("asdf", 200, b"0123456789", None),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
        ("bytes=3-2", 416, b"", "bytes */10"),
    ],
)
def test_ranges(get, value, status, body, content_range):
    answer = get("/s/a.txt", headers={"Range": value})
    assert (answer.status, answer.body, answer.headers.get("Content-Range")) == (status, body, content_range)
    assert answer.headers["Content-Length"] == str(len(body))
    head = get("/s/a.txt", "HEAD", {"Range": value})
    assert (head.status, head.body, head.headers["Content-Length"]) == (status, b"", str(len(body)))


def test_ranges_of_nothing(get):
    assert get("/s/empty", headers={"Range": "bytes=0-"}).status == 416


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"x"'}, 200),
        ({"If-None-Match": '"x"', "If-Modified-Since": MODIFIED}, 200),
        ({"If-Modified-Since": MODIFIED}, 304),
        ({"If-Modified-Since": "Sun, 09 Sep 2001 03:46:40 +0200"}, 304),
        ({"If-Modified-Since": "Sun, 09 Sep 2001 01:46:41"}, 304),
        ({"If-Modified-Since": "Sun, 09 Sep 2001 01:46:39 GMT"}, 200),
        ({"If-Modified-Since": "Fri, 01 Jan 1960 00:00:00 GMT"}, 200),
        ({"If-Modified-Since": "!nv@l!d"}, 200),
        ({"If-Modified-Since": "Sun, 09 Sep 99999 01:46:41 GMT"}, 200),
        ({"If-Modified-Since": ""}, 200),
    ],
)
def test_conditions(get, headers, status):
    answer = get("/s/a.txt", headers=headers)
    assert answer.status == status
    assert "Etag" in answer.headers and "Last-Modified" in answer.headers
    assert ("Content-Length" in answer.headers) == (status == 200)


def test_etag_of_a_part(get):
    etag = get("/s/a.txt").headers["Etag"]
    assert get("/s/a.txt", headers={"Range": "bytes=1-4"}).headers["Etag"] == etag
    assert get("/s/a.txt", headers={"Range": "bytes=1-4", "If-None-Match": etag}).status == 304


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/s/nix", 404),
        ("/s/a.txt/b", 404),
        ("/s/" + "x" * 300, 404),
        ("/s/a%00b", 404),
        ("/s/", 403),
        ("/s/sub", 403),
        ("/s/../secret", 403),
        ("/s/%2e%2e/secret", 403),
        ("/s//etc/passwd", 403),
        ("/s/sub/../../files/a.txt", 200),
    ],
)
def test_where_one_gets(get, caplog, path, status):
    answer = get(path)
    assert answer.status == status
    assert b"secret" not in answer.body
    assert "Traceback" not in caplog.text


def test_links(get, root, tmp_path):
    (root / "in").symlink_to(root / "a.txt")
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "out_dir").symlink_to(tmp_path)
    (root / "out_nix").symlink_to(tmp_path / "nix")
    assert get("/s/in").status == 200
    # What is there and what is not looks the same behind a forbidden link.
    for name in ("out", "out_dir", "out_nix", "out_dir/secret"):
        assert get("/s/" + name, default_filename="secret").status == 403
    assert get("/s/out", allowed_symlink_directory=str(tmp_path)).body == b"secret"
    assert get("/s/out", allowed_symlink_directory=[str(root), str(tmp_path)]).body == b"secret"
    assert get("/s/out", allowed_symlink_directory=[str(root)]).status == 403


def test_root_that_is_a_link(fetch, root, tmp_path):
    (tmp_path / "link").symlink_to(root)
    application = Application([("/s/(.*)", StaticFileHandler, {"path": str(tmp_path / "link")})])
    assert fetch(application, "/s/a.txt").status == 200


def test_default_filename(get, root, tmp_path):
    assert get("/s/sub/", default_filename="index.html").body == b"0123456789"
    answer = get("/s/sub", default_filename="index.html")
    assert (answer.status, answer.headers["Location"]) == (301, "/s/sub/")
    assert get("/s/", default_filename="index.html").status == 404
    (root / "index.html").symlink_to(tmp_path / "secret")
    assert get("/s/", default_filename="index.html").status == 403


@pytest.mark.parametrize("path", ["//evil.com/../sub", "/\\evil.com/../sub"])
def test_directory_redirect_stays_here(fetch, root, caplog, path):
    (root / "evil.com").mkdir()
    (root / "\\evil.com").mkdir()
    arguments = {"path": str(root), "default_filename": "index.html"}
    answer = fetch(Application([("/+(.*)", StaticFileHandler, arguments)]), path)
    assert answer.status == 403
    assert "cannot redirect path with two initial slashes" in caplog.text


def test_other_methods(get):
    assert get("/s/a.txt", "POST").status == 405


def test_content_from_elsewhere(get):
    class Memory(StaticFileHandler):
        @classmethod
        def get_absolute_path(cls, root, path):
            return "memory:" + path

        def validate_absolute_path(self, root, absolute_path):
            return self.redirect("/there") if self.path == "moved" else absolute_path

        @classmethod
        def get_content(cls, abspath, start=None, end=None):
            return abspath.encode()[start:end]

        def get_content_size(self):
            return len(self.absolute_path)

        def get_modified_time(self):
            # Naive, as subclasses may return it.
            return datetime.datetime(2001, 9, 9, 1, 46, 40)

        def set_extra_headers(self, path):
            self.set_header("X-Path", path)

        def get_content_type(self):
            return ""

    answer = get("/s/a", handler=Memory)
    assert (answer.body, answer.headers["X-Path"]) == (b"memory:a", "a")
    assert get("/s/a", handler=Memory, headers={"If-Modified-Since": MODIFIED}).status == 304
    assert get("/s/moved", handler=Memory).headers["Location"] == "/there"


def test_subclass_without_initialize(get):
    class Own(StaticFileHandler):
        def initialize(self, path):
            self.root = path
            self.default_filename = None

    assert get("/s/a.txt", handler=Own).status == 200


# ------------------------------------------------------------------------------------------ on a real connection


def ask(root, *requests, secure=False, **settings):
    """Return the head and the body of the answer to each request."""

    async def main():
        options = {"certfile": CERTIFICATE, "keyfile": KEY} if secure else None
        rules = [("/s/(.*)", StaticFileHandler, {"path": str(root)}), ("/f", FileHandler, {"path": root / "large"})]
        server = HTTPServer(Application(rules, **settings), ssl_options=options)
        (listening,) = bind_sockets(0, "127.0.0.1")
        server.add_socket(listening)
        context = ssl.create_default_context(cafile=CERTIFICATE) if secure else None
        reader, writer = await asyncio.open_connection(
            *listening.getsockname(), ssl=context, server_hostname="localhost" if secure else None
        )
        answers = []
        for request in requests:
            writer.write(request.encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            size = int(re.search(r"Content-Length: (\d+)", head)[1])
            answers.append((head, b"" if request.startswith("HEAD") else await reader.readexactly(size)))
        writer.close()
        server.stop()
        await server.close_all_connections()
        return answers

    return asyncio.run(main())


class FileHandler(RequestHandler):
    def initialize(self, path):
        self.path = path

    async def get(self):
        self.set_header("Content-Length", 5 + LARGE - 7)
        self.write("head,")
        with self.path.open("rb") as file:
            await self.write_file(file, 7)

    head = get


LARGE = 300_000
CONTENT = random.Random(2).randbytes(LARGE)
GET = "GET {} HTTP/1.1\r\nHost: a\r\n{}\r\n"


@pytest.mark.parametrize("secure", [False, True])
def test_large_files(root, secure):
    (root / "large").write_bytes(CONTENT)
    requests = [
        GET.format("/s/large", ""),
        GET.format("/s/large", "Range: bytes=100-299999\r\n"),
        GET.format("/s/large", "").replace("GET", "HEAD"),
        GET.format("/s/a.txt", ""),
        GET.format("/f", ""),
        GET.format("/f", "").replace("GET", "HEAD"),
        GET.format("/s/large", "Range: bytes=-5\r\n"),
    ]
    answers = ask(root, *requests, secure=secure)
    bodies = [CONTENT, CONTENT[100:], b"", b"0123456789", b"head," + CONTENT[7:], b"", CONTENT[-5:]]
    assert [body for _, body in answers] == bodies
    assert f"Content-Length: {LARGE}\r\n" in answers[2][0]
    assert "206 Partial Content" in answers[1][0] and "206 Partial Content" in answers[6][0]


def test_a_file_of_an_answer_without_length(root):
    (root / "large").write_bytes(CONTENT)

    class Chunks(FileHandler):
        async def get(self):
            with self.path.open("rb") as file:
                self.write_file(file, 0, 100_000)
                self.write("between")
                await self.write_file(file, 100_000)

    async def main():
        server = HTTPServer(Application([("/", Chunks, {"path": root / "large"})]))
        (listening,) = bind_sockets(0, "127.0.0.1")
        server.add_socket(listening)
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(GET.format("/", "Connection: close\r\n").encode())
        received = await reader.read()
        writer.close()
        await server.shutdown()
        return received

    (answer,) = read_answers(asyncio.run(main()), [False])
    assert answer.fields["Transfer-Encoding"] == "chunked"
    assert answer.content == CONTENT[:100_000] + b"between" + CONTENT[100_000:]


def test_a_change_shows_at_once(root):
    first, second = root / "a.txt", "GET /s/a.txt HTTP/1.1\r\nHost: a\r\n\r\n"

    class Changing(str):
        def encode(self):
            first.write_text("changed")
            return super().encode()

    answers = ask(root, second, Changing(second))
    assert [body for _, body in answers] == [b"0123456789", b"changed"]


def test_another_file_in_its_place_shows_at_once(root, tmp_path):
    outside = tmp_path / "secret"

    class Changing(str):
        def encode(self):
            (root / "a.txt").unlink()
            (root / "a.txt").symlink_to(outside)
            return super().encode()

    request = "GET /s/a.txt HTTP/1.1\r\nHost: a\r\n\r\n"
    answers = ask(root, request, Changing(request))
    assert ["200" in head.partition("\r\n")[0] for head, _ in answers] == [True, False]


def test_where_a_folder_leads_is_looked_at_again(root, tmp_path, monkeypatch):
    monkeypatch.setattr(_static_paths, "_VALIDITY", 0)

    class Changing(str):
        def encode(self):
            (root / "sub").rename(tmp_path / "moved")
            (root / "sub").symlink_to(tmp_path / "moved")
            return super().encode()

    request = "GET /s/sub/index.html HTTP/1.1\r\nHost: a\r\n\r\n"
    answers = ask(root, request, Changing(request))
    assert ["200" in head.partition("\r\n")[0] for head, _ in answers] == [True, False]


def test_known_files_are_bounded(root, monkeypatch):
    monkeypatch.setattr(_static_paths, "_MAX_KNOWN_FILES", 2)
    names = ("a.txt", "x.tar.gz", "y.bz2", "z.unknown")
    ask(root, *[GET.format(f"/s/{name}", "") for name in names])
    assert len(_static_paths._known_files) <= 2


@pytest.mark.parametrize(
    "path", ["", "a", "a/b", "a//b", "./a", "a/..", "../a", "/a", "a/", "a/.b", "..", "a\0", "a\n/b"]
)
@pytest.mark.parametrize("root", ["/r", "/r/", "/r/../s", "//r", "r"])
def test_plain_paths_need_no_work(root, path):
    plain = _static_paths.join_plain(root, path)
    assert plain in (None, os.path.abspath(os.path.join(root, path)))
    assert plain is not None or path not in ("a", "a/b") or root == "r"


@pytest.fixture
def siblings(root):
    for suffix in ("br", "gz"):
        (root / f"a.txt.{suffix}").write_text(f"in {suffix}")
    return root


@pytest.mark.parametrize(
    ("accept", "coding", "body"),
    [
        ("gzip", "gzip", b"in gz"),
        ("gzip, br", "br", b"in br"),
        ("br;q=0, gzip;q=0.5", "gzip", b"in gz"),
        ("zstd, *;q=0.1", "br", b"in br"),
        ("*;q=0.000, GZIP", "gzip", b"in gz"),
        ("identity", None, b"0123456789"),
        ("gzip;q=0", None, b"0123456789"),
        (None, None, b"0123456789"),
    ],
)
def test_file_that_was_compressed_beforehand(get, siblings, accept, coding, body):
    headers = {"Accept-Encoding": accept} if accept else {}
    answer = get("/s/a.txt", headers=headers, precompressed=True)
    assert (answer.status, answer.body) == (200, body)
    assert answer.headers.get("Content-Encoding") == coding
    assert answer.headers["Content-Type"] == "text/plain" and answer.headers["Vary"] == "Accept-Encoding"
    plain = get("/s/a.txt", headers=headers)
    assert plain.body == b"0123456789" and "Vary" not in plain.headers
    assert (plain.headers["Etag"] == answer.headers["Etag"]) == (coding is None)
    again = get("/s/a.txt", headers={**headers, "If-None-Match": answer.headers["Etag"]}, precompressed=True)
    assert again.status == 304
    part = get("/s/a.txt", headers={**headers, "Range": "bytes=1-2"}, precompressed=True)
    assert (part.status, part.body) == (206, body[1:3])
    none = get("/s/a.txt", headers={**headers, "Range": "bytes=1000-"}, precompressed=True)
    assert none.status == 416 and "Content-Encoding" not in none.headers


def test_sibling_that_may_not_be_served(get, siblings, tmp_path):
    headers = {"Accept-Encoding": "br"}
    (siblings / "a.txt.br").unlink()
    (siblings / "a.txt.br").symlink_to(tmp_path / "secret")
    assert get("/s/a.txt", headers=headers, precompressed=True).body == b"0123456789"
    (siblings / "a.txt.br").unlink()
    (siblings / "a.txt.br").mkdir()
    assert get("/s/a.txt", headers=headers, precompressed=True).body == b"0123456789"


def test_sibling_that_is_out_of_date(get, siblings):
    os.utime(siblings / "a.txt.br", (9e8, 9e8))
    assert get("/s/a.txt", headers={"Accept-Encoding": "br"}, precompressed=True).body == b"0123456789"


def test_range_of_what_the_client_has(get):
    fields = get("/s/a.txt").headers
    etag, modified = fields["Etag"], fields["Last-Modified"]
    for known, status in [
        (etag, 206),
        (modified, 206),
        ('"other"', 200),
        (f"W/{etag}", 200),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 200),
        ("", 200),
    ]:
        answer = get("/s/a.txt", headers={"Range": "bytes=1-2", "If-Range": known})
        assert (answer.status, answer.body) == (status, b"12" if status == 206 else b"0123456789"), known


def test_range_of_another_coding(get, siblings):
    etag = get("/s/a.txt", precompressed=True).headers["Etag"]
    headers = {"Range": "bytes=1-2", "If-Range": etag, "Accept-Encoding": "br"}
    answer = get("/s/a.txt", headers=headers, precompressed=True)
    assert (answer.status, answer.body) == (200, b"in br")


def test_all_headers_pass_an_overridden_set_header(fetch, root):
    seen = {}

    class Seeing(StaticFileHandler):
        def set_header(self, name, value):
            seen[name] = value
            super().set_header(name, value)

    application = Application([("/(.*)", Seeing, {"path": root})])
    plain = dict(fetch(Application([("/(.*)", StaticFileHandler, {"path": root})]), "/a.txt").headers)
    for _ in range(2):  # the second time the file is known
        seen.clear()
        headers = dict(fetch(application, "/a.txt").headers)
        assert {**headers, "Date": ""} == {**plain, "Date": ""}
        assert set(seen) == {"Etag", "Content-Type", "Last-Modified", "Accept-Ranges", "Content-Length"}
        assert seen["Content-Length"] == 10 and isinstance(seen["Last-Modified"], datetime.datetime)
