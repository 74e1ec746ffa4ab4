"""The blog of examples/, on SQLite and, where it is installed, PostgreSQL: what users do, and what they may not do."""

import asyncio
import glob
import http.cookiejar
import os
import re
import shutil
import subprocess
import tempfile
import urllib.parse
import xml.etree.ElementTree as ElementTree
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.blog.app import make_app
from examples.blog.blog import POSTS_PER_PAGE, Blog
from examples.blog.database import Database
from pyframework.httpclient import HTTPResponse
from pyframework.simple_httpclient import SimpleAsyncHTTPClient

SERVERS = sorted(glob.glob("/usr/lib/postgresql/*/bin") + glob.glob("/opt/homebrew/opt/postgresql*/bin"))
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """A server of its own on a unix socket; it refuses to run as root."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    if not SERVERS:
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="blog-"))
    as_user: list[str] = []
    if os.getuid() == 0:
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        shutil.chown(folder, "postgres", "postgres")
    bin = Path(SERVERS[-1])
    make = [bin / "initdb", "-D", folder / "data", "-U", "blog", "-A", "trust", "--no-sync"]
    own = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}  # the sanitizer is not for it
    subprocess.run([*as_user, *map(str, make)], check=True, capture_output=True, cwd=folder, env=own)
    serve = [bin / "postgres", "-D", folder / "data", "-k", folder, "-c", "listen_addresses=", "-F"]
    process = subprocess.Popen([*as_user, *map(str, serve)], stderr=subprocess.PIPE, text=True, cwd=folder, env=own)
    try:
        assert process.stderr is not None
        while "ready to accept" not in (line := process.stderr.readline()):
            assert line, "PostgreSQL has ended"
        yield f"postgresql://blog@/postgres?host={urllib.parse.quote(str(folder), safe='')}"
    finally:
        process.terminate()
        process.communicate()
        shutil.rmtree(folder)


@pytest.fixture(params=["memory", "file", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql"))
    return "sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path}/blog.db"


class Visitor:
    """A browser: it keeps cookies and sends the forms that it sees."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.client = SimpleAsyncHTTPClient(force_instance=True, cookie_jar=http.cookiejar.CookieJar())

    async def get(self, path: str) -> HTTPResponse:
        return await self.client.fetch(self.site + path, raise_error=False)

    async def post(self, path: str, form: str = "", **values: str) -> HTTPResponse:
        """Send a form to a path, with the token of the form on the page `form`."""
        token = re.search(r'name="_xsrf" value="([^"]+)"', (await self.get(form or path)).body.decode())
        assert token
        body = urllib.parse.urlencode({"_xsrf": token[1], **values})
        return await self.client.fetch(self.site + path, method="POST", body=body, raise_error=False)


def visit(url: str, use: Callable[[str], Awaitable[None]]) -> None:
    """Serve the blog, use it, and take it down."""

    async def main() -> None:
        database = Database(url)
        for table in ("posts", "users"):
            await database.fetch(f"DROP TABLE IF EXISTS {table}")
        blog = Blog(database)
        await blog.create_tables()
        server = make_app(blog, "a secret").listen(0, "127.0.0.1")
        host, port = next(iter(server._sockets.values())).getsockname()
        try:
            await use(f"http://{host}:{port}")
        finally:
            server.stop()
            await server.close_all_connections()
            await database.close()

    asyncio.run(asyncio.wait_for(main(), 60))


def test_writing_and_reading(url: str) -> None:
    async def use(site: str) -> None:
        ann, guest = Visitor(site), Visitor(site)
        assert "Nothing is written yet" in (await guest.get("/")).body.decode()
        signed = await ann.post("/signup", name="Ann", password="correct horse")
        assert signed.code == 200 and "Sign out Ann" in signed.body.decode()
        shown = await ann.post("/posts/new/edit", title="<First>", text="One & two.\n\nThree?")
        assert shown.effective_url.endswith("/posts/1")
        for page in (shown, await guest.get("/posts/1")):
            text = page.body.decode()
            assert "&lt;First&gt;" in text and "One &amp; two." in text and "<p>Three?</p>" in text
        changed = await ann.post("/posts/1/edit", title="Second", text="Other")
        assert "Second" in changed.body.decode() and "First" not in changed.body.decode()
        removed = await ann.post("/posts/1/remove", form="/posts/1")
        assert "Nothing is written yet" in removed.body.decode()
        assert (await guest.get("/posts/1")).code == 404

    visit(url, use)


def test_only_its_author_changes_a_post(url: str) -> None:
    async def use(site: str) -> None:
        ann, bob, guest = Visitor(site), Visitor(site), Visitor(site)
        await ann.post("/signup", name="Ann", password="correct horse")
        await bob.post("/signup", name="Bob", password="battery staple")
        await ann.post("/posts/new/edit", title="Hers", text="Hers")
        for path in ("/posts/1/edit", "/posts/1/remove"):
            assert (await bob.post(path, form="/posts/new/edit", title="His", text="His")).code == 403
        assert (await guest.get("/posts/1/edit")).effective_url.startswith(f"{site}/signin?next=")
        assert "Edit" not in (await bob.get("/posts/1")).body.decode()
        assert "Hers" in (await guest.get("/posts/1")).body.decode()

    visit(url, use)


def test_signing_in_and_out(url: str) -> None:
    async def use(site: str) -> None:
        ann, other = Visitor(site), Visitor(site)
        await ann.post("/signup", name="Ann", password="correct horse")
        assert "Sign in" in (await ann.post("/signout", form="/")).body.decode()
        assert (await other.post("/signup", name="Ann", password="another one")).code == 409
        for name, password in (("Ann", "wrong one"), ("Nobody", "correct horse"), ("Ann", "x" * 10_000)):
            refused = await ann.post("/signin", name=name, password=password)
            assert refused.code == 403 and f'value="{name}"' in refused.body.decode()
        assert "Sign out Ann" in (await ann.post("/signin", name="Ann", password="correct horse")).body.decode()

    visit(url, use)


def test_pages_and_feed(url: str) -> None:
    async def use(site: str) -> None:
        ann = Visitor(site)
        await ann.post("/signup", name="Ann", password="correct horse")
        for number in range(POSTS_PER_PAGE + 1):
            await ann.post("/posts/new/edit", title=f"Post {number} & more", text="Text")
        first, second = (await ann.get("/")).body.decode(), (await ann.get("/?page=2")).body.decode()
        assert first.count("<article>") == POSTS_PER_PAGE and 'href="/?page=2"' in first
        assert second.count("<article>") == 1 and "Post 0 &amp; more" in second and 'href="/?page=1"' in second
        feed: Any = ElementTree.fromstring((await ann.get("/feed")).body)
        titles = [entry.findtext(f"{ATOM}title") for entry in feed.iter(f"{ATOM}entry")]
        assert titles == [f"Post {number} & more" for number in range(POSTS_PER_PAGE, 0, -1)]

    visit(url, use)


@pytest.mark.parametrize("path", ["/?page=0", "/?page=x", "/?page=٣", "/posts/999999999", "/posts/x", "/nowhere"])
def test_what_is_not_there(path: str) -> None:
    async def use(site: str) -> None:
        missing = await Visitor(site).get(urllib.parse.quote(path, safe="/?="))
        assert missing.code == 404 and "To the posts" in missing.body.decode()

    visit("sqlite://", use)


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("/posts/new/edit", {"title": "", "text": "x"}),
        ("/posts/new/edit", {"title": "x" * 201, "text": "x"}),
        ("/posts/new/edit", {"title": "x", "text": ""}),
        ("/signup", {"name": "Bob", "password": "short"}),
        ("/signup", {"name": "x" * 41, "password": "long enough"}),
    ],
)
def test_bad_forms(path: str, values: dict[str, str]) -> None:
    async def use(site: str) -> None:
        ann = Visitor(site)
        await ann.post("/signup", name="Ann", password="correct horse")
        refused = await ann.post(path, **values)
        assert refused.code == 400 and 'role="alert"' in refused.body.decode()

    visit("sqlite://", use)


def test_a_form_of_another_site(caplog: pytest.LogCaptureFixture) -> None:
    async def use(site: str) -> None:
        forged = await Visitor(site).client.fetch(f"{site}/signout", method="POST", body="", raise_error=False)
        assert forged.code == 403

    visit("sqlite://", use)


def test_urls_of_no_database() -> None:
    with pytest.raises(ValueError, match="mysql"):
        Database("mysql://host/name")
